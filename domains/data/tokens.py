"""Tokens prove who calls, besides the browser's session: logins of software, and OAuth2 tokens.

A browser's session needs no deletion: Django compares it with password and state at every request.
"""

from __future__ import annotations

from oauth2_provider.models import clear_expired, get_access_token_model, get_grant_model
from oauth2_provider.models import get_refresh_token_model as refresh_tokens

from domains.models import Account, ApiToken


def revoke_all(account: Account, database: str = "default") -> None:
    """Delete all API logins, codes, and access and refresh tokens of an account."""
    ApiToken.objects.using(database).filter(account=account).delete()
    for model in (get_grant_model(), get_access_token_model(), refresh_tokens()):
        model.objects.using(database).filter(user=account).delete()


def delete_expired() -> None:
    """Delete OAuth2 tokens and codes that nobody can use any more."""
    clear_expired()
