"""What all calls under `/api/v1/im/` share: who calls, on whose data, how often, and how it is refused."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import redis
from django.db import Error
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from domains.models import Account
from foundation import clock
from foundation.cells.directory import (
    PlatformStore,
    own_platform,
    possible_platforms,
    redis_of,
    store_of,
)
from foundation.cells.serving import is_served_here
from foundation.web.errors import (
    MALFORMED,
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
_NUMBERS = {DenyReason.MALFORMED: MALFORMED, DenyReason.NOT_SIGNED_IN: NOT_LOGGED_IN}
_ELSEWHERE = "your platform is served at another site now: sign in there"


class Limit(BaseThrottle):
    """So many calls of one person in so many seconds; without Redis as many as he likes."""

    name, most, seconds = "calls", 1000, 10

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count this one; is it within the limit?"""
        if not isinstance(request.user, Account):
            return True
        key = f"im:rate:{self.name}:{request.user.moid}:{int(time.time()) // self.seconds}"
        try:
            with redis_of(own_platform()).pipeline(transaction=False) as pipe:
                pipe.incr(key)
                pipe.expire(key, self.seconds + 1)
                return int(pipe.execute()[0]) <= self.most
        except redis.RedisError:
            return True

    def wait(self) -> float:
        """Seconds until the next ones are counted."""
        return self.seconds - time.time() % self.seconds


class Seldom(Limit):
    """For what reaches other people who have not asked for it, and for looking for them."""

    name, most, seconds = "seldom", 60, 60


class Call(APIView):
    """A call of somebody who is signed in, on the data of his platform."""

    authentication_classes = CLASSES
    throttle_classes: Any = (Limit,)
    me: Person
    place: PlatformStore
    now: datetime

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only where this site serves the caller's platform; reading too: a copy may be old."""
        super().initial(request, *args, **kwargs)
        assert isinstance(request.user, Account)
        self.me, self.now = people.person_of_account(request.user), clock.now()
        home = _home(request)
        if home not in possible_platforms() or not is_served_here(home):
            raise NotServedHere(home)
        self.place = store_of(home)

    def get_exception_handler(self) -> Any:
        """A refusal with its HTTP status."""
        return answer

    def given(self, form: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The arguments, wherever they were sent, as a form wants them. Raises ValidationError."""
        filled = form(data=self.request._request.api_params)  # type: ignore[attr-defined]
        filled.is_valid(raise_exception=True)
        found: dict[str, Any] = filled.validated_data
        return found

    def user(self, text: str) -> str:
        """A person's id in an address. Raises Denied."""
        if not USER.fullmatch(text):
            raise Denied(DenyReason.NOT_FOUND, "there is no such person")
        return text


def _home(request: Request) -> str:
    """The caller's platform."""
    if isinstance(request.auth, Token):
        return request.auth.platform
    assert isinstance(request.user, Account)
    moid = request.user.moid
    return platform_resolver.platform_of_users([moid]).get(moid, own_platform())


# ---- refusals -----------------------------------------------------------------------------------


def answer(failure: Exception, context: dict[str, Any]) -> Response | None:
    """What is shown for an exception: the API's usual form, `code` as a word, and the HTTP status."""
    if isinstance(failure, Denied):
        return _refused(failure.why, failure.reason)
    if isinstance(failure, NotServedHere):
        return _refused(DenyReason.ELSEWHERE, _ELSEWHERE)
    if isinstance(failure, exceptions.ValidationError):
        return _refused(DenyReason.MALFORMED, _said(failure.detail))
    if isinstance(failure, exceptions.Throttled):
        reply = _refused(DenyReason.RATE, "too many calls; wait a little")
        reply["Retry-After"] = str(int(getattr(failure, "wait", 0) or 0) + 1)
        return reply
    if isinstance(failure, exceptions.NotAuthenticated):
        reply = _refused(DenyReason.NOT_SIGNED_IN, "sign in first")
        reply["WWW-Authenticate"] = "Bearer"
        return reply
    return _other(failure, answer_refusal(failure, context))


def _other(failure: Exception, reply: Response | None) -> Response | None:
    if reply is None or reply.status_code != 200:
        return reply
    why = DenyReason.MALFORMED
    if isinstance(failure, Error):
        why = DenyReason.AWAY
    elif isinstance(failure, Refusal):
        why = DenyReason.NOT_SIGNED_IN
    elif isinstance(failure, exceptions.PermissionDenied | exceptions.AuthenticationFailed):
        why = DenyReason.NOT_ALLOWED
    reply.data["code"] = why.value
    HTTP_REFUSED.labels(why.value).inc()
    known = failure.status_code if isinstance(failure, exceptions.MethodNotAllowed) else None
    reply.status_code = known or STATUS[why]
    return reply


def _refused(why: DenyReason, reason: str) -> Response:
    HTTP_REFUSED.labels(why.value).inc()
    body = nack(_NUMBERS.get(why, UNSPECIFIED), reason)
    return Response(body | {"code": why.value}, STATUS[why])


def _said(detail: Any) -> str:
    """The first of a form's complaints, in one line."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        return f"{name}: {_said(inner)}" if name != "non_field_errors" else _said(inner)
    if isinstance(detail, list):
        return _said(detail[0]) if detail else "is wrong"
    return str(detail)
