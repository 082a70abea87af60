"""The calls control a whole conference: `vc/confs/{conf_id}/mute` and the like (HTTP API §2.3)."""

from __future__ import annotations

import redis
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import commands, request_parsing, shapes, stored_commands, unsupported
from conferences.api.call import Call, refuse_unknown
from conferences.data.pool_view import load_resources
from foundation.cells.directory import own_platform
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from wire.conference_control import (
    MuteTerminals,
    RenameConference,
    SendText,
    SetPassword,
    SilenceTerminals,
)
from wire.conference_manager import ExtendConference
from wire.error_codes import Err

NOT_PERMITTED = 20005
MAX_VIPS = 8
MAX_MESSAGE_BYTES = 1500
DEFAULT_INTERVAL = 15


class Delay(Call):
    """The call `…/delay` prolongs a conference."""

    @extend_schema(request=shapes.Delay, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Prolong a conference by so many minutes as the argument `delay_time` says."""
        minutes = self.whole_number(request, "delay_time", 1, 2**31)
        conference = self.own_conference(request, conf_id)
        commands.ask_scheduler(
            ExtendConference(
                e164=conference.e164, user_domain=conference.user_domain, delay=minutes
            )
        )
        return ack()


class Silence(Call):
    """The call `…/silence` switches the loudspeakers of all terminals off or on."""

    @extend_schema(request=shapes.Switch, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Switch off (`value` 1) or on (0) the loudspeakers of all terminals, and of those that join later.

        Raises Refusal.
        """
        value = bool(self.whole_number(request, "value", 0, 1))
        return self.send_order(request, conf_id, SilenceTerminals, value=value)


class Mute(Call):
    """The call `…/mute`, which mutes all terminals, or lets them be heard."""

    @extend_schema(request=shapes.MuteAll, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Mute all microphones, also of terminals that join later (`value` 1), or ask people to switch theirs on (0).

        `force_mute` 1: people may not switch theirs on again by themselves. Raises Refusal.
        """
        value = bool(self.whole_number(request, "value", 0, 1))
        hold = bool(self.whole_number(request, "force_mute", 0, 1, 0))
        return self.send_order(request, conf_id, MuteTerminals, value=value, hold=hold)


class Safety(Call):
    """The call `…/safty` (spelt so in the specification) changes the password of a conference."""

    @extend_schema(request=shapes.Safety, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Change the password of a conference; the answer is a refusal if the caller may not decide who enters.

        Raises Refusal. Arguments that would hide the conference or close it to others are refused,
        as these do not exist here: ignoring them would let people in whom the caller wants to keep
        out.
        """
        params, account = self.params(request), self.session(request).account
        stored_commands.refuse_unless_may_admit(self.own_conference(request, conf_id), account)
        unsupported.refuse_unsafe(params)
        password = request_parsing.conference_password(params.get("password"))
        return self.send_order(request, conf_id, SetPassword, password=password)


class Name(Call):
    """The call `…/name` renames a conference."""

    @extend_schema(request=shapes.Value, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Give a conference another name: the argument `value`. Raises Refusal."""
        name = request_parsing.conference_name(self.params(request).get("value"), "value")
        return self.send_order(request, conf_id, RenameConference, name=name)


class ShortMessage(Call):
    """The call `…/sms` shows a text to members of a conference."""

    @extend_schema(request=shapes.ShortMessage, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Show a text to the named members of a conference, or to all if none is named; an empty text removes it.

        Raises Refusal for more than 1500 bytes, an unknown member, or a conference that is not the
        caller's. `roll_num`: how often the text runs over the screen.
        """
        text = request_parsing.words(self.params(request).get("message"), "message")
        if len(text.encode(errors="replace")) > MAX_MESSAGE_BYTES:
            raise Refusal(int(Err.MALFORMED), "message: at most 1500 bytes are allowed")
        rounds, ids = self.whole_number(request, "roll_num", 1, 255, 1), self.ids(request)
        refuse_unknown(self.own_conference(request, conf_id), ids)
        return self.send_order(
            request, conf_id, SendText, text=text, mtids=ids or None, rounds=rounds
        )


class ForceBroadcast(Call):
    """The call `…/forcebroadcast` shows the speaker to everybody, or lets each person choose."""

    @extend_schema(request=shapes.ForceBroadcast, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Show the speaker to everybody, or let each person choose again."""
        value = self.whole_number(request, "force_broadcast", 0, 1)
        return self.arrange(request, conf_id, broadcast=value)


class DualMode(Call):
    """The call `…/dualmode` says who may share content."""

    @extend_schema(request=shapes.Number, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Accept that anybody may share content (1), and refuse to limit it."""
        self.own_conference(request, conf_id)
        if self.whole_number(request, "value", 0, 2) != 1:
            raise Refusal(NOT_PERMITTED, "value: sharing cannot be limited to some; use 1")
        return ack()


class Vad(Call):
    """The call `…/vad` lets the picture follow the person who talks (voice activity detection)."""

    @extend_schema(responses={200: answers(shapes.Vad)})
    def get(self, request: Request, conf_id: str) -> Response:
        """Answer whether the picture of a conference follows the person who talks."""
        interval = self.arrangement(request, conf_id).vad
        return ack(
            voice_activity_detection=int(bool(interval)), vacinterval=interval or DEFAULT_INTERVAL
        )

    @extend_schema(request=shapes.ChangeVad, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Let the picture follow the person who has talked for some seconds, or end that."""
        state = self.whole_number(request, "state", 0, 1)
        interval = self.whole_number(request, "vacinterval", 5, 3600, DEFAULT_INTERVAL)
        return self.arrange(request, conf_id, vad=interval if state else None)


class Vips(Call):
    """The call `…/viplist` lists and chooses the terminals that are shown first."""

    @extend_schema(responses={200: answers(shapes.VipList)})
    def get(self, request: Request, conf_id: str) -> Response:
        """List the terminals of a conference that are shown first."""
        vips = self.arrangement(request, conf_id).vips
        return ack(mts=[{"mt_id": mt_id, "cascade_id": "0"} for mt_id in vips])

    @extend_schema(request=shapes.Vips, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Choose the terminals of a conference that are shown first."""
        return self.arrange(request, conf_id, vips=self.ids(request, limit=MAX_VIPS))


class RecordingServers(Call):
    """The call `vc/vrs` lists the recorders of this site."""

    @extend_schema(responses={200: answers(shapes.RecordingServers)})
    def get(self, request: Request) -> Response:
        """List the recorders of this site; none while Redis is away. A conference gets one of them by itself."""
        try:
            resources = load_resources(own_platform())
        except redis.RedisError:
            resources = {}
        units = sorted(unit for kind, unit in resources if kind == "vrs")
        return ack(
            vrs=[
                {"operator": "", "ip": unit.ip, "port": 0, "vrs_id": unit.pid or unit.ip}
                for unit in units
            ]
        )
