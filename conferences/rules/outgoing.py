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

COMMAND_EXPIRES_MS = 15_000
"""The broker drops create and restore commands after this time, so that a unit that was dead gets no old ones."""


def wire_time(moment: datetime | None) -> str | None:
    """Return a time as messages write it: ISO 8601 in UTC, whole seconds, `+00:00`; `None` stays `None`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def to_unit(unit: Unit, message: Message, expires_ms: int = 0, correlation_id: str = "") -> Send:
    """Return a message addressed to a media unit, on the broker of the site where the unit stands (CSS §5.3).

    `expires_ms`: after how many ms it is dropped; 0 means never.
    """
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
    """Return a message addressed to the conference managers (CM) of a site; "" means this site."""
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


def ask_rms(conference: Conference, flow: str) -> Send:
    """Return the request to the resource manager (RMS) for a media unit, and a recorder if the conference is recorded.

    `flow`: what the answer continues: `create`, `restore`, or `record`, which requests a recorder alone. The
    correlation id begins with it.
    """
    types: tuple[ResourceType, ...] = ("mcu", "vrs", "mps") if conference.record else ("mcu", "mps")
    if flow == "record":
        types = ("vrs",)
    return Send(
        message=GetResources(
            user_domain=conference.user_domain,
            res=types,
            e164=conference.e164,
            places=conference.places,
            resolution=conference.resolution,
            exclude=tuple(
                ExcludedUnit(ip=unit.ip, pid=unit.pid or None) for unit in conference.tried
            ),
        ),
        route=Routes.TO_RMS,
        correlation_id=f"{flow}:{conference.e164}:{conference.source_platform}:{conference.question}",
        reply_to=Routes.RMS_TO_CSS.value.queue,
        expires_ms=COMMAND_EXPIRES_MS,
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


def drop_command(unit: Unit, e164: str, incarnation: int) -> Send:
    """Return the command to a media unit to drop the conference with this number.

    `incarnation`: only in this assignment to a unit or an earlier one, which has a lower number.
    """
    return to_unit(unit, DropOnUnit(e164=e164, incarnation=incarnation))


def resource_usage(conference: Conference, state: Literal["used", "free"]) -> Send:
    """Return the notice to the resource manager (RMS) that a conference uses the units granted to it, or frees them."""
    return Send(
        message=ResourcesUsed(
            e164=conference.e164,
            incarnation=conference.incarnation,
            mcu=conference.unit.as_message_field if conference.unit else None,
            vrs=conference.vrs.as_message_field if conference.vrs else None,
            mps=conference.mps.as_message_field if conference.mps else None,
            state=state,
        ),
        route=Routes.TO_RMS,
        destination=conference.unit.site if conference.unit else "",
    )


def create_or_restore(conference: Conference) -> Send:
    """Return the command that creates a conference on its media unit, or restores it there if it has run before."""
    assert conference.unit is not None
    common: dict[str, Any] = {
        "e164": conference.e164,
        "confid": conference.confid,
        "incarnation": conference.incarnation,
        "name": conference.name,
        "password": conference.password,
        "places": conference.places,
        "resolution": conference.resolution,
        "bitrate": conference.bitrate,
        "h265": conference.h265,
        "record": conference.record,
        "vrs": conference.vrs.as_message_field if conference.vrs and conference.record else None,
        "mps": conference.mps.as_message_field if conference.mps else None,
        "hasxmpu": conference.mps is not None,
        "endtime": wire_time(conference.ends_at),
        "mts": conference.mts,
        "platform": conference.source_platform,
    }
    if conference.started_at is None:
        create = CreateOnUnit(
            **common,
            chairman=conference.chairman or None,
            speaker=conference.speaker or None,
            settings=_settings_for_unit(conference) if conference.settings else None,
        )
        return to_unit(conference.unit, create, COMMAND_EXPIRES_MS)
    restore = RestoreOnUnit(
        **common,
        started=wire_time(conference.started_at) or "",
        chairman=conference.chairman,
        speaker=conference.speaker,
        settings=_settings_for_unit(conference),
    )
    return to_unit(conference.unit, restore, COMMAND_EXPIRES_MS)


def _settings_for_unit(conference: Conference) -> Settings:
    """Return the settings of a conference for its media unit, with 0 (off) for each that is not set."""
    settings = conference.settings or Settings()
    return Settings(mute=settings.mute or 0, silence=settings.silence or 0, extra=settings.extra)


def created_answers(conference: Conference) -> tuple[Answer, ...]:
    """Return the answers to all who asked for a conference, which say that it runs."""
    return tuple(created_answer(conference, asker) for asker in conference.askers)


def created_answer(conference: Conference, asker: Asker) -> Answer:
    """Return the answer to an asker that the conference runs, or is being restored, with its media unit."""
    kind = CreatedByTemplate if asker.by_template else ConferenceCreated
    message = kind(
        reqid=asker.reqid,
        e164=conference.e164,
        confid=conference.confid,
        name=conference.name,
        mcu=(conference.unit or Unit("")).as_message_field,
        # The recorder counts only if the conference is recorded now.
        vrs=conference.vrs.as_message_field if conference.vrs and conference.record else None,
        mps=conference.mps.as_message_field if conference.mps else None,
        starttime=wire_time(conference.started_at) or "",
        endtime=wire_time(conference.ends_at),
        join=conference.join,
    )
    return Answer(request=asker.request, route=Routes.CSS_TO_CM, message=message)


def refused_answers(conference: Conference, code: str, detail: str | None) -> tuple[Answer, ...]:
    """Return the answers to all who asked for a conference: it was not created, and why."""
    return tuple(refused_answer(asker, code, detail) for asker in conference.askers)


def refused_answer(asker: Asker, code: str, detail: str | None = None) -> Answer:
    """Return the answer to an asker that no conference was created, and why."""
    message_class = CreateByTemplateRefused if asker.by_template else CreateRefused
    message = message_class(reqid=asker.reqid, errcode=code, detail=detail)
    return Answer(request=asker.request, route=Routes.CSS_TO_CM, message=message)


def booking_started(conference: Conference) -> tuple[Send, ...]:
    """Return the notice to the conference managers (CM) that a booked conference runs; () for any other conference."""
    if not conference.occurrence:
        return ()
    return (
        to_cm(
            BookingStarted(bookid=conference.stored_id, e164=conference.e164, join=conference.join)
        ),
    )


def booking_failed(bookid: str, e164: str, code: str, detail: str) -> Send:
    """Return the notice to the conference managers (CM) that a booked conference could not be started, and why."""
    return to_cm(
        ConferenceEnded(
            e164=e164, reason="create_failed", errcode=code, bookid=bookid, detail=detail or None
        )
    )


def moved_notice(conference: Conference) -> Send:
    """Return the notice to conference managers (CM) that a conference waits for a media unit, or runs again."""
    running = conference.state.value == "running"
    return to_cm(
        ConferenceMoved(
            e164=conference.e164,
            state="running" if running else "pending",
            mcu=conference.unit.as_message_field if running and conference.unit else None,
            join=conference.join if running else None,
        )
    )


def ended_notice(conference: Conference) -> Send:
    """Return the notice to the conference managers (CM) that a conference has ended."""
    return to_cm(
        ConferenceEnded(
            e164=conference.e164, reason=conference.end_reason, errcode=conference.end_code or None
        )
    )


def number_in_use(conference: Conference) -> tuple[Send, ...]:
    """Return the notices to the number registries (UPU) that a conference runs under its number, and where."""
    return _to_registries(conference, NumberInUse(**_registry_fields(conference)))


def number_in_use_here(conference: Conference) -> Send:
    """Return the notice to the number registry of this site alone that a conference runs under its number.

    It is sent for all running conferences when this site begins to serve (decide for) their platform.
    """
    return Send(route=Routes.TO_UPU, message=NumberInUse(**_registry_fields(conference)))


def number_changed(conference: Conference) -> tuple[Send, ...]:
    """Return the notices to the number registries (UPU) that a conference has a new name."""
    return _to_registries(conference, NumberChanged(**_registry_fields(conference)))


def number_free(conference: Conference) -> tuple[Send, ...]:
    """Return the notices to the number registries (UPU) that a conference no longer runs under its number."""
    return _to_registries(conference, NumberFree(**_registry_fields(conference)))


def _to_registries(conference: Conference, message: Message) -> tuple[Send, ...]:
    """Return a message to the number registries of the conference's own site and of that which runs it (CSS §7.2)."""
    sites = {
        conference.source_platform: None,
        (conference.unit.site if conference.unit else "") or conference.source_platform: None,
    }
    return tuple(to_registry(message, site) for site in sites)


def _registry_fields(conference: Conference) -> dict[str, Any]:
    """Return the fields of a message to the number registries about a running conference."""
    return {
        "e164": conference.e164,
        "conftype": conference.conftype,
        "name": conference.name,
        "user_domain": conference.user_domain,
        "platform": conference.hosting_platform or conference.source_platform,
        "state": "running",
    }


def call_record(conference: Conference) -> CallRecord:
    """Return the call record of an ended conference: who met when, and on which units."""
    return CallRecord(
        confid=conference.confid,
        e164=conference.e164,
        name=conference.name,
        user_domain=conference.user_domain,
        source_platform=conference.source_platform,
        hosting_platform=conference.hosting_platform,
        creator=RecordedCreator(moid=conference.creator_moid, name=conference.creator_name),
        started=wire_time(conference.started_at),
        ended=wire_time(conference.ended_at),
        reason=conference.end_reason,
        units=conference.units,
        members=conference.members,
        restores=conference.restores,
        places=conference.places,
        record=conference.record,
    )


def call_recorded(conference: Conference) -> Send:
    """Return the message with the call record of an ended conference for the management console (BMC)."""
    record = CallRecorded(confid=conference.confid, record=call_record(conference))
    return Send(route=Routes.BMC_CALL_RECORD, message=record)
