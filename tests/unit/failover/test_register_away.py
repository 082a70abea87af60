"""A register that does not answer holds up no timer, and no thread again and again."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from confplatform import declarations
from failover.flows import platforms


@pytest.fixture
def silent_register(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Let the register be a server that accepts connections and says nothing; return its listener."""
    monkeypatch.setattr(platforms, "possible_platforms", lambda: ())
    monkeypatch.setattr(platforms, "_register_away", platforms._RegisterAway())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        settings.REGISTER_URL = f"mysql://somebody:secret@127.0.0.1:{port}/core"
        yield listener


def has_been_asked(listener: socket.socket) -> bool:
    """Return whether somebody has connected to the register since the last call."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_a_register_that_does_not_answer_is_asked_again_only_after_a_pause(
    silent_register: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert platforms.read_register().rows == {}
    assert has_been_asked(silent_register)
    assert platforms.read_register().rows == {}
    assert not has_been_asked(silent_register)
    monkeypatch.setattr(platforms._register_away, "asked_again_at", 0.0)
    platforms.read_register()
    assert has_been_asked(silent_register)


def test_the_timer_that_reads_the_register_runs_beside_the_others() -> None:
    assert declarations.timers()["failover.tasks.publish_states"].alone
