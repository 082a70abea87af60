"""Synchronise: what a unit holds against what we believe (CSS §1.2, §9.2). First row that fits."""

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
"""Comings and goings that a conference keeps for its call record, which is one message: a terminal
that comes and goes for a week must not make it larger than a message may be."""
LONGEST_WORD = 128
_S = ConferenceState


def decide_held(
    c: Conference | None,
    entry: dict[str, Any],
    unit: Unit,
    now: datetime,
    *,
    room_is_down: bool = False,
) -> Step:
    """The unit has it, and we say..."""
    e164, incarnation = entry["confE164"], entry["incarnation"]
    ghost = Step(
        f"ghost {incarnation} of {e164} on {unit}", send=(outgoing.drop(unit, e164, incarnation),)
    )
    if c is None or c.unit != unit or c.incarnation != incarnation:
        return ghost
    match c.state:
        case _S.RUNNING:
            return _members(c, entry, now)
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
    """Its user domain and the unit's room are down: the unit drops it, another one is looked for."""
    match c.state:
        case _S.CREATING:
            return decide_next_unit(c, Err.UNIT_SILENT, now)
        case _S.RESTORING:
            return decide_restore_failed(c, Err.UNIT_SILENT, now)
        case _:
            return Step(ghost.because, c, c.change(unit=None), ghost.send)


def decide_not_held(c: Conference, unit: Unit, at: datetime, now: datetime) -> Step:
    """The unit has not got it: it is lost, unless it was placed after the list was made."""
    if c.state is not _S.RUNNING or c.unit != unit:
        return nothing("not believed there, or not yet")
    if c.placed_at and (c.placed_at > at or now - c.placed_at < JUST_PLACED):
        return nothing("placed after the list was made")
    return decide_lost(c, unit, now)


def _members(c: Conference, entry: dict[str, Any], now: datetime) -> Step:
    mts = tuple(entry["mts"])
    if not mts or mts == c.mts:
        return nothing("as we believe")
    return Step("members as the unit says", c, with_members(c, mts, now))


def decide_reported(
    c: Conference, notice: UnitReportsChange, unit: Unit | None, now: datetime
) -> Step:
    """Name, password or members have changed on the unit (CSS §5.1, §5.2)."""
    if notice.incarnation != c.incarnation or not c.on(unit) or c.state is not _S.RUNNING:
        return nothing("a ghost reports")
    said = {
        "name": notice.name,
        "password": notice.password,
        "chairman": notice.chairman,
        "speaker": notice.speaker,
        "settings": notice.settings,
    }
    after = c.change(**{field: value for field, value in said.items() if value is not None})
    if notice.mts is not None:
        after = with_members(after, notice.mts, now)
    if after == c:
        return nothing("nothing new")
    told = outgoing.number_changed(after) if after.name != c.name else ()
    return Step("changed on the unit", c, after, told)


def with_members(c: Conference, mts: tuple[dict[str, Any], ...], now: datetime) -> Conference:
    """The conference with these members; who came and went is kept for the call record."""
    online = {str(m.get("mtid"))[:LONGEST_WORD]: m for m in mts if m.get("online")}
    moment = now.isoformat(timespec="seconds")
    log, seen = [], set()
    for entry in c.members:
        if "until" not in entry and entry["mtid"] not in online:
            entry = {**entry, "until": moment}
        elif "until" not in entry:
            seen.add(entry["mtid"])
        log.append(entry)
    log += [
        {"mtid": mtid, "account": _short(m, "account"), "name": _short(m, "name"), "from": moment}
        for mtid, m in online.items()
        if mtid not in seen
    ]
    while len(log) > MOST_STAYS and (over := next((m for m in log if "until" in m), None)):
        log.remove(over)
    empty = None if online else c.empty_since or now
    return c.change(mts=mts, members=tuple(log), empty_since=empty)


def _short(terminal: dict[str, Any], field: str) -> str | None:
    value = terminal.get(field)
    return None if value is None else str(value)[:LONGEST_WORD]
