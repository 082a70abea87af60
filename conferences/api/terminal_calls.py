"""The calls control terminals: `vc/confs/{conf_id}/mts/{mt_id}` and below, `online_mts`, `cascades`."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import representations, serializers, shapes, stored_commands
from conferences.api.call import Call, as_invited, refuse_unknown, terminal_of
from conferences.api.views import Terminals
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from wire.arrangement import arrangement_of
from wire.conference_control import (
    CallTerminals,
    HangUpTerminals,
    MuteTerminals,
    SilenceTerminals,
)
from wire.error_codes import Err

NO_CASCADE, NOT_SUPPORTED = 20442, 22013
ONLY_CASCADE = "0"
"""The id of the conference itself; no other conferences are cascaded to it."""
CAMERA = 1


class Cascades(Call):
    """The call `…/cascades` lists the conferences that are cascaded to a conference: only itself."""

    @extend_schema(responses={200: answers(shapes.Cascade)})
    def get(self, request: Request, conf_id: str) -> Response:
        """Answer the list of cascaded conferences: none. `mt_id`, the terminal that links to a higher one, is empty."""
        conference = self.own_conference(request, conf_id)
        return ack(
            name=conference.name,
            conf_id=conference.e164,
            cascade_id=ONLY_CASCADE,
            mt_id="",
            cascades=[],
        )


class CascadeTerminals(Terminals):
    """The call `…/cascades/{cascade_id}/mts`; the cascade 0 is the conference itself."""

    @extend_schema(responses={200: answers(serializers.MtList)})
    def get(self, request: Request, conf_id: str, cascade_id: str = "") -> Response:
        """List the terminals of the conference, the only one in its cascade."""
        _refuse_cascade(self, request, conf_id, cascade_id)
        return super().get(request, conf_id)

    @extend_schema(
        request=serializers.InvitedMembers, responses={200: answers(serializers.CalledTerminals)}
    )
    def post(self, request: Request, conf_id: str, cascade_id: str = "") -> Response:
        """Let the media unit call terminals into the conference, the only one in its cascade (0)."""
        _refuse_cascade(self, request, conf_id, cascade_id)
        answer = super().post(request, conf_id)
        answer.data["cascades_id"] = cascade_id
        return answer

    http_method_names = ("get", "post")


def _refuse_cascade(call: Call, request: Request, conf_id: str, cascade_id: str) -> None:
    """Raise Refusal for a conference cascaded to another (`cascade_id`); only 0, the conference itself, exists."""
    call.own_conference(request, conf_id)
    if cascade_id != ONLY_CASCADE:
        raise Refusal(NO_CASCADE, "cascade_id: no conference is cascaded; use 0")


class OnlineTerminals(Call):
    """The call `…/online_mts` calls terminals of a conference, and hangs them up."""

    @extend_schema(request=serializers.TerminalIds, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Call terminals that the conference lists as offline; those that are online stay so. Raises Refusal."""
        conference, ids = self.own_conference(request, conf_id), self.ids(request)
        stored_commands.refuse_unless_may_admit(conference, self.session(request).account)
        refuse_unknown(conference, ids)
        if not ids:
            raise Refusal(int(Err.MALFORMED), "mts: a list of {mt_id} is needed")
        rows = [
            terminal for terminal in conference.mts if terminal.mtid in ids and not terminal.online
        ]
        if not rows:
            return ack()
        called = tuple(map(as_invited, rows))
        return self.send_order(request, conf_id, CallTerminals, mts=called)

    @extend_schema(request=serializers.TerminalIds, responses=shapes.DONE)
    def delete(self, request: Request, conf_id: str) -> Response:
        """Hang up terminals of a conference; they stay in its list, so they can be called again. Raises Refusal."""
        ids = self.ids(request)
        refuse_unknown(self.own_conference(request, conf_id), ids)
        if not ids:
            raise Refusal(int(Err.MALFORMED), "mts: a list of {mt_id} is needed")
        return self.send_order(request, conf_id, HangUpTerminals, mtids=ids)


class OneTerminal(Call):
    """The call `…/mts/{mt_id}` shows a terminal of a conference."""

    @extend_schema(operation_id="vc_confs_mts_of_one", responses={200: answers(shapes.MtDetail)})
    def get(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Answer a terminal of a conference, with its channels."""
        conference = self.own_conference(request, conf_id)
        return ack(**representations.terminal_detail(conference, terminal_of(conference, mt_id)))


class TerminalMute(Call):
    """The call `…/mts/{mt_id}/mute`, which mutes one terminal, or asks its person to switch the microphone on."""

    @extend_schema(request=shapes.Switch, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Mute a terminal's microphone (`value` 1).

        Or ask its person to switch it on (0), which only the person can do. Raises Refusal.
        """
        value = bool(self.whole_number(request, "value", 0, 1))
        self.own_terminal(request, conf_id, mt_id)
        return self.send_order(request, conf_id, MuteTerminals, value=value, mtid=mt_id)


class TerminalSilence(Call):
    """The call `…/mts/{mt_id}/silence` switches the loudspeaker of one terminal off or on."""

    @extend_schema(request=shapes.Switch, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Switch the loudspeaker of a terminal off (`value` 1) or on (0). Raises Refusal."""
        value = bool(self.whole_number(request, "value", 0, 1))
        self.own_terminal(request, conf_id, mt_id)
        return self.send_order(request, conf_id, SilenceTerminals, value=value, mtid=mt_id)


class Volume(Call):
    """The call `…/mts/{mt_id}/volume` sets the volume of a terminal."""

    @extend_schema(request=shapes.Volume, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Set how loud the loudspeaker (`vol_mode` 1) or the microphone (2) of a terminal is: 0 to 35."""
        side = self.whole_number(request, "vol_mode", 1, 2)
        value = self.whole_number(request, "vol_value", 0, 35)
        conference = self.own_conference(request, conf_id)
        terminal_of(conference, mt_id)
        volumes = arrangement_of(conference.settings).volumes
        own = {**volumes.get(mt_id, {}), str(side): value}
        return self.arrange(request, conf_id, volumes={**volumes, mt_id: own})


class CallMode(Call):
    """The call `…/mts/{mt_id}/call_mode` says how a terminal is called."""

    @extend_schema(request=shapes.Number, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Accept that people call the terminal (0); refuse that the system calls it automatically."""
        self.own_terminal(request, conf_id, mt_id)
        if self.whole_number(request, "value", 0, 3):
            raise Refusal(NOT_SUPPORTED, "value: terminals are called by hand only; use 0")
        return ack()


class Camera(Call):
    """The call `…/mts/{mt_id}/camera` moves the camera of a terminal."""

    @extend_schema(request=shapes.Camera, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Refuse to move a camera: always raises Refusal, since those of browsers cannot be moved."""
        self.own_terminal(request, conf_id, mt_id)
        self.whole_number(request, "type", 1, 15)  # A malformed argument is refused as such.
        raise Refusal(NOT_SUPPORTED, "the camera of this terminal cannot be moved from afar")


class Videos(Call):
    """The call `…/mts/{mt_id}/videos` lists and chooses the picture sources of a terminal."""

    @extend_schema(responses={200: answers(shapes.Videos)})
    def get(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """List the picture sources of a terminal: the camera that its person has chosen."""
        self.own_terminal(request, conf_id, mt_id)
        videos = [{"video_idx": CAMERA, "video_alise": "camera"}]
        return ack(cur_video_idx=CAMERA, mt_videos=videos)

    @extend_schema(request=shapes.ChooseVideo, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Choose the only picture source of a terminal, its camera; refuse any other."""
        self.own_terminal(request, conf_id, mt_id)
        if self.whole_number(request, "video_idx", 1, 10) != CAMERA:
            raise Refusal(NOT_SUPPORTED, "video_idx: this terminal has one picture source, 1")
        return ack()
