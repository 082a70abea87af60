"""A platform follows the core, whatever the way between them does; whom a change concerns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.rules.sign_in_names import names_of, normalize
from domains.rules.sync_decisions import (
    ASK_ANYWAY,
    ASK_EVERY,
    RESENDING_UP_TO_BASE,
    Sync,
    Verdict,
    decide_sync,
    is_time_to_ask,
    judge_change,
    platforms_holding,
)

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
Change = tuple[int, str, int]
"""Version, thing, and the version that went before."""


@dataclass
class Follower:
    """A follower keeps its version, and what it has applied, in order."""

    cursor: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    applied: list[int] = field(default_factory=list)
    missed: bool = False

    def hears(self, change: Change) -> None:
        version, subject, previous = change
        verdict = judge_change(version, previous, self.cursor, self.versions.get(subject, 0))
        if verdict is Verdict.GAP:
            self.missed = True
            return
        if verdict is Verdict.APPLY:
            self.versions[subject] = version
            self.applied.append(version)
        self.cursor = max(self.cursor, version)


@st.composite
def _logs(draw: st.DrawFn) -> list[tuple[int, str]]:
    subjects = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12))
    steps = draw(st.lists(st.integers(1, 3), min_size=len(subjects), max_size=len(subjects)))
    return [(sum(steps[: n + 1]), subject) for n, subject in enumerate(subjects)]


def _changes_for(log: list[tuple[int, str]], after: int) -> list[Change]:
    """Return the changes that are sent to a follower that has received all up to a version."""
    changes, previous = [], after
    for version, subject in log:
        if version > after:
            changes.append((version, subject, previous))
            previous = version
    return changes


@given(_logs(), st.data())
def test_whatever_the_way_does_all_is_applied_once_and_in_order(
    log: list[tuple[int, str]], data: st.DataObject
) -> None:
    follower, changes = Follower(), _changes_for(log, 0)
    for change in data.draw(st.lists(st.sampled_from(changes), max_size=30)):
        follower.hears(change)
    for change in _changes_for(log, follower.cursor):
        follower.hears(change)
    assert follower.cursor == log[-1][0]
    assert follower.versions == {subject: version for version, subject in log}
    assert follower.applied == sorted(set(follower.applied))
    assert follower.applied == [version for version, _ in log]


@given(_logs(), st.data())
def test_what_is_lost_is_noticed_by_the_next_that_comes(
    log: list[tuple[int, str]], data: st.DataObject
) -> None:
    changes = _changes_for(log, 0)
    lost = data.draw(st.integers(0, len(changes) - 1))
    follower = Follower()
    for number, change in enumerate(changes):
        if number != lost:
            follower.hears(change)
    assert follower.missed == (lost < len(changes) - 1)


def test_a_third_party_says_no_previous_and_each_thing_has_its_own_version() -> None:
    assert judge_change(9, None, 3, 0) is Verdict.APPLY
    assert judge_change(2, None, 3, 1) is Verdict.APPLY
    assert judge_change(2, None, 3, 2) is Verdict.SEEN


@pytest.mark.parametrize(
    ("asked_at", "gap", "due"),
    [
        (None, False, True),
        (NOW - ASK_EVERY, True, True),
        (NOW - ASK_EVERY + timedelta(seconds=1), True, False),
        (NOW - ASK_EVERY, False, False),
        (NOW - ASK_ANYWAY, False, True),
    ],
)
def test_it_asks_again_after_a_while(asked_at: datetime | None, gap: bool, due: bool) -> None:
    assert is_time_to_ask(NOW, asked_at, gap) is due


@pytest.mark.parametrize(
    ("after", "base", "first", "told"),
    [
        (50, 40, 0, Sync.LOG),
        (40, 40, 0, Sync.LOG),
        (39, 40, 0, Sync.WHOLE),
        (101, 40, 0, Sync.WHOLE),
        (0, None, 0, Sync.NOTHING),
        (0, None, 60, Sync.NOTHING),
        (70, None, 60, Sync.WHOLE),
    ],
)
def test_what_one_is_told_that_asks(after: int, base: int | None, first: int, told: Sync) -> None:
    assert decide_sync(after, base, first, newest=100) is told


@pytest.mark.parametrize(
    ("after", "first", "told"),
    [
        (50, 0, Sync.LOG),
        (39, 0, Sync.OLD_VERSIONS),
        (0, 0, Sync.OLD_VERSIONS),
        (0, RESENDING_UP_TO_BASE, Sync.NOTHING),
        (101, 0, Sync.WHOLE),
    ],
)
def test_others_are_told_what_they_missed_under_old_versions(
    after: int, first: int, told: Sync
) -> None:
    assert decide_sync(after, 40, first, newest=100, is_ours=False) is told


LINES = {
    "near": ["near", "east", "core"],
    "deep": ["deep", "inner", "east", "core"],
    "far": ["far", "west", "core"],
}


@pytest.mark.parametrize(
    ("above", "who"),
    [
        (["tenant", "east", "core"], {"near"}),
        (["shop", "inner", "east", "core"], {"near", "deep"}),
        (["east", "core"], {"near", "deep"}),
        (["inner", "east", "core"], {"near", "deep"}),
        (["core"], {"near", "deep", "far"}),
        (["deep", "inner", "east", "core"], {"near", "deep"}),
        (["near", "east", "core"], {"near"}),
        (["west", "core"], {"far"}),
        (["new", "core"], set()),
    ],
)
def test_whom_a_domain_concerns(above: list[str], who: set[str]) -> None:
    assert platforms_holding(LINES, above) == who


def test_names_have_one_spelling() -> None:
    assert normalize("  Ａnna ") == "anna"
    assert names_of("Anna", "ANNA@example.org", None, "") == {"anna", "anna@example.org"}
