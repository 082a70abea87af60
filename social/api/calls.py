"""Define the views of calls: `/api/v1/social/calls…` (CONV, real-time call)."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from conferences.data.join_links import token_for
from conferences.pages.failover_urls import origin_of, site_urls_of
from domains.data.lookups import http_url
from foundation.bus.typed_json import to_json
from foundation.web.errors import UNSPECIFIED, ack, nack
from im.api import base
from im.api.base import StrictLimit
from im.api.conversations import KEY
from im.api.serializers import Done, answers
from im.rules.messages import Data
from social.api import call_shapes
from social.data import call_rows
from social.flows import call_media
from social.flows import calls as flow
from social.flows.calls import CallRefused
from social.rules.call_messages import describe
from social.rules.calls import Answered, Call, Declined, Event, Rang
from social.rules.turn import SECONDS, turn_credential


def answer_exception(failure: Exception, context: dict[str, object]) -> Response | None:
    """Return the response to an exception of a view; to CallRefused it holds the call in its present state.

    `None` for an exception that is no refusal.
    """
    if isinstance(failure, CallRefused):
        body = nack(UNSPECIFIED, failure.reason) | {"code": failure.code}
        return Response(
            body | {"call": describe(failure.call) if failure.call else None}, status=409
        )
    return base.answer_exception(failure, context)


class CallView(base.Call):
    """Define the base of the views of calls."""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, object]], Response | None]:
        """Return the function that turns exceptions into responses."""
        return answer_exception

    def apply_event(self, number: int, event: Event) -> Call:
        """Change a call as an event demands, end the conference of a call that has ended, and return the call."""
        call = flow.apply_event(self.store, number, event, self.now)
        call_media.release_conference(self.store, call)
        return call

    def media_of(self, call: Call) -> Data:
        """Return how to enter the conference that carries a call, as `MediaShape` describes it."""
        conference = call_media.conference_of(call)
        own_address = f"/api/v1/social/calls/{call.id}/media"
        others = self._other_sites(call) if conference else []
        is_running = conference is not None and conference.state.value == "running"
        join = conference.join if conference and is_running else None
        return {
            "state": conference.state.value
            if conference
            else ("starting" if call.is_live else "ended"),
            "join": to_json(join) if join else None,
            "where": [own_address, *others],
            "password": conference.password if conference else "",
            "e164": call.e164,
        }

    def _other_sites(self, call: Call) -> list[str]:
        """Return the URLs at which other sites answer where a call's conference runs, if this site is down."""
        own_origin = origin_of(http_url(self.store.platform) or "")
        token = token_for(call.confid)
        urls = [url for url in site_urls_of(self.store.platform) if origin_of(url) != own_origin]
        return [f"{url}/join/{call.e164}/where?t={token}" for url in urls]


class Calls(CallView):
    """Define the view of the caller's calls."""

    @extend_schema(
        operation_id="social_calls_list",
        parameters=[call_shapes.CallPage],
        responses=answers(call_shapes.CallList),
    )
    def get(self, request: Request) -> Response:
        """List the caller's calls, the newest first; or those that have not ended (`live`)."""
        arguments, database = self.arguments(call_shapes.CallPage), self.store.database
        if arguments["live"]:
            return ack(
                calls=[describe(call) for call in call_rows.live_calls_of(database, [self.me.id])],
                next=None,
            )
        page = (self.me.id, arguments["before"], arguments["count"])
        calls = call_rows.calls_page(database, *page, missed=arguments["missed"])
        is_full = len(calls) == arguments["count"]
        return ack(
            calls=[describe(call) for call in calls], next=str(calls[-1].id) if is_full else None
        )

    @extend_schema(
        parameters=[KEY], request=call_shapes.NewCall, responses=answers(call_shapes.OneCall)
    )
    def post(self, request: Request) -> Response:
        """Call a person: every device of that person rings. Answers the call; raises Denied.

        The call has ended already if the person is busy (`busy`) or has no device online (`unreachable`). If that
        person is just calling the caller, that call is answered instead. The header Idempotency-Key lets a repeated
        request return the first call.
        """
        arguments = self.arguments(call_shapes.NewCall)
        call_arguments = (arguments["user"], arguments["device"], self.now)
        key = request.headers.get("Idempotency-Key", "")[:64]
        call = flow.start_call(self.store, self.me, *call_arguments, key)
        return ack(call=describe(call_media.ensure_conference(self.store, call)))

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the rate limits of a request; new calls have a stricter one, since other people's devices ring."""
        return [
            *super().get_throttles(),
            *([StrictLimit()] if self.request.method == "POST" else []),
        ]


class OneCall(CallView):
    """Define the view of one call."""

    @extend_schema(operation_id="social_calls_retrieve", responses=answers(call_shapes.OneCall))
    def get(self, request: Request, number: int) -> Response:
        """Return a call of the caller."""
        return ack(call=describe(flow.own_call(self.store, self.me, number)))


class Ringing(CallView):
    """Define the view by which a called person's device reports that it rings."""

    @extend_schema(request=None, responses=answers(call_shapes.OneCall))
    def post(self, request: Request, number: int) -> Response:
        """Record that a device of the called person rings; the caller is notified."""
        return ack(call=describe(self.apply_event(number, Rang(self.me.id))))


class Answer(CallView):
    """Define the view by which a device answers a call."""

    @extend_schema(request=call_shapes.Device, responses=answers(call_shapes.CallWithMedia))
    def post(self, request: Request, number: int) -> Response:
        """Answer a call; only the first device that answers gets it, and the others stop ringing.

        Refused with 409 and the reason as `code`: `answered_elsewhere`, `cancelled`, `no_answer`, …
        """
        device = self.arguments(call_shapes.Device)["device"]
        call = self.apply_event(number, Answered(self.me.id, device))
        call = call_media.ensure_conference(self.store, call)
        return ack(call=describe(call), media=self.media_of(call))


class Decline(CallView):
    """Define the view by which a person declines a call."""

    @extend_schema(request=None, responses=answers(call_shapes.OneCall))
    def post(self, request: Request, number: int) -> Response:
        """Decline a call on all devices; a call that was answered or has ended is not changed."""
        return ack(call=describe(self.apply_event(number, Declined(self.me.id))))


class HangUp(CallView):
    """Define the view by which a person ends a call."""

    @extend_schema(request=None, responses=answers(call_shapes.OneCall))
    def post(self, request: Request, number: int) -> Response:
        """Hang up: cancel a ringing call, decline it, or end the talk, depending on the call's state."""
        call = flow.hang_up(self.store, self.me, number, self.now)
        call_media.release_conference(self.store, call)
        return ack(call=describe(call))


class People(CallView):
    """The view adds people to a running call."""

    @extend_schema(request=call_shapes.AddPeople, responses=answers(call_shapes.AddedCalls))
    def post(self, request: Request, number: int) -> Response:
        """Call further people into the conference of a call; the answer holds one call for each."""
        arguments = self.arguments(call_shapes.AddPeople)
        calls = [
            flow.add_person(self.store, self.me, number, user, arguments["device"], self.now)
            for user in dict.fromkeys(arguments["users"])
        ]
        return ack(calls=[describe(call) for call in calls])

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the rate limits of a request, with a stricter one, since other people's devices ring."""
        return [*super().get_throttles(), StrictLimit()]


class Media(CallView):
    """The view returns how to enter the conference that carries the media of a call."""

    @extend_schema(responses=answers(call_shapes.CallWithMedia))
    def get(self, request: Request, number: int) -> Response:
        """Return how to enter the conference of a call now; the client asks again if the conference has moved."""
        call = call_media.ensure_conference(self.store, flow.own_call(self.store, self.me, number))
        media = self.media_of(call)
        return ack(call=describe(call), media=media, state=media["state"], join=media["join"])


class Signal(CallView):
    """Define the view by which browsers exchange WebRTC signalling messages about a direct connection."""

    @extend_schema(request=call_shapes.Signal, responses=answers(Done))
    def post(self, request: Request, number: int) -> Response:
        """Forward a signalling message to the other person of a call, as the notice `call.signal`; it is not stored."""
        arguments = self.arguments(call_shapes.Signal)
        flow.forward_signal(
            self.store, self.me, number, arguments["device"], arguments["data"], self.now
        )
        return ack()


class Turn(CallView):
    """The view of credentials for the TURN server."""

    @extend_schema(responses=answers(call_shapes.IceServers))
    def get(self, request: Request) -> Response:
        """Return the STUN and TURN servers, with a TURN credential of the caller that is valid for 12 hours."""
        servers: list[Data] = []
        if settings.TURN_URLS and settings.TURN_SECRET:
            name, password = turn_credential(settings.TURN_SECRET, self.me.id, self.now.timestamp())
            servers = [{"urls": settings.TURN_URLS, "username": name, "credential": password}]
        return ack(ice_servers=servers, seconds=SECONDS)


_ONE = "calls/<int:number>"
urlpatterns = [
    path("calls", Calls.as_view()),
    path("calls/turn", Turn.as_view()),
    path(_ONE, OneCall.as_view()),
    path(f"{_ONE}/ringing", Ringing.as_view()),
    path(f"{_ONE}/answer", Answer.as_view()),
    path(f"{_ONE}/decline", Decline.as_view()),
    path(f"{_ONE}/hangup", HangUp.as_view()),
    path(f"{_ONE}/people", People.as_view()),
    path(f"{_ONE}/signal", Signal.as_view()),
    path(f"{_ONE}/media", Media.as_view()),
]
