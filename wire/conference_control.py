"""Control orders of conference managers (CM), and media units' answers, which pass unchanged (CSS §2.3.3)."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from msgspec import field

from foundation.bus.message import BadMessage, Message, Raw, read_fields
from foundation.bus.typed_json import TypedObject, items, read_as, text, to_json
from wire.fields import InvitedTerminals, Moid, NewName, Number, Pid, Terminal, UnitName


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
    """Hang up terminals, and take them off the member list of a conference."""

    wire_type: ClassVar[str] = "CM_MCU_DELMT_REQ"
    mtids: Annotated[tuple[MtId, ...], items()]


class HangUpTerminals(ControlOrder):
    """Hang up terminals, which stay on the member list of the conference."""

    wire_type: ClassVar[str] = "CM_MCU_DROPMT_REQ"
    mtids: Annotated[tuple[MtId, ...], items()]


class MuteTerminals(ControlOrder):
    """Mute one terminal (`mtid`), or all of a conference; with `value` false let them be heard again."""

    wire_type: ClassVar[str] = "CM_MCU_MUTE_REQ"
    value: bool
    mtid: MtId | None = None


class RenameConference(ControlOrder):
    """Give a conference another name."""

    wire_type: ClassVar[str] = "CM_MCU_MODIFYCONFNAME_REQ"
    name: NewName = field(name="confname")


class TerminalControl(ControlOrder):
    """The field of control orders about one terminal."""

    mtid: MtId


class SendText(ControlOrder):
    """Show the members of a conference a text, whose lines are joined to one."""

    wire_type: ClassVar[str] = "CM_MCU_SENDMSG_REQ"
    text: Annotated[str, text(1000, 1)]

    @classmethod
    def from_older_form(cls, value: object) -> object:
        """Join the lines of the text into one line."""
        words = value.get("text") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(words, str):
            return value
        return {**value, "text": words.replace("\r", "").replace("\n", " ").replace("\t", " ")}
