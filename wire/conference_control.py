"""Conference control, passed through unchanged (CSS §2.3.3)."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from msgspec import field

from foundation.bus.message import BadMessage, Message, Raw, read_fields
from foundation.bus.typed_json import TypedObject, items, read_as, text, to_json
from wire.fields import InvitedTerminals, Moid, Name, Number, Pid, Terminal


class _Addresses(TypedObject):
    """The fields that are read of a message which goes through unchanged."""

    e164: Number = field(name="confE164")
    reqid: Annotated[str, text(64)] = ""
    ip: Annotated[str, text(64)] = ""
    pid: Pid = ""


class _Passed(Raw):
    """A passed message goes through unchanged; only its number and addresses are read."""

    _NAMES: ClassVar[re.Pattern[str]]

    def __post_init__(self) -> None:
        if not self._NAMES.fullmatch(self.type):
            raise BadMessage(f"unknown type {self.type[:64]!r}", "type")
        self._addresses()

    def _addresses(self) -> _Addresses:
        return read_fields(_Addresses, self.body)

    @property
    def e164(self) -> str:
        """Return the number of the conference."""
        return str(self.body["confE164"])

    @property
    def reqid(self) -> str | None:
        """Return the request id, which the answer repeats; `None` means that there is none."""
        return self.body.get("reqid") or None


class Control(_Passed):
    """`CM_MCU_<NAME>_REQ` or `_CMD`: from CM to the unit that runs the conference."""

    _NAMES: ClassVar[re.Pattern[str]] = re.compile(r"CM_MCU_[A-Z0-9_]{1,40}_(REQ|CMD)")

    @property
    def refusal_type(self) -> str:
        """Return the type of the NACK by which the CSS itself refuses this control."""
        return "MCU_CM_" + self.type.removeprefix("CM_MCU_").rsplit("_", 1)[0] + "_NACK"

    @property
    def called(self) -> list[Terminal]:
        """Return the terminals that this control asks the unit to call."""
        mts = self.body.get("mts") if self.type.startswith("CM_MCU_ADDMT_") else None
        terminals = mts if isinstance(mts, list) else []
        return [read_as(Terminal, value) for value in terminals if isinstance(value, dict)]


class ControlAnswered(_Passed):
    """`MCU_CM_<NAME>_ACK`, `_NACK` or `_NTF`: from the unit to CM."""

    _NAMES: ClassVar[re.Pattern[str]] = re.compile(r"MCU_CM_[A-Z0-9_]{1,40}_(ACK|NACK|NTF)")

    @property
    def ip(self) -> str | None:
        """Return the address of the unit that sends this; `None` means that it does not name itself."""
        return self.body.get("ip") or None

    @property
    def pid(self) -> str | None:
        """Return the instance name of the unit that sends this; `None` means that it has none."""
        return self.body.get("pid") or None


# ---- controls whose content is known here --------------------------------------------------------

MtId = Annotated[str, text(128)]


class ControlOrder(Message):
    """A control order is about one conference. It is not registered as a type: on its way it is a `Control`."""

    e164: Number = field(name="confE164")
    user_domain: Moid | None = field(name="moid", default=None)


class CallTerminals(ControlOrder):
    """Call terminals into a conference."""

    wire_type: ClassVar[str] = "CM_MCU_ADDMT_REQ"
    mts: InvitedTerminals

    @property
    def terminals(self) -> tuple[Terminal, ...]:
        """Return the invited terminals as terminals of a conference."""
        return tuple(read_as(Terminal, to_json(invited)) for invited in self.mts)


class RemoveTerminals(ControlOrder):
    """Take terminals off the list of a conference."""

    wire_type: ClassVar[str] = "CM_MCU_DELMT_REQ"
    mtids: Annotated[tuple[MtId, ...], items()]


class HangUpTerminals(ControlOrder):
    """Close the connections of terminals, which stay on the list."""

    wire_type: ClassVar[str] = "CM_MCU_DROPMT_REQ"
    mtids: Annotated[tuple[MtId, ...], items()]


class MuteTerminals(ControlOrder):
    """Mute one terminal, or all of a conference, or let them be heard again."""

    wire_type: ClassVar[str] = "CM_MCU_MUTE_REQ"
    value: bool
    mtid: MtId | None = None


class RenameConference(ControlOrder):
    """Give a conference another name."""

    wire_type: ClassVar[str] = "CM_MCU_MODIFYCONFNAME_REQ"
    name: Name = field(name="confname")


class NamesTerminal(ControlOrder):
    """The control names the one terminal that it is about."""

    mtid: MtId


class SendText(ControlOrder):
    """Show people a text; lines may be broken."""

    wire_type: ClassVar[str] = "CM_MCU_SENDMSG_REQ"
    text: Annotated[str, text(1000, 1)]

    @classmethod
    def prepared(cls, value: object) -> object:
        """Join the lines of the text into one line."""
        words = value.get("text") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(words, str):
            return value
        return {**value, "text": words.replace("\r", "").replace("\n", " ").replace("\t", " ")}
