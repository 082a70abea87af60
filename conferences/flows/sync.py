"""A media unit (CMU) reports which conferences it holds, and they are compared with our data (CSS §1.2, §9.2).

CSS -> CMU  MAU_CMU_GETCONFLIST_CMD
CMU -> CSS  CMU_MAU_CONFLIST_NTF                         on_unit_lists_conferences
CSS -> CMU  MAU_MCU_RELEASECONF_CMD
CMU -> CSS  MCU_MAU_CONFSTATECHANGE_NTF                  on_unit_reports_change
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.sending_unit import sending_unit
from conferences.rules.states import Unit
from conferences.rules.sync import decide_listed, decide_not_listed, decide_reported
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.registry import handles
from wire.media_unit import UnitListsConferences, UnitReportsChange


@handles(UnitListsConferences)
def on_unit_lists_conferences(
    uow: ConferencesUnitOfWork, notice: UnitListsConferences, envelope: Envelope
) -> None:
    """Compare a media unit's list of conferences with our data. Raises NotTaken if `part` is greater than `parts`.

    Rows are first read without locks. Only conferences that differ from the list are locked, and decided about again.
    Those that the unit does not list are looked at once all parts of the list have come.
    """
    if notice.part > notice.parts:
        raise NotTaken(f"must not be greater than parts ({notice.parts})", "part")
    unit = Unit(notice.ip, notice.pid, envelope.via or uow.own_site)
    own_numbers = uow.numbers_of_own_conferences(
        [entry.e164 for entry in notice.confs], not envelope.via
    )
    entries = {entry.e164: entry for entry in notice.confs if entry.e164 in own_numbers}
    unlocked = uow.find_unlocked(unit, list(entries))
    room_is_down = uow.is_room_abnormal(unit)
    for e164, entry in entries.items():
        conference = unlocked.get(e164)
        unlocked_decision = decide_listed(
            conference, entry, unit, uow.now, room_is_down=room_is_down
        )
        if unlocked_decision.after or unlocked_decision.send:
            locked = uow.load(e164)
            commit(uow, decide_listed(locked, entry, unit, uow.now, room_is_down=room_is_down))
    listed = _all_listed_numbers(uow, notice, unit, entries)
    if listed is None:
        return
    made_at = _made_at(notice, envelope, uow.now)
    for e164, conference in unlocked.items():
        if e164 in listed or decide_not_listed(conference, unit, made_at, uow.now).after is None:
            continue
        locked = uow.load(e164)
        if locked:
            commit(uow, decide_not_listed(locked, unit, made_at, uow.now))


def _all_listed_numbers(
    uow: ConferencesUnitOfWork, notice: UnitListsConferences, unit: Unit, numbers: Collection[str]
) -> Collection[str] | None:
    """Return the numbers of all conferences in a unit's list; `None` while parts of the list are still missing.

    `numbers`: those in `notice`, one part of the list.
    """
    if notice.parts == 1:
        return numbers
    return uow.collect_list_parts(
        unit, notice.listid or "", notice.part, notice.parts, list(numbers)
    )


def _made_at(notice: UnitListsConferences, envelope: Envelope, now: datetime) -> datetime:
    """Return when a media unit made its list: its field `at`, else the AMQP property `timestamp`; at most `now`."""
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
    """Save a new name, password, settings or members of a conference as its media unit reports them."""
    conference = uow.load(notice.e164)
    if conference:
        unit = sending_unit(notice, envelope, uow.own_site, conference)
        commit(uow, decide_reported(conference, notice, unit, uow.now))
