"""Define the views of OAuth2 that differ from those of the OAuth2 toolkit."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.models import get_access_token_model
from oauth2_provider.views import AuthorizationView, IntrospectTokenView, TokenView
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.errors import AccessDeniedError

from domains.api.oauth.validator import serves_account
from domains.models import Application
from foundation.cells import sql

_LOCK_WAIT_SECONDS = 5


@method_decorator(never_cache, name="dispatch")
class AuthorizeView(AuthorizationView):  # type: ignore[misc]  # the base class has no types
    """The page asks a person whether an application may act for them."""

    def create_authorization_response(
        self, request: HttpRequest, scopes: str, credentials: dict[str, Any], allow: bool
    ) -> Any:
        """Return the toolkit's answer to a person who allows or denies an application.

        Raises OAuthToolkitError for people who may not use the application.
        """
        application = Application.objects.get(client_id=credentials["client_id"])
        if allow and not serves_account(application, request.user):  # type: ignore[arg-type]  # the view is for people who are signed in
            reason = "This application is not for people of your domain."
            error = AccessDeniedError(description=reason, state=credentials.get("state"))
            raise OAuthToolkitError(error=error, redirect_uri=credentials["redirect_uri"])
        return super().create_authorization_response(request, scopes, credentials, allow)


@method_decorator(csrf_exempt, name="dispatch")
class PlatformTokenView(TokenView):  # type: ignore[misc]  # the base class has no types
    """The view gives OAuth2 tokens for an authorization code, a password or a refresh token."""

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Answer with tokens, or with why there are none.

        Requests that use one refresh token are answered one after the other, so that the second one is seen to use
        it again. Two requests with one authorization code may run at once: the second revokes the tokens of the
        first, possibly before the first is answered, which is then refused too.
        """
        # Without a refresh token the request waits for no other: its lock has a random name.
        value = request.POST.get("refresh_token", "") or secrets.token_hex()
        with sql.named_lock("default", f"refresh {value}", _LOCK_WAIT_SECONDS) as is_alone:
            if not is_alone:
                return JsonResponse({"error": "temporarily_unavailable"}, status=503)
            try:
                return super().post(request, *args, **kwargs)  # type: ignore[no-any-return]  # the toolkit has no types
            except get_access_token_model().DoesNotExist:
                return JsonResponse({"error": "invalid_grant"}, status=400)


@method_decorator(csrf_exempt, name="dispatch")
class IntrospectView(IntrospectTokenView):  # type: ignore[misc]  # the base class has no types
    """The view tells a confidential application whether a token is active, if the token's person may use it."""

    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Answer only an application that sends its secret; the toolkit would also accept an access token."""
        self.application = self._application(request) if request.method == "POST" else None
        if request.method == "POST" and self.application is None:
            return JsonResponse({"error": "invalid_client"}, status=401)
        return View.dispatch(self, request, *args, **kwargs)  # type: ignore[return-value]  # the stub says HttpResponseBase

    def _application(self, request: HttpRequest) -> Application | None:
        """Return the confidential application whose secret a request carries; `None` if it carries none."""
        oauthlib = self.get_oauthlib_core()
        oauth_request = Request(*oauthlib._extract_params(request))
        if not oauthlib.server.request_validator.authenticate_client(oauth_request):
            return None
        application: Application = oauth_request.client
        return application if application.client_type == application.CLIENT_CONFIDENTIAL else None

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Answer whether the token in the form field `token` is active (RFC 7662)."""
        value = request.POST.get("token", "")
        tokens = get_access_token_model().objects.select_related("user__domain")
        checksum = hashlib.sha256(value.encode()).hexdigest()
        token = tokens.filter(token_checksum=checksum).first()
        application = self.application
        assert application is not None
        if token is None or token.user is None or not serves_account(application, token.user):
            return JsonResponse({"active": False})
        return self.get_token_response(value)  # type: ignore[no-any-return]  # the toolkit has no types
