"""Messages about monitors: the sound or picture of a terminal is sent as RTP to an address (CSS §10).

A monitor is known by its address: one conference sends at most one stream to an address.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, items, text, whole
from wire.fields import Count, ErrCode, Incarnation, Ip, Moid, Number, Pid, ReqId, Text

MonitorMode = Literal[0, 1]
"""A monitor sends the picture (0) or the sound (1), as in the HTTP API."""

VIDEO, AUDIO = 0, 1

Port = Annotated[int, whole(1, 65535)]
MonitoredTerminal = Annotated[str, text(128)]
"""The terminal's id in the conference; "" means the mixed sound of all (mode 1) or the composed picture (mode 0)."""


class MonitorAddress(TypedObject):
    """The address to which a monitor (a terminal's sound or picture) is sent as RTP; it also names the monitor."""

    ip: Ip
    port: Port


Monitors = Annotated[tuple[MonitorAddress, ...], items()]


# ---- between conference managers and the scheduler ------------------------------------------------


@message("CM_MAU_STARTMONITOR_REQ", nack="MAU_CM_STARTMONITOR_NACK")
class StartMonitor(Message):
    """A conference manager (CM) asks that a terminal's sound or picture is sent to an address."""

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")
    user_domain: Moid | None = field(name="moid", default=None)
    mtid: MonitoredTerminal = ""
    ip: Ip
    port: Port
    mode: MonitorMode


@message("MAU_CM_STARTMONITOR_ACK")
class MonitorStarted(Message):
    """The scheduler (CSS) answers that the sound or picture is being sent.

    Two fields are our additions, and absent if the media unit does not name them: `rtcp`, the address for receiver
    reports, and `payload`, the payload type in the RTP packets.
    """

    reqid: Text | None = None
    e164: Text = field(name="confE164")
    mtid: Text
    ip: Text
    port: int
    mode: int
    rtcp: MonitorAddress | None = None
    payload: int | None = None


@message("MAU_CM_STARTMONITOR_NACK")
class MonitorRefused(Message):
    """The scheduler (CSS) refuses to send a terminal's sound or picture to an address; `errcode` says why."""

    reqid: Text | None = None
    e164: Text | None = field(name="confE164", default=None)
    errcode: Text
    detail: Text | None = None


@message("CM_MAU_STOPMONITOR_REQ", nack="MAU_CM_STOPMONITOR_NACK")
class StopMonitor(Message):
    """A conference manager (CM) stops the monitor (stream of a terminal's sound or picture) at an address.

    If `mtid` or `mode` is given, the monitor must match.
    """

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")
    user_domain: Moid | None = field(name="moid", default=None)
    mtid: MonitoredTerminal | None = None
    ip: Ip
    port: Port
    mode: MonitorMode | None = None


@message("MAU_CM_STOPMONITOR_ACK")
class MonitorStopped(Message):
    """The scheduler (CSS) answers that the stream to this address (the monitor) is stopped."""

    reqid: Text | None = None
    e164: Text = field(name="confE164")
    ip: Text
    port: int


@message("MAU_CM_STOPMONITOR_NACK")
class StopMonitorRefused(Message):
    """The scheduler (CSS) answers that there is no such monitor, or that this request may not stop it."""

    reqid: Text | None = None
    e164: Text | None = field(name="confE164", default=None)
    errcode: Text
    detail: Text | None = None


@message("CM_MAU_MONITORKEEPALIVE_NTF")
class KeepMonitorsAlive(Message):
    """A conference manager (CM) tells which monitors (streams of sound or picture) it still receives (CSS §10).

    These go on; others are stopped after some time.
    """

    e164: Number = field(name="confE164")
    monitors: Monitors = ()


@message("MAU_CM_STOPMONITOR_NTF")
class MonitorsEnded(Message):
    """The scheduler (CSS) tells conference managers which monitors (streams of sound or picture) have ended."""

    e164: Text = field(name="confE164")
    monitors: Monitors


# ---- between the scheduler and media units --------------------------------------------------------


@message("MAU_MCU_STARTMONITOR_REQ")
class StartMonitorOnUnit(Message):
    """The scheduler (CSS) asks a media unit to send a terminal's sound or picture to an address."""

    reqid: ReqId
    e164: Number = field(name="confE164")
    incarnation: Incarnation
    mtid: MonitoredTerminal = ""
    ip: Ip
    port: Port
    mode: MonitorMode


@message("MCU_MAU_STARTMONITOR_ACK")
class UnitStartedMonitor(Message):
    """The media unit answers that it sends the sound or picture of request `reqid`. `ip` and `pid` name the unit."""

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")
    incarnation: Count | None = None
    ip: Ip | None = None
    pid: Pid | None = None
    rtcp: MonitorAddress | None = None
    payload: Annotated[int, whole(0, 127)] | None = None


@message("MCU_MAU_STARTMONITOR_NACK")
class UnitRefusedMonitor(Message):
    """The media unit refuses to send the stream (monitor) of request `reqid` to its address."""

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")
    incarnation: Count | None = None
    errcode: ErrCode = "29015"
    detail: Text | None = None
    ip: Ip | None = None
    pid: Pid | None = None


@message("MAU_MCU_STOPMONITOR_CMD")
class StopMonitorsOnUnit(Message):
    """The scheduler (CSS) tells a media unit to stop the monitors (sound or picture) sent to these addresses."""

    e164: Number = field(name="confE164")
    monitors: Monitors
