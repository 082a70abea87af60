"""Deliberate faults of two sites: who may write, what is passed on, who answers, what moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import pytest

from conferences.rules.decision import Decision
from conferences.rules.end import decide_end
from conferences.rules.licence_counts import amounts_in_use
from conferences.rules.states import Conference, ConferenceState, EndReason
from conferences.rules.takeover import decide_taken_over
from failover.rules import cell_facts, decisions
from foundation.bus.envelope import Envelope
from licensing.rules.amounts import NONE
from tests import memory, memory_closed
from tests.memory import MemoryUnitOfWork
from tests.memory_letter import Letter, envelope_of
from tests.simulation import place as places
from tests.simulation import registries
from tests.simulation.cells import Cell, Gate
from tests.simulation.faults import Faults
from tests.simulation.judges import NEVER, Judge
from tests.simulation.place import Place
from wire.media_unit import UnitReportsChange

planted = Faults()


@planted
def who_was_taken_over_acknowledges(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a former owner commits without its copy until it hears of the other one."""
    patch.setattr(Cell, "_commits", lambda cell, site: True)


@planted
def solo_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a copy takes over from an owner that was alone, and lacks its last writes."""
    copy = Cell._copy

    def careless(cell: Cell, now: float) -> None:
        row, cell.row = cell.row, replace(cell.row, solo=False)
        copy(cell, now)
        if cell.row.owner == row.owner:
            cell.row = row

    patch.setattr(Cell, "_copy", careless)


@planted
def forward_is_done_here_too(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that what is passed on to the serving site is also done on the copy."""
    take = Place._take

    def twice(
        place: Place, cell: Cell, letter: Letter, queue: str, body: Mapping[str, Any]
    ) -> None:
        take(place, cell, letter, queue, body)
        if cell.gate(place.name) is Gate.CLOSED:
            cell.data.take(letter, queue, place.world.now)
            place.commit(cell, "forward")

    patch.setattr(Place, "_take", twice)


@planted
def late_notice_is_believed(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the notice that came last wins, whatever its number."""
    patch.setattr(decisions, "is_newer", lambda newest, order: True)


@planted
def notice_without_epoch_wins(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: notices are ordered by their numbers alone."""
    newer = lambda newest, order: newest is None or order[1] > newest[1]  # noqa: E731
    patch.setattr(decisions, "is_newer", newer)


@planted
def takeover_ends_conferences(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that conferences of a lost site are ended."""
    patch.setattr(
        places,
        "decide_taken_over",
        lambda conference, now: decide_end(conference, EndReason.MCU_LOST, now),
    )


@planted
def takeover_forgets_conferences(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that nobody places conferences of a lost site."""
    patch.setattr(Place, "_take_over", lambda place, cell, lost: None)


@planted
def hand_back_moves_conferences(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: home fetches all that runs elsewhere as soon as it serves again."""
    follow_serving_sites = Place._keep_up

    def fetch(place: Place) -> None:
        follow_serving_sites(place)
        if place.own in place.served():
            place._take_over(place.own, [site for site in place.own.sides if site != place.name])

    patch.setattr(Place, "_keep_up", fetch)


@planted
def hand_back_ends_conferences(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: home believes nothing that a unit elsewhere holds, and lets it be dropped."""
    believed_on = MemoryUnitOfWork.find_unlocked
    patch.setattr(
        MemoryUnitOfWork,
        "find_unlocked",
        lambda uow, unit, numbers: (
            believed_on(uow, unit, numbers) if unit.site == uow.own_site else {}
        ),
    )


@planted
def takeover_counts_twice(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that a conference which is placed anew takes another seat."""
    take_over = Place._take_over

    def greedy(place: Place, cell: Cell, lost: list[str]) -> None:
        for conference in cell.data.claim_hosted_at(lost):
            cell.data.count(conference.user_domain, NONE, amounts_in_use(conference))
        take_over(place, cell, lost)

    patch.setattr(Place, "_take_over", greedy)


@planted
def backup_answers_for_itself(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that a site which does not serve refuses for good what the other site has answered or will."""
    nack = MemoryUnitOfWork.nack

    def final(
        uow: MemoryUnitOfWork, body: dict[str, Any], envelope: Envelope, code: str, detail: str
    ) -> None:
        nack(uow, body, envelope, "29002" if "served at" in detail else code, detail)

    patch.setattr(MemoryUnitOfWork, "nack", final)


@planted
def rename_is_lost_after_hand_back(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that reports of a unit elsewhere are not passed on."""
    pass_on = memory_closed._pass_on

    def silent(uow: MemoryUnitOfWork, letter: Letter, message: Any, *rest: Any) -> None:
        if not isinstance(message, UnitReportsChange):
            pass_on(uow, letter, message, *rest)

    patch.setattr(memory_closed, "_pass_on", silent)


@planted
def units_have_no_site(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault that a passed-on report counts for the local unit of the same address."""
    patch.setattr(
        memory, "envelope_of", lambda *about: msgspec.structs.replace(envelope_of(*about), via="")
    )


@planted
def creation_that_moves_keeps_its_incarnation(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: two units may have a conference under the same incarnation."""
    decide = decide_taken_over

    def careless(conference: Conference, now: datetime) -> Decision:
        step = decide(conference, now)
        if conference.state is not ConferenceState.CREATING or step.after is None:
            return step
        return replace(
            step, after=msgspec.structs.replace(step.after, incarnation=conference.incarnation)
        )

    patch.setattr(places, "decide_taken_over", careless)


@planted
def judge_that_was_cut_off_is_believed(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a copy whose links are mended takes the silence while they were cut for that of the owner."""
    decide = Judge.decide

    def hasty(judge: Judge, cell: Cell, now: float) -> cell_facts.Step:
        judge.row, judge.read_at = (cell.row.owner, cell.row.epoch, cell.row.solo), now
        judge.unchanged_since = NEVER
        return decide(judge, cell, now)

    patch.setattr(Judge, "decide", hasty)


@planted
def closed_registry_hears_nothing(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a registry drops what it is told while another site serves (found by this simulation)."""
    patch.setattr(memory_closed, "_pass_to_registry", lambda uow, letter, envelope, serving: None)


@planted
def backup_keeps_the_numbers(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: a backup's registry keeps the numbers of a platform that was handed back."""
    patch.setattr(registries, "withdraw", lambda place, cell: None)
