"""A site that lives is not taken over, and moves cannot flap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from failover.rules.cell_facts import Action
from tests.unit.failover.asked import COPY, NOW, OWNER, at, row


def test_an_agent_that_was_held_up_does_not_call_the_owner_silent() -> None:
    late = at("west", COPY, heard_at=NOW - 100, on_time_since=NOW - 2.9)
    assert late.action is Action.NOTHING
    assert (
        at("west", COPY, heard_at=NOW - 100, on_time_since=NOW - 3.1).action
        is Action.WRITE_OWNERSHIP
    )


def test_an_agent_that_was_held_up_does_not_call_the_owners_software_dead() -> None:
    dead: dict[str, Any] = {"pulse_at": NOW - 100, "other_well": False}
    assert at("west", COPY, on_time_since=NOW - 9.9, **dead).action is Action.NOTHING
    assert at("west", COPY, on_time_since=NOW - 10.1, **dead).action is Action.ASK


def test_a_copy_that_was_cut_off_does_not_call_the_owner_silent_before_it_could_hear_it() -> None:
    """Its way to the register is mended, where the owner was alone and is protected again a moment later."""
    back: dict[str, Any] = {"heard_at": NOW - 40, "vouched_at": NOW - 40, "other_well": False}
    assert at("west", COPY, unchanged_since=NOW - 2.9, **back).action is Action.NOTHING
    late = at("west", COPY, unchanged_since=NOW - 3.1, **back)
    assert late.action is Action.WRITE_OWNERSHIP


def test_a_copy_that_was_cut_off_does_not_call_the_owners_software_dead() -> None:
    """The counter of the owner's workers comes by the line that was cut."""
    dead: dict[str, Any] = {"pulse_at": NOW - 100, "other_well": False}
    assert at("west", COPY, hearing_since=NOW - 9.9, **dead).action is Action.NOTHING
    assert at("west", COPY, hearing_since=NOW - 10.1, **dead).action is Action.ASK


def test_a_site_whose_own_workers_have_just_died_takes_nobody_over() -> None:
    silent: dict[str, Any] = {"heard_at": NOW - 100}
    step = at("west", COPY, software_at=NOW - 5.1, **silent)
    assert step.action is Action.NOTHING
    assert "dead too" in step.because
    alive = at("west", COPY, software_at=NOW - 4.9, **silent)
    assert alive.action is Action.WRITE_OWNERSHIP


def test_an_owner_whose_agent_says_that_it_serves_is_not_silent() -> None:
    """The line between the two sites is cut, or one of them is slow."""
    step = at("west", COPY, heard_at=NOW - 100, vouched_at=NOW - 2.9)
    assert step.action is Action.NOTHING
    assert "its agent says" in step.because
    assert (
        at("west", COPY, heard_at=NOW - 100, vouched_at=NOW - 3.1).action is Action.WRITE_OWNERSHIP
    )


def test_an_owner_whose_agent_says_that_all_is_well_has_living_software() -> None:
    """A long lock, as a backup takes it, stops the counter and not the software."""
    assert at("west", COPY, pulse_at=NOW - 100, other_well=True).action is Action.NOTHING


def test_a_site_that_is_being_taken_over_takes_nobody_over() -> None:
    ill: dict[str, Any] = {"doubted_since": NOW - 59}
    step = at("west", COPY, heard_at=NOW - 100, **ill)
    assert step.action is Action.NOTHING
    assert "being taken over itself" in step.because
    asked = row(wish="west", wish_by="west")
    late: dict[str, Any] = {"pulse_at": NOW - 100, "other_well": False, "asked_at": NOW - 100}
    assert at("west", COPY, asked, **late, **ill).action is Action.WITHDRAW
    assert (
        at("west", COPY, heard_at=NOW - 100, doubted_since=NOW - 61).action
        is Action.WRITE_OWNERSHIP
    )
    wished = row(wish="west", wish_by="ann")
    assert at("west", COPY, wished, heard_at=NOW - 100, **ill).action is Action.WRITE_OWNERSHIP


def test_an_owner_whose_software_lives_does_not_hand_over_because_the_other_agent_says_so() -> None:
    asked = row(wish="west", wish_by="west")
    step = at("east", OWNER, asked, software_at=NOW - 1)
    assert step.action is Action.WITHDRAW
    assert step.row == row()
    assert at("east", OWNER, asked, software_at=NOW - 6).action is Action.HAND_OVER
    by_an_operator = row(wish="west", wish_by="ann")
    assert at("east", OWNER, by_an_operator, software_at=NOW).action is Action.HAND_OVER


def test_a_hand_over_counts_as_a_takeover_if_an_agent_asks_and_not_if_an_operator_does() -> None:
    assert at("east", OWNER, row(wish="west", wish_by="west")).automatic
    assert not at("east", OWNER, row(wish="west", wish_by="ann")).automatic


def test_after_repeated_takeovers_home_waits_twice_as_long_each_time() -> None:
    here, away = replace(OWNER, declared=("west", 5)), row(owner="west")
    for takeovers, pause in (
        (0, 60),
        (1, 60),
        (2, 120),
        (3, 240),
        (6, 1920),
        (7, 3600),
        (99, 3600),
    ):
        long: dict[str, Any] = {"takeovers_today": takeovers}
        early = at("west", here, away, well_since=NOW - pause + 1, **long)
        assert early.action is Action.NOTHING
        assert (f"well for {pause} s" in early.because) == (takeovers > 1)
        late = at("west", here, away, well_since=NOW - pause - 1, **long)
        assert late.action is Action.HAND_OVER
        assert not late.automatic
