"""Field types that several messages share: numbers, names, media units, terminals, ways to enter a conference."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import field

from foundation.bus.typed_json import (
    OpenObject,
    TypedObject,
    digits,
    items,
    letters,
    line,
    text,
    whole,
)

MAX_MINUTES = 10080
SIZES = (8, 32, 64, 192)
SMALL = 8
"""A conference with at most this many places is small, any other is large."""

Text = Annotated[str, text()]
Number = Annotated[str, digits(16)]
Moid = Annotated[str, text(40, 1)]
MoidOrEmpty = Annotated[str, text(40)]
Name = Annotated[str, text(64, 1)]
NewName = Annotated[str, line(64)]
"""A name that somebody gives now; one that was given before is a `Name`."""
ReqId = Annotated[str, text(64, 1)]
Ip = Annotated[str, letters("0-9A-Za-z._:%-", 64, 1)]
"""An address; the pool joins it with other words by `#` and `|`."""
Pid = Annotated[str, letters("0-9a-z", 16)]
"""A unit's `pid` is a fixed instance name, not the process id; empty where an address has one unit."""
Password = Annotated[str, text(32)]
Moment = Annotated[str, text(32)]
Reason = Annotated[str, text(32)]
Whole = Annotated[int, whole()]
Count = Annotated[int, whole(0)]
Positive = Annotated[int, whole(1)]
Incarnation = Annotated[int, whole(1, 2**32 - 1)]
"""It is stored in a column of 32 bits; a conference is restored far less often."""
ErrCode = Annotated[str, text(16)]
Places = Literal[8, 32, 64, 192]
Resolution = Literal["720p", "1080p"]
ResourceType = Literal["mcu", "vrs", "mps"]
TerminalType = Literal["e164", "sip", "h323", "user"]


Flag = Literal[0, 1]
"""A flag inside an object with unknown fields, which is passed on as it came: 0 or 1, not a boolean."""


def flag(value: object) -> Flag:
    """Return a truth value as messages write it: 1 for true, 0 for false."""
    return 1 if value else 0


def may_be_number(value: str) -> bool:
    """Return whether a text has the form of a conference number (E.164), as `Number` has: 1 to 16 digits."""
    return value.isdigit() and len(value) <= 16


class UnitName(TypedObject):
    """A media unit, recorder or mixer as messages name it; an empty `ip` means none."""

    ip: Annotated[str, text(64)] = ""
    pid: Pid | None = None
    platform: Text | None = field(name="platformmoid", default=None)
    """The platform at whose site the unit stands."""


class Terminal(OpenObject):
    """A terminal of a conference: as a media unit reports it, and as it is sent to the next unit."""

    lenient: ClassVar[bool] = True
    mtid: str | None = None
    account: str | None = None
    name: str | None = None
    type: str | None = None
    ip: str | None = None
    online: Flag | None = None
    mute: Flag | None = None
    silence: Flag | None = None
    visitor: str | None = None
    """The id that the join page gave to the browser of this participant; a terminal of another kind has none."""
    dual: Flag | None = None
    """1 while the terminal shares a screen (our addition); a unit that cannot know it leaves it out."""


class InvitedTerminal(OpenObject):
    """A terminal to call. `mtid` stands in for a missing `account`, and `account` for a missing `name`."""

    account: Annotated[str, text(128, 1)]
    type: TerminalType = "e164"
    name: Annotated[str, text(128)]

    @classmethod
    def from_older_form(cls, value: object) -> object:
        """Return a received terminal (`value`) with `account` and `name` filled in where they are missing."""
        if not isinstance(value, dict):
            return value
        account = value.get("account", value.get("mtid"))
        return {**value, "account": account, "name": value.get("name") or account}

    @property
    def mtid(self) -> str:
        """Return the id that the terminal is to have in the conference; "" if it has none yet."""
        return str(self.extra.get("mtid") or "")


InvitedTerminals = Annotated[tuple[InvitedTerminal, ...], items()]
Terminals = Annotated[tuple[Terminal, ...], items()]


class Settings(OpenObject):
    """The settings for all members of a conference: microphones muted (`mute`), loudspeakers off (`silence`)."""

    lenient: ClassVar[bool] = True
    mute: Flag | None = None
    silence: Flag | None = None


class WebRtc(OpenObject):
    """How a browser enters a conference: the Janus rooms on its media unit, and the secrets to enter them."""

    lenient: ClassVar[bool] = True
    url: str | None = None
    audioroom: int | str | None = None
    videoroom: int | str | None = None
    textroom: int | str | None = None
    pin: str | int | None = None
    token: str | None = None
    visitortokens: Flag | None = None
    """1: the unit also takes tokens that are made of this one for single visitors (`wire/visitor_token.py`)."""


class Join(OpenObject):
    """The ways to enter a conference, by kind. Kinds that we do not know are passed on as the media unit sent them."""

    lenient: ClassVar[bool] = True
    webrtc: WebRtc | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether there is no way to enter the conference."""
        return self.webrtc is None and not self.extra
