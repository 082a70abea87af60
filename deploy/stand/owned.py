"""The module finds and stops the processes of a stand by a variable in their environment, never by their name.

A stand is an installation of `make up` or `make test`. Each of its processes is started with STAND_OWNER=<its
directory>, and child processes inherit it. So the children of a crashed supervisor are found again at the next start,
and no process of anybody else ever is.
"""

import os
import signal
import time
from pathlib import Path

MARK = "STAND_OWNER"
SESSION = (
    "STAND_SESSION"  # the test session that started a stand: at its end all its stands are stopped
)


def owner_variables(owner: Path) -> dict[str, str]:
    """Return the environment variables by which a process is recognized later as one that belongs to a directory."""
    session = {SESSION: os.environ[SESSION]} if SESSION in os.environ else {}
    return {MARK: str(owner.resolve()), **session}


def session_variable(directory: Path) -> dict[str, str]:
    """Return the environment variable that marks a test process and its children, to be stopped with the session."""
    return {SESSION: str(directory.resolve())}


def processes_of(owner: Path) -> list[int]:
    """Return the ids of the running processes that are marked, in their environment, as belonging to a directory.

    Those of directories below it count, the present process does not.
    """
    marks = [f"{name}={owner.resolve()}".encode() for name in (MARK, SESSION)]
    marks_below = tuple(mark + b"/" for mark in marks)
    pids = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # It has ended meanwhile, or belongs to another user.
            continue
        if any(word in marks or word.startswith(marks_below) for word in environment):
            pids.append(int(entry.name))
    return pids


def stop_all(owner: Path, patience: float = 10.0) -> int:
    """Stop all processes that belong to a directory, for instance those of a previous run; return how many there were.

    They get SIGTERM first; those that still run after `patience` seconds are killed.
    """
    pids = processes_of(owner)
    _signal(pids, signal.SIGCONT)  # a frozen process gets no SIGTERM
    _signal(pids, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while processes_of(owner) and time.monotonic() < deadline:
        time.sleep(0.05)
    kill_all(owner)
    return len(pids)


def kill_all(owner: Path) -> None:
    """Kill all processes that belong to a directory; search until none is left, as a process may fork meanwhile."""
    while pids := processes_of(owner):
        _signal(pids, signal.SIGKILL)
        time.sleep(0.05)


def _signal(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to the processes with these ids; skip those that have ended."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
