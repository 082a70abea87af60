"""The base of all calls of the open platform API that need a session."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from urllib.parse import urlencode

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from domains.api import once
from domains.api.limits import CallLimit
from domains.api.sessions import Session
from foundation.web.arguments import in_range, malformed, number, words
from foundation.web.described_arguments import refuse_undescribed
from foundation.web.errors import REFUSAL_WHILE_CLOSED, OnlyChecked, Refusal

MAX_ROWS = 500
"""A page of a list has at most so many rows; `count` 0 asks for them."""


class SessionCall(APIView):
    """The base of API calls for a person who has logged in: limits, refusals, arguments, pages of lists."""

    takes_idempotency_key = True
    """A POST may be repeated with the same header `Idempotency-Key`; the description names it."""
    knows_repeated_requests = False
    """Whether the call itself answers a repeated request as the first one, so that no answer is kept here."""
    _limit: CallLimit | None = None
    _claim: once.Claim | None = None

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the throttle that limits how many calls the caller makes; its numbers go into the answer."""
        self._limit = CallLimit()
        return [self._limit]

    def finalize_response(
        self, request: Request, response: Response, *args: object, **kwargs: object
    ) -> Response:
        """Add to the answer how many more calls the caller may make, and store it for repetitions of the request."""
        if self._claim is not None:
            self._claim.store_response(response)
        if self._limit is not None:
            for name, value in self._limit.headers.items():
                response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse the call unless this site serves the caller's platform.

        Reading, too, because this site's copy may be old. Also refused are arguments that break the call's
        description. A call with the argument `debug` 1 is only checked: it raises OnlyChecked with the faults of its
        arguments. A POST that repeats an earlier one is answered as that was.
        """
        super().initial(request, *args, **kwargs)
        if refusal := self.refusal_if_served_elsewhere(request):
            raise refusal
        refuse_undescribed(self, request)
        is_only_check = str(request._request.api_fields.get("debug", "")) == "1"  # type: ignore[attr-defined]  # set by WildRequests
        if is_only_check and request.method not in SAFE_METHODS:
            raise OnlyChecked(self.faults(request))
        if request.method == "POST" and not self.knows_repeated_requests:
            self._claim = once.claim(request, self.session(request).account)

    def refusal_if_served_elsewhere(self, request: Request) -> Refusal | None:
        """Return a refusal if another site serves the caller's platform now; `None` if this site does."""
        return REFUSAL_WHILE_CLOSED.call("")

    def faults(self, request: Request) -> dict[str, str]:
        """Return the faults of the arguments, name -> fault, for a call with `debug=1`: it changes nothing (§1.8)."""
        return {}

    def params(self, request: Request) -> dict[str, object]:
        """Return the arguments of the call, as the API's middleware has read them."""
        params: dict[str, object] = request._request.api_params  # type: ignore[attr-defined]  # set by WildRequests
        return params

    def session(self, request: Request) -> Session:
        """Return the caller's session: the proof, by token or cookie, of which person makes the call."""
        assert isinstance(request.auth, Session)
        return request.auth

    def domain(self, request: Request) -> str:
        """Return the MOID of the caller's user domain."""
        return self.session(request).domain

    def wanted_rows(self, request: Request) -> tuple[int, int]:
        """Return which rows of a list the call wants: the position of the first one, and how many. Raises Refusal.

        The arguments are `start` (0 by default, at most a million) and `count` (10 by default). MAX_ROWS rows are the
        most; a count of 0 or less asks for so many.
        """
        params = self.params(request)
        start = max(0, number(params.get("start"), "start", 0))
        count = number(params.get("count"), "count", 10)
        return min(start, 10**6), MAX_ROWS if count <= 0 else min(count, MAX_ROWS)

    def cursor(self, request: Request) -> str | None:
        """Return the key of the row after which the page begins, from the argument `cursor`; "" is the first page.

        `None` means that the call has no cursor, but counts rows (`start`).

        Raises Refusal if the cursor is none of ours.
        """
        value = self.params(request).get("cursor")
        if value is None:
            return None
        try:
            return b64decode(words(value, "cursor"), altchars=b"-_", validate=True).decode()
        except ValueError:
            raise malformed("cursor: take it from `next_cursor` of the page before") from None

    def add_next_page(self, request: Request, answer: Response, key: str) -> None:
        """Add to an answer cursor and address of the next page, after the row `key`; "" means that there is none."""
        answer.data["next_cursor"] = cursor = urlsafe_b64encode(key.encode()).decode()
        if cursor:
            count = self.wanted_rows(request)[1]
            address = f"{request.path}?{urlencode({'cursor': cursor, 'count': count})}"
            answer["Link"] = f'<{address}>; rel="next"'

    def whole_number(
        self, request: Request, name: str, lowest: int, highest: int, default: int | None = None
    ) -> int:
        """Return the argument `name`, a whole number in this range. Raises Refusal if it is not, or is missing."""
        return in_range(self.params(request).get(name), name, lowest, highest, default)
