"""The command `test` runs tests against private servers, with the linters beside them, and prints how long all took."""

import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

from deploy.stand import owned
from deploy.stand.interrupts import ignore_while_stopping, raise_when_asked_to_end
from deploy.stand.linters import BIN, Linters, seconds_of, wait_with_usage
from deploy.stand.parallel import Parallel
from deploy.stand.ports import SERVER_PORTS, claimed_ports
from deploy.stand.report import Report, print_line
from deploy.stand.site import LIBRARY, REPOSITORY
from deploy.stand.testservers import TestServers
from deploy.stand.timings import VARIABLE, Timings

ALL_PROCESSES, SOME_PROCESSES = "6", "2"
"""So many processes run all tests, or only some. Many tests wait a lot, so two processors are enough for six."""
MEMORY = Path("/dev/shm")  # noqa: S108  a private directory below it
MEMORY_BYTES = 6_000_000_000
"""So many bytes must be free in MEMORY, for the data of all servers that run at the same time."""
LOGS = LIBRARY.parent / "test-logs"
"""The folder to which logs are copied if a test has failed."""


def test(arguments: list[str]) -> int:
    """Start the servers, run the linters and pytest with these arguments, and return the exit code.

    130 means that the run was interrupted, as a shell reports it.
    """
    raise_when_asked_to_end()
    with claimed_ports(SERVER_PORTS) as base:
        directory = _session_directory(base)
        owned.stop_all(directory)
        shutil.rmtree(directory, ignore_errors=True)
        try:
            code = _run_session(TestServers(directory, base), arguments)
            _copy_logs_of_failure(directory, code)
            return code
        except KeyboardInterrupt:
            return 130
        finally:
            owned.stop_all(directory)
            shutil.rmtree(directory, ignore_errors=True)


def _run_session(servers: TestServers, arguments: list[str]) -> int:
    """Run pytest and the linters with these servers; return pytest's exit code, or 1 if a linter finds errors."""
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
        start_seconds = time.monotonic() - began
        env = {**servers.env, **owned.session_variable(servers.directory), VARIABLE: str(notes)}
        began = time.monotonic()
        code, cpu = _run_pytest(servers.directory, env, arguments, linters)
        test_seconds = time.monotonic() - began
        if with_linters:
            linters.wait()
            timings.add("linters, beside servers and tests", linters.seconds, linters.cpu)
    finally:
        ignore_while_stopping()
        servers.stop()
        parallel.wait_for_rest(10)
        servers.stop()  # A thread of the start may have started one meanwhile.
    total_cpu = seconds_of(resource.getrusage(resource.RUSAGE_CHILDREN))
    server_cpu = total_cpu - cpu - linters.cpu
    timings.add("the session's servers (seconds: their start)", start_seconds, server_cpu)
    timings.add("tests with their stands", test_seconds, cpu)
    print_line("\n".join(timings.table(notes)))
    return 1 if linters.have_refused else code


def _run_pytest(
    directory: Path, env: dict[str, str], arguments: list[str], linters: Linters
) -> tuple[int, float]:
    """Run pytest, and return its exit code and CPU seconds. It is interrupted as soon as a linter finds errors.

    Pytest gets Ctrl-C itself, from the terminal; SIGTERM is sent on to it as SIGINT.
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


def _session_directory(base: int) -> Path:
    """Return the directory of the test session with the first port `base`: in memory, if that has enough space."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
        return MEMORY / f"stand-test-{os.geteuid()}-{base}"
    return LIBRARY.parent / "test" / str(base)


def _copy_logs_of_failure(directory: Path, code: int) -> None:
    """Copy the logs of servers and processes to LOGS if a test has failed (`code` is not 0); else empty LOGS."""
    shutil.rmtree(LOGS, ignore_errors=True)
    if not code:
        return
    for path in directory.rglob("*.log"):
        copy = LOGS / path.relative_to(directory)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    print_line(f"logs: {LOGS.relative_to(REPOSITORY)}")
