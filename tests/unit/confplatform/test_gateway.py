"""The gateway's threads go on, whatever they meet."""

from __future__ import annotations

import threading

import pytest
from django.db import InterfaceError

from foundation.bus import gateway
from foundation.bus.gateway import Gateway


def test_the_watch_for_answers_outlives_a_database_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures: list[Exception] = [RuntimeError("unforeseen"), InterfaceError("closed")]
    looked = threading.Event()

    def look(self: Gateway) -> None:
        if failures:
            raise failures.pop()
        self._waiting.clear()
        looked.set()

    monkeypatch.setattr(gateway, "ERROR_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(gateway, "close_old_connections", lambda: None)
    monkeypatch.setattr(Gateway, "_read_answers", look)
    one = Gateway()
    one._waiting["key"] = []
    one._someone_waits.set()
    assert looked.wait(5)
