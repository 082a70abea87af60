"""The functions here build the outgoing messages about a conference that several decisions send."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from conferences.rules.registry_entries import to_registry
from conferences.rules.states import Asker, Conference, Unit
from foundation.bus.message import Message, NotTaken
from foundation.bus.outgoing import Answer, Send
from wire.conference_manager import (
    AskToRename,
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
from wire.reservations import BookingStarted
from wire.resource_pool import ExcludedUnit, GetResources, ResourcesUsed
from wire.routes import Routes, unit_key
from wire.templates import CreateByTemplateRefused, CreatedByTemplate

COMMAND_LIVES_MS = 15_000
"""The broker drops create and restore commands after this time, so that a unit that was dead gets no old ones."""


def wire_time(moment: datetime | None) -> str | None:
    """Return a moment as messages write it: ISO 8601 in UTC, whole seconds, `+00:00`; `None` stays `None`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def to_unit(unit: Unit, message: Message, expires_ms: int = 0, correlation_id: str = "") -> Send:
    """Address a message to a media unit, on the broker of the site where the unit stands (CSS §5.3)."""
    return Send(
        message=message,
        route=Routes.CSS_TO_UNIT,
        key=unit_key(unit.ip, unit.pid),
        destination=unit.site,
        expires_ms=expires_ms,
        correlation_id=correlation_id,
    )


def answer_unit(unit: Unit, request_key: str, message: Message) -> Answer:
    """Return the answer to a media unit's request, which has this key in the inbox (table of requests)."""
    key = unit_key(unit.ip, unit.pid)
    return Answer(
        request=request_key,
        message=message,
        route=Routes.CSS_TO_UNIT,
        key=key,
        destination=unit.site,
    )


def to_cm(message: Message, site: str = "") -> Send:
    """Address a message to the conference managers (CM) of a site; "" means this site."""
    return Send(message=message, route=Routes.CSS_TO_CM, destination=site)


def ask_to_rename(question: AskToRename) -> Send:
    """Return the question to the conference managers (CM) whether a media unit may rename its conference.

    An answer may name neither conference nor question; it is then understood by its correlation id.
    """
    correlation_id = f"rename:{question.e164}:{question.reqid}"
    return Send(message=question, route=Routes.CSS_TO_CM, correlation_id=correlation_id)


class RenameQuestion(NamedTuple):
    """A question to conference managers about a new name: the conference's number, and the id of the question."""

    e164: str
    question_id: str


def parse_rename_question(correlation_id: str) -> RenameQuestion:
    """Return the question that `ask_to_rename` has sent with this correlation id; both fields are "" for another id."""
    kind, _, number_and_id = correlation_id.partition(":")
    e164, _, question_id = number_and_id.partition(":")
    return RenameQuestion(e164, question_id) if kind == "rename" else RenameQuestion("", "")


def ask_rms(c: Conference, flow: str) -> Send:
    """Return the request to the resource manager (RMS) for a media unit, and a recorder if the conference is recorded.

    `flow`: the flow that handles the answer, `create`, `restore`, or `record` to request a recorder alone. The
    correlation id begins with it.
    """
    types: tuple[ResourceType, ...] = ("mcu", "vrs", "mps") if c.record else ("mcu", "mps")
    if flow == "record":
        types = ("vrs",)
    return Send(
        message=GetResources(
            user_domain=c.user_domain,
            res=types,
            e164=c.e164,
            places=c.places,
            resolution=c.resolution,
            exclude=tuple(ExcludedUnit(ip=unit.ip, pid=unit.pid or None) for unit in c.tried),
        ),
        route=Routes.TO_RMS,
        correlation_id=f"{flow}:{c.e164}:{c.source_platform}:{c.question}",
        reply_to=Routes.RMS_TO_CSS.value.queue,
        expires_ms=COMMAND_LIVES_MS,
    )


class RmsQuestion(NamedTuple):
    """A request to the resource manager (RMS): the conference's number, and the number of the request, from 1."""

    e164: str
    question: int


def parse_rms_question(correlation_id: str) -> RmsQuestion:
    """Return the request that `ask_rms` has sent with this correlation id. Raises NotTaken for another id."""
    _flow, _, number_and_more = correlation_id.partition(":")
    e164, _, platform_and_question = number_and_more.partition(":")
    _platform, _, question = platform_and_question.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,9}", question):
        raise NotTaken("is not that of a question of ours", "correlation_id")
    return RmsQuestion(e164, int(question))


def drop(unit: Unit, e164: str, incarnation: int) -> Send:
    """Return the command to a media unit to drop the conference with this number, in this incarnation or a lower one."""
    return to_unit(unit, DropOnUnit(e164=e164, incarnation=incarnation))


def resource_usage(c: Conference, state: Literal["used", "free"]) -> Send:
    """Return the notice to the resource manager (RMS) that the conference uses the granted units, or frees them."""
    return Send(
        message=ResourcesUsed(
            e164=c.e164,
            incarnation=c.incarnation,
            mcu=c.unit.as_message_field if c.unit else None,
            vrs=c.vrs.as_message_field if c.vrs else None,
            mps=c.mps.as_message_field if c.mps else None,
            state=state,
        ),
        route=Routes.TO_RMS,
        destination=c.unit.site if c.unit else "",
    )


def create_or_restore(c: Conference) -> Send:
    """Return the command that creates a conference on its media unit, or restores it there if it has run before."""
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
        "vrs": c.vrs.as_message_field if c.vrs and c.record else None,
        "mps": c.mps.as_message_field if c.mps else None,
        "hasxmpu": c.mps is not None,
        "endtime": wire_time(c.ends_at),
        "mts": c.mts,
        "platform": c.source_platform,
    }
    if c.started_at is None:
        create = CreateOnUnit(
            **common,
            chairman=c.chairman or None,
            speaker=c.speaker or None,
            settings=_settings(c) if c.settings else None,
        )
        return to_unit(c.unit, create, COMMAND_LIVES_MS)
    restore = RestoreOnUnit(
        **common,
        started=wire_time(c.started_at) or "",
        chairman=c.chairman,
        speaker=c.speaker,
        settings=_settings(c),
    )
    return to_unit(c.unit, restore, COMMAND_LIVES_MS)


def _settings(c: Conference) -> Settings:
    """Return the settings of the conference, with 0 (off) for each that is not set."""
    settings = c.settings or Settings()
    return Settings(mute=settings.mute or 0, silence=settings.silence or 0, extra=settings.extra)


def created_answers(c: Conference) -> tuple[Answer, ...]:
    """Return the answers to all askers of a conference that it runs."""
    return tuple(created_answer(c, asker) for asker in c.askers)


def created_answer(c: Conference, asker: Asker) -> Answer:
    """Return the answer to an asker that the conference runs, or is being restored, with its media unit."""
    kind = CreatedByTemplate if asker.by_template else ConferenceCreated
    message = kind(
        reqid=asker.reqid,
        e164=c.e164,
        confid=c.confid,
        name=c.name,
        mcu=(c.unit or Unit("")).as_message_field,
        vrs=c.vrs.as_message_field if c.vrs and c.record else None,
        mps=c.mps.as_message_field if c.mps else None,
        starttime=wire_time(c.started_at) or "",
        endtime=wire_time(c.ends_at),
        join=c.join,
    )
    return Answer(request=asker.request, route=Routes.CSS_TO_CM, message=message)


def refused_answers(c: Conference, code: str, detail: str | None) -> tuple[Answer, ...]:
    """Return the answers to all askers of a conference that it was not created, and why."""
    return tuple(refused_answer(asker, code, detail) for asker in c.askers)


def refused_answer(asker: Asker, code: str, detail: str | None = None) -> Answer:
    """Return the answer to an asker that no conference was created, and why."""
    kind = CreateByTemplateRefused if asker.by_template else CreateRefused
    message = kind(reqid=asker.reqid, errcode=code, detail=detail)
    return Answer(request=asker.request, route=Routes.CSS_TO_CM, message=message)


def booking_started(c: Conference) -> tuple[Send, ...]:
    """Return the notice to the conference managers (CM) that a booked conference runs; () for any other conference."""
    if not c.occurrence:
        return ()
    return (to_cm(BookingStarted(bookid=c.stored_id, e164=c.e164, join=c.join)),)


def booking_failed(bookid: str, e164: str, code: str, detail: str) -> Send:
    """Return the notice to the conference managers (CM) that a booked conference could not be started, and why."""
    return to_cm(
        ConferenceEnded(
            e164=e164, reason="create_failed", errcode=code, bookid=bookid, detail=detail or None
        )
    )


def moved(c: Conference) -> Send:
    """Return the notice to the conference managers (CM) that a conference waits for a media unit, or where it runs again."""
    running = c.state.value == "running"
    return to_cm(
        ConferenceMoved(
            e164=c.e164,
            state="running" if running else "pending",
            mcu=c.unit.as_message_field if running and c.unit else None,
            join=c.join if running else None,
        )
    )


def ended(c: Conference) -> Send:
    """Return the notice to the conference managers (CM) that a conference has ended."""
    return to_cm(ConferenceEnded(e164=c.e164, reason=c.end_reason, errcode=c.end_code or None))


def number_in_use(c: Conference) -> tuple[Send, ...]:
    """Return the notices to the number registries (UPU) that a conference runs under its number, and on which platform."""
    return _to_registries(c, NumberInUse(**_registry_fields(c)))


def number_in_use_here(c: Conference) -> Send:
    """Return the notice to the number registry of this site alone that a conference runs under its number.

    It is sent for all running conferences when this site begins to serve their platform.
    """
    return Send(route=Routes.TO_UPU, message=NumberInUse(**_registry_fields(c)))


def number_changed(c: Conference) -> tuple[Send, ...]:
    """Return the notices to the number registries (UPU) that a conference has a new name."""
    return _to_registries(c, NumberChanged(**_registry_fields(c)))


def number_free(c: Conference) -> tuple[Send, ...]:
    """Return the notices to the number registries (UPU) that a conference no longer runs under its number."""
    return _to_registries(c, NumberFree(**_registry_fields(c)))


def _to_registries(c: Conference, message: Message) -> tuple[Send, ...]:
    """Address a message to the number registry of the conference's own site, and of the site where it runs (CSS §7.2)."""
    sites = {c.source_platform: None, (c.unit.site if c.unit else "") or c.source_platform: None}
    return tuple(to_registry(message, site) for site in sites)


def _registry_fields(c: Conference) -> dict[str, Any]:
    """Return the fields of a message to the number registries."""
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


def call_recorded(c: Conference) -> Send:
    """Return the message with the call record of an ended conference for the management console (BMC)."""
    record = CallRecorded(confid=c.confid, record=call_record(c))
    return Send(route=Routes.BMC_CALL_RECORD, message=record)
