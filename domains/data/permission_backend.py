"""The Django backend answers whether an account may do something, from the table of rights."""

from __future__ import annotations

from domains.models import Account, Level
from domains.rules import rights


def level_of(user: object) -> Level | None:
    """Return the level of the domain that an account administers. `None` means that it is no administrator."""
    if not (isinstance(user, Account) and user.is_active and user.is_staff and user.domain):
        return None
    return Level(user.domain.level)


class RightsBackend:
    """The backend grants the rights of the table in `rules.rights` to models, not to single objects.

    `admin_scope` decides which objects an administrator may touch. So the answer about a single object is always
    no: otherwise the right to a model would be mistaken for the right to every object of it.
    """

    def authenticate(self, request: object, **credentials: object) -> None:
        """Sign nobody in: `flows.sign_in` does that."""

    def get_user(self, user_id: int) -> Account | None:
        """Return an account by primary key. Only tests call it, since nobody signs in with this backend."""
        return Account.objects.filter(pk=user_id).first()

    def get_all_permissions(self, user_obj: object, obj: object = None) -> frozenset[str]:
        """Return all rights of an account, each as `app.verb_model`."""
        return frozenset() if obj is not None else rights.permissions(level_of(user_obj))

    def has_perm(self, user_obj: object, perm: str, obj: object = None) -> bool:
        """Return whether an account has a right, `app.verb_model`. Django itself lets superusers do everything."""
        app, _, codename = perm.partition(".")
        verb, _, model = codename.partition("_")
        return obj is None and rights.may(level_of(user_obj), verb, f"{app}.{model}")

    def has_module_perms(self, user_obj: object, app_label: str) -> bool:
        """Return whether an account has any right to models of an app."""
        return any(
            permission.startswith(f"{app_label}.")
            for permission in self.get_all_permissions(user_obj)
        )
