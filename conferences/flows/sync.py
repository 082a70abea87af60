"""What a unit holds against what we believe (CSS §1.2, §9.2).

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
from conferences.rules.speaking_unit import speaker
from conferences.rules.states import Unit
from conferences.rules.sync import decide_held, decide_not_held, decide_reported
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.registry import handles
from wire.media_unit import UnitHolds, UnitReportsChange


@handles(UnitHolds)
def on_unit_holds(uow: ConferencesUnitOfWork, notice: UnitHolds, envelope: Envelope) -> None:
    """A unit's list. Compared without locks first; only what differs is locked and decided again."""
    if notice.part > notice.parts:
        raise NotTaken(f"must not be greater than parts ({notice.parts})", "part")
    unit = Unit(notice.ip, notice.pid, envelope.via or uow.here)
    mine = uow.concerned([e["confE164"] for e in notice.confs], not envelope.via)
    held = {e["confE164"]: e for e in notice.confs if e["confE164"] in mine}
    believed = uow.believed_on(unit, list(held))
    for e164, entry in held.items():
        c = believed.get(e164)
        down = c is not None and uow.domain_is_down(c, unit)
        first = decide_held(c, entry, unit, uow.now, room_is_down=down)
        if first.after or first.send:
            commit(uow, decide_held(uow.load(e164), entry, unit, uow.now, room_is_down=down))
    listed = _all_listed(uow, notice, unit, held)
    if listed is None:
        return
    at = _made_at(notice, envelope, uow.now)
    for e164, c in believed.items():
        if e164 in listed or decide_not_held(c, unit, at, uow.now).after is None:
            continue
        locked = uow.load(e164)
        if locked:
            commit(uow, decide_not_held(locked, unit, at, uow.now))


def _all_listed(
    uow: ConferencesUnitOfWork, notice: UnitHolds, unit: Unit, held: Collection[str]
) -> Collection[str] | None:
    """All numbers that the unit holds; None while parts of its list are on their way."""
    if notice.parts == 1:
        return held
    part = (notice.part, notice.parts)
    return uow.parts_of(unit, notice.listid or "", part, list(held))


def _made_at(notice: UnitHolds, envelope: Envelope, now: datetime) -> datetime:
    """When the list was made: its `at`, else the property `timestamp`, never later than now."""
    try:
        said = datetime.fromisoformat(notice.at) if notice.at else envelope.sent_at
    except ValueError:
        said = envelope.sent_at
    if said is None:
        return now
    return min(said if said.tzinfo else said.replace(tzinfo=UTC), now)


@handles(UnitReportsChange)
def on_unit_reports_change(
    uow: ConferencesUnitOfWork, notice: UnitReportsChange, envelope: Envelope
) -> None:
    """Name, password or members have changed on the unit."""
    conference = uow.load(notice.e164)
    if conference:
        unit = speaker(notice, envelope, uow.here, conference)
        commit(uow, decide_reported(conference, notice, unit, uow.now))
