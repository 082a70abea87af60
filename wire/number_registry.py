"""Messages to the registry of numbers (UPU) and to the console (BMC)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import OpenObject, TypedObject, text
from wire.fields import Count, Moid, MoidOrEmpty, Moment, Number, Text, Whole


class UsedUnit(OpenObject):
    """A conference ran on this unit for some time."""

    lenient: ClassVar[bool] = True
    ip: str | None = None
    pid: str | None = None
    since: str | None = field(name="from", default=None)
    until: str | None = None


class Stay(OpenObject):
    """A terminal was in a conference for some time."""

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
    """The record of an ended conference, as it is stored and sent. Its reader says which members it requires."""

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
    """A number stands for a conference now, on this unit (CSS §7)."""

    e164: Text = field(name="confE164")
    conftype: Whole
    name: Text = field(name="confname")
    user_domain: Text = field(name="userdomainmoid")
    platform: Text = field(name="platformmoid")
    state: Text


@message("CSS_UPU_MDFCONF_NTF")
class NumberChanged(NumberInUse):
    """The conference for which a number stands has changed."""


@message("CSS_UPU_DELCONF_NTF")
class NumberFree(NumberInUse):
    """A number stands for no running conference any more."""


@message("CSS_BMC_CDR_NTF")
class CallRecorded(Message):
    """The record of an ended conference, sent once."""

    confid: Moid
    record: CallRecord
