"""Messages of the gates (APS) by which telephones take part: with the scheduler (CSS) and with media units (MCU)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, letters, text, whole
from wire.fields import (
    ErrCode,
    Incarnation,
    Ip,
    Name,
    Number,
    Password,
    Pid,
    Reason,
    ReqId,
    Text,
    UnitName,
)

Entry = Literal[
    "pin", "later", "locked", "waiting", "refused", "removed", "full", "moving", "elsewhere"
]
"""Why a telephone is not let in now.

`pin`: number and PIN are not those of a conference. `later`: too many tries. `waiting`: a chair has to let the caller
in, so ask again in some seconds. `full`: no place or no licensed port is left. `moving`: the conference waits for a
media unit, so ask again. `elsewhere`: another site has it.
"""
Terminal = Annotated[str, letters("0-9A-Za-z_-", 64, 1)]
"""The id of a terminal in its conference (`mtid`)."""
Visitor = Annotated[str, letters("0-9a-f", 16, 16)]
"""The id of a caller in a conference, which stays the same for all calls from one number."""


class LegAddress(TypedObject):
    """An address for RTP packets of one call's sound: Opus with this payload type, in packets of 20 ms."""

    ip: Ip
    port: Annotated[int, whole(1, 65535)]
    pt: Annotated[int, whole(0, 127)] = 96


@message("APS_CSS_ENTER_REQ", nack="CSS_APS_ENTER_NACK")
class AskToEnter(Message):
    """A gate asks whether a telephone may enter a conference (an extension of ours).

    `from` is the caller's number or SIP address, `name` what the others see. `pass` is that of an earlier answer:
    with it a caller comes back who lost the media unit.
    """

    reqid: ReqId
    e164: Number = field(name="confE164")
    pin: Password = ""
    granted: Annotated[str, text(256)] = field(name="pass", default="")
    caller: Annotated[str, text(128, 1)] = field(name="from")
    name: Annotated[str, text(128)] = ""
    callid: Annotated[str, text(128, 1)]


@message("CSS_APS_ENTER_ACK")
class TelephoneMayEnter(Message):
    """The scheduler (CSS) lets a telephone enter: `mcu` has the conference, the telephone is its terminal `mtid`."""

    reqid: Text
    e164: Text = field(name="confE164")
    incarnation: Incarnation
    name: Name = field(name="confname")
    mtid: Terminal
    visitor: Visitor
    mcu: UnitName
    granted: Annotated[str, text(256)] = field(name="pass", default="")


@message("CSS_APS_ENTER_NACK")
class TelephoneRefused(Message):
    """The scheduler (CSS) does not let a telephone enter now; `entry` says why."""

    reqid: Text | None = None
    e164: Text | None = field(name="confE164", default=None)
    errcode: ErrCode
    detail: Text | None = None
    entry: Entry | None = None


@message("CSS_APS_MOVED_NTF")
class ConferenceHasMoved(Message):
    """The scheduler (CSS) tells the gates which media unit has a restored conference: callers follow it there."""

    e164: Number = field(name="confE164")
    incarnation: Incarnation
    mcu: UnitName


@message("APS_MCU_LEG_REQ", nack="MCU_APS_LEG_NACK")
class AskForLeg(Message):
    """A gate asks a media unit to mix a telephone into a conference: sound comes from, and goes to, `audio`.

    The gate repeats it while the call lasts; a leg of which a unit has not heard for 60 s ends. `ip` and `pid` name the
    gate.
    """

    reqid: ReqId
    e164: Number = field(name="confE164")
    incarnation: Incarnation
    mtid: Terminal
    visitor: Visitor
    callid: Annotated[str, text(128, 1)]
    account: Annotated[str, text(128, 1)]
    name: Annotated[str, text(128, 1)]
    audio: LegAddress
    ip: Ip
    pid: Pid = ""


@message("MCU_APS_LEG_ACK")
class LegGranted(Message):
    """The media unit mixes the telephone into the conference; `audio` is where it receives the telephone's sound."""

    reqid: Text
    e164: Number = field(name="confE164")
    mtid: Terminal
    audio: LegAddress


@message("MCU_APS_LEG_NACK")
class LegRefused(Message):
    """The media unit does not take the telephone; `errcode` says why."""

    reqid: Text | None = None
    e164: Text | None = field(name="confE164", default=None)
    errcode: ErrCode
    detail: Text | None = None


@message("MCU_APS_LEGGONE_NTF")
class LegGone(Message):
    """The media unit tells the gate that a telephone is not in the conference any more.

    `reason`: `dropped` (by a chair), `ended` (the conference), `lost` (with Janus: ask CSS where to go).
    """

    e164: Number = field(name="confE164")
    mtid: Terminal
    callid: Annotated[str, text(128, 1)]
    reason: Reason


@message("APS_MCU_LEFT_CMD")
class LeaveLeg(Message):
    """The gate tells the media unit that a telephone has hung up."""

    e164: Number = field(name="confE164")
    mtid: Terminal
    callid: Annotated[str, text(128, 1)]
