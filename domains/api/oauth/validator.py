"""The validator adds checks that the OAuth2 toolkit lacks.

They are: which people an application serves, whether a code is used twice, how long a family of refresh tokens lasts,
and why a sign-in failed.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min
from django.utils import timezone
from oauth2_provider.models import get_grant_model, get_refresh_token_model
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749 import errors

from domains.data import queries
from domains.flows import sign_in
from domains.models import Account, Application

Grant, RefreshToken = get_grant_model(), get_refresh_token_model()

FAMILY_LIFETIME = timedelta(days=14)
PASSWORD_FAMILY_LIFETIME = timedelta(hours=8)
"""A family of refresh tokens lasts this long from the sign-in on, however often a token is exchanged for another."""

USED_CODE_KEPT = timedelta(days=1)
"""A used code is kept this long. If it comes again within this time, the tokens that it gave are revoked."""


def serves_account(application: Application, account: Account) -> bool:
    """Return whether an application may be used by this person."""
    database = application._state.db or "default"
    return account.is_active and queries.is_available_below(
        database, application.domain_id, account.domain_id
    )


class PlatformOAuth2Validator(OAuth2Validator):  # type: ignore[misc]  # the base class has no types
    """The toolkit's validator with our checks."""

    # ---- passwords --------------------------------------------------------------------------

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **more: Any
    ) -> bool:
        """Allow passwords for confidential applications only."""
        if grant_type == "password" and client.client_type != client.CLIENT_CONFIDENTIAL:
            return False
        return bool(
            super().validate_grant_type(client_id, grant_type, client, request, *args, **more)
        )

    def build_http_request(self, request: Any) -> Any:
        """Return the request for the authentication backends, and keep it: they note their refusal in it."""
        request.asked = super().build_http_request(request)
        return request.asked

    def validate_user(
        self, username: str, password: str, client: Any, request: Any, *args: Any, **more: Any
    ) -> bool:
        """Check name and password, and that the application serves the person."""
        if not super().validate_user(username, password, client, request, *args, **more):
            reason = sign_in.failure_reason(request.asked)
            raise errors.InvalidGrantError(description=reason, request=request)
        return serves_account(client, request.user)

    # ---- codes ------------------------------------------------------------------------------

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, *args: Any, **more: Any
    ) -> bool:
        """Accept a code once.

        A code that comes a second time was stolen. Then the tokens that it gave the first time are revoked.
        """
        grant = Grant.objects.filter(code=code, application=client).first()
        if grant is None or not serves_account(client, grant.user):
            return False
        if family := _family_of_code(grant):
            RefreshToken.revoke_family(family)
            return False
        return bool(super().validate_code(client_id, code, client, request, *args, **more))

    def _create_authorization_code(self, request: Any, *args: Any, **more: Any) -> Any:
        request.claims = None  # The column `claims` says whether the code was used.
        return super()._create_authorization_code(request, *args, **more)

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Any, *args: Any, **more: Any
    ) -> None:
        """Mark a code as used.

        If two requests use it at the same time, the later one is refused, and the tokens of the code are revoked.
        """
        family, expires = str(request.token_family), timezone.now() + USED_CODE_KEPT
        unused = Grant.objects.filter(code=code, application=request.client, claims="{}")
        used = {"expires": expires, "claims": json.dumps({"family": family})}
        if not unused.update(**used):
            RefreshToken.revoke_family(request.token_family)
            raise errors.InvalidGrantError(request=request)

    def _create_refresh_token(self, request: Any, *args: Any) -> Any:
        token = super()._create_refresh_token(request, *args)
        request.token_family = token.token_family
        return token

    # ---- refresh ----------------------------------------------------------------------------

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Any, *args: Any, **more: Any
    ) -> bool:
        """Accept a refresh token while its family lasts, for a person who is still served."""
        valid = super().validate_refresh_token(refresh_token, client, request, *args, **more)
        if not valid or not serves_account(client, request.user):
            return False
        by_password = client.authorization_grant_type == client.GRANT_PASSWORD
        lifetime = PASSWORD_FAMILY_LIFETIME if by_password else FAMILY_LIFETIME
        return timezone.now() < _began_at(request.refresh_token_instance) + lifetime


def _family_of_code(grant: Any) -> str:
    """Return the family of tokens that a code was exchanged for. "" means that it is unused."""
    return str(json.loads(grant.claims or "{}").get("family", ""))


def _began_at(token: Any) -> datetime:
    """Return the moment of the sign-in with which a family of refresh tokens began."""
    family = RefreshToken.objects.filter(token_family=token.token_family)
    moment: datetime = family.aggregate(at=Min("created"))["at"] or token.created
    return moment
