"""The API calls `vc/confs/{conf_id}/monitors…`, by which the sound or picture of a terminal is sent to an address."""

from __future__ import annotations

from collections.abc import Mapping

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import commands, request_parsing, stored_commands
from conferences.api.call import NO_TERMINAL, Call
from conferences.data.platform_resolver import platform_of_domain
from conferences.flows import monitors as flow
from conferences.rules.monitor_checks import monitor_at
from conferences.rules.monitor_states import Monitor, plain_address
from conferences.rules.states import Conference
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import Accepted, answers
from wire.arrangement import arrangement_of
from wire.error_codes import Err
from wire.monitors import (
    AUDIO,
    VIDEO,
    MonitorAddress,
    MonitorMode,
    StartMonitor,
    StopMonitor,
)

NO_MONITOR = 12105
NO_COMPOSITION, NO_SOURCE, MEDIA_DIFFER = 20823, 20513, 20501
"""Error codes of the API: no composition runs, there is no such source, sound and picture do not fit."""

_TERMINAL, _COMPOSITION, _MIX = 1, 2, 3
_MODES: dict[int, MonitorMode] = {0: 0, 1: 1}
_OPUS_SAMPLING = 9
_MOST_ADDRESSES = 64

_Shape = serializers.Serializer[object]


class Address(_Shape):
    """The address to which RTP packets are sent."""

    ip = serializers.CharField()
    port = serializers.IntegerField()


class Source(_Shape):
    """The source of a monitor; `type` 1: a terminal, 2: the composed picture, 3: the mixed sound of all; 4 is refused.

    Each address gets one medium: who wants the composed picture with sound starts two monitors, of the types 2 and 3.
    """

    type = serializers.ChoiceField([1, 2, 3, 4])
    mt_id = serializers.CharField(required=False)
    mt_chn_idx = serializers.IntegerField(required=False)


class MonitorParams(_Shape):
    """The arguments of the call that starts to send a terminal's sound or picture to an address."""

    mode = serializers.ChoiceField([0, 1], help_text="0: picture, 1: sound.")
    src = Source()
    dst = Address()


class AddressParams(_Shape):
    """The argument that names the address to which a terminal's sound or picture is sent."""

    dst = Address()


class Heartbeat(_Shape):
    """The addresses at which the client still receives sound or picture of terminals."""

    monitors = Address(many=True)


class Encryption(_Shape):
    """The encryption of RTP packets; `mode` is 0, as they are not encrypted."""

    mode = serializers.IntegerField()
    key = serializers.CharField(allow_blank=True)


class Payload(_Shape):
    """The payload type in the RTP packets; 0 if the media unit does not name it."""

    real_payload = serializers.IntegerField()
    active_payload = serializers.IntegerField()


class Media(_Shape):
    """The format of the sound or picture that is sent of a terminal."""

    sampling = serializers.IntegerField()
    chn_num = serializers.IntegerField()
    bitrate = serializers.IntegerField()
    max_frame = serializers.IntegerField()


class ActiveSource(Source):
    """The source of a running monitor, with its formats, and the address for receiver reports."""

    encrypt = Encryption()
    payload_formats = Payload()
    media_formats = Media()
    rtcp = Address()


class MonitorItem(_Shape):
    """A monitor (terminal's sound or picture that is sent to an address), as lists show it."""

    mode = serializers.IntegerField()
    src = ActiveSource()
    dst = Address()


class MonitorDetail(MonitorItem, Accepted):
    """The answer that shows one monitor: a terminal's sound or picture that is sent to an address."""


class MonitorList(Accepted):
    """The answer that lists the monitors of a conference: what is sent of which terminal to which address."""

    monitors = MonitorItem(many=True)


def monitor_item(conference: Conference, monitor: Monitor) -> dict[str, object]:
    """Return a monitor (a terminal's sound or picture, sent to an address) in the form of the API, a MonitorItem."""
    is_sound = monitor.mode == AUDIO
    rtcp_ip, rtcp_port = monitor.rtcp or (conference.unit.ip if conference.unit else "", 0)
    payload = monitor.payload or 0
    return {
        "mode": monitor.mode,
        "src": {
            "type": _TERMINAL if monitor.mtid else _MIX if is_sound else _COMPOSITION,
            "mt_id": monitor.mtid,
            "mt_chn_idx": 1,
            "encrypt": {"mode": 0, "key": ""},
            "payload_formats": {"real_payload": payload, "active_payload": payload},
            "media_formats": {
                "sampling": _OPUS_SAMPLING if is_sound else 0,
                "chn_num": int(is_sound),
                "bitrate": 0 if is_sound else conference.bitrate,
                "max_frame": 0 if is_sound else 30,
            },
            "rtcp": {"ip": rtcp_ip, "port": rtcp_port},
        },
        "dst": {"ip": monitor.ip, "port": monitor.port},
    }


def _object_argument(params: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return the argument with this name, which must be a JSON object. Raises Refusal."""
    value = params.get(name)
    if not isinstance(value, dict):
        raise Refusal(int(Err.MALFORMED), f"{name}: an object is needed")
    return value


def _address_argument(value: Mapping[str, object], name: str) -> MonitorAddress:
    """Return the IP address and port in an argument with this name. Raises Refusal."""
    ip = plain_address(request_parsing.words(value.get("ip"), f"{name}.ip"))
    port = request_parsing.number(value.get("port"), f"{name}.port", 0)
    if ip is None:
        raise Refusal(int(Err.MALFORMED), f"{name}.ip: the IP address of one host is needed")
    if not 1 <= port <= 65535:
        raise Refusal(int(Err.MALFORMED), f"{name}.port: 1 to 65535 is needed")
    return MonitorAddress(ip=ip, port=port)


def start_request(
    params: Mapping[str, object], conference: Conference, user_domain: str
) -> StartMonitor:
    """Return the message that starts to send a terminal's sound or picture, from the API's arguments.

    The argument `src.type` is 1 for a terminal, 2 for the picture composed of several, 3 for the mixed sound of all.
    Raises Refusal.
    """
    mode = request_parsing.number(params.get("mode"), "mode", -1)
    if mode not in _MODES:
        raise Refusal(int(Err.MALFORMED), "mode: 0 (picture) or 1 (sound) is needed")
    source = _object_argument(params, "src")
    mtid = request_parsing.words(source.get("mt_id"), "src.mt_id")
    match request_parsing.number(source.get("type"), "src.type", _TERMINAL):
        case 1 if all(terminal.mtid != mtid for terminal in conference.mts):
            raise Refusal(NO_TERMINAL, "src.mt_id: terminal does not exist")
        case 1:
            pass  # The terminal is in the conference.
        case 2 if conference.mps is None or arrangement_of(conference.settings).layout is None:
            raise Refusal(NO_COMPOSITION, "src.type: no composition runs here")
        case 2 if mode == AUDIO:
            raise Refusal(
                MEDIA_DIFFER, "mode: a composition has a picture alone; src.type 3 is its sound"
            )
        case 3 if mode == VIDEO:
            raise Refusal(MEDIA_DIFFER, "mode: a mix has sound alone")
        case 2 | 3:
            mtid = ""
        case _:
            raise Refusal(NO_SOURCE, "src.type: 1 (terminal), 2 (composition) or 3 (mix) is needed")
    target = _address_argument(_object_argument(params, "dst"), "dst")
    return StartMonitor(
        e164=conference.e164,
        user_domain=user_domain,
        mtid=mtid,
        ip=target.ip,
        port=target.port,
        mode=_MODES[mode],
    )


class Monitors(Call):
    """The API call `vc/confs/{conf_id}/monitors` lists and starts monitors."""

    @extend_schema(operation_id="vc_monitors_list", responses={200: answers(MonitorList)})
    def get(self, request: Request, conf_id: str) -> Response:
        """List the monitors of a conference: terminals whose sound or picture is sent to an address."""
        conference = self.own_conference(request, conf_id)
        return ack(
            monitors=[
                monitor_item(conference, monitor)
                for monitor in conference.monitors
                if monitor.running
            ]
        )

    @extend_schema(request=MonitorParams, responses={200: answers(Accepted)})
    def post(self, request: Request, conf_id: str) -> Response:
        """Start to send a terminal's sound or picture to an address.

        Raises Refusal, also if the media unit does not answer. Sending stops unless the caller
        sends a heartbeat every 10 s.
        """
        conference = self.own_conference(request, conf_id)
        if not stored_commands.may_enter(conference, self.session(request).account):
            raise commands.Nack(Err.NOT_PERMITTED, "only who may enter it may listen to it")
        start = start_request(self.params(request), conference, self.domain(request))
        if commands.ask_scheduler(start).answer is None:
            raise Refusal(20001, "the media unit did not answer")
        return ack()


class OneMonitor(Call):
    """The API call `vc/confs/{conf_id}/monitors/{dst_ip}/{dst_port}` shows and stops one monitor."""

    @extend_schema(responses={200: answers(MonitorDetail)})
    def get(self, request: Request, conf_id: str, dst_ip: str, dst_port: int) -> Response:
        """Show the monitor (sound or picture of a terminal) that is sent to an address."""
        conference = self.own_conference(request, conf_id)
        return ack(**monitor_item(conference, _running_monitor(conference, dst_ip, dst_port)))

    @extend_schema(request=None, responses={200: answers(Accepted)})
    def delete(self, request: Request, conf_id: str, dst_ip: str, dst_port: int) -> Response:
        """Stop sending a terminal's sound or picture to this address. Raises Refusal if nothing is sent there."""
        monitor = _running_monitor(self.own_conference(request, conf_id), dst_ip, dst_port)
        domain = self.domain(request)
        commands.ask_scheduler(
            StopMonitor(e164=conf_id, user_domain=domain, ip=monitor.ip, port=monitor.port)
        )
        return ack()


def _running_monitor(conference: Conference, ip: str, port: int) -> Monitor:
    """Return the monitor (terminal's sound or picture) that a conference sends to an address.

    Raises Refusal if none.
    """
    if (monitor := monitor_at(conference, ip, port)) and monitor.running:
        return monitor
    raise Refusal(NO_MONITOR, "no monitor of this conference is sent there")


class MonitorsHeartbeat(Call):
    """The API call `vc/confs/{conf_id}/monitors_heartbeat` keeps monitors alive for 30 s more."""

    @extend_schema(request=Heartbeat, responses={200: answers(Accepted)})
    def post(self, request: Request, conf_id: str) -> Response:
        """Let monitors (streams of a terminal's sound or picture to an ip and port) go on for a while.

        A monitor that is not kept alive is stopped. If some of them have ended, the refusal names them.
        """
        self.own_conference(request, conf_id)
        listed = request_parsing.items(
            self.params(request).get("monitors"), "monitors", _MOST_ADDRESSES
        )
        addresses = [_address_argument(item, "monitors") for item in listed]
        if not addresses:
            raise Refusal(int(Err.MALFORMED), "monitors: a list of {ip, port} is needed")
        platform = platform_of_domain(self.domain(request))
        if unknown := flow.keep_monitors_alive(platform, conf_id, addresses):
            names = ", ".join(f"{address.ip} {address.port}" for address in unknown)
            raise Refusal(NO_MONITOR, f"no monitor goes to {names[:200]}")
        return ack()


class MonitorKeyFrame(Call):
    """Define the API call `vc/confs/{conf_id}/neediframe/monitors`, by which a client requests a key frame."""

    @extend_schema(request=AddressParams, responses={200: answers(Accepted)})
    def post(self, request: Request, conf_id: str) -> Response:
        """Accept the request for a key frame; media units request one of each camera every 10 s anyway.

        Raises Refusal if nothing, or sound alone, is sent to that address.
        """
        conference = self.own_conference(request, conf_id)
        address = _address_argument(_object_argument(self.params(request), "dst"), "dst")
        monitor = _running_monitor(conference, address.ip, address.port)
        if monitor.mode != VIDEO:
            raise Refusal(MEDIA_DIFFER, "dst: sound alone is sent there")
        return ack(description="a whole picture follows within 10 s")
