"""A child process with a session, a log file and a pid file of its own; started again when it dies."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.stand import owned
from deploy.stand.errors import StandError

BACK_OFF = (0.2, 1.0, 2.0, 5.0, 10.0)
GOOD_RUN = 30.0  # seconds after which a death counts as the first one again
GROUP_SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)


class Process:
    """A process is a child that we start, signal and stop by its pid.

    `supervised` restarts it with a growing pause whenever it ends by itself or is killed; a server under test is
    not supervised, so that it stays dead until the test restarts it.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        directory: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        log: Path | None = None,
        supervised: bool = False,
        before_start: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.directory = directory
        self.env = dict(env)
        self.cwd = cwd or directory
        self.log = log or directory / "log" / f"{name}.log"
        self.pid_file = directory / f"{name}.pid"
        self.supervised = supervised
        self.before_start = before_start
        self.deaths = 0
        self.started = 0.0
        self._lock = threading.RLock()
        self._child: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._wake = threading.Event()

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def alive(self) -> bool:
        return self.pid is not None

    @property
    def age(self) -> float:
        """Return the seconds since the process was started last; 0 when it does not run."""
        return time.monotonic() - self.started if self.alive else 0.0

    def start(self) -> None:
        """Start the process, unless it runs."""
        with self._lock:
            self._wanted = True
            self._wake.clear()
            if self.alive:
                return
            self._spawn()
        if self.supervised:
            threading.Thread(target=self._watch, args=(self._child,), daemon=True).start()

    def kill(self, number: int = signal.SIGKILL, *, group: bool | None = None) -> None:
        """Send a signal: KILL, STOP and CONT reach all it started in its group, others the process alone."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        whole = number in GROUP_SIGNALS if group is None else group
        try:
            (os.killpg if whole else os.kill)(child.pid, number)
        except ProcessLookupError:
            return
        if number == signal.SIGKILL:
            child.wait(10)

    def stop(self, patience: float = 40.0) -> None:
        """Ask the process to end, wait, then kill it; return when it has gone."""
        with self._lock:
            self._wanted = False
            self._wake.set()
            child = self._child
        if child is None:
            return
        if child.poll() is None:
            self.kill(signal.SIGCONT)  # a frozen process hears no SIGTERM
            self.kill(signal.SIGTERM)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            child.wait(10)
        self._kill_group(child.pid)
        self.pid_file.unlink(missing_ok=True)

    def forsake(self) -> None:
        """Supervise the process no longer: when it ends, it is not started again."""
        with self._lock:
            self._wanted = False
            self._wake.set()

    def restart(self) -> None:
        self.stop()
        self.start()

    def wait(self, seconds: float) -> int:
        """Wait until the process ends by itself; return the exit code. A process that takes too long is stopped."""
        child = self._child
        if child is None:
            raise StandError(f"{self.name} was never started")
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self._failure(f"did not end within {seconds:.0f} s") from None
        finally:
            self.stop()

    def wait_until(self, ready: Callable[[], bool], seconds: float, event: str = "ready") -> None:
        """Wait for a probe; a process that keeps dying is given up before the time is over."""
        deadline = time.monotonic() + seconds
        deaths = self.deaths
        while not ready():
            if not self.supervised and not self.alive:
                raise self._failure(f"ended while starting: {self.last_words()}")
            if self.deaths - deaths >= 3:
                raise self._failure(f"keeps ending: {self.last_words()}")
            if time.monotonic() > deadline:
                raise self._failure(f"is not {event} after {seconds:.0f} s")
            time.sleep(0.05)

    def last_words(self) -> str:
        """Return the last line of the log that is neither empty nor a remark of the stand."""
        if not self.log.exists():
            return "it wrote nothing"
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 4000))
            lines = file.read().decode(errors="replace").splitlines()
        ours = "[stand]"  # our own remarks explain nothing
        spoken = [line.strip()[:200] for line in lines if line.strip() and ours not in line]
        return spoken[-1] if spoken else "it wrote nothing"

    def _failure(self, problem: str) -> StandError:
        return StandError(f"{self.name} {problem} (log: {self.log})")

    def _spawn(self) -> None:
        if self.before_start is not None:
            self.before_start()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.argv,
                cwd=self.cwd,
                env={**self.env, **owned.mark(self.directory)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started = time.monotonic()
        self.pid_file.write_text(f"{self._child.pid}\n")

    def _watch(self, child: "subprocess.Popen[bytes]") -> None:
        """Start the process again when it dies, later each time it dies early; runs in a thread."""
        early = 0
        while True:
            code = child.wait()
            if not self._wanted:
                return
            self.deaths += 1
            # What it started must not outlive it, nor hold its ports: systemd's KillMode=control-group does the same.
            self._kill_group(child.pid)
            early = 0 if time.monotonic() - self.started > GOOD_RUN else early
            pause = BACK_OFF[min(early, len(BACK_OFF) - 1)]
            early += 1
            self._note(f"ended with {code}, starting again in {pause} s")
            if self._wake.wait(pause):
                return
            with self._lock:
                if not self._wanted or self._child is not child:
                    return
                self._spawn()
                child = self._child

    def _note(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(f"[stand] {self.name} {text}\n")

    @staticmethod
    def _kill_group(leader: int) -> None:
        try:
            os.killpg(leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
