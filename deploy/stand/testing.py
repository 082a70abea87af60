"""`check` and `test`: the linters, then all tests against private servers that always end."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from threading import Thread
from types import FrameType

from deploy.stand import owned
from deploy.stand.errors import StandError
from deploy.stand.parallel import Parallel
from deploy.stand.ports import SERVER_PORTS, claimed
from deploy.stand.report import Report, say
from deploy.stand.site import LIBRARY, REPOSITORY
from deploy.stand.testservers import TestServers

BIN = REPOSITORY / ".venv" / "bin"
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("lint-imports",),
    ("mypy", "."),
)
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MEMORY = Path("/dev/shm")  # noqa: S108  a private directory below it


def check() -> int:
    """Run all linters; show what they say only when they refuse."""
    report, refused = Report(), 0
    for words in CHECKS:
        with report.step("check: " + " ".join(words)):
            done = _linter(words)
        if done.returncode:
            refused += 1
            say(f"{done.stdout}{done.stderr}".rstrip())
    if refused:
        say(f"make check: {refused} of {len(CHECKS)} refused; mend what they name above")
    return 1 if refused else 0


def _linter(words: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    argv = [str(BIN / words[0]), *words[1:]]
    # mypy's Django plugin loads the settings, and those want a key.
    env = {**os.environ, "SECRET_KEY": "of the linters alone"}
    return subprocess.run(
        argv, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False
    )


def test(arguments: list[str]) -> int:
    """Check, start servers meanwhile, run pytest, stop the servers whatever happens."""
    for what in ENDS:  # SIGINT too: a shell starts background jobs with it ignored
        signal.signal(what, _as_interrupt)
    with claimed(SERVER_PORTS) as base:
        directory = _directory(base)
        owned.sweep(directory)
        shutil.rmtree(directory, ignore_errors=True)
        try:
            return _session(TestServers(directory, base), arguments)
        except KeyboardInterrupt:
            return 130
        finally:
            owned.sweep(directory)
            shutil.rmtree(directory, ignore_errors=True)


def _session(servers: TestServers, arguments: list[str]) -> int:
    """One session on these servers; pytest's exit code."""
    failures: list[BaseException] = []
    parallel, report = Parallel(), Report()
    starting = Thread(target=_start, args=(servers, parallel, report, failures), daemon=True)
    try:
        starting.start()  # the broker needs seconds, mypy too
        if os.environ.get("CHECK") != "0" and check():
            return 1
        starting.join()
        if failures:
            raise failures[0]
        return _pytest({**servers.env, **owned.session(servers.directory)}, arguments)
    finally:
        for what in ENDS:
            signal.signal(what, signal.SIG_IGN)
        servers.stop()
        parallel.drain(10)
        servers.stop()  # what the start began meanwhile


def _start(
    servers: TestServers, parallel: Parallel, report: Report, failures: list[BaseException]
) -> None:
    try:
        with report.step("servers for the tests"):
            servers.start(parallel)
    except StandError as failure:
        failures.append(failure)


def _pytest(env: dict[str, str], arguments: list[str]) -> int:
    """Ctrl-C reaches pytest by itself (same terminal); SIGTERM is handed on."""
    words = [str(BIN / "pytest"), "-n", "2", "--dist", "loadgroup", *(arguments or ["tests"])]
    child = subprocess.Popen(words, cwd=REPOSITORY, env={**os.environ, **env})
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise


def _directory(base: int) -> Path:
    """In memory when there is room: durable settings, and yet fast."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2_000_000_000:
        return MEMORY / f"stand-test-{os.geteuid()}-{base}"
    return LIBRARY.parent / "test" / str(base)


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
