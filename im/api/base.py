"""Define the base of all views under `/api/v1/im/`.

It finds the caller and the data of the caller's platform, limits the rate, and forms refusals.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from domains.api.limits import CallLimit
from domains.models import Account
from foundation import clock
from foundation.cells.directory import (
    PlatformStore,
    own_platform,
    possible_platforms,
    store_of,
)
from foundation.cells.serving import is_served_here
from foundation.web.errors import (
    NOT_LOGGED_IN,
    UNSPECIFIED,
    Refusal,
    answer_refusal,
    nack,
)
from im.api.authentication import CLASSES
from im.data import people, platform_resolver
from im.data.journal import NotServedHere
from im.data.locked_conversation import Denied
from im.data.metrics import HTTP_REFUSED
from im.data.people import Person
from im.rules.conversation_decisions import DenyReason
from im.rules.tokens import Token
from im.rules.topology import USER
from wire.error_codes import Err

STATUS = {
    DenyReason.NOT_FOUND: 404,
    DenyReason.NOT_ALLOWED: 403,
    DenyReason.CLOSED: 409,
    DenyReason.FULL: 409,
    DenyReason.MALFORMED: 400,
    DenyReason.NOT_SIGNED_IN: 401,
    DenyReason.RATE: 429,
    DenyReason.ELSEWHERE: 503,
    DenyReason.AWAY: 503,
}
_NUMBERS = {DenyReason.MALFORMED: int(Err.MALFORMED), DenyReason.NOT_SIGNED_IN: NOT_LOGGED_IN}
_ELSEWHERE = "your platform is served at another site now: sign in there"


class Limit(CallLimit):
    """A limit of how many calls one person makes in a time window; without Redis there is no limit."""

    kind = "im"


class StrictLimit(Limit):
    """A stricter limit, for calls that other people are notified of, and for searching for people."""

    name, seconds = "seldom", 60

    @property
    def most(self) -> int:
        """Return how many of these calls one person may make in a minute."""
        return 60


class Call(APIView):
    """The base of the API's views for a signed-in person (`me`), whose data lies in the person's platform (`store`)."""

    authentication_classes = CLASSES
    throttle_classes: tuple[type[BaseThrottle], ...] = (Limit,)
    me: Person
    store: PlatformStore
    now: datetime

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Check, before the view runs, that this site (data centre) takes the requests of the caller's platform.

        Reading calls need that too, since this site's copy of another platform's data may be outdated. Raises
        NotServedHere.
        """
        super().initial(request, *args, **kwargs)
        assert isinstance(request.user, Account)
        self.me, self.now = people.person_of_account(request.user), clock.now()
        platform = _platform_of(request)
        if platform not in possible_platforms() or not is_served_here(platform):
            raise NotServedHere(platform)
        self.store = store_of(platform)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, object]], Response | None]:
        """Return the function that turns exceptions into responses: `answer_exception`."""
        return answer_exception

    def arguments(self, form: type[serializers.Serializer[object]]) -> dict[str, Any]:
        """Return the call's arguments, from its body or URL, checked by a serializer. Raises ValidationError."""
        form_data = form(data=self.request._request.api_params)  # type: ignore[attr-defined]  # set by WildRequests
        form_data.is_valid(raise_exception=True)
        values: dict[str, Any] = form_data.validated_data
        return values

    def checked_user_id(self, text: str) -> str:
        """Return `text`, a person's id from the call's URL, after a check of its form. Raises Denied."""
        if not USER.fullmatch(text):
            raise Denied(DenyReason.NOT_FOUND, "there is no such person")
        return text


def _platform_of(request: Request) -> str:
    """Return the platform whose data holds the caller's account and conversations."""
    if isinstance(request.auth, Token):
        return request.auth.platform
    assert isinstance(request.user, Account)
    moid = request.user.moid
    return platform_resolver.platform_of_users([moid]).get(moid, own_platform())


# ---- refusals -----------------------------------------------------------------------------------


def answer_exception(failure: Exception, context: dict[str, object]) -> Response | None:
    """Return the response to an exception: a refusal in the API's usual form, with its HTTP status.

    Its `code` is one of the words that docs/im.md lists. `None` for one that is no refusal.
    """
    if isinstance(failure, Denied):
        return _refused(failure.why, failure.reason)
    if isinstance(failure, NotServedHere):
        return _refused(DenyReason.ELSEWHERE, _ELSEWHERE)
    if isinstance(failure, exceptions.ValidationError):
        return _refused(DenyReason.MALFORMED, _first_error(failure.detail))
    if isinstance(failure, exceptions.Throttled):
        reply = _refused(DenyReason.RATE, "too many calls; wait a little")
        reply["Retry-After"] = str(int(getattr(failure, "wait", 0) or 0) + 1)
        return reply
    if isinstance(failure, exceptions.NotAuthenticated):
        reply = _refused(DenyReason.NOT_SIGNED_IN, "sign in first")
        reply["WWW-Authenticate"] = "Bearer"
        return reply
    return _with_im_code(failure, answer_refusal(failure, context))


def _with_im_code(failure: Exception, reply: Response | None) -> Response | None:
    """Return a refusal of the shared API code with the `code` and the HTTP status of this API.

    `reply` is the shared code's response to `failure`. Shared refusals have the status 200; a reply
    with another status, or `None`, is returned as it is.
    """
    if reply is None or reply.status_code != 200:
        return reply
    deny_reason = DenyReason.MALFORMED
    if isinstance(failure, Error):
        deny_reason = DenyReason.AWAY
    elif isinstance(failure, Refusal):
        deny_reason = DenyReason.NOT_SIGNED_IN
    elif isinstance(failure, exceptions.PermissionDenied | exceptions.AuthenticationFailed):
        deny_reason = DenyReason.NOT_ALLOWED
    reply.data["code"] = deny_reason.value
    HTTP_REFUSED.labels(deny_reason.value).inc()
    http_status = failure.status_code if isinstance(failure, exceptions.MethodNotAllowed) else None
    reply.status_code = http_status or STATUS[deny_reason]
    return reply


@csrf_exempt
def no_such_call(request: HttpRequest) -> JsonResponse:
    """Return the refusal 404 `not_found` for any URL under which this API has no view.

    It needs no sign-in.
    """
    HTTP_REFUSED.labels(DenyReason.NOT_FOUND.value).inc()
    body = nack(UNSPECIFIED, f"no such call: {request.method} {request.path[:200]}")
    return JsonResponse(body | {"code": DenyReason.NOT_FOUND.value}, status=404)


def _refused(deny_reason: DenyReason, reason: str) -> Response:
    """Return the response to a refused request: a code for client applications, a sentence, and the HTTP status."""
    HTTP_REFUSED.labels(deny_reason.value).inc()
    body = nack(_NUMBERS.get(deny_reason, UNSPECIFIED), reason)
    return Response(body | {"code": deny_reason.value}, STATUS[deny_reason])


def _first_error(detail: object) -> str:
    """Return the first error of a form as one line; `detail` nests lists and dicts (field -> errors)."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        return (
            f"{name}: {_first_error(inner)}" if name != "non_field_errors" else _first_error(inner)
        )
    if isinstance(detail, list):
        return _first_error(detail[0]) if detail else "is wrong"
    return str(detail)
