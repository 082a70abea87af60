"""The outgoing messages about a conference that several decisions send are built here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

from conferences.rules.states import Conference, Unit
from foundation.bus.message import Message, NotTaken
from foundation.bus.outgoing import Answer, Send
from wire.conference_manager import (
    ConferenceCreated,
    ConferenceEnded,
    ConferenceMoved,
    CreateRefused,
)
from wire.fields import ResourceType, Settings
from wire.media_unit import CreateOnUnit, DropOnUnit, RestoreOnUnit
from wire.number_registry import (
    CallRecord,
    CallRecorded,
    NumberChanged,
    NumberFree,
    NumberInUse,
    RecordedCreator,
)
from wire.resource_pool import ExcludedUnit, GetResources, ResourcesUsed
from wire.routes import Routes, unit_key

COMMAND_LIVES_MS = 15_000
"""The broker drops create and restore commands that are older, so a unit that was dead gets no old ones."""


def wire_time(moment: datetime | None) -> str | None:
    """Return a moment as the wire writes it: ISO 8601 in UTC, whole seconds, `+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def to_unit(unit: Unit, message: Message, expires_ms: int = 0, correlation_id: str = "") -> Send:
    """Address a message to a media unit, on the broker of the site where it stands (CSS §5.3)."""
    return Send(
        message=message,
        route=Routes.CSS_TO_UNIT,
        key=unit_key(unit.ip, unit.pid),
        destination=unit.at,
        expires_ms=expires_ms,
        correlation_id=correlation_id,
    )


def answer_unit(unit: Unit, request: str, message: Message) -> Answer:
    """Return the answer to a unit's request."""
    key = unit_key(unit.ip, unit.pid)
    return Answer(
        request=request, message=message, route=Routes.CSS_TO_UNIT, key=key, destination=unit.at
    )


def to_cm(message: Message, site: str = "") -> Send:
    """Address a message to the conference managers; `site` names another site."""
    return Send(message=message, route=Routes.CSS_TO_CM, destination=site)


def ask_rms(c: Conference, why: str) -> Send:
    """Ask the RMS for units.

    `why` begins the correlation id, which brings the answer back to the flow that asked.
    """
    wanted: tuple[ResourceType, ...] = ("mcu", "vrs", "mps") if c.record else ("mcu", "mps")
    return Send(
        message=GetResources(
            user_domain=c.user_domain,
            res=wanted,
            e164=c.e164,
            places=c.places,
            resolution=c.resolution,
            exclude=tuple(ExcludedUnit(ip=unit.ip, pid=unit.pid or None) for unit in c.tried),
        ),
        route=Routes.TO_RMS,
        correlation_id=f"{why}:{c.e164}:{c.source_platform}:{c.question}",
        reply_to=Routes.RMS_TO_CSS.value.queue,
        expires_ms=COMMAND_LIVES_MS,
    )


def question_of(correlation_id: str) -> tuple[str, int]:
    """Return the number and the question that an answer of the RMS belongs to. Raises NotTaken."""
    _, _, rest = correlation_id.partition(":")
    e164, _, rest = rest.partition(":")
    _, _, question = rest.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,9}", question):
        raise NotTaken("is not that of a question of ours", "correlation_id")
    return e164, int(question)


def drop(unit: Unit, e164: str, incarnation: int) -> Send:
    """Tell a unit to drop what it holds of a number with this incarnation or a lower one."""
    return to_unit(unit, DropOnUnit(e164=e164, incarnation=incarnation))


def reservation(c: Conference, state: Literal["used", "free"]) -> Send:
    """Tell the RMS that the places which it granted are used, or free again."""
    return Send(
        message=ResourcesUsed(
            e164=c.e164,
            incarnation=c.incarnation,
            mcu=c.unit.wire if c.unit else None,
            vrs=c.vrs.wire if c.vrs else None,
            mps=c.mps.wire if c.mps else None,
            state=state,
        ),
        route=Routes.TO_RMS,
        destination=c.unit.at if c.unit else "",
    )


def command(c: Conference) -> Send:
    """Return the command that hands a placed conference to its unit."""
    assert c.unit is not None
    common: dict[str, Any] = {
        "e164": c.e164,
        "confid": c.confid,
        "incarnation": c.incarnation,
        "name": c.name,
        "password": c.password,
        "places": c.places,
        "resolution": c.resolution,
        "bitrate": c.bitrate,
        "h265": c.h265,
        "record": c.record,
        "vrs": c.vrs.wire if c.vrs and c.record else None,
        "mps": c.mps.wire if c.mps else None,
        "hasxmpu": c.mps is not None,
        "endtime": wire_time(c.ends_at),
        "mts": c.mts,
        "platform": c.source_platform,
    }
    if c.started_at is None:
        return to_unit(c.unit, CreateOnUnit(**common), COMMAND_LIVES_MS)
    again = RestoreOnUnit(
        **common,
        started=wire_time(c.started_at) or "",
        chairman=c.chairman,
        speaker=c.speaker,
        settings=_settings(c),
    )
    return to_unit(c.unit, again, COMMAND_LIVES_MS)


def _settings(c: Conference) -> Settings:
    settings = c.settings or Settings()
    return Settings(mute=settings.mute or 0, silence=settings.silence or 0, extra=settings.extra)


def created(c: Conference) -> Answer:
    """Answer the asker that the conference runs."""
    assert c.unit is not None
    return Answer(
        request=c.request,
        route=Routes.CSS_TO_CM,
        message=ConferenceCreated(
            reqid=c.reqid,
            e164=c.e164,
            confid=c.confid,
            name=c.name,
            mcu=c.unit.wire,
            vrs=c.vrs.wire if c.vrs and c.record else None,
            mps=c.mps.wire if c.mps else None,
            starttime=wire_time(c.started_at) or "",
            endtime=wire_time(c.ends_at),
            join=c.join,
        ),
    )


def create_refused(request: str, reqid: str | None, code: str, detail: str | None = None) -> Answer:
    """Answer the asker that no conference was created."""
    return Answer(
        request=request,
        route=Routes.CSS_TO_CM,
        message=CreateRefused(reqid=reqid, errcode=code, detail=detail),
    )


def moved(c: Conference) -> Send:
    """Tell CM that a conference waits for a unit, or runs again and where."""
    running = c.state.value == "running"
    return to_cm(
        ConferenceMoved(
            e164=c.e164,
            state="running" if running else "pending",
            mcu=c.unit.wire if running and c.unit else None,
            join=c.join if running else None,
        )
    )


def ended(c: Conference) -> Send:
    """Tell CM that a conference has ended."""
    return to_cm(ConferenceEnded(e164=c.e164, reason=c.end_reason, errcode=c.end_code or None))


def number_in_use(c: Conference) -> tuple[Send, ...]:
    """Tell the number registries that a conference runs, and where."""
    return _to_registries(c, NumberInUse(**_number(c)))


def number_changed(c: Conference) -> tuple[Send, ...]:
    """Tell the number registries the new name of a conference."""
    return _to_registries(c, NumberChanged(**_number(c)))


def number_free(c: Conference) -> tuple[Send, ...]:
    """Tell the number registries that a conference runs no more."""
    return _to_registries(c, NumberFree(**_number(c)))


def _to_registries(c: Conference, message: Message) -> tuple[Send, ...]:
    """Send to the registry of the conference's own site, and to the one where it runs (CSS §7.2)."""
    sites = {c.source_platform: None, (c.unit.at if c.unit else "") or c.source_platform: None}
    return tuple(Send(route=Routes.TO_UPU, message=message, destination=site) for site in sites)


def _number(c: Conference) -> dict[str, Any]:
    return {
        "e164": c.e164,
        "conftype": c.conftype,
        "name": c.name,
        "user_domain": c.user_domain,
        "platform": c.hosting_platform or c.source_platform,
        "state": "running",
    }


def call_record(c: Conference) -> CallRecord:
    """Return the call record of an ended conference, as it is kept and sent."""
    return CallRecord(
        confid=c.confid,
        e164=c.e164,
        name=c.name,
        user_domain=c.user_domain,
        source_platform=c.source_platform,
        hosting_platform=c.hosting_platform,
        creator=RecordedCreator(moid=c.creator_moid, name=c.creator_name),
        started=wire_time(c.started_at),
        ended=wire_time(c.ended_at),
        reason=c.end_reason,
        units=c.units,
        members=c.members,
        restores=c.restores,
        places=c.places,
        record=c.record,
    )


def recorded(c: Conference) -> Send:
    """Send the call record to the BMC; its id makes it count once."""
    record = CallRecorded(confid=c.confid, record=call_record(c))
    return Send(route=Routes.BMC_CALL_RECORD, message=record)
