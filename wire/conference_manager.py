"""Messages between conference managers (CM) and the scheduler (CSS)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, text, whole
from wire.conference_settings import ConferenceSettings
from wire.fields import (
    Count,
    ErrCode,
    Join,
    Moid,
    Number,
    Reason,
    ReqId,
    Text,
    UnitName,
    Whole,
)


class Creator(TypedObject):
    """The creator is the account that asks for a conference: its id (MOID) and name."""

    moid: Annotated[str, text(40)] | None = None
    name: Annotated[str, text(64)] | None = None


class ListedConference(TypedObject):
    """An entry describes one conference in the list that the scheduler (CSS) answers to a request for conferences."""

    e164: str = field(name="confE164")
    confid: str
    name: str = field(name="confname")
    conftype: int
    state: str
    user_domain: str = field(name="moid")
    platform: str = field(name="platformmoid")
    starttime: str | None = None
    places: int = field(name="maxjoinedmt")
    online: int = field(name="mtnum")
    shortnum: str | None = None
    endtime: str | None = None
    mcu: UnitName | None = None
    join: Join | None = None


@message("CM_MAU_CREATECONF_REQ", nack="MAU_CM_CREATECONF_NACK")
class CreateConference(ConferenceSettings, Message):
    """A conference manager (CM) asks for a conference (CSS §1.1).

    `bookid`, our addition, opens the next occurrence of this reservation early; it is then held as it is booked.
    """

    reqid: ReqId | None = None
    user_domain: Moid = field(name="moid")
    creator: Creator | None = None
    e164: Number | None = field(name="confE164", default=None)
    conftype: Literal[1, 2, 3, 4] = 1
    bookid: Annotated[str, text(40)] | None = None


@message("MAU_CM_CREATECONF_ACK")
class ConferenceCreated(Message):
    """The scheduler (CSS) answers that the conference runs; `join` is what a client needs to enter it."""

    reqid: Text | None = None
    e164: Text = field(name="confE164")
    confid: Text
    name: Text = field(name="confname")
    mcu: UnitName
    vrs: UnitName | None = None
    mps: UnitName | None = None
    starttime: Text
    endtime: Text | None = None
    join: Join | None = None


@message("MAU_CM_CREATECONF_NACK")
class CreateRefused(Message):
    """The scheduler (CSS) answers that no conference was created; `errcode` says why."""

    reqid: Text | None = None
    errcode: Text
    detail: Text | None = None


@message("CM_MAU_RELEASECONF_REQ", nack="MAU_CM_RELEASECONF_NACK")
class ReleaseConference(Message):
    """A conference manager (CM) asks to end a conference; so does the site that hosts it when its time is over."""

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")
    user_domain: Moid | None = field(name="moid", default=None)
    reason: Reason | None = None


@message("MAU_CM_RELEASECONF_ACK")
class ConferenceReleased(Message):
    """The scheduler (CSS) answers that the conference has ended."""

    reqid: Text | None = None
    e164: Text = field(name="confE164")


@message("MAU_CM_RELEASECONF_NACK")
class ReleaseRefused(Message):
    """The scheduler (CSS) refuses to end a conference for this request."""

    reqid: Text | None = None
    e164: Text | None = field(name="confE164", default=None)
    errcode: Text
    detail: Text | None = None


@message("CM_MAU_DELAYCONF_REQ", nack="CM_MAU_DELAYCONF_NACK")
class ExtendConference(Message):
    """A conference manager (CM) prolongs a conference by `delay` minutes (CSS §5.3)."""

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")
    user_domain: Moid | None = field(name="moid", default=None)
    delay: Whole


@message("CM_MAU_DELAYCONF_ACK")
class ConferenceExtended(Message):
    """The scheduler (CSS) answers with the new end, and the minutes granted."""

    reqid: Text | None = None
    e164: Text = field(name="confE164")
    endtime: Text
    delay: Whole


@message("CM_MAU_DELAYCONF_NACK")
class ExtensionRefused(Message):
    """The scheduler (CSS) refuses to prolong a conference, whose end stays as it was."""

    reqid: Text | None = None
    e164: Text | None = field(name="confE164", default=None)
    errcode: Text
    detail: Text | None = None


@message("CM_MAU_GETCONFLIST_REQ", nack="MAU_CM_GETCONFLIST_NACK")
class ListConferences(Message):
    """A conference manager (CM) asks for the conferences of a user or platform domain, from `start` on."""

    reqid: ReqId | None = None
    domain: Moid = field(name="moid")
    start: Count = 0
    count: Annotated[int, whole(0, 500)] = 100


@message("MAU_CM_GETCONFLIST_ACK")
class ConferencesListed(Message):
    """The scheduler (CSS) answers with one page of the list, and the length of the whole list."""

    reqid: Text | None = None
    total: Whole
    confs: tuple[ListedConference, ...]


@message("MAU_CM_GETCONFLIST_NACK")
class ListRefused(Message):
    """The scheduler (CSS) answers that it does not know the domain."""

    reqid: Text | None = None
    errcode: Text
    detail: Text | None = None


@message("MAU_CM_RELEASECONF_NTF")
class ConferenceEnded(Message):
    """The scheduler (CSS) tells the conference managers that a conference has ended, and why.

    `bookid` and `detail` are there where the conference of a reservation could not be started at all.
    """

    e164: Text = field(name="confE164")
    reason: Text
    errcode: Text | None = None
    bookid: Text | None = None
    detail: Text | None = None


@message("CM_MAU_CONFDURATION_NTF")
class EndMoved(Message):
    """The scheduler (CSS) tells the conference managers the new end of a prolonged conference (CSS §5.3)."""

    e164: Text = field(name="confE164")
    endtime: Text


@message("MAU_CM_CONFWILLEND_NTF")
class EndIsNear(Message):
    """The scheduler (CSS) warns the conference managers that a conference ends in `minutes` (CSS §9.3)."""

    e164: Text = field(name="confE164")
    minutes: Whole


@message("MAU_CM_CONFRESTORE_NTF")
class ConferenceMoved(Message):
    """The scheduler (CSS) tells managers that a conference lost its media unit (`pending`), or runs again (`running`).

    `join` is then what a client needs to enter it.
    """

    e164: Text = field(name="confE164")
    state: Text
    mcu: UnitName | None = None
    join: Join | None = None


@message("MAU_CM_MODIFYCONFNAME_REQ")
class AskToRename(Message):
    """The scheduler (CSS) asks a conference manager whether a media unit may rename a conference."""

    reqid: ReqId
    e164: Number = field(name="confE164")
    name: Annotated[str, text(1024)] = field(name="confname")


@message("CM_MAU_MODIFYCONFNAME_ACK")
class RenameGranted(Message):
    """A conference manager (CM) agrees to a new name. Only one such question per conference is open at a time."""

    reqid: ReqId | None = None
    e164: Number = field(name="confE164")


@message("CM_MAU_MODIFYCONFNAME_NACK")
class RenameDenied(Message):
    """A conference manager (CM) refuses a new name; of which conference, the number or `correlation_id` says."""

    reqid: ReqId | None = None
    e164: Number | None = field(name="confE164", default=None)
    errcode: ErrCode
