"""Breakout rooms: nobody is lost, nobody is in two rooms, and all are back when the time is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conferences.data.commit import commit
from conferences.data.join_info import JoinInfo
from conferences.rules.breakout import (
    MAX_MEMBERS,
    MAX_ROOMS,
    MIN_ROOMS,
    Breakout,
    BreakoutRoom,
    Plan,
    fault_of_plan,
    members_of_plan,
    places_of_room,
)
from conferences.rules.decision import Decision
from conferences.rules.due import decide_due
from conferences.rules.end import decide_end
from conferences.rules.licence_counts import amounts_in_use
from conferences.rules.states import EMPTY_FOR, Conference, ConferenceState, EndReason, next_due
from licensing.rules.amounts import NONE
from tests.factories import conference as a_conference
from tests.memory import MemoryUnitOfWork
from wire.fields import SIZES, Join, Terminal

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROOMS = tuple(BreakoutRoom(name, f"88{name}", f"id-{name}") for name in "abcde")
visitors = st.sets(st.text("0123456789abcdef", min_size=16, max_size=16), max_size=60)
counts = st.integers(MIN_ROOMS, MAX_ROOMS)


def plan_for(count: int, how: str = "even", **chosen: int) -> Plan:
    return Plan(tuple(f"Room {number}" for number in range(count)), 15, how, chosen)


@given(visitors, counts)
def test_spread_evenly_each_but_the_opener_is_in_one_room_and_rooms_differ_by_one(
    people: set[str], count: int
) -> None:
    opener = min(people, default="")
    members = members_of_plan(plan_for(count), people, opener)
    assert members.keys() == people - {opener}
    filled = [sum(room == index for room in members.values()) for index in range(count)]
    assert sum(filled) == len(members)
    assert max(filled) - min(filled) <= 1


@given(visitors, visitors, counts, st.data())
def test_by_hand_those_who_are_there_go_where_they_are_sent(
    people: set[str], absent: set[str], count: int, data: st.DataObject
) -> None:
    room = st.integers(0, count - 1)
    chosen = data.draw(st.dictionaries(st.sampled_from(sorted(people | absent) or ["-"]), room))
    plan = plan_for(count, "hand", **chosen)
    assert not fault_of_plan(plan)
    members = members_of_plan(plan, people, "")
    assert members == {who: index for who, index in chosen.items() if who in people}
    assert members_of_plan(plan._replace(how="choose"), people, "") == {}


@given(st.lists(st.tuples(st.sampled_from("pqrstu"), st.none() | st.integers(0, 4))))
def test_however_people_are_moved_each_is_in_the_last_place_and_in_no_other(
    moves: list[tuple[str, int | None]],
) -> None:
    split = Breakout(ROOMS, NOW + timedelta(minutes=15))
    for who, index in moves:
        split = split.move(who, index)
    for who in "pqrstu":
        last = next((index for mover, index in reversed(moves) if mover == who), None)
        assert split.index_of(who, NOW) == last
        assert split.index_of(who, split.ends_at) is None, "the time is over: all are back"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"names": ("A",)}, "names"),
        ({"names": ("A", "A")}, "names"),
        ({"names": tuple(f"R{number}" for number in range(21))}, "names"),
        ({"names": ("A", "x" * 41)}, "names"),
        ({"names": ("A", "\u202e")}, "names"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 601}, "minutes"),
        ({"how": "luck"}, "how"),
        ({"how": "hand", "chosen": {"p": 2}}, "chosen"),
    ],
)
def test_a_plan_says_which_part_of_it_is_wrong(changes: dict[str, object], fault: str) -> None:
    assert fault_of_plan(plan_for(2)._replace(**changes)) == fault  # type: ignore[arg-type]


@given(st.integers(0, 300), st.sampled_from(SIZES))
def test_everybody_and_a_visiting_chair_fit_into_one_room_as_far_as_into_the_conference(
    people: int, most: int
) -> None:
    places = places_of_room(people, most)
    assert places in SIZES
    assert places == most or places > people + 1


def test_a_conference_whose_people_are_in_rooms_is_not_ended_as_empty() -> None:
    left = NOW - EMPTY_FOR
    split = Breakout(ROOMS, NOW + timedelta(minutes=15))
    parent = a_conference(
        state=ConferenceState.RUNNING, auto_end=True, empty_since=left, ends_at=None, breakout=split
    )
    assert decide_due(parent, NOW).after is None
    assert next_due(parent) == split.ends_at + EMPTY_FOR
    ended = decide_due(parent, split.ends_at + EMPTY_FOR).after
    assert ended is not None
    assert not ended.live


def test_a_room_counts_by_its_people_alone() -> None:
    people = (Terminal(mtid="1", type="user", online=1),)
    room = a_conference(state=ConferenceState.RUNNING, parent="8800001", mts=people)
    assert amounts_in_use(room).access_ports == 1
    assert amounts_in_use(room.change(mts=())) == NONE


def a_split_conference(*states: ConferenceState) -> tuple[MemoryUnitOfWork, Conference]:
    """Return a unit of work with a conference that is split into rooms in these states, and that conference."""
    uow = MemoryUnitOfWork(NOW)
    rooms = ROOMS[: len(states)]
    split = Breakout(rooms, NOW + timedelta(minutes=15))
    parent = a_conference(breakout=split)
    held = [
        a_conference(state, e164=room.e164, confid=room.confid, parent=parent.e164)
        for room, state in zip(rooms, states, strict=True)
    ]
    uow.live = {conference.e164: conference for conference in (parent, *held)}
    return uow, parent


every_state = pytest.mark.parametrize(
    "state", [state for state in ConferenceState if state is not ConferenceState.ENDED]
)


@every_state
def test_rooms_end_with_the_conference_in_whatever_state_they_are(state: ConferenceState) -> None:
    uow, parent = a_split_conference(ConferenceState.RUNNING, state)
    commit(uow, decide_end(parent, EndReason.EXPIRED, NOW))
    assert uow.live == {}


@every_state
def test_rooms_that_are_closed_end_and_the_conference_goes_on(state: ConferenceState) -> None:
    uow, parent = a_split_conference(ConferenceState.RUNNING, state)
    commit(uow, Decision("closed", parent, parent.change(breakout=None)))
    assert uow.live.keys() == {parent.e164}


def test_a_room_that_has_ended_is_not_ended_again_nor_is_who_has_its_number_now() -> None:
    uow, parent = a_split_conference(ConferenceState.RUNNING, ConferenceState.RUNNING)
    number = ROOMS[0].e164
    uow.live[number] = a_conference(e164=number, confid="somebody-elses", user_domain="u2")
    del uow.live[ROOMS[1].e164]
    commit(uow, decide_end(parent, EndReason.RELEASED, NOW))
    assert uow.live.keys() == {number}


def test_a_visitor_is_in_the_own_room_once_it_runs_and_until_it_ends() -> None:
    split = Breakout(ROOMS[:3], NOW, {"p": 0, "q": 1, "r": 2})
    main, own = Join(extra={"at": "main"}), Join(extra={"at": "room"})
    begins = a_conference(ConferenceState.CREATING)
    runs, moves = a_conference(join=own), a_conference(ConferenceState.RESTORING, join=own)
    fields = ("c1", "8800001", "talk", "running", "", "u1", main, "main")
    info = JoinInfo(*fields, breakout=split, breakout_rooms=(begins, runs, moves))
    assert [info.join_of(who) for who in "pqrs"] == [main, own, None, main]
    ended = JoinInfo(*fields, breakout=split, breakout_rooms=(None, None, None))
    assert [ended.join_of(who) for who in "pqrs"] == [main] * 4


def test_nobody_fills_the_list_of_members_or_goes_to_a_room_that_is_not_there() -> None:
    full = Breakout(ROOMS, NOW, {f"{number:016x}": 0 for number in range(MAX_MEMBERS)})
    assert full.has_place_for(f"{0:016x}", 4)
    assert not full.has_place_for("new", 4)
    assert not full.has_place_for(f"{0:016x}", 5)
    assert not full.has_place_for(f"{0:016x}", -1)
