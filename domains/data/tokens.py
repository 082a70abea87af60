"""Tokens prove who calls an API, where there is no browser session: logins of software, and OAuth2 tokens.

When an account is disabled or gets a new password, its tokens are deleted here. Browser sessions need no deletion:
Django compares them with the account at every request.
"""

from __future__ import annotations

from oauth2_provider.models import clear_expired, get_access_token_model, get_grant_model
from oauth2_provider.models import get_refresh_token_model as refresh_tokens

from domains.models import Account, ApiToken


def revoke_all(account: Account, database: str = "default") -> None:
    """Delete all API logins, and all OAuth2 codes, access tokens and refresh tokens, of an account."""
    ApiToken.objects.using(database).filter(account=account).delete()
    for model in (get_grant_model(), get_access_token_model(), refresh_tokens()):
        model.objects.using(database).filter(user=account).delete()


def delete_expired() -> None:
    """Delete OAuth2 tokens and codes that nobody can use any more."""
    clear_expired()
