"""Every row of the table of owners, and what must hold for whatever the facts are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from failover.rules.cell_decisions import decide
from failover.rules.cell_facts import Action, Database, Facts, Mode, RegisterRow, Step
from tests.unit.failover.asked import COPY, LIMITS, NOW, OWNER, at, row

# ---- the table ----------------------------------------------------------------------------------


def test_an_owner_whose_backup_acknowledges_is_protected_and_needs_no_register() -> None:
    assert at("east", OWNER).because == "protected"
    dark = at("east", OWNER, row=None)
    assert dark.action is Action.NOTHING
    assert "I serve as long as the copy acknowledges" in dark.because


def test_an_owner_whose_backup_is_silent_asks_the_register_to_be_solo() -> None:
    step = at("east", OWNER, acked_at=NOW - 1.1)
    assert step.action is Action.WRITE_OWNERSHIP
    assert step.row == row(epoch=6, solo=True)


def test_an_owner_goes_on_waiting_while_the_backup_is_silent_for_less_than_a_second() -> None:
    assert at("east", OWNER, acked_at=NOW - 0.9).action is Action.NOTHING


def test_an_owner_without_backup_and_register_keeps_blocking() -> None:
    assert at("east", OWNER, row=None, acked_at=NOW - 30).action is Action.NOTHING


def test_an_owner_stops_waiting_only_after_its_own_word_was_taken() -> None:
    solo = row(solo=True)
    alone = replace(OWNER, attached=False)
    assert at("east", alone, solo).action is Action.WRITE_OWNERSHIP
    assert at("east", alone, solo, unprotected_epoch=5).action is Action.GO_UNPROTECTED


def test_a_backup_takes_over_from_a_silent_owner() -> None:
    step = at("west", COPY, heard_at=NOW - 3.1)
    assert step.action is Action.WRITE_OWNERSHIP
    assert step.automatic
    assert step.row == row(epoch=6, owner="west", solo=True)


def test_a_backup_that_has_claimed_drains_and_promotes() -> None:
    mine = row(epoch=6, owner="west", solo=True)
    assert at("west", COPY, mine, unprotected_epoch=6).action is Action.PROMOTE
    closed = replace(COPY, follows=False)
    assert at("west", closed, mine, unprotected_epoch=6).action is Action.OPEN


def test_a_backup_that_claimed_in_an_earlier_life_takes_a_new_epoch_first() -> None:
    mine = row(epoch=6, owner="west", solo=True)
    assert at("west", COPY, mine).row == row(epoch=7, owner="west", solo=True)


def test_a_backup_waits_three_seconds() -> None:
    assert at("west", COPY, heard_at=NOW - 2.9).action is Action.NOTHING


def test_a_backup_asks_an_owner_without_software_to_hand_over_and_then_takes_over() -> None:
    dead: dict[str, Any] = {"pulse_at": NOW - 11, "other_well": False}
    ask = at("west", COPY, **dead)
    assert ask.action is Action.ASK
    assert ask.row is not None
    assert ask.row.wish == "west"
    waits = at("west", COPY, ask.row, asked_at=NOW - 4, **dead)
    assert waits.action is Action.NOTHING
    assert at("west", COPY, ask.row, asked_at=NOW - 5.1, **dead).action is Action.WRITE_OWNERSHIP


def test_a_wish_is_withdrawn_when_the_owners_software_is_back() -> None:
    requested = row(wish="west", wish_by="west")
    assert at("west", COPY, requested, pulse_at=NOW).action is Action.WITHDRAW


def test_an_owner_that_is_asked_hands_over() -> None:
    step = at("east", OWNER, row(wish="west", wish_by="west"))
    assert step.action is Action.HAND_OVER
    assert step.row == row(epoch=6, owner="west")


def test_a_dead_database_of_an_owner_is_restarted_in_place() -> None:
    assert at("east", Database()).action is Action.START_AS_OWNER


def test_a_dead_database_stays_down_while_the_register_is_unreachable() -> None:
    assert at("east", Database(), row=None).action is Action.NOTHING


def test_a_restarted_owner_opens_once_the_copy_acknowledges() -> None:
    assert at("east", replace(OWNER, read_only=True, semi=False)).action is Action.OPEN


def test_an_open_database_of_another_owner_is_fenced() -> None:
    elsewhere = row(epoch=6, owner="west", solo=True)
    assert at("east", OWNER, elsewhere).action is Action.FENCE
    assert at("east", replace(OWNER, read_only=True), elsewhere).action is Action.FENCE
    assert at("east", replace(OWNER, answers=False), elsewhere).action is Action.FENCE


def test_a_fenced_database_follows_the_new_owner() -> None:
    elsewhere = row(epoch=6, owner="west", solo=True)
    closed = replace(OWNER, read_only=True, semi=False, attached=False)
    assert at("east", closed, elsewhere).action is Action.FOLLOW


def test_a_copy_that_is_back_and_caught_up_protects_again() -> None:
    alone = replace(OWNER, semi=False)
    step = at("east", alone, row(solo=True, forced=True))
    assert step.action is Action.PROTECT
    assert step.row == row()
    assert at("east", alone, row(solo=True), caught_up=False).action is Action.NOTHING


def test_home_gets_it_back_when_it_was_well_for_a_minute() -> None:
    away = row(owner="west")
    own = replace(OWNER, declared=("west", 5))
    step = at("west", own, away, well_since=NOW - 61)
    assert step.action is Action.HAND_OVER
    assert step.row == row(epoch=6, owner="east")
    assert at("west", own, away, well_since=NOW - 59).action is Action.NOTHING
    for mode in (Mode.MANUAL, Mode.OFF):
        stays = replace(away, mode=mode)
        assert at("west", own, stays, well_since=NOW - 61).action is Action.NOTHING


def test_home_gets_it_back_at_once_when_an_operator_says_so() -> None:
    wished = row(owner="west", mode=Mode.OFF, wish="east", wish_by="ann")
    own = replace(OWNER, declared=("west", 5))
    assert at("west", own, wished).action is Action.HAND_OVER


def test_an_owner_that_is_fenced_kills_its_database_and_the_copy_takes_over() -> None:
    fenced = row(wish="west", wish_by="ann", wish_fence=True)
    assert at("east", OWNER, fenced).action is Action.FENCE
    assert at("east", replace(OWNER, answers=False), fenced).action is Action.FENCE
    down = at("east", Database(), fenced)
    assert (down.action, "stays down until west serves" in down.because) == (Action.NOTHING, True)
    assert at("west", COPY, fenced, heard_at=NOW - 1).action is Action.NOTHING
    step = at("west", COPY, fenced, heard_at=NOW - 4)
    assert (step.action, step.automatic) == (Action.WRITE_OWNERSHIP, False)
    assert step.row == row(epoch=6, owner="west", solo=True)
    withdrawn = row()
    assert at("east", Database(), withdrawn).action is Action.START_AS_OWNER


def test_nothing_is_handed_to_a_site_that_lags_or_is_silent() -> None:
    wished = row(wish="west", wish_by="ann")
    assert "lags" in at("east", OWNER, wished, caught_up=False).because
    assert "does not answer" in at("east", OWNER, wished, heard_at=NOW - 2).because


def test_nothing_is_handed_to_a_copy_that_is_not_complete_unless_it_is_forced() -> None:
    for requested in (row(wish="west", wish_by="ann"), row(mode=Mode.MANUAL)):
        step = at("east", OWNER, requested, other_well=False)
        assert step.action is Action.NOTHING
        assert "does not say that it could serve" in step.because
    forced = row(wish="west", wish_by="ann", wish_force=True)
    assert at("east", OWNER, forced, other_well=False).action is Action.HAND_OVER


def test_nobody_takes_over_from_a_solo_owner_by_itself() -> None:
    step = at("west", COPY, row(solo=True), heard_at=NOW - 100)
    assert step.action is Action.NOTHING
    assert "an operator must decide" in step.because


def test_an_operator_may_force_it_and_the_register_remembers() -> None:
    forced = row(solo=True, wish="west", wish_by="ann", wish_force=True)
    step = at("west", COPY, forced, heard_at=NOW - 100)
    assert step.action is Action.WRITE_OWNERSHIP
    assert step.row is not None
    assert step.row.forced
    assert not step.automatic


def test_writes_that_only_a_forced_out_owner_has_are_kept() -> None:
    forced = row(epoch=6, owner="west", solo=True, forced=True)
    closed = replace(OWNER, read_only=True, semi=False)
    assert at("east", closed, forced, diverged_at=NOW - 100).action is Action.NOTHING
    theirs = replace(forced, forced=False)
    assert at("east", closed, theirs, diverged_at=NOW - 100).action is Action.REBUILD


# ---- modes and the limit ------------------------------------------------------------------------


def test_nobody_takes_over_in_mode_off_unless_an_operator_says_so() -> None:
    off = row(mode=Mode.OFF)
    assert at("west", COPY, off, heard_at=NOW - 100).action is Action.NOTHING
    wished = replace(off, wish="west", wish_by="ann")
    assert at("west", COPY, wished, heard_at=NOW - 100).action is Action.WRITE_OWNERSHIP


def test_in_mode_manual_the_backup_has_it() -> None:
    manual = row(mode=Mode.MANUAL)
    assert at("east", OWNER, manual).action is Action.HAND_OVER
    step = at("west", COPY, manual, heard_at=NOW - 100)
    assert step.action is Action.WRITE_OWNERSHIP
    assert not step.automatic


def test_a_second_automatic_takeover_within_the_hour_is_left_to_an_operator() -> None:
    step = at("west", COPY, heard_at=NOW - 100, takeovers=1)
    assert step.action is Action.NOTHING
    wished = row(wish="west", wish_by="ann")
    assert (
        at("west", COPY, wished, heard_at=NOW - 100, takeovers=1).action is Action.WRITE_OWNERSHIP
    )


def test_a_copy_that_restarted_does_not_take_over_before_it_was_complete_again() -> None:
    """The writes that it had received and not applied died with its process."""
    step = at("west", replace(COPY, complete=False), heard_at=NOW - 100)
    assert step.action is Action.NOTHING
    assert "has not been complete" in step.because


def test_a_database_with_a_dangerous_setting_serves_nobody() -> None:
    unsafe = replace(COPY, unsafe_setting="sync_binlog is 0")
    step = at("west", unsafe, heard_at=NOW - 100)
    assert step.action is Action.NOTHING
    assert "sync_binlog" in step.because


def test_a_hung_database_is_killed_and_one_that_starts_is_not() -> None:
    mute = replace(OWNER, answers=False)
    hung: dict[str, Any] = {"answered_at": NOW - 11, "started_at": NOW - 100}
    assert at("east", mute, **hung).action is Action.RESTART
    assert at("east", mute, answered_at=NOW - 11, started_at=NOW - 20).action is Action.NOTHING


# ---- whatever the facts -------------------------------------------------------------------------

_booleans = {
    name: st.booleans()
    for name in (
        *("alive", "answers", "read_only", "semi", "attached"),
        *("follows", "receiving", "applying", "complete"),
    )
}
_sites = st.sampled_from(["east", "west"])
_instants = st.sampled_from([NOW - age for age in (0.0, 0.4, 2.0, 4.0, 12.0, 100.0)])
_rows = st.builds(
    RegisterRow,
    platform=st.just("east"),
    home=st.just("east"),
    backup=st.just("west"),
    epoch=st.integers(1, 9),
    owner=_sites,
    solo=st.booleans(),
    forced=st.booleans(),
    mode=st.sampled_from(Mode),
    wish=st.sampled_from(["", "east", "west"]),
    wish_by=st.sampled_from(["", "ann", "west"]),
    wish_force=st.booleans(),
    wish_fence=st.booleans(),
)
_facts = st.builds(
    Facts,
    me=_sites,
    row=st.none() | _rows,
    last=st.none() | _rows,
    on_time_since=_instants,
    unchanged_since=_instants,
    hearing_since=_instants,
    takeovers=st.integers(0, 2),
    takeovers_today=st.integers(0, 9),
    doubted_since=st.none() | _instants,
    vouched_at=_instants,
    software_at=st.none() | _instants,
    own=st.builds(Database, unsafe_setting=st.sampled_from(["", "odd"]), **_booleans),
    started_at=_instants,
    answered_at=_instants,
    heard_at=_instants,
    acked_at=_instants,
    followed_at=_instants,
    diverged_at=st.none() | _instants,
    caught_up=st.booleans(),
    other_well=st.booleans(),
    pulse_at=st.none() | _instants,
    asked_at=st.none() | _instants,
    well_since=st.none() | _instants,
    unprotected_epoch=st.integers(0, 9),
)
TELLS = {Action.WRITE_OWNERSHIP, Action.PROTECT, Action.HAND_OVER}


@settings(max_examples=300, deadline=None)
@given(_facts)
def test_whatever_the_facts_are_no_rule_of_safety_is_broken(facts: Facts) -> None:
    step = decide(facts, LIMITS, NOW)
    assert step.because
    if facts.row is None:
        _without_register(facts, step)
    else:
        _in_the_light(facts, facts.row, step)


def _without_register(facts: Facts, step: Step) -> None:
    """Check that no step without a register could make a second owner: above all, none stops waiting."""
    assert step.action in {Action.NOTHING, Action.START_AS_COPY, Action.OPEN, Action.RESTART}
    if step.action is Action.OPEN:
        assert step.row is not None
        assert not step.row.solo


def _in_the_light(facts: Facts, row: RegisterRow, step: Step) -> None:
    owns = row.owner == facts.me
    mine = {
        Action.START_AS_OWNER,
        Action.PROMOTE,
        Action.PROTECT,
        Action.GO_UNPROTECTED,
        Action.OPEN,
        Action.DECLARE,
    }
    assert owns or step.action not in mine | {Action.HAND_OVER}
    assert not owns or step.action not in {Action.FOLLOW, Action.REBUILD, Action.START_AS_COPY}
    assert (
        not owns
        or step.action is not Action.FENCE
        or (row.wish_fence and row.wish == row.other(facts.me))
    )
    if step.action is Action.GO_UNPROTECTED or (
        step.action in (Action.OPEN, Action.PROMOTE) and row.solo
    ):
        assert facts.unprotected_epoch == row.epoch, (
            "alone only under an epoch that this life has won"
        )
    if step.action in TELLS:
        assert step.row is not None
        assert step.kind
        assert step.row.epoch == row.epoch + (step.action is not Action.PROTECT)
    if step.action is Action.WRITE_OWNERSHIP and not owns:
        _may_take_over(facts, row, step)


def _may_take_over(facts: Facts, row: RegisterRow, step: Step) -> None:
    forced = row.wish == facts.me and row.wish_force
    assert forced or (not row.solo and facts.own.complete and facts.own.follows)
    if step.automatic:
        assert row.mode is Mode.AUTO
        assert facts.takeovers < LIMITS.takeovers
    assert step.row is not None
    assert step.row.solo
