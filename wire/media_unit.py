"""What CSS and media units say to each other."""

from __future__ import annotations

from typing import Any

from foundation.bus.message import Message, list_of, message, obj, text, whole, wire
from wire.fields import IP, NAME, NUMBER, REQID, unit_id


@message("MAU_MCU_CREATECONF_REQ")
class CreateOnUnit(Message):
    """Start this conference; the highest incarnation of a number is the conference."""

    e164: str = wire("confE164", NUMBER)
    confid: str = wire("confid", text(40))
    incarnation: int = wire("incarnation", whole(1))
    name: str = wire("confname", text(64))
    password: str = wire("confpwd", text(32), default="")
    places: int = wire("maxjoinedmt", whole(1))
    resolution: str = wire("resolution", text(16), default="720p")
    bitrate: int = wire("bitrate", whole(), default=1024)
    h265: bool = wire("h265", default=False)
    record: bool = wire("record", default=False)
    vrs: dict[str, Any] | None = wire("vrs", default=None)
    mps: dict[str, Any] | None = wire("mps", default=None)
    hasxmpu: bool = wire("hasxmpu", default=False)
    endtime: str | None = wire("endtime", text(32), default=None)
    mts: tuple[dict[str, Any], ...] = wire("mts", list_of(obj), default=())
    platform: str = wire("platformmoid", text(40), default="")


@message("MAU_CMU_RESTORECONF_REQ")
class RestoreOnUnit(CreateOnUnit):
    """Start this conference again, with all that is known of it (CSS §1.2)."""

    restored: bool = wire("restored", default=True)
    started: str = wire("started", text(32), default="")
    chairman: str = wire("chairman", text(128), default="")
    speaker: str = wire("speaker", text(128), default="")
    settings: dict[str, Any] = wire("settings", obj, default=None)


@message("MAU_MCU_RELEASECONF_CMD")
class DropOnUnit(Message):
    """Drop this conference, if you hold it with this incarnation or a lower one."""

    e164: str = wire("confE164", NUMBER)
    incarnation: int = wire("incarnation", whole(0))


@message("MAU_CMU_GETCONFLIST_CMD")
class AskUnitForList(Message):
    """Tell what you hold."""


@message("MAU_CMU_CONFDURATION_NTF")
class UnitEndMoved(Message):
    """The end was moved."""

    e164: str = wire("confE164", NUMBER)
    endtime: str = wire("endtime", text(32))


@message("MAU_CMU_CONFWILLEND_NTF")
class UnitEndIsNear(Message):
    """Minutes left."""

    e164: str = wire("confE164", NUMBER)
    minutes: int = wire("minutes", whole(0))


@message("MAU_MCU_DELAYCONF_ACK")
class UnitExtended(Message):
    """The unit's wish for a longer conference is granted."""

    reqid: str | None = wire("reqid", default=None)
    e164: str = wire("confE164")
    endtime: str = wire("endtime")
    delay: int = wire("delay")


@message("MAU_MCU_DELAYCONF_NACK")
class UnitExtensionRefused(Message):
    """The unit's wish for a longer conference is refused."""

    reqid: str | None = wire("reqid", default=None)
    e164: str | None = wire("confE164", default=None)
    errcode: str = wire("errcode")
    detail: str | None = wire("detail", default=None)


@message("MAU_MCU_MODIFYCONFNAME_ACK")
class UnitRenameGranted(Message):
    """The unit may rename, and reports the new name by MCU_MAU_CONFSTATECHANGE_NTF."""

    reqid: str | None = wire("reqid", default=None)
    e164: str = wire("confE164")


@message("MAU_MCU_MODIFYCONFNAME_NACK")
class UnitRenameRefused(Message):
    """The unit may not rename."""

    reqid: str | None = wire("reqid", default=None)
    e164: str | None = wire("confE164", default=None)
    errcode: str = wire("errcode")
    detail: str | None = wire("detail", default=None)


@message("MCU_MAU_CREATECONF_ACK")
class UnitCreated(Message):
    """The unit runs it."""

    e164: str = wire("confE164", NUMBER)
    incarnation: int = wire("incarnation", whole(1))
    join: dict[str, Any] | None = wire("join", obj, default=None)
    ip: str | None = wire("ip", IP, default=None)
    pid: str | None = wire("pid", unit_id, default=None)


@message("CMU_MAU_RESTORECONF_ACK")
class UnitRestored(UnitCreated):
    """The unit runs it again."""


@message("MCU_MAU_CREATECONF_NACK")
class UnitRefused(Message):
    """The unit will not run it."""

    e164: str = wire("confE164", NUMBER)
    incarnation: int = wire("incarnation", whole(1))
    errcode: str = wire("errcode", text(16), default="29015")
    ip: str | None = wire("ip", IP, default=None)
    pid: str | None = wire("pid", unit_id, default=None)


@message("CMU_MAU_RESTORECONF_NACK")
class UnitRestoreRefused(UnitRefused):
    """The unit will not run it again."""


@message("MCU_MAU_RELEASECONF_NTF")
class UnitEnded(Message):
    """The unit has ended it."""

    e164: str = wire("confE164", NUMBER)
    incarnation: int = wire("incarnation", whole(1))
    reason: str = wire("reason", text(32), default="released")
    ip: str | None = wire("ip", IP, default=None)
    pid: str | None = wire("pid", unit_id, default=None)


def held_conference(value: Any) -> dict[str, Any]:
    """One entry of a unit's list: number and incarnation at least."""
    one = obj(value)
    return {
        **one,
        "confE164": NUMBER(one.get("confE164")),
        "incarnation": whole(0)(one.get("incarnation", 0)),
        "mts": list(list_of(obj)(one.get("mts") or [])),
        "join": obj(one.get("join") or {}) or None,
    }


@message("CMU_MAU_CONFLIST_NTF")
class UnitHolds(Message):
    """All that a unit holds (CSS §1.2, §9.2). Split lists carry `listid, part, parts`."""

    ip: str = wire("ip", IP)
    pid: str = wire("pid", unit_id, default="")
    at: str | None = wire("at", text(40), default=None)
    confs: tuple[dict[str, Any], ...] = wire("confs", list_of(held_conference))
    listid: str | None = wire("listid", text(64), default=None)
    part: int = wire("part", whole(1, 1000), default=1)
    parts: int = wire("parts", whole(1, 1000), default=1)


@message("MCU_MAU_DELAYCONF_REQ", nack="MAU_MCU_DELAYCONF_NACK")
class UnitAsksToExtend(Message):
    """A unit wishes a longer conference (CSS §5.3)."""

    reqid: str | None = wire("reqid", REQID, default=None)
    e164: str = wire("confE164", NUMBER)
    delay: int = wire("delay", whole())
    ip: str | None = wire("ip", IP, default=None)
    pid: str | None = wire("pid", unit_id, default=None)


@message("MCU_MAU_MODIFYCONFNAME_REQ", nack="MAU_MCU_MODIFYCONFNAME_NACK")
class UnitAsksToRename(Message):
    """A unit wishes another name (CSS §5.1)."""

    reqid: str | None = wire("reqid", REQID, default=None)
    e164: str = wire("confE164", NUMBER)
    name: str = wire("confname", NAME)
    ip: str | None = wire("ip", IP, default=None)
    pid: str | None = wire("pid", unit_id, default=None)


@message("MCU_MAU_CONFSTATECHANGE_NTF")
class UnitReportsChange(Message):
    """Name, password or members have changed on the unit (CSS §5.1, §5.2)."""

    e164: str = wire("confE164", NUMBER)
    incarnation: int = wire("incarnation", whole(1))
    name: str | None = wire("confname", NAME, default=None)
    password: str | None = wire("confpwd", text(32), default=None)
    mts: tuple[dict[str, Any], ...] | None = wire("mts", list_of(obj), default=None)
    chairman: str | None = wire("chairman", text(128), default=None)
    speaker: str | None = wire("speaker", text(128), default=None)
    settings: dict[str, Any] | None = wire("settings", obj, default=None)
    ip: str | None = wire("ip", IP, default=None)
    pid: str | None = wire("pid", unit_id, default=None)
