"""What CM and CSS say to each other."""

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
from wire.fields import MOID, NAME, NUMBER, REQID, SIZES, SMALL, terminal


def creator(value: Any) -> dict[str, Any]:
    """Who asks: `{moid, name}`."""
    one = obj(value)
    text(40)(one.get("moid") or "")
    text(64)(one.get("name") or "")
    return one


@message("CM_MAU_CREATECONF_REQ", nack="MAU_CM_CREATECONF_NACK")
class CreateConference(Message):
    """CM asks for a conference (CSS §1.1)."""

    reqid: str | None = wire("reqid", REQID, default=None)
    user_domain: str = wire("moid", MOID)
    creator: dict[str, Any] = wire("creator", creator, default=None)
    name: str = wire("confname", NAME)
    e164: str | None = wire("confE164", NUMBER, default=None)
    password: str | None = wire("confpwd", text(32), default=None)
    conftype: int = wire("conftype", one_of(1, 2, 3, 4), default=1)
    duration: int = wire("duration", whole(), default=240)
    places: int = wire("maxjoinedmt", one_of(*SIZES), default=SMALL)
    auto_end: bool = wire("autoend", default=False)
    resolution: str = wire("resolution", one_of("720p", "1080p"), default="720p")
    h265: bool = wire("h265", default=False)
    bitrate: int = wire("bitrate", whole(16, 65536), default=1024)
    record: bool = wire("record", default=False)
    protected: bool = wire("dr", default=True)
    mts: tuple[dict[str, Any], ...] = wire("mts", list_of(terminal), default=())


@message("MAU_CM_CREATECONF_ACK")
class ConferenceCreated(Message):
    """The conference runs; `join` is what a client needs to enter it."""

    reqid: str | None = wire("reqid", default=None)
    e164: str = wire("confE164")
    confid: str = wire("confid")
    name: str = wire("confname")
    mcu: dict[str, Any] = wire("mcu")
    vrs: dict[str, Any] | None = wire("vrs", default=None)
    mps: dict[str, Any] | None = wire("mps", default=None)
    starttime: str = wire("starttime")
    endtime: str | None = wire("endtime", default=None)
    join: dict[str, Any] | None = wire("join", default=None)


@message("MAU_CM_CREATECONF_NACK")
class CreateRefused(Message):
    """There is no conference; `errcode` says why."""

    reqid: str | None = wire("reqid", default=None)
    errcode: str = wire("errcode")
    detail: str | None = wire("detail", default=None)


@message("CM_MAU_RELEASECONF_REQ", nack="MAU_CM_RELEASECONF_NACK")
class ReleaseConference(Message):
    """CM ends a conference."""

    reqid: str | None = wire("reqid", REQID, default=None)
    e164: str = wire("confE164", NUMBER)
    user_domain: str | None = wire("moid", MOID, default=None)
    reason: str | None = wire("reason", text(32), default=None)


@message("MAU_CM_RELEASECONF_ACK")
class ConferenceReleased(Message):
    """It is ended."""

    reqid: str | None = wire("reqid", default=None)
    e164: str = wire("confE164")


@message("MAU_CM_RELEASECONF_NACK")
class ReleaseRefused(Message):
    """It is not ended by this request."""

    reqid: str | None = wire("reqid", default=None)
    e164: str | None = wire("confE164", default=None)
    errcode: str = wire("errcode")
    detail: str | None = wire("detail", default=None)


@message("CM_MAU_DELAYCONF_REQ", nack="CM_MAU_DELAYCONF_NACK")
class ExtendConference(Message):
    """CM prolongs a conference by `delay` minutes (CSS §5.3)."""

    reqid: str | None = wire("reqid", REQID, default=None)
    e164: str = wire("confE164", NUMBER)
    user_domain: str | None = wire("moid", MOID, default=None)
    delay: int = wire("delay", whole())


@message("CM_MAU_DELAYCONF_ACK")
class ConferenceExtended(Message):
    """The new end, and the minutes granted."""

    reqid: str | None = wire("reqid", default=None)
    e164: str = wire("confE164")
    endtime: str = wire("endtime")
    delay: int = wire("delay")


@message("CM_MAU_DELAYCONF_NACK")
class ExtensionRefused(Message):
    """The end stays where it was."""

    reqid: str | None = wire("reqid", default=None)
    e164: str | None = wire("confE164", default=None)
    errcode: str = wire("errcode")
    detail: str | None = wire("detail", default=None)


@message("CM_MAU_GETCONFLIST_REQ", nack="MAU_CM_GETCONFLIST_NACK")
class ListConferences(Message):
    """CM asks which conferences a user or platform domain has."""

    reqid: str | None = wire("reqid", REQID, default=None)
    domain: str = wire("moid", MOID)
    start: int = wire("start", whole(0), default=0)
    count: int = wire("count", whole(0, 500), default=100)


@message("MAU_CM_GETCONFLIST_ACK")
class ConferencesListed(Message):
    """One page of the list, and how long it is in all."""

    reqid: str | None = wire("reqid", default=None)
    total: int = wire("total")
    confs: tuple[dict[str, Any], ...] = wire("confs", any_value)


@message("MAU_CM_GETCONFLIST_NACK")
class ListRefused(Message):
    """The domain is unknown here."""

    reqid: str | None = wire("reqid", default=None)
    errcode: str = wire("errcode")
    detail: str | None = wire("detail", default=None)


@message("MAU_CM_RELEASECONF_NTF")
class ConferenceEnded(Message):
    """A conference is over, and why."""

    e164: str = wire("confE164")
    reason: str = wire("reason")
    errcode: str | None = wire("errcode", default=None)


@message("CM_MAU_CONFDURATION_NTF")
class EndMoved(Message):
    """The end was moved (CSS §5.3)."""

    e164: str = wire("confE164")
    endtime: str = wire("endtime")


@message("MAU_CM_CONFWILLEND_NTF")
class EndIsNear(Message):
    """Minutes left (CSS §9.3)."""

    e164: str = wire("confE164")
    minutes: int = wire("minutes")


@message("MAU_CM_CONFRESTORE_NTF")
class ConferenceMoved(Message):
    """`pending`: it lost its unit; `running`: it runs again, join as told."""

    e164: str = wire("confE164")
    state: str = wire("state")
    mcu: dict[str, Any] | None = wire("mcu", default=None)
    join: dict[str, Any] | None = wire("join", default=None)


@message("MAU_CM_MODIFYCONFNAME_REQ")
class MayRename(Message):
    """CSS asks CM whether a unit may rename a conference."""

    reqid: str = wire("reqid", REQID)
    e164: str = wire("confE164", NUMBER)
    name: str = wire("confname", text(1024))


@message("CM_MAU_MODIFYCONFNAME_ACK")
class RenameGranted(Message):
    """CM agrees."""

    reqid: str = wire("reqid", REQID)
    e164: str = wire("confE164", NUMBER)


@message("CM_MAU_MODIFYCONFNAME_NACK")
class RenameDenied(Message):
    """CM does not agree."""

    reqid: str = wire("reqid", REQID)
    e164: str | None = wire("confE164", NUMBER, default=None)
    errcode: str = wire("errcode", text(16))
