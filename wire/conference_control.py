"""Orders of conference managers (CM) and answers of media units: the scheduler forwards both (CSS §2.3.3)."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from msgspec import field

from foundation.bus.message import BadMessage, Message, Raw, read_fields
from foundation.bus.typed_json import TypedObject, items, read_as, text, to_json, whole
from wire.fields import (
    InvitedTerminals,
    Moid,
    NewName,
    Number,
    Password,
    Pid,
    Terminal,
    UnitName,
)
from wire.media_unit import UnitReportsChange


class _AddressFields(TypedObject):
    """The scheduler (CSS) reads these fields alone of a message between manager and media unit that it forwards."""

    e164: Number = field(name="confE164")
    reqid: Annotated[str, text(64)] = ""
    ip: Annotated[str, text(64)] = ""
    pid: Pid = ""


class _ForwardedMessage(Raw):
    """A message that the scheduler (CSS) forwards; it reads only the conference's number and sender's addresses."""

    _TYPE_PATTERN: ClassVar[re.Pattern[str]]

    def __post_init__(self) -> None:
        """Raise BadMessage if the type is unknown, the conference's number is missing, or an address is invalid."""
        if not self._TYPE_PATTERN.fullmatch(self.type):
            raise BadMessage(f"unknown type {self.type[:64]!r}", "type")
        read_fields(_AddressFields, self.body)

    @property
    def e164(self) -> str:
        """Return the E.164 number of the conference that the message is about."""
        return str(self.body["confE164"])

    @property
    def reqid(self) -> str | None:
        """Return the request id, which the answer repeats; `None` means that there is none."""
        return self.body.get("reqid") or None


class Control(_ForwardedMessage):
    """`CM_MCU_<NAME>_REQ` or `_CMD`: an order of a conference manager to the media unit of a conference."""

    _TYPE_PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"CM_MCU_[A-Z0-9_]{1,40}_(REQ|CMD)")

    @property
    def name(self) -> str:
        """Return what is ordered: the part `<NAME>` of the message type, for instance `MUTE`."""
        return self.type.removeprefix("CM_MCU_").rpartition("_")[0]

    @property
    def expects_answer(self) -> bool:
        """Return whether this is a request, which is answered, and not a command."""
        return self.type.endswith("_REQ")

    def answer_type(self, kind: str) -> str:
        """Return the type of the answer to this order. `kind`: `ACK` or `NACK`."""
        return f"MCU_CM_{self.name}_{kind}"

    @property
    def terminals_to_call(self) -> list[Terminal]:
        """Return the terminals that the media unit is to call; [] if this order is not about calling terminals."""
        mts = self.body.get("mts") if self.type.startswith("CM_MCU_ADDMT_") else None
        terminals = mts if isinstance(mts, list) else []
        return [read_as(Terminal, value) for value in terminals if isinstance(value, dict)]


CHANGE = "confstatechange"
"""The name of the field of a media unit's answer that reports what the order has changed."""


class _ChangeField(TypedObject):
    """The field `confstatechange` of a media unit's answer holds its report of what the order has changed."""

    change: UnitReportsChange | None = field(name=CHANGE, default=None)


class ControlAnswered(_ForwardedMessage):
    """`MCU_CM_<NAME>_ACK`, `_NACK` or `_NTF`: an answer or notice of a media unit to conference managers.

    `confstatechange`, our addition that managers do not get: the fields of the MCU_MAU_CONFSTATECHANGE_NTF that
    reports what the order has changed. The scheduler (CSS) takes it before it forwards the answer, which may be handled
    before that report.
    """

    _TYPE_PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"MCU_CM_[A-Z0-9_]{1,40}_(ACK|NACK|NTF)")

    def __post_init__(self) -> None:
        """Check the message; raise BadMessage also if `confstatechange` is invalid or about another conference."""
        super().__post_init__()
        if (change := read_fields(_ChangeField, self.body).change) and change.e164 != self.e164:
            raise BadMessage("must be the number that the answer names", f"{CHANGE}.confE164")

    @property
    def change(self) -> UnitReportsChange | None:
        """Return the report of what the order has changed; `None` if the unit sends none with its answer."""
        return read_fields(_ChangeField, self.body).change

    @property
    def without_change(self) -> ControlAnswered:
        """Return the answer as conference managers get it: without the field `confstatechange`."""
        if CHANGE not in self.body:
            return self
        return ControlAnswered({name: self.body[name] for name in self.body if name != CHANGE})

    @property
    def begins_recording(self) -> bool:
        """Return whether this is the unit's notice that it records the conference from now on."""
        return self.type == "MCU_CM_RECORDSTATE_NTF" and self.body.get("recording") == 1

    @property
    def ip(self) -> str | None:
        """Return the address of the media unit that sends this; `None` if the message does not name it."""
        return self.body.get("ip") or None

    @property
    def pid(self) -> str | None:
        """Return the instance name of the media unit that sends this; `None` if the message does not name it."""
        return self.body.get("pid") or None


# ---- orders with declared fields, which our own API sends ------------------------------------------

MtId = Annotated[str, text(128)]


class ControlOrder(Message):
    """The base of control orders with declared fields, which are only sent: a receiver reads them as `Control`."""

    e164: Number = field(name="confE164")
    user_domain: Moid | None = field(name="moid", default=None)


class StartRecording(ControlOrder):
    """Order the media unit to record the conference. `vrs`: the recorder that was reserved for it, if any."""

    wire_type: ClassVar[str] = "CM_MCU_STARTRECORD_REQ"
    vrs: UnitName | None = None


class CallTerminals(ControlOrder):
    """Order the media unit to call terminals into a conference."""

    wire_type: ClassVar[str] = "CM_MCU_ADDMT_REQ"
    mts: InvitedTerminals

    @property
    def terminals(self) -> tuple[Terminal, ...]:
        """Return the terminals to call in the form in which a conference lists its terminals."""
        return tuple(read_as(Terminal, to_json(invited)) for invited in self.mts)


class RemoveTerminals(ControlOrder):
    """Order to hang up terminals and remove them from the member list. `ban`: they may not enter until called again."""

    wire_type: ClassVar[str] = "CM_MCU_DELMT_REQ"
    mtids: Annotated[tuple[MtId, ...], items()]
    ban: bool = False


class HangUpTerminals(ControlOrder):
    """Order to hang up terminals, which stay on the member list. `ban`: they may not enter until called again."""

    wire_type: ClassVar[str] = "CM_MCU_DROPMT_REQ"
    mtids: Annotated[tuple[MtId, ...], items()]
    ban: bool = False


class MuteTerminals(ControlOrder):
    """Order to mute (`value` true) or unmute one terminal (`mtid`), or all terminals and those that join later.

    A join page never opens a microphone by itself: when its person is unmuted, it asks them to open it. `hold`: muted
    people may not unmute themselves. `spare`: chairman and speaker are not muted.
    """

    wire_type: ClassVar[str] = "CM_MCU_MUTE_REQ"
    value: bool
    mtid: MtId | None = None
    hold: bool = False
    spare: bool = False


class SilenceTerminals(ControlOrder):
    """Order to switch loudspeakers off (`value` true) or on: of a terminal (`mtid`), or of all, also future ones."""

    wire_type: ClassVar[str] = "CM_MCU_SILENCE_REQ"
    value: bool
    mtid: MtId | None = None


class RenameConference(ControlOrder):
    """Order to give a conference another name."""

    wire_type: ClassVar[str] = "CM_MCU_MODIFYCONFNAME_REQ"
    name: NewName = field(name="confname")


class SetPassword(ControlOrder):
    """Order to give a conference another password; "" means none."""

    wire_type: ClassVar[str] = "CM_MCU_MODIFYCONFPWD_REQ"
    password: Password = field(name="confpwd")


class TerminalControl(ControlOrder):
    """The base of control orders about one terminal, with its id in the conference (`mtid`)."""

    mtid: MtId


class SetChairman(TerminalControl):
    """Order to make a terminal the chairman; the mtid "" means nobody."""

    wire_type: ClassVar[str] = "CM_MCU_SETCHAIRMAN_REQ"


class SetSpeaker(TerminalControl):
    """Order to make a terminal the speaker; the mtid "" means nobody."""

    wire_type: ClassVar[str] = "CM_MCU_SETSPEAKER_REQ"


class StopRecording(ControlOrder):
    """Order to stop recording the conference. `pause`: the recording may go on later."""

    wire_type: ClassVar[str] = "CM_MCU_STOPRECORD_REQ"
    pause: bool = False


class Arrange(ControlOrder):
    """Order to change who is heard and shown in a conference (its arrangement, see `wire/arrangement.py`).

    `changes`: name of a member of the arrangement -> its new value; `null` sets it back to its default. `mixadd` and
    `mixdel`: ids of terminals to add to, and to remove from, the running mix.
    """

    wire_type: ClassVar[str] = "CM_MCU_ARRANGE_REQ"
    changes: dict[str, object] = field(default_factory=dict)
    mixadd: Annotated[tuple[MtId, ...], items()] = ()
    mixdel: Annotated[tuple[MtId, ...], items()] = ()


class SendText(ControlOrder):
    """Order to show a text to all members of a conference, or to those in `mtids`. The text "" removes the shown one.

    The text is shown `rounds` times; 255 means until another one comes.
    """

    wire_type: ClassVar[str] = "CM_MCU_SENDMSG_REQ"
    text: Annotated[str, text(1500)]
    mtids: Annotated[tuple[MtId, ...], items()] | None = None
    rounds: Annotated[int, whole(1, 255)] = 1

    @classmethod
    def from_older_form(cls, value: object) -> object:
        """Return a received message (`value`) with the lines of its text joined into one line."""
        lines = value.get("text") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(lines, str):
            return value
        return {**value, "text": lines.replace("\r", "").replace("\n", " ").replace("\t", " ")}
