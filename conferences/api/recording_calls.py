"""Define the calls of recording and playback (HTTP API §2.3). A conference has one recording, with the id 1."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import commands, request_parsing, shapes
from conferences.api.call import Call
from conferences.rules.states import Conference
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from wire.arrangement import arrangement_of
from wire.conference_control import StartRecording, StopRecording

ONLY_ID = "1"
RECORD, OF_CONFERENCE = 1, 1
ALREADY, NOT_RUNNING, NOT_PAUSED, NOT_OF_TERMINALS = 20801, 20802, 20803, 24102
NO_LIVE, NO_PLAYBACK = 20851, 20805


def _recording_item(conference: Conference) -> dict[str, object]:
    """Return the recording of a conference, running or paused, in the form of the API."""
    return {
        "rec_id": ONLY_ID,
        "video_name": conference.name,
        "recorder_type": OF_CONFERENCE,
        "state": arrangement_of(conference.settings).recording,
        "recorder_mode": RECORD,
        "main_stream": 1,
        "current_progress": 0,
        "members": [],
        **dict.fromkeys(("anonymous", "dual_stream", "publish_mode", "watermark"), 0),
    }


class Recordings(Call):
    """The call `…/recorders` lists the recordings of a conference, and starts one."""

    @extend_schema(
        operation_id="vc_confs_recorders_list", responses={200: answers(shapes.Recordings)}
    )
    def get(self, request: Request, conf_id: str) -> Response:
        """List the recordings of a conference: one, or none."""
        conference = self.own_conference(request, conf_id)
        return ack(
            recorders=[_recording_item(conference)]
            if arrangement_of(conference.settings).recording
            else []
        )

    @extend_schema(request=shapes.RecorderOrder, responses={200: answers(shapes.RecordingBegun)})
    def post(self, request: Request, conf_id: str) -> Response:
        """Start to record the conference with this number.

        Raises Refusal, also if it is recorded already, or another kind of recording is asked for.
        """
        conference = self.own_conference(request, conf_id)
        if self.whole_number(request, "recorder_type", 1, 2, OF_CONFERENCE) != OF_CONFERENCE:
            words = "recorder_type: single terminals are not recorded; use 1"
            raise Refusal(NOT_OF_TERMINALS, words)
        if self.whole_number(request, "recorder_mode", 1, 3, RECORD) != RECORD:
            raise Refusal(NO_LIVE, "recorder_mode: there is no live stream; use 1")
        if arrangement_of(conference.settings).recording:
            raise Refusal(ALREADY, "the conference is recorded already")
        commands.ask_unit(StartRecording(e164=conference.e164, user_domain=conference.user_domain))
        return ack(rec_id=ONLY_ID)


class OneRecording(Call):
    """The call `…/recorders/{rec_id}` shows and ends a recording."""

    @extend_schema(
        operation_id="vc_confs_recorders_of_one", responses={200: answers(shapes.RecordingNow)}
    )
    def get(self, request: Request, conf_id: str, rec_id: str) -> Response:
        """Answer the state of a conference's recording, which runs or is paused. Raises Refusal if there is none."""
        return ack(**_recording_item(self.recorded_conference(request, conf_id, rec_id)))

    @extend_schema(request=None, responses=shapes.DONE)
    def delete(self, request: Request, conf_id: str, rec_id: str) -> Response:
        """End the recording of a conference. Raises Refusal if none runs or is paused, or the unit refuses."""
        self.recorded_conference(request, conf_id, rec_id)
        return self.send_order(request, conf_id, StopRecording)

    def recorded_conference(self, request: Request, conf_id: str, rec_id: str) -> Conference:
        """Return the caller's conference. Raises Refusal if it is not recorded, or has no recording with this id."""
        conference = self.own_conference(request, conf_id)
        if rec_id != ONLY_ID or not arrangement_of(conference.settings).recording:
            raise Refusal(NOT_RUNNING, "rec_id: no such recording runs")
        return conference


class RecordingState(OneRecording):
    """The call `…/recorders/{rec_id}/state` pauses a recording, and lets it go on."""

    http_method_names = ("put",)

    @extend_schema(request=shapes.RecorderState, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str, rec_id: str) -> Response:
        """Let the recording of a conference pause (`value` 1) or go on (2).

        Raises Refusal, also if it is to go on but runs.
        """
        value = self.whole_number(request, "value", 1, 2)
        conference = self.recorded_conference(request, conf_id, rec_id)
        # In the settings of the conference, `recording` is 1 while it records and 2 while that pauses.
        is_paused = arrangement_of(conference.settings).recording == 2
        if value == 1:
            return self.send_order(request, conf_id, StopRecording, pause=True)
        if not is_paused:
            raise Refusal(NOT_PAUSED, "value: the recording does not pause")
        return self.send_order(request, conf_id, StartRecording)


class Playback(Call):
    """Define the call `…/playback`: nothing is played into a conference."""

    @extend_schema(responses={200: answers(shapes.Playback)})
    def get(self, request: Request, conf_id: str) -> Response:
        """Answer that no file is played into the conference."""
        self.own_conference(request, conf_id)
        return ack(file_name="", file_id="", state=0, current_progress=0, total_time=0)

    @extend_schema(request=None, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Refuse to play a file, because there is no recording server that plays."""
        self.own_conference(request, conf_id)
        file_id = request_parsing.words(self.params(request).get("file_id"), "file_id")
        raise Refusal(NO_LIVE, f"file_id: no recording server plays {file_id[:64]!r}")
