"""A sign-in finds out who somebody is, from any name of an account and a password.

It is the only one for the API, the pages, the admin and OAuth2's password grant. Whoever does not know the password
learns nothing: an unknown name, a disabled account and a wrong password get the same answer, equally slowly. Whoever
knows it is told why the sign-in was refused (`failure_reason`). People of a platform that this site has taken over
sign in here, and the rest of their request is done in that platform's data.
"""

from __future__ import annotations

import logging
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from prometheus_client import Counter

from domains.data import homes, lockout, queries
from domains.models import Account, SignInName
from domains.rules.sign_in_names import normalize
from foundation.cells.router import switch_request_to
from foundation.web.errors import REFUSAL_WHILE_CLOSED, Refusal

log = logging.getLogger("domains.signin")

SIGN_INS = Counter("sign_ins_total", "Tries to sign in, by what came of them", ["result"])
LONGEST_PASSWORD = 1024
LONGEST_NAME = 254
WRONG = "wrong user name or password"


class SignInNameBackend(ModelBackend):
    """The backend authenticates by account name, e-mail, phone or E.164 number.

    It grants no rights. `data.permission_backend` does.
    """

    def authenticate(
        self,
        request: Any,
        username: str | None = None,
        password: str | None = None,
        **kwargs: object,
    ) -> Account | None:
        """Return the account with this sign-in name, or `None` if name or password is wrong.

        Raises PermissionDenied if both are right, but the account is locked out, or it or a domain is disabled.
        """
        if request is None or username is None or password is None:
            return None
        account = _account_of_request(request, username)
        if not _password_matches(account, password):
            SIGN_INS.labels("wrong").inc()
            return None
        assert account is not None
        if request.axes_locked_out or lockout.LockoutHandler().is_locked(
            request, {"username": username}
        ):
            request.axes_locked_out = True
            raise PermissionDenied
        request.served_elsewhere = _refusal_of_other_site(account)
        if reason := _refusal_reason(account, request.served_elsewhere):
            SIGN_INS.labels("disabled").inc()
            request.sign_in_refused = reason
            raise PermissionDenied
        if account._state.db is not None and not homes.is_of_own_platform(account):
            switch_request_to(account._state.db)
        _record_sign_in(account, request.axes_ip_address)
        return account

    def get_user(self, user_id: int) -> Account | None:
        """Return the account of a session with its domain, from which its rights follow.

        `None` means that the session has ended, as the account may not act any more.
        """
        account = Account.objects.select_related("domain").filter(pk=user_id).first()
        return account if account is not None and queries.may_act(account) else None

    def get_all_permissions(self, user_obj: object, obj: object = None) -> set[str]:
        """Return no rights: another backend, `data.permission_backend`, grants them."""
        return set()

    def has_perm(self, user_obj: object, perm: str, obj: object = None) -> bool:
        """Return `False`: another backend, `data.permission_backend`, grants rights."""
        return False

    def has_module_perms(self, user_obj: object, app_label: str) -> bool:
        """Return `False`: another backend, `data.permission_backend`, grants rights."""
        return False


def failure_reason(request: HttpRequest | None) -> str:
    """Return why the sign-in of a request failed, as a sentence for its sender, in the sender's language."""
    if reason := getattr(request, "sign_in_refused", ""):
        return str(reason)
    if getattr(request, "axes_locked_out", False):
        return _(lockout.LOCKED)
    return _(WRONG)


def refusal_elsewhere(request: HttpRequest) -> Refusal | None:
    """Return the refusal with the address of the site that serves the person, if the sign-in failed for that reason.

    Else `None`.
    """
    refusal: Refusal | None = getattr(request, "served_elsewhere", None)
    return refusal


def tries_name(request: HttpRequest, credentials: dict[str, object] | None) -> str:
    """Return the name under which wrong passwords are counted: the user name, whichever sign-in name was given."""
    name = str((credentials or {}).get("username") or "")
    account = _account_of_request(request, name)
    return (
        account.username if account is not None else normalize(name[:LONGEST_NAME])[:LONGEST_NAME]
    )


def _account_of_request(request: Any, name: str) -> Account | None:
    """Return the account with a sign-in name, which is looked up once for each request.

    `None` means that no account has this name.
    """
    cached = getattr(request, "signing_in", None)
    if cached is None or cached[0] != name:
        request.signing_in = cached = (name, _find_account(name))
    account: Account | None = cached[1]
    return account


def _find_account(name: str) -> Account | None:
    """Return the account that has a sign-in name; `None` if there is none. Platforms served here come first."""
    if len(name) > LONGEST_NAME:
        return None
    normalized = normalize(name)

    def look_up(database: str) -> Account | None:
        """Return the account with this sign-in name in one database; `None` if there is none."""
        rows = SignInName.objects.using(database).select_related("account__domain")
        row = rows.filter(pk=normalized).first()
        return row.account if row is not None else None

    return homes.search(look_up) or homes.search_copies(look_up)


def _password_matches(account: Account | None, password: str) -> bool:
    """Return whether a password is right. It takes equally long where there is no account (`None`)."""
    if len(password) > LONGEST_PASSWORD:
        return False
    if account is None:
        make_password(password)
        return False
    return account.check_password(password)


def _refusal_of_other_site(account: Account) -> Refusal | None:
    """Return the refusal with the address of the site that serves an account's platform; `None` if this site does."""
    if not homes.is_served_elsewhere(account):
        return None
    return REFUSAL_WHILE_CLOSED.call(homes.platform_of(account._state.db or "default"))


def _refusal_reason(account: Account, elsewhere: Refusal | None) -> str:
    """Return why a person who knows the password may not sign in, or "". `elsewhere`: the refusal of another site."""
    if elsewhere is not None:
        serving = elsewhere.more["serving"]
        assert isinstance(serving, dict)
        address = serving["url"] or serving["platformmoid"]
        return _("Your platform is served at %(address)s now: sign in there.") % {
            "address": address
        }
    if not account.is_active:
        return _("This account is disabled: ask your administrator.")
    if account.domain_id is None or account.is_superuser:
        return ""
    disabled = queries.disabled_above(account._state.db or "default", account.domain_id)
    return (
        _("%(name)s is disabled: ask its administrator.") % {"name": disabled} if disabled else ""
    )


def _record_sign_in(account: Account, address: str | None) -> None:
    """Count a successful sign-in, and delete the account's wrong tries from this address."""
    SIGN_INS.labels("in").inc()
    if lockout.record_sign_in(account.username, address):
        log.info("%s signed in after wrong tries", account.username)


def _log_locked_out(
    sender: object, username: str, ip_address: str | None, **kwargs: object
) -> None:
    """Count and log a sign-in that django-axes has refused because of too many wrong ones before it."""
    SIGN_INS.labels("locked").inc()
    log.warning("%s is locked out: a try from %s was turned away", username, ip_address)


user_locked_out.connect(_log_locked_out, dispatch_uid="say locked")
