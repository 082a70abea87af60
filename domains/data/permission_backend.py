"""Django's question "may this account?", answered from the table of rights."""

from __future__ import annotations

from typing import Any

from domains.models import Account, Level
from domains.rules import rights


def level_of(user: Any) -> Level | None:
    """The level of the domain that an account administers; None: it is no administrator."""
    if not (isinstance(user, Account) and user.is_active and user.is_staff and user.domain):
        return None
    return Level(user.domain.level)


class RightsBackend:
    """What kinds of thing an administrator may touch. Whose they are is the business of `scope`.

    Asked about one object it says no, so that nobody takes the right to a kind for one to all of it.
    """

    def authenticate(self, request: Any, **credentials: Any) -> None:
        """Signs nobody in."""

    def get_user(self, user_id: int) -> Account | None:
        """Django asks the backend that signed somebody in; this one is asked by tests alone."""
        return Account.objects.filter(pk=user_id).first()

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> frozenset[str]:
        """As `app.verb_model`."""
        return frozenset() if obj is not None else rights.permissions(level_of(user_obj))

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """One of them; a superuser was let through before it is asked here."""
        app, _, rest = perm.partition(".")
        verb, _, model = rest.partition("_")
        return obj is None and rights.may(level_of(user_obj), verb, f"{app}.{model}")

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Anything of an app."""
        return any(one.startswith(f"{app_label}.") for one in self.get_all_permissions(user_obj))
