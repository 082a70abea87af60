"""Find the processes of a stand by a mark in their environment, never by their name.

Every process of a stand is started with STAND_OWNER=<its directory>, and what it starts inherits the mark. So a
crashed supervisor's children, and theirs, are found again at the next start, and nobody else's process ever is.
"""

import os
import signal
import time
from pathlib import Path

MARK = "STAND_OWNER"
SESSION = (
    "STAND_SESSION"  # the test session in which a stand was started: when it ends, so do they all
)


def mark(owner: Path) -> dict[str, str]:
    """Return the mark for the environment of a process that belongs to a directory."""
    session = {SESSION: os.environ[SESSION]} if SESSION in os.environ else {}
    return {MARK: str(owner.resolve()), **session}


def session(directory: Path) -> dict[str, str]:
    """Return the mark of a test process, so that all it starts ends with the session."""
    return {SESSION: str(directory.resolve())}


def processes_of(owner: Path) -> list[int]:
    """Return the living processes of this directory or of one below it, without ourselves."""
    wholes = [f"{name}={owner.resolve()}".encode() for name in (MARK, SESSION)]
    belows = tuple(whole + b"/" for whole in wholes)
    pids = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # gone meanwhile, or another user's
            continue
        if any(word in wholes or word.startswith(belows) for word in environment):
            pids.append(int(entry.name))
    return pids


def sweep(owner: Path, patience: float = 10.0) -> int:
    """Stop the processes that a previous run left behind, gently first; return how many there were."""
    left = processes_of(owner)
    count = len(left)
    _signal(left, signal.SIGCONT)  # a frozen process hears no SIGTERM
    _signal(left, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while (left := processes_of(owner)) and time.monotonic() < deadline:
        time.sleep(0.05)
    kill(owner)
    return count


def kill(owner: Path) -> None:
    """Kill the processes of a directory, again and again: a fork may happen between the look and the signal."""
    while left := processes_of(owner):
        _signal(left, signal.SIGKILL)
        time.sleep(0.05)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
