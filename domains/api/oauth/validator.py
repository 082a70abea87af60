"""What the toolkit does not ask by itself: whose people an application serves, a code used twice,
how long a line of refresh tokens lasts, why a sign-in failed."""

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

LINE_LASTS = timedelta(days=14)
PASSWORD_LINE_LASTS = timedelta(hours=8)
"""From the sign-in on, however often the refresh token is exchanged for another one."""

USED_CODE_KEPT = timedelta(days=1)
"""So long a code that comes a second time still ends what it gave the first time."""


def serves(application: Application, account: Account) -> bool:
    """Is an application there for this person?"""
    database = application._state.db or "default"
    return account.is_active and queries.is_available_below(
        database, application.domain_id, account.domain_id
    )


class Validator(OAuth2Validator):  # type: ignore[misc]
    """The toolkit's, with our answers."""

    # ---- passwords --------------------------------------------------------------------------

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **more: Any
    ) -> bool:
        """Passwords are for confidential applications alone."""
        if grant_type == "password" and client.client_type != client.CLIENT_CONFIDENTIAL:
            return False
        return bool(
            super().validate_grant_type(client_id, grant_type, client, request, *args, **more)
        )

    def build_http_request(self, request: Any) -> Any:
        """The request as the backends see it; kept, to read from it why they refused."""
        request.asked = super().build_http_request(request)
        return request.asked

    def validate_user(
        self, username: str, password: str, client: Any, request: Any, *args: Any, **more: Any
    ) -> bool:
        """Name and password, and a person that the application serves."""
        if not super().validate_user(username, password, client, request, *args, **more):
            why = sign_in.failure_reason(request.asked)
            raise errors.InvalidGrantError(description=why, request=request)
        return serves(client, request.user)

    # ---- codes ------------------------------------------------------------------------------

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, *args: Any, **more: Any
    ) -> bool:
        """Once. A second time is theft: what the first time gave is void."""
        grant = Grant.objects.filter(code=code, application=client).first()
        if grant is None or not serves(client, grant.user):
            return False
        if family := _used_for(grant):
            RefreshToken.revoke_family(family)
            return False
        return bool(super().validate_code(client_id, code, client, request, *args, **more))

    def _create_authorization_code(self, request: Any, *args: Any, **more: Any) -> Any:
        request.claims = None  # the column says what became of the code
        return super()._create_authorization_code(request, *args, **more)

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Any, *args: Any, **more: Any
    ) -> None:
        """Mark it as used; of two at the same time one is late."""
        family, kept = str(request.token_family), timezone.now() + USED_CODE_KEPT
        unused = Grant.objects.filter(code=code, application=request.client, claims="{}")
        used = {"expires": kept, "claims": json.dumps({"family": family})}
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
        """While its line lasts, for a person who may still be served."""
        known = super().validate_refresh_token(refresh_token, client, request, *args, **more)
        if not known or not serves(client, request.user):
            return False
        by_password = client.authorization_grant_type == client.GRANT_PASSWORD
        lasts = PASSWORD_LINE_LASTS if by_password else LINE_LASTS
        return timezone.now() < _began(request.refresh_token_instance) + lasts


def _used_for(grant: Any) -> str:
    """The line of tokens that a code was exchanged for; "" while it is unused."""
    return str(json.loads(grant.claims or "{}").get("family", ""))


def _began(token: Any) -> datetime:
    line = RefreshToken.objects.filter(token_family=token.token_family)
    began: datetime = line.aggregate(at=Min("created"))["at"] or token.created
    return began
