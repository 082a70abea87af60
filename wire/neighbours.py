"""Messages with neighbouring systems: lists for NPP clients (CSS §8), counters for network management (CSS §11)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import whole
from wire.conference_manager import ListedConference
from wire.fields import Count, Moid, ReqId, Text, Whole


@message("NGI_NPP_GETCONFLIST_REQ", nack="NPP_NGI_GETCONFLIST_NACK")
class ListForNeighbour(Message):
    """A neighbouring system (NGI) asks for the conferences that a platform holds, from `start` on."""

    reqid: ReqId | None = None
    platform: Moid = field(name="platformmoid")
    start: Count = 0
    count: Annotated[int, whole(0, 500)] = 100


@message("NPP_NGI_GETCONFLIST_ACK")
class ListedForNeighbour(Message):
    """The NPP client answers with one page of the list, and the length of the whole list."""

    reqid: Text | None = None
    total: Whole
    confs: tuple[ListedConference, ...]


@message("NPP_NGI_GETCONFLIST_NACK")
class ListForNeighbourRefused(Message):
    """The NPP client answers that it does not know the platform, or that another site serves it."""

    reqid: Text | None = None
    errcode: Text
    detail: Text | None = None


@message("CSS_NMS_STATE_NTF")
class StateReport(Message):
    """The scheduler (CSS) reports to network management how many conferences run and wait, and whom it serves.

    `nuconnections` and `bookedconfs` are always 0: they exist for the form of the message alone (CSS §11).
    """

    running: Count
    pending: Count
    mcus: Count
    nuconnections: Literal[0] = 0
    bookedconfs: Literal[0] = 0
    serving: tuple[Text, ...]
