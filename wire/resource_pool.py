"""Messages to and from the resource pool (RMS)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, items, whole
from wire.fields import (
    SMALL,
    Count,
    ErrCode,
    Ip,
    Moid,
    MoidOrEmpty,
    Number,
    Pid,
    ReqId,
    Resolution,
    ResourceType,
    Text,
    UnitName,
)


class ExcludedUnit(TypedObject):
    """A unit that is not wanted: `{ip, pid?}`, or its address alone."""

    ip: Ip
    pid: Pid | None = None

    @classmethod
    def prepared(cls, value: object) -> object:
        """Take an address alone as a unit."""
        return {"ip": value} if isinstance(value, str) else value


_Amount = Annotated[int, whole(0, 10**6)]


class UnitAmounts(TypedObject):
    """The amounts that a resource can hold, or holds: conferences, places, and conferences in high definition."""

    confs: _Amount = 0
    ports: _Amount = 0
    hd: _Amount = 0


@message("GET_RES_REQ", nack="GET_RES_NACK")
class GetResources(Message):
    """CSS asks the RMS for units (CSS §1.1, §1.3)."""

    reqid: ReqId | None = None
    user_domain: Moid = field(name="moid")
    res: Annotated[tuple[ResourceType, ...], items(8)] = ("mcu",)
    e164: Number | None = field(name="confE164", default=None)
    places: Annotated[int, whole(1, 4096)] = field(name="maxjoinedmt", default=SMALL)
    resolution: Resolution = "720p"
    exclude: Annotated[tuple[ExcludedUnit, ...], items()] = ()


@message("GET_RES_ACK")
class ResourcesGranted(Message):
    """The RMS reserves these units for 15 s. No `mcu`, or one without `ip`, means that none is free."""

    reqid: Text | None = None
    mcu: UnitName | None = None
    vrs: UnitName | None = None
    mps: UnitName | None = None


@message("GET_RES_NACK")
class ResourcesRefused(Message):
    """The RMS failed (29501 and on)."""

    reqid: Text | None = None
    errcode: ErrCode = "29501"
    detail: Text | None = None


@message("CSS_RMS_RES_NTF")
class ResourcesUsed(Message):
    """CSS tells whether it uses a reservation (`used`) or gives it up (`free`)."""

    e164: Number = field(name="confE164")
    incarnation: Count
    mcu: UnitName | None = None
    vrs: UnitName | None = None
    mps: UnitName | None = None
    state: Literal["used", "free"]


@message("RMS_NODE_REGISTER_NTF")
class NodeRegistered(Message):
    """A resource registers with the RMS."""

    restype: ResourceType
    ip: Ip
    pid: Pid = ""
    room: Moid | None = field(name="roommoid", default=None)
    platform: MoidOrEmpty = field(name="platformmoid", default="")
    capacity: UnitAmounts
    load: UnitAmounts | None = None
    labels: object = None
    seq: Count = 0


@message("RMS_NODE_STATE_NTF")
class NodeState(NodeRegistered):
    """A resource sends its heartbeat every 3 s; that of an unknown node registers the node."""


@message("RMS_NODE_UNREGISTER_NTF")
class NodeUnregistered(Message):
    """A resource signs off from the RMS."""

    restype: ResourceType
    ip: Ip
    pid: Pid = ""


@message("RMS_CSS_NODELOST_NTF")
class NodeLost(Message):
    """A resource has sent no heartbeat for 12 s, or has signed off."""

    restype: ResourceType
    ip: Ip
    pid: Pid = ""
