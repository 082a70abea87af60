"""The timers of one period run in one task, but for those that run alone, whatever clocks say or whichever fails."""

from __future__ import annotations

from collections import Counter

import pytest

from confplatform import celery, declarations
from confplatform.celery import app, run_timers


@pytest.fixture(autouse=True)
def tasks() -> None:
    """Import the tasks of all apps, as a worker does when it starts."""
    app.loader.import_default_modules()


def test_a_run_that_waits_too_long_is_dropped_by_the_brokers_clock_alone() -> None:
    for name, entry in app.conf.beat_schedule.items():
        assert entry["options"].keys() == {"expiration"}, name
        assert 1 <= entry["options"]["expiration"] <= entry["schedule"]


def test_each_timer_runs_in_the_task_of_its_period(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: Counter[str] = Counter()
    for name in declarations.timers():
        monkeypatch.setattr(app.tasks[name], "run", lambda name=name: ran.update([name]))
    for entry in app.conf.beat_schedule.values():
        before = ran.copy()
        app.tasks[entry["task"]].run(*entry["args"])
        assert {declarations.timers()[name].seconds for name in ran - before} == {entry["schedule"]}
    assert ran == dict.fromkeys(declarations.timers(), 1)


def test_a_timer_that_waits_for_servers_of_others_holds_up_no_other() -> None:
    alone = {name for name, timer in declarations.timers().items() if timer.alone}
    assert "social.tasks.send_texts" in alone
    assert alone == {
        entry["task"] for entry in app.conf.beat_schedule.values() if not entry["args"]
    }


def test_a_timer_that_fails_is_logged_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = (
        name
        for name, timer in declarations.timers().items()
        if timer.seconds == 1 and not timer.alone
    )
    ran: list[str] = []

    def fail() -> None:
        raise ValueError("broken")

    # A connection that an earlier test has opened must not be asked about here.
    monkeypatch.setattr(celery, "close_old_connections", lambda: None)
    monkeypatch.setattr(app.tasks[first], "run", fail)
    for name in others:
        monkeypatch.setattr(app.tasks[name], "run", lambda name=name: ran.append(name))
    run_timers(1)
    assert ran == others
    assert f"the timer {first} failed" in caplog.text
