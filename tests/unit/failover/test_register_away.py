"""A register that does not answer holds up no timer, and no thread again and again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
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


def test_the_register_is_read_by_programs_that_have_no_settings() -> None:
    words = "from failover.data.cells.register import Register; Register('mysql://a@h/x', 'p', 's')"
    environment = {
        name: os.environ[name] for name in os.environ.keys() - {"DJANGO_SETTINGS_MODULE"}
    }
    subprocess.run([sys.executable, "-c", words], env=environment, check=True, timeout=90)


def test_the_timer_that_reads_the_register_runs_beside_the_others() -> None:
    assert declarations.timers()["failover.tasks.publish_states"].alone
