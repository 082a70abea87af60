"""Define the rules for a media unit's list and reports: they are compared with our data (CSS §1.2, §9.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from conferences.rules import outgoing
from conferences.rules.create import decide_next_unit, decide_unit_created
from conferences.rules.decision import Decision, no_change
from conferences.rules.restore import decide_lost, decide_restore_failed, decide_unit_restored
from conferences.rules.states import Conference, ConferenceState, Unit
from wire.error_codes import Err
from wire.fields import Terminal
from wire.media_unit import UnitListEntry, UnitReportsChange
from wire.number_registry import Stay

JUST_PLACED = timedelta(seconds=3)
MAX_STAYS = 1000
"""A conference keeps at most so many stays of members for its call record, which must fit into one message."""
MAX_FIELD_LENGTH = 128
_State = ConferenceState


def decide_listed(
    conference: Conference | None,
    entry: UnitListEntry,
    unit: Unit,
    now: datetime,
    *,
    room_is_down: bool = False,
) -> Decision:
    """Decide about one conference that a media unit lists as its own.

    `conference`: the one with this number in our data. If it is not assigned to the unit in the listed incarnation
    (the number of the assignment), the unit has to drop the listed one. A conference that waits for this unit, or had
    lost it, runs there again. `room_is_down`: the unit stands in an abnormal machine room, so a conference that has
    left the unit does not go back.
    """
    e164, incarnation = entry.e164, entry.incarnation
    drop = Decision(
        f"ghost {incarnation} of {e164} on {unit}",
        send=(outgoing.drop_command(unit, e164, incarnation),),
    )
    if conference is None or conference.unit != unit or conference.incarnation != incarnation:
        return drop
    match conference.state:
        case _State.RUNNING:
            return _update_members(conference, entry, now)
        case _ if room_is_down:
            return _leave_abnormal_room(conference, drop, now)
        case _State.PENDING_RESTORE:
            return decide_unit_restored(conference, entry.join, now)
        case _State.CREATING | _State.RESTORING if (
            conference.answer_by and conference.answer_by > now
        ):
            # The answer has more (how to enter) and comes soon; without it the list is enough.
            return no_change("wait for the unit's answer")
        case _State.CREATING:
            return decide_unit_created(conference, entry.join, now)
        case _:
            return decide_unit_restored(conference, entry.join, now)


def _leave_abnormal_room(conference: Conference, drop: Decision, now: datetime) -> Decision:
    """Decide to take a conference off a media unit in an abnormal (out of order) machine room, and ask for another.

    `drop`: the decision that tells the unit to drop the conference.
    """
    match conference.state:
        case _State.CREATING:
            return decide_next_unit(conference, Err.UNIT_SILENT, now)
        case _State.RESTORING:
            return decide_restore_failed(conference, Err.UNIT_SILENT, now)
        case _:
            return Decision(drop.reason, conference, conference.change(unit=None), drop.send)


def decide_not_listed(
    conference: Conference, unit: Unit, made_at: datetime, now: datetime
) -> Decision:
    """Decide to treat a conference as lost if our data assigns it to a media unit whose list lacks it.

    A conference that was placed after the list was made (`made_at`), or less than 3 s ago, is left alone.
    """
    if conference.state is not _State.RUNNING or conference.unit != unit:
        return no_change("not believed there, or not yet")
    if conference.placed_at and (
        conference.placed_at > made_at or now - conference.placed_at < JUST_PLACED
    ):
        return no_change("placed after the list was made")
    return decide_lost(conference, unit, now)


def _update_members(conference: Conference, entry: UnitListEntry, now: datetime) -> Decision:
    """Decide to replace the members of a conference by those in the list of its media unit, if the list names any."""
    if not entry.mts or entry.mts == conference.mts:
        return no_change("as we believe")
    if entry.seq is not None and entry.seq < conference.report_seq:
        return no_change("listed before the latest report")
    return Decision(
        "members as the unit says", conference, with_members(conference, entry.mts, now)
    )


def decide_reported(
    conference: Conference, notice: UnitReportsChange, unit: Unit | None, now: datetime
) -> Decision:
    """Decide to store the name, password, settings or members that the media unit reports (CSS §5.1, §5.2).

    The report may be handled before the unit's answer that it runs the conference, and after the unit was taken for
    lost. Then it is stored all the same, because it is not repeated. Ignored are an older report than the latest one
    (`seq`), and one about an earlier assignment to a unit (a "ghost").
    """
    if (
        notice.incarnation != conference.incarnation
        or not conference.is_on(unit)
        or not conference.live
    ):
        return no_change("a ghost reports")
    if notice.seq is not None and notice.seq <= conference.report_seq:
        return no_change("not newer than the latest report")
    report = {
        "name": notice.name,
        "password": notice.password,
        "chairman": notice.chairman,
        "speaker": notice.speaker,
        "settings": notice.settings,
    }
    changes = {field: value for field, value in report.items() if value is not None}
    after = conference.change(report_seq=notice.seq or conference.report_seq, **changes)
    if notice.mts is not None:
        after = with_members(after, notice.mts, now)
    if after == conference:
        return no_change("nothing new")
    is_renamed = after.name != conference.name and conference.state is _State.RUNNING
    messages = outgoing.number_changed(after) if is_renamed else ()
    return Decision("changed on the unit", conference, after, messages)


def with_members(conference: Conference, mts: tuple[Terminal, ...], now: datetime) -> Conference:
    """Return the conference with these members (`mts`), and with their stays for the call record brought up to date.

    A stay begins when a member comes online, and ends when it leaves. Above MAX_STAYS the oldest that have ended are
    dropped.
    """
    online = {
        str(terminal.mtid)[:MAX_FIELD_LENGTH]: terminal for terminal in mts if terminal.online
    }
    moment = now.isoformat(timespec="seconds")
    stays, present_ids = list[Stay](), set[str | None]()
    for stay in conference.members:
        if not stay.until and stay.mtid not in online:
            stay = msgspec.structs.replace(stay, until=moment)
        elif not stay.until:
            present_ids.add(stay.mtid)
        stays.append(stay)
    stays += [
        Stay(
            mtid=mtid,
            account=_cut_field(terminal.account),
            name=_cut_field(terminal.name),
            since=moment,
            visitor=_cut_field(terminal.visitor),
        )
        for mtid, terminal in online.items()
        if mtid not in present_ids
    ]
    while len(stays) > MAX_STAYS and (
        oldest_ended := next((stay for stay in stays if stay.until), None)
    ):
        stays.remove(oldest_ended)
    empty_since = None if online else conference.empty_since or now
    return conference.change(mts=mts, members=tuple(stays), empty_since=empty_since)


def _cut_field(text: str | None) -> str | None:
    """Return at most MAX_FIELD_LENGTH characters of a field of a terminal; `None` stays `None`."""
    return None if text is None else text[:MAX_FIELD_LENGTH]
