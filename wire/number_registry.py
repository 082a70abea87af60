"""Messages to the registry of conference numbers (UPU), and call records for the management console (BMC)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import OpenObject, TypedObject, digits, text
from wire.fields import Count, Moid, MoidOrEmpty, Moment, Number, ReqId, Text, Whole


class UsedUnit(OpenObject):
    """A media unit on which a conference ran, with the time from and until."""

    lenient: ClassVar[bool] = True
    ip: str | None = None
    pid: str | None = None
    since: str | None = field(name="from", default=None)
    until: str | None = None


class Stay(OpenObject):
    """A terminal that was in a conference, with the time from and until."""

    lenient: ClassVar[bool] = True
    mtid: str | None = None
    account: str | None = None
    name: str | None = None
    since: str | None = field(name="from", default=None)
    until: str | None = None


class RecordedCreator(OpenObject):
    """The account that asked for a conference which has ended."""

    lenient: ClassVar[bool] = True
    moid: str | None = None
    name: str | None = None


class CallRecord(TypedObject):
    """The record of an ended conference, as it is stored and sent. All fields are optional: a reader checks its own."""

    confid: Text | None = None
    e164: Number | None = field(name="confE164", default=None)
    name: Annotated[str, text(64)] | None = field(name="confname", default=None)
    user_domain: Moid | None = field(name="moid", default=None)
    source_platform: Moid | None = field(name="sourceplatform", default=None)
    hosting_platform: MoidOrEmpty | None = field(name="hostingplatform", default=None)
    creator: RecordedCreator | None = None
    started: Moment | None = field(name="starttime", default=None)
    ended: Moment | None = field(name="endtime", default=None)
    reason: Annotated[str, text(16)] | None = None
    units: tuple[UsedUnit, ...] | None = None
    members: tuple[Stay, ...] | None = None
    restores: Count | None = None
    places: Count | None = field(name="maxjoinedmt", default=None)
    record: bool | None = None


@message("CSS_UPU_ADDCONF_NTF")
class NumberInUse(Message):
    """A number is in use from now on (CSS §7), by what runs (`running`), is to run (`booked`) or is kept (`idle`).

    `platformmoid` is where it runs in fact, else the platform to which it belongs. A number may be kept for a room,
    say, and a conference run under it: these are two entries.
    """

    e164: Text = field(name="confE164")
    conftype: Whole
    name: Text = field(name="confname")
    user_domain: Text = field(name="userdomainmoid")
    platform: Text = field(name="platformmoid")
    state: Text


@message("CSS_UPU_MDFCONF_NTF")
class NumberChanged(NumberInUse):
    """What has this number has a new name."""


@message("CSS_UPU_DELCONF_NTF")
class NumberFree(NumberInUse):
    """What had this number runs no more, or is no more."""


class RegisteredNumber(TypedObject):
    """What the registry knows of a number: as `CSS_UPU_ADDCONF_NTF` told it."""

    e164: str = field(name="confE164")
    conftype: int
    name: str = field(name="confname")
    user_domain: str = field(name="userdomainmoid")
    platform: str = field(name="platformmoid")
    state: str


@message("GW_UPU_GETCONF_REQ", nack="UPU_GW_GETCONF_NACK")
class AskNumber(Message):
    """A gateway, or anybody else, asks the registry (UPU) what a number is, and where. A message of ours.

    In place of a number it may give a short number, which is one of the platform `platformmoid`, else of the
    registry's own.
    """

    reqid: ReqId | None = None
    e164: Number | None = field(name="confE164", default=None)
    shortnum: Annotated[str, digits(6)] | None = None
    platform: Moid | None = field(name="platformmoid", default=None)


@message("UPU_GW_GETCONF_ACK")
class NumberFound(Message):
    """The registry (UPU) answers what it knows of the number; what runs comes first."""

    reqid: Text | None = None
    e164: Text = field(name="confE164")
    confs: tuple[RegisteredNumber, ...]


@message("UPU_GW_GETCONF_NACK")
class NumberUnknown(Message):
    """The registry (UPU) does not know the number. 29004: `detail` says which site to ask."""

    reqid: Text | None = None
    errcode: Text
    detail: Text | None = None


@message("CSS_BMC_CDR_NTF")
class CallRecorded(Message):
    """A site sends the record of an ended conference to the central site (BMC)."""

    confid: Moid
    record: CallRecord
