"""What a unit says of itself: its registration, its load, its list. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import uuid4

from foundation.bus.message import Message, dumps
from media_unit.conference_copy import Held
from media_unit.config import UnitConfig
from wire.media_unit import UnitHolds, UnitReportsChange
from wire.resource_pool import NodeRegistered, NodeState, NodeUnregistered

Body = dict[str, Any]

_MOST_LISTED = 500
_MOST_BYTES = 200 * 1024


def registered(config: UnitConfig, held: Collection[Held]) -> list[Message]:
    """It is there, as media unit and as recorder."""
    return [
        NodeRegistered(restype="mcu", **_node(config, held, 0)),
        NodeRegistered(restype="vrs", **_node(config, _recorded(held), 0)),
    ]


def beat(config: UnitConfig, held: Collection[Held], seq: int) -> list[Message]:
    """The heartbeat, with what it holds."""
    return [
        NodeState(restype="mcu", **_node(config, held, seq)),
        NodeState(restype="vrs", **_node(config, _recorded(held), seq)),
    ]


def unregistered(config: UnitConfig) -> list[Message]:
    """It goes, or has lost what it held."""
    return [
        NodeUnregistered(restype="mcu", ip=config.ip, pid=config.pid),
        NodeUnregistered(restype="vrs", ip=config.ip, pid=config.pid),
    ]


def _recorded(held: Collection[Held]) -> list[Held]:
    return [one for one in held if one.recording]


def _node(config: UnitConfig, held: Collection[Held], seq: int) -> Body:
    load = {
        "confs": len(held),
        "ports": sum(one.places for one in held),
        "hd": sum(one.hd for one in held),
    }
    return {
        "ip": config.ip,
        "pid": config.pid,
        "room": config.room,
        "platform": config.platform,
        "capacity": {"confs": config.confs, "ports": config.ports, "hd": config.confs},
        "load": load,
        "seq": seq,
    }


def changed(config: UnitConfig, held: Held, state: Body) -> Message:
    """Who is in it, and what holds for them."""
    return UnitReportsChange(
        e164=held.e164,
        incarnation=held.incarnation,
        ip=config.ip,
        pid=config.pid or None,
        **state,
    )


def lists(config: UnitConfig, entries: list[Body], at: datetime) -> list[Message]:
    """All that it holds, in as many messages as the wire's limits want."""
    pages = _pages(entries)
    common: Body = {"ip": config.ip, "pid": config.pid, "at": at.isoformat()}
    if len(pages) > 1:
        common |= {"listid": uuid4().hex, "parts": len(pages)}
    return [UnitHolds(confs=tuple(page), part=i, **common) for i, page in enumerate(pages, 1)]


def _pages(entries: list[Body]) -> list[list[Body]]:
    pages: list[list[Body]] = [[]]
    size = 0
    for entry in entries:
        weight = len(dumps(entry)) + 1
        if pages[-1] and (len(pages[-1]) >= _MOST_LISTED or size + weight > _MOST_BYTES):
            pages.append([])
            size = 0
        pages[-1].append(entry)
        size += weight
    return pages
