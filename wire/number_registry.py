"""Messages to the registry of conference numbers (UPU), and call records for the management console (BMC)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import OpenObject, TypedObject, text
from wire.fields import Count, Moid, MoidOrEmpty, Moment, Number, Text, Whole


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
    """A conference with this number runs now, on this platform (CSS §7)."""

    e164: Text = field(name="confE164")
    conftype: Whole
    name: Text = field(name="confname")
    user_domain: Text = field(name="userdomainmoid")
    platform: Text = field(name="platformmoid")
    state: Text


@message("CSS_UPU_MDFCONF_NTF")
class NumberChanged(NumberInUse):
    """The running conference with this number has a new name."""


@message("CSS_UPU_DELCONF_NTF")
class NumberFree(NumberInUse):
    """The conference with this number runs no more."""


@message("CSS_BMC_CDR_NTF")
class CallRecorded(Message):
    """A site sends the record of an ended conference to the central site (BMC)."""

    confid: Moid
    record: CallRecord
