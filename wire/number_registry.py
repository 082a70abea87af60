"""Messages to the registry of conference numbers (UPU), and call records for the management console (BMC)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import OpenObject, TypedObject, digits, text
from wire.fields import Count, Moid, MoidOrEmpty, Moment, Number, ReqId, Text, Whole


class UsedUnit(OpenObject):
    """A media unit on which a conference ran, with the times of the beginning (`from`) and the end (`until`)."""

    lenient: ClassVar[bool] = True
    ip: str | None = None
    pid: str | None = None
    since: str | None = field(name="from", default=None)
    until: str | None = None


class Stay(OpenObject):
    """One stay of a terminal in a conference, with the times when it came (`from`) and left (`until`)."""

    lenient: ClassVar[bool] = True
    mtid: str | None = None
    account: str | None = None
    name: str | None = None
    since: str | None = field(name="from", default=None)
    until: str | None = None
    visitor: str | None = None
    """The id of the browser with which somebody entered by the join page."""


class RecordedCreator(OpenObject):
    """The creator is the account that asked for a conference which has ended."""

    lenient: ClassVar[bool] = True
    moid: str | None = None
    name: str | None = None


class CallRecord(TypedObject):
    """The record of an ended conference, as it is stored and sent. All fields are optional: readers check them."""

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
    """The scheduler (CSS) tells the registry (UPU) that a number is in use from now on (CSS §7).

    `state` says by whom: a conference that runs (`running`), a reservation (`booked`), or a template or virtual room
    (`idle`). A virtual room and the conference in it have the same number, so the registry has two entries for it.
    `platform`: the platform where the conference runs, or else to which the number belongs.
    """

    e164: Text = field(name="confE164")
    conftype: Whole
    name: Text = field(name="confname")
    user_domain: Text = field(name="userdomainmoid")
    platform: Text = field(name="platformmoid")
    state: Text


@message("CSS_UPU_MDFCONF_NTF")
class NumberChanged(NumberInUse):
    """The scheduler (CSS) tells the registry (UPU) that the owner of a number (see `NumberInUse`) has a new name."""


@message("CSS_UPU_DELCONF_NTF")
class NumberFree(NumberInUse):
    """The scheduler (CSS) tells the registry (UPU) that a number's owner (`NumberInUse`) has ended or is deleted."""


class RegisteredNumber(TypedObject):
    """An entry of the registry, with the fields of the notice (`NumberInUse`) that reported the number."""

    e164: str = field(name="confE164")
    conftype: int
    name: str = field(name="confname")
    user_domain: str = field(name="userdomainmoid")
    platform: str = field(name="platformmoid")
    state: str


@message("GW_UPU_GETCONF_REQ", nack="UPU_GW_GETCONF_NACK")
class LookUpNumber(Message):
    """A gateway or another program asks the registry (UPU) who has a number, and where (an extension of ours).

    It names the number (`e164`), or a short number (`shortnum`) of the platform `platform`; without `platform`, of the
    registry's own platform.
    """

    reqid: ReqId | None = None
    e164: Number | None = field(name="confE164", default=None)
    shortnum: Annotated[str, digits(6)] | None = None
    platform: Moid | None = field(name="platformmoid", default=None)


@message("UPU_GW_GETCONF_ACK")
class NumberFound(Message):
    """The registry (UPU) answers with its entries of the number; that of a running conference comes first."""

    reqid: Text | None = None
    e164: Text = field(name="confE164")
    confs: tuple[RegisteredNumber, ...]


@message("UPU_GW_GETCONF_NACK")
class NumberUnknown(Message):
    """The registry (UPU) answers that it does not know the number; `errcode` 29004: `detail` names the site to ask."""

    reqid: Text | None = None
    errcode: Text
    detail: Text | None = None


@message("CSS_BMC_CDR_NTF")
class CallRecorded(Message):
    """A site sends the record of an ended conference to the central site (BMC)."""

    confid: Moid
    record: CallRecord
