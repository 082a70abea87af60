"""Tokens prove who calls an API, where there is no browser session: logins of software, and OAuth2 tokens.

When an account is disabled or gets a new password, its tokens are deleted here. Browser sessions need no deletion:
Django compares them with the account at every request.
"""

from __future__ import annotations

from collections.abc import Collection

from oauth2_provider.models import clear_expired, get_access_token_model, get_grant_model
from oauth2_provider.models import get_refresh_token_model as refresh_tokens

from domains.data import hooks
from domains.models import Account, ApiToken, Application


def revoke_all(account: Account, database: str = "default") -> None:
    """Delete all API logins, and all OAuth2 codes, access tokens and refresh tokens, of an account."""
    ApiToken.objects.using(database).filter(account=account).delete()
    for model in (get_grant_model(), get_access_token_model(), refresh_tokens()):
        model.objects.using(database).filter(user=account).delete()


def revoke_by_keys(keys: Collection[str], database: str = "default") -> None:
    """Make the tokens void that other apps gave to people who signed in with these API keys, which are to end.

    The sign-ins themselves need no change: they check their key at each use.
    """
    logins = ApiToken.objects.using(database).filter(key__in=list(keys), account__isnull=False)
    _revoke_in_apps(database, logins.values_list("account__moid", flat=True))


def revoke_by_application(application: Application, database: str = "default") -> None:
    """Make the tokens void that other apps gave to people who use this application, which is to be deleted."""
    tokens = get_access_token_model().objects.using(database).filter(application=application)
    _revoke_in_apps(
        database, tokens.filter(user__isnull=False).values_list("user__moid", flat=True)
    )


def _revoke_in_apps(database: str, moids: Collection[str]) -> None:
    """Let all apps revoke the tokens that they gave to these accounts (MOIDs). Does nothing without accounts."""
    if people := sorted(set(moids)):
        hooks.REVOKE_CREDENTIALS.call(database, people)


def delete_expired() -> None:
    """Delete OAuth2 tokens and codes that nobody can use any more."""
    clear_expired()
