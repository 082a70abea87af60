"""A unit reports what it holds, and this is compared with what we believe (CSS §1.2, §9.2).

CSS -> CMU  MAU_CMU_GETCONFLIST_CMD
CMU -> CSS  CMU_MAU_CONFLIST_NTF                         on_unit_holds
CSS -> CMU  MAU_MCU_RELEASECONF_CMD
CMU -> CSS  MCU_MAU_CONFSTATECHANGE_NTF                  on_unit_reports_change
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.speaking_unit import speaking_unit
from conferences.rules.states import Unit
from conferences.rules.sync import decide_held, decide_not_held, decide_reported
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.registry import handles
from wire.media_unit import UnitHolds, UnitReportsChange


@handles(UnitHolds)
def on_unit_holds(uow: ConferencesUnitOfWork, notice: UnitHolds, envelope: Envelope) -> None:
    """Compare a unit's list with what we believe it to hold. Raises NotTaken for an impossible part.

    It is compared without locks first; only what differs is locked and decided again.
    """
    if notice.part > notice.parts:
        raise NotTaken(f"must not be greater than parts ({notice.parts})", "part")
    unit = Unit(notice.ip, notice.pid, envelope.via or uow.own_site)
    ours = uow.numbers_to_judge([entry.e164 for entry in notice.confs], not envelope.via)
    entries = {entry.e164: entry for entry in notice.confs if entry.e164 in ours}
    believed = uow.believed_on(unit, list(entries))
    for e164, entry in entries.items():
        c = believed.get(e164)
        down = c is not None and uow.is_domain_down(c, unit)
        unlocked_step = decide_held(c, entry, unit, uow.now, room_is_down=down)
        if unlocked_step.after or unlocked_step.send:
            commit(uow, decide_held(uow.load(e164), entry, unit, uow.now, room_is_down=down))
    listed = _all_listed(uow, notice, unit, entries)
    if listed is None:
        return
    made_at = _made_at(notice, envelope, uow.now)
    for e164, c in believed.items():
        if e164 in listed or decide_not_held(c, unit, made_at, uow.now).after is None:
            continue
        locked = uow.load(e164)
        if locked:
            commit(uow, decide_not_held(locked, unit, made_at, uow.now))


def _all_listed(
    uow: ConferencesUnitOfWork, notice: UnitHolds, unit: Unit, numbers: Collection[str]
) -> Collection[str] | None:
    """Return all numbers that the unit holds; `None` while parts of its list are on their way."""
    if notice.parts == 1:
        return numbers
    part = (notice.part, notice.parts)
    return uow.collect_list_parts(unit, notice.listid or "", part, list(numbers))


def _made_at(notice: UnitHolds, envelope: Envelope, now: datetime) -> datetime:
    """Return when the list was made: its `at`, else the property `timestamp`, never later than now."""
    try:
        moment = datetime.fromisoformat(notice.at) if notice.at else envelope.sent_at
    except ValueError:
        moment = envelope.sent_at
    if moment is None:
        return now
    return min(moment if moment.tzinfo else moment.replace(tzinfo=UTC), now)


@handles(UnitReportsChange)
def on_unit_reports_change(
    uow: ConferencesUnitOfWork, notice: UnitReportsChange, envelope: Envelope
) -> None:
    """Take a new name, password or members from the unit."""
    conference = uow.load(notice.e164)
    if conference:
        unit = speaking_unit(notice, envelope, uow.own_site, conference)
        commit(uow, decide_reported(conference, notice, unit, uow.now))
