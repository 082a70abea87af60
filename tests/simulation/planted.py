"""Deliberate faults, one line each: the simulation is worth something only if it finds them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from conferences.flows import by_template as by_template_flow
from conferences.flows import create as create_flow
from conferences.flows import restore as restore_flow
from conferences.flows import sync as sync_flow
from conferences.rules import control, create, due, occurrence, restore, sync
from conferences.rules.decision import Decision, no_change
from conferences.rules.reservation import Occurrence, OccurrenceState
from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.bus.message import Message
from foundation.bus.registry import HANDLERS
from licensing.rules.amounts import NONE, Amounts
from tests import memory_reservations
from tests.memory import MemoryUnitOfWork
from tests.memory_pool import MemoryPool
from tests.memory_reservations import MemoryReservations
from tests.simulation.faults import Faults
from wire.media_unit import UnitListEntry, UnitListsConferences, UnitReportsChange

planted = Faults()


@planted
def seat_is_not_given_back(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: an ended conference keeps its seat."""
    count = MemoryUnitOfWork.count

    def greedy(uow: MemoryUnitOfWork, domain: str, before: Amounts, after: Amounts) -> None:
        if after != NONE:
            count(uow, domain, before, after)

    patch.setattr(MemoryUnitOfWork, "count", greedy)


@planted
def number_starts_again(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the next conference with a number counts its incarnations from 1."""
    save = MemoryUnitOfWork.save

    def forgetful(uow: MemoryUnitOfWork, before: Conference | None, after: Conference) -> None:
        save(uow, before, after)
        if not after.live:
            uow.numbers[after.e164] = (0, False)

    patch.setattr(MemoryUnitOfWork, "save", forgetful)


@planted
def older_report_wins(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: what a unit reports is taken over in the order in which it is handled."""
    decide = sync.decide_reported

    def careless(
        c: Conference, notice: UnitReportsChange, unit: Unit | None, now: datetime
    ) -> Decision:
        step = decide(msgspec.structs.replace(c, report_seq=0), notice, unit, now)
        if step.after is None:
            return step
        latest = max(c.report_seq, notice.seq or 0)
        return replace(step, before=c, after=step.after.change(report_seq=latest))

    patch.setattr(sync_flow, "decide_reported", careless)


@planted
def answer_brings_no_change(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the answer to a control request may be forwarded before its change is stored."""
    patch.setattr(control, "decide_reported", lambda *_about: no_change("not heard"))


@planted
def inbox_is_removed(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a repeated request is done again."""
    is_new = MemoryUnitOfWork._is_new

    def again(uow: MemoryUnitOfWork, message: Any, body: dict[str, Any], envelope: Any) -> bool:
        uow.inbox.pop(envelope.request, None)
        return is_new(uow, message, body, envelope)

    patch.setattr(MemoryUnitOfWork, "_is_new", again)


@planted
def sync_is_removed(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that nobody reads the units' lists."""
    kind: type[Message] = UnitListsConferences
    patch.setitem(HANDLERS, kind, lambda uow, notice, envelope: None)


@planted
def state_check_is_removed(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the RMS' answer is taken whatever the conference is doing by now."""
    decide = restore.decide_restore_resources

    def careless(
        conference: Conference, reply: Any, question: int, here: str, now: datetime
    ) -> Decision:
        pending = msgspec.structs.replace(
            conference, state=ConferenceState.PENDING_RESTORE, answer_by=now
        )
        return replace(decide(pending, reply, conference.question, here, now), before=conference)

    patch.setattr(restore_flow, "decide_restore_resources", careless)


@planted
def question_check_is_removed(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: an RMS answer to an older question counts for the newest, even if a unit is chosen."""
    decide = create.decide_create_resources

    def careless(
        conference: Conference, reply: Any, question: int, here: str, now: datetime
    ) -> Decision:
        if conference.state is not ConferenceState.CREATING:
            return decide(conference, reply, question, here, now)
        return replace(
            decide(
                msgspec.structs.replace(conference, unit=None),
                reply,
                conference.question,
                here,
                now,
            ),
            before=conference,
        )

    patch.setattr(create, "decide_create_resources", careless)


@planted
def incarnation_check_is_removed(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: any unit that reports a number as taken is believed."""
    original = create_flow._decide_unit_accepted

    def careless(uow: Any, conference: Conference | None, reply: Any, unit: Any) -> Decision:
        if conference:
            reply, unit = (
                msgspec.structs.replace(reply, incarnation=conference.incarnation),
                conference.unit,
            )
        return original(uow, conference, reply, unit)

    patch.setattr(create_flow, "_decide_unit_accepted", careless)


@planted
def ghosts_may_stay(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the incarnation in a unit's list is not looked at."""
    decide = sync.decide_listed

    def careless(
        conference: Conference | None, entry: UnitListEntry, *facts: Any, **more: Any
    ) -> Decision:
        return decide(
            conference,
            msgspec.structs.replace(entry, incarnation=conference.incarnation)
            if conference
            else entry,
            *facts,
            **more,
        )

    patch.setattr(sync_flow, "decide_listed", careless)


@planted
def dropped_unit_is_remembered(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a unit that was told to drop a conference may take it back (found by this simulation)."""
    lose = Conference.lose_unit
    patch.setattr(
        Conference,
        "lose_unit",
        lambda conference, now, avoid=(), dropped=False: lose(conference, now, avoid=avoid),
    )


@planted
def third_unit_may_take_its_time(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the last unit may answer later than the asker waits (found by this simulation)."""
    patch.setattr(create, "_before_give_up", lambda conference, moment: moment)


@planted
def stranger_speaks_for_no_unit(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a conference without a unit listens to all (found by this simulation)."""
    patch.setattr(
        Conference,
        "is_on",
        lambda conference, unit: unit is None or conference.unit in (None, unit),
    )


@planted
def waiting_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that a conference without a unit has no next round."""
    wait_on = restore.wait_for_next_try

    def forgetful(conference: Conference, because: str, now: datetime) -> Decision:
        step = wait_on(conference, because, now)
        return replace(
            step, after=msgspec.structs.replace(step.after, restore_at=None) if step.after else None
        )

    patch.setattr(restore, "wait_for_next_try", forgetful)


@planted
def nobody_is_told_of_failure(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a create request that fails has no answer."""
    give_up = create.give_up_create

    def silent(conference: Conference, code: str, now: datetime, detail: str = "") -> Decision:
        step = give_up(conference, code, now, detail)
        return replace(step, send=step.send[1:])

    patch.setattr(create, "give_up_create", silent)
    patch.setattr(due, "give_up_create", silent)


@planted
def warnings_repeat(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that each check of a conference sends its warnings again."""
    change = Conference.change

    def forgetful(conference: Conference, **changes: Any) -> Conference:
        changes.pop("warned", None) if len(changes) == 1 else None
        return (
            change(conference, **changes, revision=conference.revision + 1)
            if not changes
            else change(conference, **changes)
        )

    patch.setattr(Conference, "change", forgetful)


@planted
def places_are_given_twice(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the pool forgets what it has promised."""
    patch.setattr(MemoryPool, "_release", lambda pool, node, e164: None)


@planted
def places_leak(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the pool never counts again (found by this simulation: a lost notice cost places for ever)."""
    state = MemoryPool.state

    def trusting(pool: MemoryPool, heartbeat: Any, now: datetime) -> str:
        answer = state(pool, heartbeat, now)
        return "known" if answer == "drift" else answer

    patch.setattr(MemoryPool, "state", trusting)


@planted
def occurrence_is_not_told_that_it_has_begun(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: an occurrence of a reservation does not learn what has become of its conference."""
    patch.setattr(MemoryReservations, "stage_outcome", lambda reservations, conference, now: None)


@planted
def occurrence_begins_again(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: an occurrence whose conference has ended before its time is due once more."""
    after_outcome = occurrence.after_outcome

    def forgetful(meeting: Occurrence, conference: Conference, now: datetime) -> Occurrence:
        after = after_outcome(meeting, conference, now)
        begun = after.state is OccurrenceState.BEGUN
        again = now + timedelta(seconds=5)
        return after.change(state=OccurrenceState.STARTING, due_at=again) if begun else after

    patch.setattr(memory_reservations, "after_outcome", forgetful)


@planted
def number_of_a_deleted_template_stays(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the number of a deleted template, room or reservation stays taken."""
    patch.setattr(MemoryUnitOfWork, "release_kept_number", lambda uow, e164: None)


@planted
def second_asker_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a request for the conference of a template that runs already gets no answer."""
    patch.setattr(
        by_template_flow,
        "decide_join",
        lambda conference, asker: Decision("forgotten", conference, None, ()),
    )
