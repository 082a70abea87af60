"""The table of synchronising, row by row; who came and who went."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conferences.rules.decision import Decision
from conferences.rules.states import Conference, ConferenceState, Unit
from conferences.rules.sync import MAX_STAYS, decide_listed, decide_not_listed, with_members
from tests.factories import NOW, NUMBER, OTHER, UNIT, conference, seconds
from wire.fields import Terminal
from wire.media_unit import DropOnUnit, UnitListEntry

_S = ConferenceState
PAST = NOW - seconds(1)


def step_for_entry(
    c: Conference | None, unit: Unit = UNIT, incarnation: int = 3, down: bool = False
) -> Decision:
    entry = UnitListEntry(e164=NUMBER, incarnation=incarnation)
    return decide_listed(c, entry, unit, NOW, room_is_down=down)


def dropped(step: Decision) -> list[tuple[str, int]]:
    orders = [o.message for o in step.send if isinstance(o.message, DropOnUnit)]
    return [(o.e164, o.incarnation) for o in orders]


GHOST = [(NUMBER, 3)]


def test_running_there_same_incarnation_nothing() -> None:
    step = step_for_entry(conference())
    assert step.after is None
    assert step.send == ()


def test_running_there_nothing_even_while_its_room_is_abnormal() -> None:
    assert step_for_entry(conference(), down=True).send == ()


def test_pending_last_on_this_unit_is_taken_back() -> None:
    after = step_for_entry(conference(_S.PENDING_RESTORE)).after
    assert after
    assert after.state is _S.RUNNING
    assert after.incarnation == 3


def test_pending_of_an_abnormal_room_is_dropped_and_stays_pending() -> None:
    step = step_for_entry(conference(_S.PENDING_RESTORE), down=True)
    assert dropped(step) == GHOST
    assert step.after
    assert step.after.state is _S.PENDING_RESTORE
    assert step.after.unit is None, "a second list must not take back what was to be dropped"


@pytest.mark.parametrize("state", [_S.CREATING, _S.RESTORING])
def test_being_placed_there_waits_for_the_answer(state: ConferenceState) -> None:
    step = step_for_entry(conference(state))
    assert step.after is None
    assert step.send == ()


@pytest.mark.parametrize("state", [_S.CREATING, _S.RESTORING])
def test_being_placed_there_past_the_time_out_runs(state: ConferenceState) -> None:
    after = step_for_entry(conference(state, answer_by=PAST)).after
    assert after
    assert after.state is _S.RUNNING


@pytest.mark.parametrize("state", [_S.CREATING, _S.RESTORING])
def test_being_placed_in_an_abnormal_room_goes_elsewhere(state: ConferenceState) -> None:
    step = step_for_entry(conference(state), down=True)
    assert dropped(step) == GHOST
    assert step.after
    assert step.after.unit is None


@pytest.mark.parametrize("state", [s for s in _S if s is not _S.ENDED])
def test_higher_incarnation_or_another_unit_is_dropped(state: ConferenceState) -> None:
    c = conference(state)
    assert dropped(step_for_entry(c, incarnation=2)) == [(NUMBER, 2)]
    assert dropped(step_for_entry(c, unit=OTHER)) == GHOST
    assert dropped(step_for_entry(msgspec.structs.replace(c, unit=None))) == GHOST
    assert step_for_entry(c, incarnation=2).after is None


def test_unknown_or_ended_is_dropped() -> None:
    assert dropped(step_for_entry(None)) == GHOST


def test_not_held_and_running_there_is_lost() -> None:
    after = decide_not_listed(conference(), UNIT, NOW, NOW).after
    assert after
    assert after.state is _S.PENDING_RESTORE


def test_not_held_and_unprotected_ends() -> None:
    after = decide_not_listed(conference(protected=False), UNIT, NOW, NOW).after
    assert after
    assert after.end_reason == "mcu_lost"


@pytest.mark.parametrize(
    ("placed_at", "made_at"),
    [(NOW - seconds(2), NOW), (NOW - seconds(20), NOW - seconds(21))],
    ids=["just placed", "the list is older"],
)
def test_placed_after_the_list_counts_as_reported(placed_at: Any, made_at: Any) -> None:
    assert decide_not_listed(conference(placed_at=placed_at), UNIT, made_at, NOW).after is None


@pytest.mark.parametrize("state", [_S.CREATING, _S.RESTORING, _S.PENDING_RESTORE])
def test_not_held_and_not_running_nothing(state: ConferenceState) -> None:
    assert decide_not_listed(conference(state), UNIT, NOW, NOW).after is None


def test_not_held_on_another_unit_nothing() -> None:
    assert decide_not_listed(conference(), OTHER, NOW, NOW).after is None


# ---- members ------------------------------------------------------------------------------------

members = st.lists(
    st.builds(Terminal, mtid=st.sampled_from("abc"), online=st.sampled_from((0, 1))),
    max_size=4,
    unique_by=lambda terminal: terminal.mtid,
).map(tuple)


@given(st.lists(members, max_size=6))
def test_the_log_of_members_says_who_is_there(lists: list[tuple[Terminal, ...]]) -> None:
    c = conference()
    for n, mts in enumerate(lists):
        c = with_members(c, mts, NOW + seconds(n))
        present = {str(terminal.mtid) for terminal in mts if terminal.online}
        open_ones = [str(stay.mtid) for stay in c.members if not stay.until]
        assert sorted(open_ones) == sorted(present), "each who is there has one open entry"
        assert (c.empty_since is None) is bool(present)
        assert with_members(c, mts, NOW + seconds(n)) == c, "the same list changes nothing"


def test_whoever_comes_back_has_a_second_entry() -> None:
    online, offline = (Terminal(mtid="a", online=1),), (Terminal(mtid="a", online=0),)
    c = conference()
    for n, mts in enumerate((online, offline, online)):
        c = with_members(c, mts, NOW + seconds(n))
    assert [bool(stay.until) for stay in c.members] == [True, False]


def test_empty_counts_from_the_first_moment_of_it() -> None:
    c = with_members(conference(), (), NOW)
    assert with_members(c, (), NOW + seconds(9)).empty_since == NOW


def test_a_terminal_that_comes_and_goes_for_ever_does_not_fill_the_call_record() -> None:
    c = conference()
    terminals = (Terminal(mtid="1", online=1, name="x" * 5000), Terminal(mtid="2", online=1))
    for n in range(2 * MAX_STAYS + 50):
        c = with_members(c, terminals[n % 2 :], NOW + seconds(n))
    assert len(c.members) == MAX_STAYS
    assert [stay.mtid for stay in c.members if not stay.until] == ["2"]
    assert all(len(stay.name or "") <= 128 for stay in c.members)
