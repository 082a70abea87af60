"""The validator adds checks that the OAuth2 toolkit lacks.

They are: which people may use an application, whether an authorization code is used twice, how long a family of refresh
tokens lasts, and why a sign-in failed. A family are all refresh tokens that were exchanged, one for the next, since one
sign-in.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from django.db.models import Min
from django.http import HttpRequest
from django.utils import timezone
from oauth2_provider.models import (
    AbstractGrant,
    AbstractRefreshToken,
    get_grant_model,
    get_refresh_token_model,
)
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
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
    """Return whether a person may use an application: it belongs to the person's domain or to one above.

    Both lie in the data of one platform. An application that was registered at another platform does not serve it.
    """
    is_same_platform = application._state.db == account._state.db
    return is_same_platform and queries.may_act(account, application.domain_id)


class PlatformOAuth2Validator(OAuth2Validator):  # type: ignore[misc]  # the base class has no types
    """The validator of the OAuth2 toolkit, with checks of who may use an application and of tokens that were stolen."""

    # ---- passwords --------------------------------------------------------------------------

    def validate_grant_type(
        self,
        client_id: str,
        grant_type: str,
        client: Application,
        request: Request,
        *args: object,
        **kwargs: object,
    ) -> bool:
        """Return whether an application (`client`) may use a grant type; passwords are for confidential ones only."""
        if grant_type == "password" and client.client_type != client.CLIENT_CONFIDENTIAL:
            return False
        return bool(
            super().validate_grant_type(client_id, grant_type, client, request, *args, **kwargs)
        )

    def build_http_request(self, request: Request) -> HttpRequest:
        """Return the Django request for the authentication backends, and keep it: they write their refusal into it."""
        http_request: HttpRequest = super().build_http_request(request)
        request.http_request = http_request
        return http_request

    def validate_user(
        self,
        username: str,
        password: str,
        client: Application,
        request: Request,
        *args: object,
        **kwargs: object,
    ) -> bool:
        """Return whether a person may use the application (`client`). Raises InvalidGrantError for a wrong password."""
        if not super().validate_user(username, password, client, request, *args, **kwargs):
            reason = sign_in.failure_reason(request.http_request)
            raise errors.InvalidGrantError(description=reason, request=request)
        return serves_account(client, request.user)

    # ---- codes ------------------------------------------------------------------------------

    def validate_code(
        self,
        client_id: str,
        code: str,
        client: Application,
        request: Request,
        *args: object,
        **kwargs: object,
    ) -> bool:
        """Return whether an authorization code is valid and unused.

        A code that comes a second time was stolen. Then the tokens that were given for it the first time are revoked.
        """
        grant = Grant.objects.filter(code=code, application=client).first()
        if grant is None or not serves_account(client, grant.user):
            return False
        if family := _family_of_code(grant):
            RefreshToken.revoke_family(family)
            return False
        return bool(super().validate_code(client_id, code, client, request, *args, **kwargs))

    def _create_authorization_code(
        self, request: Request, *args: object, **kwargs: object
    ) -> AbstractGrant:
        """Create and return an authorization code (a grant), marked as unused."""
        request.claims = None  # The column `claims` says whether the code was used.
        grant: AbstractGrant = super()._create_authorization_code(request, *args, **kwargs)
        return grant

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *args: object, **kwargs: object
    ) -> None:
        """Mark an authorization code as used, and note in it the family of tokens (those of one sign-in) that it gave.

        If two requests use it at the same time, the later one is refused, and the tokens of the code are revoked.
        """
        family, expires = str(request.token_family), timezone.now() + USED_CODE_KEPT
        unused = Grant.objects.filter(code=code, application=request.client, claims="{}")
        claims = json.dumps({"family": family})
        if not unused.update(expires=expires, claims=claims):
            RefreshToken.revoke_family(request.token_family)
            raise errors.InvalidGrantError(request=request)

    def _create_refresh_token(self, request: Request, *args: object) -> AbstractRefreshToken:
        """Create and return a refresh token, and note its family (those of one sign-in) in the request."""
        token: AbstractRefreshToken = super()._create_refresh_token(request, *args)
        request.token_family = token.token_family
        return token

    # ---- refresh ----------------------------------------------------------------------------

    def validate_refresh_token(
        self,
        refresh_token: str,
        client: Application,
        request: Request,
        *args: object,
        **kwargs: object,
    ) -> bool:
        """Return whether a refresh token may be exchanged for new tokens.

        It must be valid, its person must still be allowed to use the application, and the sign-in
        with which its family of tokens began must not be too long ago.
        """
        is_valid = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        if not is_valid or not serves_account(client, request.user):
            return False
        is_by_password = client.authorization_grant_type == client.GRANT_PASSWORD
        lifetime = PASSWORD_FAMILY_LIFETIME if is_by_password else FAMILY_LIFETIME
        return timezone.now() < _sign_in_time(request.refresh_token_instance) + lifetime


def _family_of_code(grant: AbstractGrant) -> str:
    """Return the family of refresh tokens that began with this authorization code; "" if it is unused."""
    return str(json.loads(grant.claims or "{}").get("family", ""))


def _sign_in_time(token: AbstractRefreshToken) -> datetime:
    """Return the time of the sign-in with which a family of refresh tokens began."""
    family = RefreshToken.objects.filter(token_family=token.token_family)
    moment: datetime = family.aggregate(at=Min("created"))["at"] or token.created
    return moment
