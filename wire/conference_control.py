"""Control orders of conference managers (CM), and media units' answers, which pass unchanged (CSS §2.3.3)."""

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


class _AddressFields(TypedObject):
    """The fields that the scheduler (CSS) reads in a message which it passes on unchanged."""

    e164: Number = field(name="confE164")
    reqid: Annotated[str, text(64)] = ""
    ip: Annotated[str, text(64)] = ""
    pid: Pid = ""


class _PassedOn(Raw):
    """A message that is passed on unchanged; only its number and addresses are read."""

    _TYPE_PATTERN: ClassVar[re.Pattern[str]]

    def __post_init__(self) -> None:
        if not self._TYPE_PATTERN.fullmatch(self.type):
            raise BadMessage(f"unknown type {self.type[:64]!r}", "type")
        self._addresses()

    def _addresses(self) -> _AddressFields:
        return read_fields(_AddressFields, self.body)

    @property
    def e164(self) -> str:
        """Return the number of the conference."""
        return str(self.body["confE164"])

    @property
    def reqid(self) -> str | None:
        """Return the request id, which the answer repeats; `None` means that there is none."""
        return self.body.get("reqid") or None


class Control(_PassedOn):
    """`CM_MCU_<NAME>_REQ` or `_CMD`: an order of a conference manager to the media unit of a conference."""

    _TYPE_PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"CM_MCU_[A-Z0-9_]{1,40}_(REQ|CMD)")

    @property
    def refusal_type(self) -> str:
        """Return the type of the NACK by which the scheduler (CSS), not the unit, refuses this order."""
        return "MCU_CM_" + self.type.removeprefix("CM_MCU_").rsplit("_", 1)[0] + "_NACK"

    @property
    def called(self) -> list[Terminal]:
        """Return the terminals that the unit is to call; [] if this is another order."""
        mts = self.body.get("mts") if self.type.startswith("CM_MCU_ADDMT_") else None
        terminals = mts if isinstance(mts, list) else []
        return [read_as(Terminal, value) for value in terminals if isinstance(value, dict)]


class ControlAnswered(_PassedOn):
    """`MCU_CM_<NAME>_ACK`, `_NACK` or `_NTF`: an answer or notice of a media unit to conference managers."""

    _TYPE_PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"MCU_CM_[A-Z0-9_]{1,40}_(ACK|NACK|NTF)")

    @property
    def begins_recording(self) -> bool:
        """Return whether the unit tells that it records the conference from now on."""
        return self.type == "MCU_CM_RECORDSTATE_NTF" and self.body.get("recording") == 1

    @property
    def ip(self) -> str | None:
        """Return the address of the media unit that sends this; `None` if the message does not name it."""
        return self.body.get("ip") or None

    @property
    def pid(self) -> str | None:
        """Return the instance name of the media unit that sends this; `None` if the message does not name it."""
        return self.body.get("pid") or None


# ---- orders whose fields we know, as our own API sends them ----------------------------------------

MtId = Annotated[str, text(128)]


class ControlOrder(Message):
    """The base of control orders with known fields. Their types are not registered: a receiver reads a `Control`."""

    e164: Number = field(name="confE164")
    user_domain: Moid | None = field(name="moid", default=None)


class StartRecording(ControlOrder):
    """Order the media unit to record; `vrs`, if it is there, is the recorder that was reserved for it."""

    wire_type: ClassVar[str] = "CM_MCU_STARTRECORD_REQ"
    vrs: UnitName | None = None


class CallTerminals(ControlOrder):
    """Order the media unit to call terminals into a conference."""

    wire_type: ClassVar[str] = "CM_MCU_ADDMT_REQ"
    mts: InvitedTerminals

    @property
    def terminals(self) -> tuple[Terminal, ...]:
        """Return the invited terminals as terminals of a conference."""
        return tuple(read_as(Terminal, to_json(invited)) for invited in self.mts)


class RemoveTerminals(ControlOrder):
    """Hang up terminals, and take them off the member list; `ban`: they stay out until they are called again."""

    wire_type: ClassVar[str] = "CM_MCU_DELMT_REQ"
    mtids: Annotated[tuple[MtId, ...], items()]
    ban: bool = False


class HangUpTerminals(ControlOrder):
    """Hang up terminals, which stay on the member list; `ban`: they stay out until they are called again."""

    wire_type: ClassVar[str] = "CM_MCU_DROPMT_REQ"
    mtids: Annotated[tuple[MtId, ...], items()]
    ban: bool = False


class MuteTerminals(ControlOrder):
    """Mute one terminal (`mtid`), or all of a conference and who joins later; `value` false lets them be heard.

    Of a muted person with a join page the microphone is not opened from afar: the page asks him to do so.
    `hold`: nobody may unmute himself; `spare`: chairman and speaker are spared.
    """

    wire_type: ClassVar[str] = "CM_MCU_MUTE_REQ"
    value: bool
    mtid: MtId | None = None
    hold: bool = False
    spare: bool = False


class SilenceTerminals(ControlOrder):
    """Close the loudspeaker of one terminal (`mtid`), or of all and who joins later; `value` false opens them."""

    wire_type: ClassVar[str] = "CM_MCU_SILENCE_REQ"
    value: bool
    mtid: MtId | None = None


class RenameConference(ControlOrder):
    """Give a conference another name."""

    wire_type: ClassVar[str] = "CM_MCU_MODIFYCONFNAME_REQ"
    name: NewName = field(name="confname")


class SetPassword(ControlOrder):
    """Give a conference another password; "" takes it away."""

    wire_type: ClassVar[str] = "CM_MCU_MODIFYCONFPWD_REQ"
    password: Password = field(name="confpwd")


class TerminalControl(ControlOrder):
    """The field of control orders about one terminal."""

    mtid: MtId


class SetChairman(TerminalControl):
    """Make a terminal the chairman; the mtid "" means nobody."""

    wire_type: ClassVar[str] = "CM_MCU_SETCHAIRMAN_REQ"


class SetSpeaker(TerminalControl):
    """Make a terminal the speaker; the mtid "" means nobody."""

    wire_type: ClassVar[str] = "CM_MCU_SETSPEAKER_REQ"


class StopRecording(ControlOrder):
    """Record the conference no more; `pause`: it is to go on later."""

    wire_type: ClassVar[str] = "CM_MCU_STOPRECORD_REQ"
    pause: bool = False


class Arrange(ControlOrder):
    """Change the arrangement of a conference: members by name, `null` takes one back (`wire/arrangement.py`).

    `mixadd` and `mixdel` are terminals to be heard, or not any more, in the running mix.
    """

    wire_type: ClassVar[str] = "CM_MCU_ARRANGE_REQ"
    changes: dict[str, object] = field(default_factory=dict)
    mixadd: Annotated[tuple[MtId, ...], items()] = ()
    mixdel: Annotated[tuple[MtId, ...], items()] = ()


class SendText(ControlOrder):
    """Show the members of a conference, or those of `mtids`, a text, whose lines are joined to one.

    "" takes it away. It is shown `rounds` times (255: until another one comes).
    """

    wire_type: ClassVar[str] = "CM_MCU_SENDMSG_REQ"
    text: Annotated[str, text(1500)]
    mtids: Annotated[tuple[MtId, ...], items()] | None = None
    rounds: Annotated[int, whole(1, 255)] = 1

    @classmethod
    def from_older_form(cls, value: object) -> object:
        """Join the lines of the text into one line."""
        words = value.get("text") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(words, str):
            return value
        return {**value, "text": words.replace("\r", "").replace("\n", " ").replace("\t", " ")}
