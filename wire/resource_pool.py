"""What is said to and by the resource pool (RMS)."""

from __future__ import annotations

from typing import Any

from foundation.bus.message import (
    Message,
    any_value,
    list_of,
    message,
    obj,
    one_of,
    text,
    whole,
    wire,
)
from wire.fields import IP, MOID, NUMBER, REQID, SMALL, resource, unit_id


def excluded(value: Any) -> dict[str, Any]:
    """A unit that is not wanted: `{ip, pid?}`, or its address alone."""
    one = resource({"ip": value} if isinstance(value, str) else value)
    if not one.get("ip"):
        raise ValueError("must name a unit by its ip")
    return one


@message("GET_RES_REQ", nack="GET_RES_NACK")
class GetResources(Message):
    """CSS asks the RMS for units (CSS §1.1, §1.3)."""

    reqid: str | None = wire("reqid", REQID, default=None)
    user_domain: str = wire("moid", MOID)
    res: tuple[str, ...] = wire("res", list_of(one_of("mcu", "vrs", "mps"), 8), default=("mcu",))
    e164: str | None = wire("confE164", NUMBER, default=None)
    places: int = wire("maxjoinedmt", whole(1, 4096), default=SMALL)
    resolution: str = wire("resolution", one_of("720p", "1080p"), default="720p")
    exclude: tuple[dict[str, Any], ...] = wire("exclude", list_of(excluded), default=())


@message("GET_RES_ACK")
class ResourcesGranted(Message):
    """What is held for 15 s; no `mcu`, or one without `ip`: none free."""

    reqid: str | None = wire("reqid", default=None)
    mcu: dict[str, Any] | None = wire("mcu", resource, default=None)
    vrs: dict[str, Any] | None = wire("vrs", resource, default=None)
    mps: dict[str, Any] | None = wire("mps", resource, default=None)


@message("GET_RES_NACK")
class ResourcesRefused(Message):
    """The RMS failed (29501 and on)."""

    reqid: str | None = wire("reqid", default=None)
    errcode: str = wire("errcode", text(16), default="29501")
    detail: str | None = wire("detail", default=None)


@message("CSS_RMS_RES_NTF")
class ResourcesUsed(Message):
    """What became of a reservation: `used` or `free`."""

    e164: str = wire("confE164", NUMBER)
    incarnation: int = wire("incarnation", whole(0))
    mcu: dict[str, Any] | None = wire("mcu", resource, default=None)
    vrs: dict[str, Any] | None = wire("vrs", resource, default=None)
    mps: dict[str, Any] | None = wire("mps", resource, default=None)
    state: str = wire("state", one_of("used", "free"))


def amounts(value: Any) -> dict[str, int]:
    """`{confs, ports, hd}` as whole numbers from 0 on; what is absent is 0."""
    one = obj(value)
    return {key: whole(0, 10**6)(one.get(key, 0)) for key in ("confs", "ports", "hd")}


@message("RMS_NODE_REGISTER_NTF")
class NodeRegistered(Message):
    """A resource says that it is there."""

    restype: str = wire("restype", one_of("mcu", "vrs", "mps"))
    ip: str = wire("ip", IP)
    pid: str = wire("pid", unit_id, default="")
    room: str | None = wire("roommoid", MOID, default=None)
    platform: str = wire("platformmoid", text(40), default="")
    capacity: dict[str, int] = wire("capacity", amounts)
    load: dict[str, int] = wire("load", amounts, default=None)
    labels: Any = wire("labels", any_value, default=None)
    seq: int = wire("seq", whole(0), default=0)


@message("RMS_NODE_STATE_NTF")
class NodeState(NodeRegistered):
    """The heartbeat, every 3 s; from an unknown node it registers it."""


@message("RMS_NODE_UNREGISTER_NTF")
class NodeUnregistered(Message):
    """A resource goes."""

    restype: str = wire("restype", one_of("mcu", "vrs", "mps"))
    ip: str = wire("ip", IP)
    pid: str = wire("pid", unit_id, default="")


@message("RMS_CSS_NODELOST_NTF")
class NodeLost(Message):
    """No heartbeat for 12 s, or unregistered."""

    restype: str = wire("restype", one_of("mcu", "vrs", "mps"))
    ip: str = wire("ip", IP)
    pid: str = wire("pid", unit_id, default="")
