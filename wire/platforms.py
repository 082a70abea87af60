"""What is said about rooms and platforms (CSS §1.2, §2).

`epoch`, and `number`, which is ours, order the notices of one room or platform: the newest wins.
"""

from __future__ import annotations

from typing import Any

from foundation.bus.message import Check, Message, list_of, message, one_of, text, whole, wire

_MOID = text(40, 1)
_STATE = one_of("normal", "abnormal")
_URL = text(200)
MOST_LISTED = 500


def _fields(**checks: Check) -> Check:
    """An object with these fields; others are ignored."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError("must be an object")
        return {name: one(value.get(name)) for name, one in checks.items()}

    return check


_NEIGHBOUR = _fields(platformmoid=_MOID, state=_STATE)
_STORE = _fields(url=_URL, platformmoid=_MOID)


@message("PLATFORM_STATE_REQ")
class AskPlatformState(Message):
    """CSS asks how a platform is, and which ones it backs up and is backed up by."""

    platform: str = wire("platformmoid", _MOID)


@message("PLATFORM_STATE_NOTIFY")
class PlatformState(Message):
    """How a platform is: normal while its own site serves it. To who asked, and at each change."""

    platform: str = wire("platformmoid", _MOID)
    state: str = wire("state", _STATE)
    epoch: int = wire("epoch", whole(0))
    serving: str = wire("serving", _MOID)
    mains: tuple[dict[str, Any], ...] = wire("mains", list_of(_NEIGHBOUR))
    backups: tuple[dict[str, Any], ...] = wire("backups", list_of(_NEIGHBOUR))
    number: int | None = wire("number", whole(0), default=None)


@message("PLATFORM_CONFIG_REQ")
class AskPlatformConfig(Message):
    """CSS asks where a platform's servers are."""

    platform: str = wire("platformmoid", _MOID)


@message("PLATFORM_CONFIG_NOTIFY")
class PlatformConfig(Message):
    """Where a platform's servers are; without credentials: each site has its own."""

    platform: str = wire("platformmoid", _MOID)
    mq: dict[str, Any] = wire("mq", _fields(url=_URL))
    redis: tuple[dict[str, Any], ...] = wire("redis", list_of(_STORE))
    mysql: tuple[dict[str, Any], ...] = wire("mysql", list_of(_STORE))


@message("SERVER_ROOM_STATE_NOTIFY")
class RoomState(Message):
    """How a machine room is, and all user domains that are bound to it, by default too.

    More than 500 of them come in parts; each says the same of the room.
    """

    platform: str = wire("platformmoid", _MOID)
    room: str = wire("roommoid", _MOID)
    state: str = wire("state", _STATE)
    user_domains: tuple[str, ...] = wire("userdomains", list_of(_MOID, MOST_LISTED))
    epoch: int | None = wire("epoch", whole(0), default=None)
    number: int | None = wire("number", whole(0), default=None)
    listid: str | None = wire("listid", text(64), default=None)
    part: int | None = wire("part", whole(1), default=None)
    parts: int | None = wire("parts", whole(1), default=None)
