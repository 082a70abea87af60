"""Synchronise: what a unit holds is compared with what we believe (CSS §1.2, §9.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from conferences.rules import outgoing
from conferences.rules.create import decide_next_unit, decide_unit_took_it
from conferences.rules.restore import decide_lost, decide_restore_failed, decide_unit_took_it_again
from conferences.rules.states import Conference, ConferenceState, Unit
from conferences.rules.step import Step, nothing
from wire.error_codes import Err
from wire.fields import Terminal
from wire.media_unit import UnitListEntry, UnitReportsChange
from wire.number_registry import Stay

JUST_PLACED = timedelta(seconds=3)
MOST_STAYS = 1000
"""The most stays of members that a conference keeps for its call record.

The record is one message: a terminal that comes and goes for a week must not make it too large."""
MAX_FIELD_LENGTH = 128
_S = ConferenceState


def decide_held(
    c: Conference | None,
    entry: UnitListEntry,
    unit: Unit,
    now: datetime,
    *,
    room_is_down: bool = False,
) -> Step:
    """Decide on one conference in the list of a unit; the first case that fits counts.

    `room_is_down`: its user domain and the room of the unit are abnormal. A conference that we do not
    believe there is a ghost, which the unit drops.
    """
    e164, incarnation = entry.e164, entry.incarnation
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
            return decide_unit_took_it_again(c, entry.join, now)
        case _S.CREATING | _S.RESTORING if c.answer_by and c.answer_by > now:
            return nothing("wait for the unit's answer")
        case _S.CREATING:
            return decide_unit_took_it(c, entry.join, now)
        case _:
            return decide_unit_took_it_again(c, entry.join, now)


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


def _take_members(c: Conference, entry: UnitListEntry, now: datetime) -> Step:
    """Take the members from the list of the unit."""
    if not entry.mts or entry.mts == c.mts:
        return nothing("as we believe")
    return Step("members as the unit says", c, with_members(c, entry.mts, now))


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


def with_members(c: Conference, mts: tuple[Terminal, ...], now: datetime) -> Conference:
    """Return the conference with these members; who came and went is kept for the call record."""
    online = {
        str(terminal.mtid)[:MAX_FIELD_LENGTH]: terminal for terminal in mts if terminal.online
    }
    moment = now.isoformat(timespec="seconds")
    stays, staying = list[Stay](), set[str | None]()
    for stay in c.members:
        if not stay.until and stay.mtid not in online:
            stay = msgspec.structs.replace(stay, until=moment)
        elif not stay.until:
            staying.add(stay.mtid)
        stays.append(stay)
    stays += [
        Stay(mtid=mtid, account=_short(terminal.account), name=_short(terminal.name), since=moment)
        for mtid, terminal in online.items()
        if mtid not in staying
    ]
    while len(stays) > MOST_STAYS and (
        oldest_ended := next((stay for stay in stays if stay.until), None)
    ):
        stays.remove(oldest_ended)
    empty = None if online else c.empty_since or now
    return c.change(mts=mts, members=tuple(stays), empty_since=empty)


def _short(word: str | None) -> str | None:
    """Return at most MAX_FIELD_LENGTH characters of a field of a terminal."""
    return None if word is None else word[:MAX_FIELD_LENGTH]
