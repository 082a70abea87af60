"""Messages to and from the resource manager (RMS), which keeps the pool of media units."""

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
    """A media unit that must not be granted: `{ip, pid?}`, or its address alone."""

    ip: Ip
    pid: Pid | None = None

    @classmethod
    def from_older_form(cls, value: object) -> object:
        """Return a received excluded unit (`value`) as an object; older senders write its address alone."""
        return {"ip": value} if isinstance(value, str) else value


_Amount = Annotated[int, whole(0, 10**6)]


class UnitAmounts(TypedObject):
    """The capacity of a unit, or its present load: conferences, places (ports), and conferences in full HD."""

    confs: _Amount = 0
    ports: _Amount = 0
    hd: _Amount = 0


@message("GET_RES_REQ", nack="GET_RES_NACK")
class GetResources(Message):
    """The scheduler (CSS) asks the resource manager (RMS) for media units to host a conference (CSS §1.1, §1.3)."""

    reqid: ReqId | None = None
    user_domain: Moid = field(name="moid")
    res: Annotated[tuple[ResourceType, ...], items(8)] = ("mcu",)
    e164: Number | None = field(name="confE164", default=None)
    places: Annotated[int, whole(1, 4096)] = field(name="maxjoinedmt", default=SMALL)
    resolution: Resolution = "720p"
    exclude: Annotated[tuple[ExcludedUnit, ...], items()] = ()


@message("GET_RES_ACK")
class ResourcesGranted(Message):
    """The resource manager (RMS) reserves these units for 15 s. Without `mcu`, or its `ip`, none is free."""

    reqid: Text | None = None
    mcu: UnitName | None = None
    vrs: UnitName | None = None
    mps: UnitName | None = None


@message("GET_RES_NACK")
class ResourcesRefused(Message):
    """The resource manager (RMS) answers that it could not search for units (errors 29501 and following)."""

    reqid: Text | None = None
    errcode: ErrCode = "29501"
    detail: Text | None = None


@message("CSS_RMS_RES_NTF")
class ResourcesUsed(Message):
    """The scheduler (CSS) tells the resource manager that units are in use (`used`) or no longer needed (`free`)."""

    e164: Number = field(name="confE164")
    incarnation: Count
    mcu: UnitName | None = None
    vrs: UnitName | None = None
    mps: UnitName | None = None
    state: Literal["used", "free"]


MAX_SKEW = 2**45


@message("RMS_NODE_REGISTER_NTF")
class NodeRegistered(Message):
    """A media unit, recorder or mixer (resource) registers with the resource manager (RMS).

    `clockskew` is our addition: by how many milliseconds the clock of its host is ahead of the platform's time.
    """

    restype: ResourceType
    ip: Ip
    pid: Pid = ""
    room: Moid | None = field(name="roommoid", default=None)
    platform: MoidOrEmpty = field(name="platformmoid", default="")
    capacity: UnitAmounts
    load: UnitAmounts | None = None
    labels: object = None
    seq: Count = 0
    clockskew: Annotated[int, whole(-MAX_SKEW, MAX_SKEW)] | None = None


@message("RMS_NODE_STATE_NTF")
class NodeState(NodeRegistered):
    """The heartbeat that a media unit, recorder or mixer sends every 3 s; the first one registers it, too."""


@message("RMS_NODE_UNREGISTER_NTF")
class NodeUnregistered(Message):
    """A media unit, recorder or mixer tells the resource manager (RMS) that it stops."""

    restype: ResourceType
    ip: Ip
    pid: Pid = ""


@message("RMS_CSS_NODELOST_NTF")
class NodeLost(Message):
    """The resource manager tells schedulers that a unit, recorder or mixer is lost: silent for 12 s or stopped."""

    restype: ResourceType
    ip: Ip
    pid: Pid = ""
