"""Messages between the scheduler (CSS) and media units (CMU, MCU)."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, items, text, whole
from wire.fields import (
    Count,
    ErrCode,
    Incarnation,
    Ip,
    Join,
    MoidOrEmpty,
    Moment,
    Name,
    NewName,
    Number,
    Password,
    Pid,
    Positive,
    Reason,
    ReqId,
    Settings,
    Terminals,
    Text,
    UnitName,
    Whole,
)


@message("MAU_MCU_CREATECONF_REQ")
class CreateOnUnit(Message):
    """The scheduler (CSS) starts a conference on a media unit.

    `incarnation` grows each time the conference is given to a unit. Of several conferences with one number only that of
    the highest incarnation is valid.

    `chairman` and `speaker` (each an `mtid`) and `settings` are sent if they were requested, and with each restore.
    """

    e164: Number = field(name="confE164")
    confid: MoidOrEmpty
    incarnation: Incarnation
    name: Annotated[str, text(64)] = field(name="confname")
    password: Password = field(name="confpwd", default="")
    places: Positive = field(name="maxjoinedmt")
    resolution: Annotated[str, text(16)] = "720p"
    bitrate: Whole = 1024
    h265: bool = False
    record: bool = False
    vrs: UnitName | None = None
    mps: UnitName | None = None
    hasxmpu: bool = False
    endtime: Moment | None = None
    mts: Terminals = ()
    platform: MoidOrEmpty = field(name="platformmoid", default="")
    chairman: Annotated[str, text(128)] | None = None
    speaker: Annotated[str, text(128)] | None = None
    settings: Settings | None = None


@message("MAU_CMU_RESTORECONF_REQ")
class RestoreOnUnit(CreateOnUnit):
    """The scheduler (CSS) starts a conference again on another media unit, with all its settings (CSS §1.2)."""

    restored: bool = True
    started: Moment = ""


@message("MAU_MCU_RELEASECONF_CMD")
class DropOnUnit(Message):
    """The scheduler (CSS) ends a conference on a media unit that has it in this incarnation or a lower one."""

    e164: Number = field(name="confE164")
    incarnation: Count


@message("MAU_CMU_GETCONFLIST_CMD")
class AskUnitForList(Message):
    """The scheduler (CSS) asks a media unit for the list of its conferences."""


@message("MAU_CMU_CONFDURATION_NTF")
class ConferenceEndMoved(Message):
    """The scheduler (CSS) tells a media unit the new end of a conference."""

    e164: Number = field(name="confE164")
    endtime: Moment


@message("MAU_CMU_CONFWILLEND_NTF")
class ConferenceEndIsNear(Message):
    """The scheduler (CSS) warns a media unit of the end of a conference, in `minutes`."""

    e164: Number = field(name="confE164")
    minutes: Count


@message("MAU_MCU_DELAYCONF_ACK")
class UnitExtended(Message):
    """The scheduler (CSS) grants a media unit's request: the conference goes on for `delay` minutes, to `endtime`."""

    reqid: Text | None = None
    e164: Text = field(name="confE164")
    endtime: Text
    delay: Whole


@message("MAU_MCU_DELAYCONF_NACK")
class UnitExtensionRefused(Message):
    """The scheduler (CSS) refuses a media unit's request to prolong a conference; `errcode` says why."""

    reqid: Text | None = None
    e164: Text | None = field(name="confE164", default=None)
    errcode: Text
    detail: Text | None = None


@message("MAU_MCU_MODIFYCONFNAME_ACK")
class UnitRenameGranted(Message):
    """The scheduler (CSS) lets a media unit rename a conference; it then sends MCU_MAU_CONFSTATECHANGE_NTF."""

    reqid: Text | None = None
    e164: Text = field(name="confE164")


@message("MAU_MCU_MODIFYCONFNAME_NACK")
class UnitRenameRefused(Message):
    """The scheduler (CSS) does not let a media unit rename a conference; `errcode` says why."""

    reqid: Text | None = None
    e164: Text | None = field(name="confE164", default=None)
    errcode: Text
    detail: Text | None = None


@message("MCU_MAU_CREATECONF_ACK")
class UnitCreated(Message):
    """The media unit answers that it runs the conference; `join` is what a client needs to enter it."""

    e164: Number = field(name="confE164")
    incarnation: Incarnation
    join: Join | None = None
    ip: Ip | None = None
    pid: Pid | None = None


@message("CMU_MAU_RESTORECONF_ACK")
class UnitRestored(UnitCreated):
    """The media unit answers that it runs a restored conference."""


@message("MCU_MAU_CREATECONF_NACK")
class UnitRefused(Message):
    """The media unit refuses to run the conference.

    `detail`, our addition, says why in a sentence for the people who asked for the conference.
    """

    e164: Number = field(name="confE164")
    incarnation: Incarnation
    errcode: ErrCode = "29015"
    detail: Annotated[str, text(200)] | None = None
    ip: Ip | None = None
    pid: Pid | None = None


@message("CMU_MAU_RESTORECONF_NACK")
class UnitRestoreRefused(UnitRefused):
    """The media unit refuses to restore the conference."""


@message("MCU_MAU_RELEASECONF_NTF")
class UnitEnded(Message):
    """The media unit tells the scheduler (CSS) that it has ended the conference."""

    e164: Number = field(name="confE164")
    incarnation: Incarnation
    reason: Reason = "released"
    ip: Ip | None = None
    pid: Pid | None = None


class UnitListEntry(TypedObject):
    """An entry describes one conference in a media unit's list, at least by number and incarnation.

    The incarnation grows each time the conference is given to a unit.

    `seq`, our addition: the number of the last report about it (see MCU_MAU_CONFSTATECHANGE_NTF).
    """

    e164: Number = field(name="confE164")
    incarnation: Count = 0
    seq: Count | None = None
    name: Text | None = field(name="confname", default=None)
    mts: Terminals = ()
    join: Join | None = None


@message("CMU_MAU_CONFLIST_NTF")
class UnitListsConferences(Message):
    """A media unit lists all conferences that it hosts (CSS §1.2, §9.2).

    `at`: when the list was made, in ISO 8601. A long list comes in several messages with the same `listid`: this is
    number `part` of `parts`.
    """

    ip: Ip
    pid: Pid = ""
    at: MoidOrEmpty | None = None
    confs: Annotated[tuple[UnitListEntry, ...], items()]
    listid: Annotated[str, text(64)] | None = None
    part: Annotated[int, whole(1, 1000)] = 1
    parts: Annotated[int, whole(1, 1000)] = 1


@message("MCU_MAU_DELAYCONF_REQ", nack="MAU_MCU_DELAYCONF_NACK")
class UnitAsksToExtend(Message):
    """A media unit asks to prolong a conference by `delay` minutes (CSS §5.3)."""

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")
    delay: Whole
    ip: Ip | None = None
    pid: Pid | None = None


@message("MCU_MAU_MODIFYCONFNAME_REQ", nack="MAU_MCU_MODIFYCONFNAME_NACK")
class UnitAsksToRename(Message):
    """A media unit asks whether it may rename a conference (CSS §5.1)."""

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")
    name: NewName = field(name="confname")
    ip: Ip | None = None
    pid: Pid | None = None


@message("MCU_MAU_CONFSTATECHANGE_NTF")
class UnitReportsChange(Message):
    """A media unit reports a new name, password or member list of a conference (CSS §5.1, §5.2).

    `seq`, our addition, grows with each report about one incarnation. A report whose `seq` is not higher than that of
    one which was taken is ignored, because reports may be handled in another order than they were sent.
    """

    e164: Number = field(name="confE164")
    incarnation: Incarnation
    seq: Count | None = None
    name: Name | None = field(name="confname", default=None)
    password: Password | None = field(name="confpwd", default=None)
    mts: Terminals | None = None
    chairman: Annotated[str, text(128)] | None = None
    speaker: Annotated[str, text(128)] | None = None
    settings: Settings | None = None
    ip: Ip | None = None
    pid: Pid | None = None
