"""`test`: all tests against private servers that always end, the linters beside them, and where the time went."""

import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import FrameType

from deploy.stand import owned
from deploy.stand.linters import BIN, Linters, seconds_of, wait_with_usage
from deploy.stand.parallel import Parallel
from deploy.stand.ports import SERVER_PORTS, claimed
from deploy.stand.report import Report, say
from deploy.stand.site import LIBRARY, REPOSITORY
from deploy.stand.testservers import TestServers
from deploy.stand.timings import VARIABLE, Timings

ALL_PROCESSES, SOME_PROCESSES = "4", "2"
"""How many test processes run all tests, or some. Stories wait a good deal, so two processors serve four."""
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MEMORY = Path("/dev/shm")  # noqa: S108  a private directory below it
MEMORY_BYTES = 6_000_000_000
"""How much must be free there: the data of all stands lies in it while they run."""
LOGS = LIBRARY.parent / "test-logs"
"""Where the logs of a session are copied to in which a test failed."""


def test(arguments: list[str]) -> int:
    """Start the servers, run pytest with the linters beside it, stop the servers whatever happens."""
    for number in ENDS:  # SIGINT too: a shell starts background jobs with it ignored
        signal.signal(number, _as_interrupt)
    with claimed(SERVER_PORTS) as base:
        directory = _directory(base)
        owned.sweep(directory)
        shutil.rmtree(directory, ignore_errors=True)
        try:
            code = _session(TestServers(directory, base), arguments)
            _keep_logs(directory, code)
            return code
        except KeyboardInterrupt:
            return 130
        finally:
            owned.sweep(directory)
            shutil.rmtree(directory, ignore_errors=True)


def _session(servers: TestServers, arguments: list[str]) -> int:
    """Run one session on these servers; return pytest's exit code, or 1 when a linter refuses."""
    parallel, timings, linters = Parallel(), Timings(), Linters()
    notes = servers.directory / "timings"
    notes.mkdir(parents=True)
    with_linters = os.environ.get("CHECK") != "0"
    try:
        if with_linters:
            linters.start()
        began = time.monotonic()
        with Report().step("servers for the tests"):
            servers.start(parallel)
        started = time.monotonic() - began
        env = {**servers.env, **owned.session(servers.directory), VARIABLE: str(notes)}
        began = time.monotonic()
        code, cpu = _pytest(servers.directory, env, arguments, linters)
        took = time.monotonic() - began
        if with_linters:
            linters.wait()
            timings.add("linters, beside servers and tests", linters.seconds, linters.cpu)
    finally:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        servers.stop()
        parallel.drain(10)
        servers.stop()  # what the start began meanwhile
    whole = seconds_of(resource.getrusage(resource.RUSAGE_CHILDREN))
    timings.add("the session's servers (seconds: their start)", started, whole - cpu - linters.cpu)
    timings.add("tests with their stands", took, cpu)
    say("\n".join(timings.table(notes)))
    return 1 if linters.have_refused else code


def _pytest(
    directory: Path, env: dict[str, str], arguments: list[str], linters: Linters
) -> tuple[int, float]:
    """Run pytest; return its exit code and CPU seconds. It is interrupted as soon as a linter refuses.

    Ctrl-C reaches pytest by itself (same terminal); SIGTERM is handed on.
    """
    words = [str(BIN / "pytest"), "-n", ALL_PROCESSES, "--dist", "loadgroup"]
    words += ["--no-loadscope-reorder", "--basetemp", str(directory / "pytest")]
    words += arguments or ["tests"]
    if arguments:
        words[2] = SOME_PROCESSES
    child = subprocess.Popen(words, cwd=REPOSITORY, env={**os.environ, **env}, text=True)
    try:
        interrupted = False
        while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if linters.have_refused and not interrupted:
                child.send_signal(signal.SIGINT)
                interrupted = True
            time.sleep(0.1)
        return wait_with_usage(child)
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise


def _directory(base: int) -> Path:
    """Return the session's directory: in memory when there is room, where durable settings are fast."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
        return MEMORY / f"stand-test-{os.geteuid()}-{base}"
    return LIBRARY.parent / "test" / str(base)


def _keep_logs(directory: Path, code: int) -> None:
    """Copy all logs of servers and processes, if a test failed, before their directory is removed."""
    shutil.rmtree(LOGS, ignore_errors=True)
    if not code:
        return
    for path in directory.rglob("*.log"):
        copy = LOGS / path.relative_to(directory)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    say(f"logs: {LOGS.relative_to(REPOSITORY)}")


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
