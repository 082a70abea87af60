"""Messages between the scheduler (CSS) and the platform monitor (PMS) about machine rooms and platforms (CSS §1.2, §2).

The fields `epoch` and `number` (which is ours) order the notices about one room or platform: the newest counts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, items, text
from wire.fields import Count, Moid, MoidOrEmpty, Positive

MAX_LISTED_DOMAINS = 500

State = Literal["normal", "abnormal"]
Url = Annotated[str, text(200)]


class Neighbour(TypedObject):
    """Another platform, whose site backs up this platform or is backed up by it, and its state."""

    platform: Moid = field(name="platformmoid")
    state: State


class Address(TypedObject):
    """An address is the URL of a server of a platform."""

    url: Url


class StoreAddress(TypedObject):
    """The URL of a server (database or Redis) that holds the data of a platform."""

    url: Url
    platform: Moid = field(name="platformmoid")


@message("PLATFORM_STATE_REQ")
class AskPlatformState(Message):
    """The scheduler (CSS) asks for the state of a platform, and of those that it backs up or that back it up."""

    platform: Moid = field(name="platformmoid")


@message("PLATFORM_STATE_NOTIFY")
class PlatformState(Message):
    """The platform monitor (PMS) tells whether a platform is normal (its own site serves it) or abnormal.

    It is sent when asked for, and at each change. `mains` are the platforms that it backs up.
    """

    platform: Moid = field(name="platformmoid")
    state: State
    epoch: Count
    serving: MoidOrEmpty
    """The site that serves it; "" for a platform that the platform monitor (PMS) does not know."""
    mains: Annotated[tuple[Neighbour, ...], items()]
    backups: Annotated[tuple[Neighbour, ...], items()]
    number: Count | None = None


@message("PLATFORM_CONFIG_REQ")
class AskPlatformConfig(Message):
    """The scheduler (CSS) asks for the URLs of a platform's servers."""

    platform: Moid = field(name="platformmoid")


@message("PLATFORM_CONFIG_NOTIFY")
class PlatformConfig(Message):
    """The platform monitor (PMS) tells the URLs of a platform's servers, without credentials, which each site has."""

    platform: Moid = field(name="platformmoid")
    mq: Address
    redis: Annotated[tuple[StoreAddress, ...], items()]
    mysql: Annotated[tuple[StoreAddress, ...], items()]


@message("SERVER_ROOM_STATE_NOTIFY")
class RoomState(Message):
    """The platform monitor (PMS) tells whether a machine room is normal or abnormal (not to be used), and whose it is.

    `user_domains` belong to the room; to a default room also belong those that name no room. More than 500 domains come
    in several messages (`parts`), which say the same about the room.
    """

    platform: Moid = field(name="platformmoid")
    room: Moid = field(name="roommoid")
    state: State
    user_domains: Annotated[tuple[Moid, ...], items(MAX_LISTED_DOMAINS)] = field(name="userdomains")
    epoch: Count | None = None
    number: Count | None = None
    listid: Annotated[str, text(64)] | None = None
    part: Positive | None = None
    parts: Positive | None = None
