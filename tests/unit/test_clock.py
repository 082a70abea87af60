"""The time of a site is its database's; nobody who sets a clock changes how long something lasts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from foundation import clock

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Host:
    """A host with two clocks: one that is set, and one that goes on."""

    def __init__(self) -> None:
        self.wall, self.steady = NOON.timestamp(), 500.0

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.steady += seconds

    def told(self, moment: datetime, took: float = 0.0) -> datetime:
        """Let a database tell its time, with an answer that takes a while."""
        asked_at = self.steady
        self.passes(took)
        return clock.follow(moment, asked_at)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host()
    monkeypatch.setattr(clock, "steady", lambda: made.steady)
    monkeypatch.setattr(time, "time", lambda: made.wall)
    monkeypatch.setattr(clock, "_anchors", {})
    monkeypatch.setattr(clock, "_clock_steps", {})
    monkeypatch.setattr(clock, "_last", 0)
    return made


def test_the_time_is_the_databases_and_goes_on_by_a_clock_that_nobody_sets(host: Host) -> None:
    ahead = NOON + timedelta(minutes=5)
    assert host.told(ahead) == ahead
    host.passes(60)
    host.wall -= 3600
    assert clock.now() == ahead + timedelta(seconds=60)


def test_without_a_database_it_is_the_hosts(host: Host) -> None:
    host.wall += 7
    assert clock.now() == NOON + timedelta(seconds=7)


@pytest.mark.parametrize("step", [timedelta(hours=-5), timedelta(seconds=-30), timedelta(days=2)])
def test_a_database_whose_clock_is_set_is_not_followed_until_it_agrees(
    host: Host, step: timedelta
) -> None:
    host.told(NOON)
    host.passes(10)
    expected = NOON + timedelta(seconds=10)
    assert host.told(expected + step) == expected
    assert clock.steps()["default"] == pytest.approx(step.total_seconds())
    host.passes(10)
    assert clock.now() == NOON + timedelta(seconds=20)
    again = NOON + timedelta(seconds=20.5)
    assert host.told(again) == again
    assert clock.steps() == {}


def test_a_database_that_drifts_is_followed(host: Host) -> None:
    host.told(NOON)
    for minute in range(1, 61):
        host.passes(60)
        host.told(NOON + timedelta(seconds=61 * minute))
    assert clock.now() == NOON + timedelta(seconds=3660)


def test_a_process_that_asked_nothing_for_days_takes_drift_for_no_step(host: Host) -> None:
    host.told(NOON)
    host.passes(3 * 86400)
    drifted = NOON + timedelta(days=3, seconds=20)
    assert host.told(drifted) == drifted
    assert clock.steps() == {}


def test_an_answer_that_took_long_is_no_step(host: Host) -> None:
    assert host.told(NOON, took=20) == NOON
    host.passes(1)
    true = NOON + timedelta(seconds=21)
    assert host.told(true) == true
    assert clock.now() == true
    assert clock.steps() == {}


def test_ids_grow_when_the_clock_is_set_back(host: Host) -> None:
    host.told(NOON)
    first = clock.next_id()
    host.wall -= 3600
    host.passes(1)
    assert clock.moment_of(clock.next_id()) - clock.moment_of(first) >= timedelta(seconds=1)


def test_a_process_without_a_database_takes_the_freshest_word_of_the_platform(host: Host) -> None:
    far = clock.FarClock()
    ahead = timedelta(minutes=9)
    far.note_platform_time(NOON + ahead)
    host.passes(1)
    far.note_platform_time(NOON - timedelta(minutes=3))  # it has waited in a queue
    far.note_platform_time(None)
    assert clock.now() == NOON + ahead + timedelta(seconds=1)
    for _ in range(clock.FarClock.KEPT):
        far.note_platform_time(NOON)
    assert clock.now() == NOON


def test_a_process_without_a_database_knows_how_far_its_hosts_clock_is_off(host: Host) -> None:
    assert clock.host_skew() is None
    clock.FarClock().note_platform_time(NOON)
    host.wall = NOON.timestamp() + 7.5
    assert clock.host_skew() == pytest.approx(7.5)
