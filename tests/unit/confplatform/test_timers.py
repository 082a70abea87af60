"""The beat table: what waits too long is dropped by the broker's clock, not by comparing two."""

from __future__ import annotations

from confplatform import declarations
from confplatform.celery import app


def test_a_timer_runs_whatever_the_clocks_of_beat_and_worker_say() -> None:
    for name, entry in app.conf.beat_schedule.items():
        assert entry["options"].keys() == {"expiration"}, name
        assert 1 <= entry["options"]["expiration"] <= declarations.timers()[name].seconds
