"""The four addresses of OAuth2, as far as they differ from the toolkit's."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.models import get_access_token_model
from oauth2_provider.views import AuthorizationView, IntrospectTokenView
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.errors import AccessDeniedError

from domains.api.oauth.validator import serves
from domains.models import Application


@method_decorator(never_cache, name="dispatch")
class Authorize(AuthorizationView):  # type: ignore[misc]
    """Asks the person; an application of other people is refused."""

    def create_authorization_response(
        self, request: HttpRequest, scopes: str, credentials: Any, allow: bool
    ) -> Any:
        """As the toolkit does it, for those whom the application serves."""
        application = Application.objects.get(client_id=credentials["client_id"])
        if allow and not serves(application, request.user):  # type: ignore[arg-type]
            why = "This application is not for people of your domain."
            error = AccessDeniedError(description=why, state=credentials.get("state"))
            raise OAuthToolkitError(error=error, redirect_uri=credentials["redirect_uri"])
        return super().create_authorization_response(request, scopes, credentials, allow)


class Introspect(IntrospectTokenView):  # type: ignore[misc]
    """Is this token good? For confidential applications, about tokens of people they serve."""

    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Only for an application that shows its secret; a token in its place does not do."""
        self.application = self._application(request) if request.method == "POST" else None
        if request.method == "POST" and self.application is None:
            return JsonResponse({"error": "invalid_client"}, status=401)
        return View.dispatch(self, request, *args, **kwargs)  # type: ignore[return-value]

    def _application(self, request: HttpRequest) -> Application | None:
        core = self.get_oauthlib_core()
        asked = Request(*core._extract_params(request))
        if not core.server.request_validator.authenticate_client(asked):
            return None
        found: Application = asked.client
        return found if found.client_type == found.CLIENT_CONFIDENTIAL else None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """`token` -> RFC 7662."""
        value = request.POST.get("token", "")
        tokens = get_access_token_model().objects.select_related("user__domain")
        checksum = hashlib.sha256(value.encode()).hexdigest()
        token = tokens.filter(token_checksum=checksum).first()
        application: Any = self.application
        if token is None or token.user is None or not serves(application, token.user):
            return JsonResponse({"active": False})
        return self.get_token_response(value)  # type: ignore[no-any-return]
