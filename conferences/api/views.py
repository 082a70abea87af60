"""The API calls `/api/v1/mc/confs` and `/api/v1/vc/confs…`: each view is one command or one query (HTTP API §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conferences.api import (
    arrangement_parsing,
    booking_commands,
    commands,
    representations,
    request_parsing,
    serializers,
    stored_commands,
    unsupported,
)
from conferences.api.call import Call
from conferences.api.commands import StartedConference
from conferences.data import queries
from conferences.data.join_links import join_link
from conferences.data.platform_resolver import platform_of_domain
from conferences.rules.stored import Kind
from domains.data.lookups import http_url
from domains.models import Account
from foundation import clock
from foundation.bus.typed_json import to_json
from foundation.cells.directory import store_of
from foundation.web.errors import NoSuchCall, Refusal, ack, early_answer
from foundation.web.lenient_requests import API_LEVEL
from foundation.web.serializers import Accepted, answers
from wire.arrangement import arrangement_of
from wire.conference_control import CallTerminals, RemoveTerminals
from wire.conference_manager import CreateConference, Creator, ReleaseConference
from wire.error_codes import Err
from wire.fields import Settings

NO_TERMINAL = 12104
APPS = ("system", "mc", "vc", "amc", "nms", "vrs")


def unknown_call(request: HttpRequest, rest: str = "") -> JsonResponse:
    """Refuse a call that does not exist, by an answer in the form of the API. `rest`: the rest of its path."""
    return early_answer(request, NoSuchCall(request))


class Version(APIView):
    """The API call `/api/{app}/version` needs no login."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="version",
        tags=["system"],
        parameters=[OpenApiParameter("app", str, OpenApiParameter.PATH, enum=APPS)],
        responses={200: answers(serializers.VersionNow)},
    )
    def get(self, request: Request, app: str) -> Response:
        """Answer the version of the platform, the same for all parts (`app`), and the API level (§1.7).

        Raises NoSuchCall for an unknown part.
        """
        if app not in APPS:
            raise NoSuchCall(request._request)
        return ack(version=settings.VERSION, api_level=API_LEVEL)


class Conferences(Call):
    """The API call `mc/confs` creates conferences."""

    knows_repeated_requests = True

    @extend_schema(
        request=serializers.ConfParams,
        responses=answers(serializers.Created),
    )
    def post(self, request: Request) -> Response:
        """Create a conference, and answer with its number. Raises Refusal.

        `create_type` says from what it is made: from the arguments, from a template or virtual room, or from a
        reservation that is opened early. If it does not run within 4 s, the answer is success all the same, and it
        starts a little later.
        """
        params = self.params(request)
        domain, account = self.domain(request), self.session(request).account
        creator = Creator(moid=account.moid, name=str(account)[:64])
        key = request.headers.get("Idempotency-Key", "")[:64]
        instant = _create_type(params) == INSTANT
        unsupported.refuse_unsafe(params, instant=instant)
        without_effect = unsupported.names_without_effect(params, instant=instant)
        if _create_type(params) == booking_commands.BOOKING_OPENED_EARLY:
            reservation = booking_commands.find_reservation(_template_id(params), account)
            opened = booking_commands.open_early(reservation, account, key or None)
            return _created_answer(opened, without_effect)
        if kind := _KIND_OF_CREATE_TYPE.get(_create_type(params)):
            return _start_from_stored(
                kind, params, self.session(request).account, key or None, without_effect
            )
        command = _create_request(params, domain, creator, key or None)
        caller_platform = platform_of_domain(domain)
        platform = str(params.get("platform_id") or caller_platform)
        if platform != caller_platform:
            address = http_url(platform) or "another site"
            raise Refusal(29004, f"platform_id: this platform is served at {address}")
        return _created_answer(commands.start_conference(command), without_effect)

    def faults(self, request: Request) -> dict[str, str]:
        """Return the faults of the arguments, without creating a conference: name -> what is wrong with it.

        The first argument that is refused is the only one; else those that have no effect; {} if all is well.
        """
        params = self.params(request)
        try:
            instant = _create_type(params) == INSTANT
            unsupported.refuse_unsafe(params, instant=instant)
            if kind := _KIND_OF_CREATE_TYPE.get(_create_type(params)):
                stored_commands.find_stored(
                    kind, _template_id(params), self.session(request).account
                )
                request_parsing.given_settings(params)
            elif _create_type(params) == booking_commands.BOOKING_OPENED_EARLY:
                booking_commands.find_reservation(
                    _template_id(params), self.session(request).account
                )
            else:
                _create_request(params, self.domain(request), Creator())
        except Refusal as refusal:
            name, _, words = refusal.description.partition(": ")
            return {name: words} if words else {"params": name}
        names = unsupported.names_without_effect(params, instant=instant)
        return dict.fromkeys(names, "has no effect here")


def _create_request(
    params: Mapping[str, object], domain: str, creator: Creator, reqid: str | None = None
) -> CreateConference:
    """Return the create message for the arguments, with who is heard and shown at first.

    Raises Refusal. `reqid`: the caller's key of this request.
    """
    command = request_parsing.create_request(params, domain, creator, reqid)
    now = clock.now().isoformat(timespec="seconds")
    arranged = arrangement_parsing.parse_arrangement(params, command.mts, now)
    if not arranged:
        return command
    settings = msgspec.structs.replace(command.settings or Settings(), extra=arranged)
    return msgspec.structs.replace(command, settings=settings)


INSTANT = 1
_KIND_OF_CREATE_TYPE = {2: Kind.PUBLIC, 3: Kind.PERSONAL, 4: Kind.ROOM}


def _create_type(params: Mapping[str, object]) -> int:
    """Return from what a conference is created: 1 nothing, 2 and 3 a template, 4 a virtual room, 5 a reservation.

    Raises Refusal.
    """
    create_type = request_parsing.number(params.get("create_type"), "create_type", 1)
    if create_type not in (1, *_KIND_OF_CREATE_TYPE, booking_commands.BOOKING_OPENED_EARLY):
        raise Refusal(int(Err.MALFORMED), "create_type: must be 1, 2, 3, 4 or 5")
    return create_type


def _template_id(params: Mapping[str, object]) -> str:
    """Return the id of the template, room or reservation that a conference is created from. Raises Refusal."""
    return request_parsing.words(params.get("template_id"), "template_id")


def _start_from_stored(
    kind: Kind,
    params: Mapping[str, object],
    account: Account,
    key: str | None,
    without_effect: list[str],
) -> Response:
    """Start the conference of a template or virtual room, or find the one that runs, and answer it. Raises Refusal.

    The arguments (`params`) replace stored settings. `key`: the caller's key of the request. `without_effect`: names
    of arguments that the answer has to mention.
    """
    template_id = _template_id(params)
    stored = stored_commands.find_stored(kind, template_id, account)
    overrides = request_parsing.given_settings(params, stored.settings.mts)
    started = stored_commands.start_from_stored(stored, account, overrides, key)
    conference = queries.live_by_number(started.e164) if started.join else None
    if conference is not None and not stored_commands.may_enter(conference, account):
        # Somebody else's room runs: the caller may not enter it.
        started = replace(started, join=None)
    return _created_answer(started, without_effect)


def _created_answer(started: StartedConference, without_effect: list[str]) -> Response:
    """Answer that a conference runs, or is being started. `without_effect`: names of arguments to mention."""
    return ack(
        conf_id=started.e164,
        meeting_id=started.confid,
        description=_state_sentence(started.running, without_effect),
        join=to_json(started.join) if started.join else None,
        join_url=settings.PUBLIC_URL + join_link(started.confid, started.e164),
    )


def _state_sentence(running: bool, without_effect: list[str]) -> str:
    """Return a sentence that says whether the conference runs, and which arguments have no effect."""
    state = "running" if running else "accepted; it is being started"
    return f"{state}; without effect here: {', '.join(without_effect)}" if without_effect else state


class OneConference(Call):
    """The API call `mc/confs/{conf_id}` ends a conference."""

    @extend_schema(request=None, responses={200: answers(serializers.Ended)})
    def delete(self, request: Request, conf_id: str) -> Response:
        """End the conference with this number."""
        self.own_conference(request, conf_id)
        commands.ask_scheduler(ReleaseConference(e164=conf_id, user_domain=self.domain(request)))
        return ack(description="")


class LiveConferences(Call):
    """The API call `vc/confs` lists live conferences."""

    @extend_schema(
        operation_id="vc_confs_list",
        parameters=[
            OpenApiParameter("start", int),
            OpenApiParameter("count", int),
            OpenApiParameter("cursor", str, description="In place of `start`: `next_cursor`."),
        ],
        responses={200: answers(serializers.ConfList)},
    )
    def get(self, request: Request) -> Response:
        """List live conferences of the caller's user domain from `start` on; `count` 0 means all, up to 500.

        With a `cursor` (empty: the first page) rows that come and go meanwhile shift no page.
        """
        start, count = self.wanted_rows(request)
        domain, name = self.domain(request), self.session(request).domain_name
        database = store_of(platform_of_domain(domain)).database
        cursor = self.cursor(request)
        total, conferences = queries.live_conferences_page(
            database, "user_domain", domain, start if cursor is None else 0, count, cursor or ""
        )
        answer = ack(
            total=total,
            confs=[representations.conference_item(conference, name) for conference in conferences],
        )
        if cursor is not None:
            last = conferences[-1].confid if len(conferences) == count else ""
            self.add_next_page(request, answer, last)
        return answer


class LiveConference(Call):
    """The API call `vc/confs/{conf_id}` shows one live conference."""

    @extend_schema(responses=answers(serializers.ConfDetail))
    def get(self, request: Request, conf_id: str) -> Response:
        """Answer all fields of one live conference."""
        conference = self.own_conference(request, conf_id)
        session = self.session(request)
        fields = representations.conference_detail(conference, session.domain_name)
        if not stored_commands.may_enter(conference, session.account):
            fields["join"] = None
        return ack(**fields)


class Terminals(Call):
    """Define the API call `vc/confs/{conf_id}/mts`, which lists, calls and removes the terminals of a conference."""

    @extend_schema(responses={200: answers(serializers.MtList)})
    def get(self, request: Request, conf_id: str) -> Response:
        """List the terminals that are invited to a conference or present in it."""
        conference = self.own_conference(request, conf_id)
        return ack(
            mts=[
                representations.terminal_item(
                    terminal, conference.bitrate, arrangement_of(conference.settings)
                )
                for terminal in conference.mts
            ]
        )

    @extend_schema(
        request=serializers.InvitedMembers,
        responses={200: answers(serializers.CalledTerminals)},
    )
    def post(self, request: Request, conf_id: str) -> Response:
        """Let the media unit call terminals into a conference, and answer with their ids; they come online later.

        Raises Refusal.
        """
        account = self.session(request).account
        stored_commands.refuse_unless_may_admit(self.own_conference(request, conf_id), account)
        requested = request_parsing.terminals_to_call(self.params(request).get("mts"), "mts")
        if not requested:
            raise Refusal(int(Err.MALFORMED), "mts: a list of {account, account_type} is needed")
        order = CallTerminals(e164=conf_id, user_domain=self.domain(request), mts=requested)
        answer = commands.ask_unit(order)
        called = commands.wait_for_called_terminals(conf_id, requested, answer)
        items = [representations.terminal_item(terminal, 0) for terminal in called]
        names = ("account", "account_type", "protocol", "mt_id")
        return ack(mts=[{name: item[name] for name in names} for item in items])

    @extend_schema(request=serializers.TerminalIds, responses={200: answers(Accepted)})
    def delete(self, request: Request, conf_id: str) -> Response:
        """Remove terminals from a conference; a removed person cannot come back until called again. Raises Refusal."""
        conference = self.own_conference(request, conf_id)
        ids = request_parsing.terminal_ids(self.params(request).get("mts"))
        if unknown := set(ids) - {str(terminal.mtid) for terminal in conference.mts}:
            raise Refusal(
                NO_TERMINAL, f"terminal does not exist: {', '.join(sorted(unknown))[:200]}"
            )
        commands.ask_unit(
            RemoveTerminals(e164=conf_id, user_domain=self.domain(request), mtids=ids, ban=True)
        )
        return ack()
