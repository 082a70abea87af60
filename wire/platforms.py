"""Messages about machine rooms and platforms (CSS §1.2, §2).

The fields `epoch` and `number` (which is ours) order the notices of one room or platform: the newest wins.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, items, text
from wire.fields import Count, Moid, Positive

MOST_LISTED = 500

State = Literal["normal", "abnormal"]
Url = Annotated[str, text(200)]


class Neighbour(TypedObject):
    """A neighbour is a platform that backs up a platform, or is backed up by it; `state` says how it is."""

    platform: Moid = field(name="platformmoid")
    state: State


class Address(TypedObject):
    """The address of a server."""

    url: Url


class StoreAddress(TypedObject):
    """The address of a server with the data of a platform."""

    url: Url
    platform: Moid = field(name="platformmoid")


@message("PLATFORM_STATE_REQ")
class AskPlatformState(Message):
    """CSS asks how a platform is, which platforms it backs up, and which back it up."""

    platform: Moid = field(name="platformmoid")


@message("PLATFORM_STATE_NOTIFY")
class PlatformState(Message):
    """The PMS tells how a platform is: normal while its own site serves it. It does so when asked, and at each change."""

    platform: Moid = field(name="platformmoid")
    state: State
    epoch: Count
    serving: Moid
    mains: Annotated[tuple[Neighbour, ...], items()]
    backups: Annotated[tuple[Neighbour, ...], items()]
    number: Count | None = None


@message("PLATFORM_CONFIG_REQ")
class AskPlatformConfig(Message):
    """CSS asks where a platform's servers are."""

    platform: Moid = field(name="platformmoid")


@message("PLATFORM_CONFIG_NOTIFY")
class PlatformConfig(Message):
    """The PMS tells where a platform's servers are, without credentials: each site has its own."""

    platform: Moid = field(name="platformmoid")
    mq: Address
    redis: Annotated[tuple[StoreAddress, ...], items()]
    mysql: Annotated[tuple[StoreAddress, ...], items()]


@message("SERVER_ROOM_STATE_NOTIFY")
class RoomState(Message):
    """The PMS tells how a machine room is, and which user domains are bound to it, also by default.

    More than 500 domains come in parts; each part says the same of the room.
    """

    platform: Moid = field(name="platformmoid")
    room: Moid = field(name="roommoid")
    state: State
    user_domains: Annotated[tuple[Moid, ...], items(MOST_LISTED)] = field(name="userdomains")
    epoch: Count | None = None
    number: Count | None = None
    listid: Annotated[str, text(64)] | None = None
    part: Positive | None = None
    parts: Positive | None = None
