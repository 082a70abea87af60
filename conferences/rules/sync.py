"""Synchronise: what a unit holds is compared with what we believe (CSS §1.2, §9.2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from conferences.rules import outgoing
from conferences.rules.create import decide_next_unit, decide_unit_took_it
from conferences.rules.restore import decide_lost, decide_restore_failed, decide_unit_took_it_again
from conferences.rules.states import Conference, ConferenceState, Unit
from conferences.rules.step import Step, nothing
from wire.error_codes import Err
from wire.media_unit import UnitReportsChange

JUST_PLACED = timedelta(seconds=3)
MOST_STAYS = 1000
"""The most stays of members that a conference keeps for its call record.

The record is one message: a terminal that comes and goes for a week must not make it too large."""
MAX_FIELD_LENGTH = 128
_S = ConferenceState


def decide_held(
    c: Conference | None,
    entry: dict[str, Any],
    unit: Unit,
    now: datetime,
    *,
    room_is_down: bool = False,
) -> Step:
    """Decide on one conference in the list of a unit; the first case that fits counts.

    `room_is_down`: its user domain and the room of the unit are abnormal. A conference that we do not
    believe there is a ghost, which the unit drops.
    """
    e164, incarnation = entry["confE164"], entry["incarnation"]
    ghost = Step(
        f"ghost {incarnation} of {e164} on {unit}", send=(outgoing.drop(unit, e164, incarnation),)
    )
    if c is None or c.unit != unit or c.incarnation != incarnation:
        return ghost
    match c.state:
        case _S.RUNNING:
            return _take_members(c, entry, now)
        case _ if room_is_down:
            return _leave(c, ghost, now)
        case _S.PENDING_RESTORE:
            return decide_unit_took_it_again(c, entry.get("join"), now)
        case _S.CREATING | _S.RESTORING if c.answer_by and c.answer_by > now:
            return nothing("wait for the unit's answer")
        case _S.CREATING:
            return decide_unit_took_it(c, entry.get("join"), now)
        case _:
            return decide_unit_took_it_again(c, entry.get("join"), now)


def _leave(c: Conference, ghost: Step, now: datetime) -> Step:
    """Take a conference off a unit in an abnormal room: the unit drops it, another one is looked for."""
    match c.state:
        case _S.CREATING:
            return decide_next_unit(c, Err.UNIT_SILENT, now)
        case _S.RESTORING:
            return decide_restore_failed(c, Err.UNIT_SILENT, now)
        case _:
            return Step(ghost.because, c, c.change(unit=None), ghost.send)


def decide_not_held(c: Conference, unit: Unit, made_at: datetime, now: datetime) -> Step:
    """Treat a conference as lost that its unit does not list.

    It is left alone if it was placed after the list was made, at `made_at`.
    """
    if c.state is not _S.RUNNING or c.unit != unit:
        return nothing("not believed there, or not yet")
    if c.placed_at and (c.placed_at > made_at or now - c.placed_at < JUST_PLACED):
        return nothing("placed after the list was made")
    return decide_lost(c, unit, now)


def _take_members(c: Conference, entry: dict[str, Any], now: datetime) -> Step:
    """Take the members from the list of the unit."""
    mts = tuple(entry["mts"])
    if not mts or mts == c.mts:
        return nothing("as we believe")
    return Step("members as the unit says", c, with_members(c, mts, now))


def decide_reported(
    c: Conference, notice: UnitReportsChange, unit: Unit | None, now: datetime
) -> Step:
    """Take the name, password or members that have changed on the unit (CSS §5.1, §5.2)."""
    if notice.incarnation != c.incarnation or not c.on(unit) or c.state is not _S.RUNNING:
        return nothing("a ghost reports")
    report = {
        "name": notice.name,
        "password": notice.password,
        "chairman": notice.chairman,
        "speaker": notice.speaker,
        "settings": notice.settings,
    }
    after = c.change(**{field: value for field, value in report.items() if value is not None})
    if notice.mts is not None:
        after = with_members(after, notice.mts, now)
    if after == c:
        return nothing("nothing new")
    messages = outgoing.number_changed(after) if after.name != c.name else ()
    return Step("changed on the unit", c, after, messages)


def with_members(c: Conference, mts: tuple[dict[str, Any], ...], now: datetime) -> Conference:
    """Return the conference with these members; who came and went is kept for the call record."""
    online = {str(m.get("mtid"))[:MAX_FIELD_LENGTH]: m for m in mts if m.get("online")}
    moment = now.isoformat(timespec="seconds")
    stays, staying = [], set()
    for entry in c.members:
        if "until" not in entry and entry["mtid"] not in online:
            entry = {**entry, "until": moment}
        elif "until" not in entry:
            staying.add(entry["mtid"])
        stays.append(entry)
    stays += [
        {"mtid": mtid, "account": _field(m, "account"), "name": _field(m, "name"), "from": moment}
        for mtid, m in online.items()
        if mtid not in staying
    ]
    while len(stays) > MOST_STAYS and (
        oldest_ended := next((m for m in stays if "until" in m), None)
    ):
        stays.remove(oldest_ended)
    empty = None if online else c.empty_since or now
    return c.change(mts=mts, members=tuple(stays), empty_since=empty)


def _field(terminal: dict[str, Any], field: str) -> str | None:
    """Return a field of a terminal as text of at most MAX_FIELD_LENGTH characters."""
    value = terminal.get(field)
    return None if value is None else str(value)[:MAX_FIELD_LENGTH]
