"""Who is it: an account by any of its names, and a password.

The one way in for the API, the pages, the admin and OAuth2's password grant. Whoever does not know
the password learns nothing: a name nobody has, a disabled account, a wrong password are answered
alike, and as slowly. Whoever knows it is told why the door stays shut (`failure_reason`).
"""

from __future__ import annotations

import logging
from typing import Any

from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from prometheus_client import Counter

from domains.data import lockout, queries
from domains.models import Account, SignInName
from domains.rules.sign_in_names import normalize

log = logging.getLogger("domains.signin")

SIGN_INS = Counter("sign_ins_total", "Tries to sign in, by what came of them", ["result"])
LONGEST_PASSWORD = 1024
LONGEST_NAME = 254
WRONG = "wrong user name or password"


class SignInNameBackend(ModelBackend):
    """Authentication by account name, e-mail, phone or E.164 number; rights come from elsewhere."""

    def authenticate(
        self, request: Any, username: str | None = None, password: str | None = None, **more: Any
    ) -> Account | None:
        """The account, if name and password are right and nothing is against it."""
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
        if refused := _refusal_reason(account):
            SIGN_INS.labels("disabled").inc()
            request.sign_in_refused = refused
            raise PermissionDenied
        _record_sign_in(account, request)
        return account

    def get_user(self, user_id: int) -> Account | None:
        """Of a session; with its domain, from which the rights follow."""
        found = Account.objects.select_related("domain").filter(pk=user_id, is_active=True)
        return found.first()

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """None: see `backends`."""
        return set()

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """None: see `backends`."""
        return False

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """None: see `backends`."""
        return False


def failure_reason(request: Any) -> str:
    """After a sign-in that failed: the sentence for the one who tried, in his language."""
    if refused := getattr(request, "sign_in_refused", ""):
        return str(refused)
    if getattr(request, "axes_locked_out", False):
        return _(lockout.LOCKED)
    return _(WRONG)


def tries_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Under which name tries are counted: the account's own, whichever was used."""
    name = str((credentials or {}).get("username") or "")
    account = _account_of_request(request, name)
    return (
        account.username if account is not None else normalize(name[:LONGEST_NAME])[:LONGEST_NAME]
    )


def _account_of_request(request: Any, name: str) -> Account | None:
    """Who signs in with a name; looked up once for each request."""
    known = getattr(request, "signing_in", None)
    if known is None or known[0] != name:
        request.signing_in = known = (name, _find_account(name))
    found: Account | None = known[1]
    return found


def _find_account(name: str) -> Account | None:
    if len(name) > LONGEST_NAME:
        return None
    rows = SignInName.objects.select_related("account__domain")
    found = rows.filter(pk=normalize(name)).first()
    return found.account if found is not None else None


def _password_matches(account: Account | None, password: str) -> bool:
    """As slow for a name that nobody has as for a wrong password."""
    if len(password) > LONGEST_PASSWORD:
        return False
    if account is None:
        make_password(password)
        return False
    return account.check_password(password)


def _refusal_reason(account: Account) -> str:
    """Why somebody who knows the password does not come in; "": nothing is against it."""
    if not account.is_active:
        return _("This account is disabled: ask your administrator.")
    if account.domain_id is None or account.is_superuser:
        return ""
    off = queries.disabled_above(account._state.db or "default", account.domain_id)
    return _("%(name)s is disabled: ask its administrator.") % {"name": off} if off else ""


def _record_sign_in(account: Account, request: Any) -> None:
    SIGN_INS.labels("in").inc()
    if AccessAttempt.objects.filter(username=account.username).exists():
        lockout.delete_tries(account.username)
        log.info("%s signed in after wrong tries", account.username)


def _log_locked_out(sender: Any, username: str, ip_address: str | None, **more: Any) -> None:
    """Each try that is turned away because of earlier ones."""
    SIGN_INS.labels("locked").inc()
    log.warning("%s is locked out: a try from %s was turned away", username, ip_address)


user_locked_out.connect(_log_locked_out, dispatch_uid="say locked")
