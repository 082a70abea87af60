"""A child process of the stand, with a log file, a pid file and a session (process group) of its own."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.stand import owned
from deploy.stand.errors import StandError

RESTART_PAUSES = (0.2, 1.0, 2.0, 5.0, 10.0)
LONG_RUN = 30.0  # after a run of so many seconds the pauses begin with the first again
MAX_DEATHS = 3
REMARK = "[stand]"
"""The beginning of lines that the stand itself writes into the log file of a process."""

GROUP_SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)


class Process:
    """A process is a child process that we start, signal and stop by its process id.

    `supervised`: whenever it ends by itself or is killed, it is started again, after a pause that grows. A server under
    test is not supervised, so that it stays dead until the test starts it again. `before_start` is called before each
    start.
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
        """Describe the process, which `start` starts with the command line `argv`.

        `directory` gets its pid file and, unless `log` names another path, its log file.
        """
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
        self._should_run = False
        self._stop_waiting = threading.Event()

    @property
    def pid(self) -> int | None:
        """Return the id of the running process; `None` if it does not run."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def alive(self) -> bool:
        """Return whether the process runs."""
        return self.pid is not None

    @property
    def age(self) -> float:
        """Return the seconds since the process was started last; 0 when it does not run."""
        return time.monotonic() - self.started if self.alive else 0.0

    def start(self) -> None:
        """Start the process, unless it runs."""
        with self._lock:
            self._should_run = True
            self._stop_waiting.clear()
            if self.alive:
                return
            self._start_child()
        if self.supervised:
            threading.Thread(
                target=self._restart_when_ended, args=(self._child,), daemon=True
            ).start()

    def kill(self, number: int = signal.SIGKILL, *, group: bool | None = None) -> None:
        """Send the signal `number` to the process, or with `group` to its whole process group.

        By default KILL, STOP and CONT go to the group, other signals to the process only.
        """
        child = self._child
        if child is None or child.poll() is not None:
            return
        to_group = number in GROUP_SIGNALS if group is None else group
        try:
            (os.killpg if to_group else os.kill)(child.pid, number)
        except ProcessLookupError:
            return
        if number == signal.SIGKILL:
            child.wait(10)

    def stop(self, patience: float = 40.0) -> None:
        """Ask the process to end, kill it after `patience` seconds, and return when it has ended.

        Does nothing if it was never started.
        """
        with self._lock:
            self._should_run = False
            self._stop_waiting.set()
            child = self._child
        if child is None:
            return
        if child.poll() is None:
            self.kill(signal.SIGCONT)  # a frozen process gets no SIGTERM
            self.kill(signal.SIGTERM)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            child.wait(10)
        self._kill_group(child.pid)
        self.pid_file.unlink(missing_ok=True)

    def stop_supervising(self) -> None:
        """Stop supervising the process: when it ends, it is not started again."""
        with self._lock:
            self._should_run = False
            self._stop_waiting.set()

    def restart(self) -> None:
        """Stop the process, and start it again."""
        self.stop()
        self.start()

    def wait(self, seconds: float) -> int:
        """Wait until the process ends by itself, and return its exit code.

        Raises StandError, and stops the process, if it takes longer than `seconds`.
        """
        child = self._child
        if child is None:
            raise StandError(f"{self.name} was never started")
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self._failure(f"did not end within {seconds:.0f} s") from None
        finally:
            self.stop()

    def wait_until(self, ready: Callable[[], bool], seconds: float, state: str = "ready") -> None:
        """Wait until `ready` returns true. Raises StandError after `seconds`, or if the process keeps ending."""
        deadline = time.monotonic() + seconds
        deaths_before = self.deaths
        while not ready():
            # A supervised process that ends is started again; only one that keeps ending has failed.
            if not self.supervised and not self.alive:
                raise self._failure(f"ended while starting: {self.last_log_line()}")
            if self.deaths - deaths_before >= MAX_DEATHS:
                raise self._failure(f"keeps ending: {self.last_log_line()}")
            if time.monotonic() > deadline:
                raise self._failure(f"is not {state} after {seconds:.0f} s")
            time.sleep(0.05)

    def last_log_line(self) -> str:
        """Return the last line of the log that the process itself has written, or "it wrote nothing"."""
        if not self.log.exists():
            return "it wrote nothing"
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 4000))
            lines = file.read().decode(errors="replace").splitlines()
        own_lines = [line.strip()[:200] for line in lines if line.strip() and REMARK not in line]
        return own_lines[-1] if own_lines else "it wrote nothing"

    def _failure(self, problem: str) -> StandError:
        """Return the exception to raise about this process: its name, the problem, and where its log file is."""
        return StandError(f"{self.name} {problem} (log: {self.log})")

    def _start_child(self) -> None:
        """Start the process, with its output appended to the log file."""
        if self.before_start is not None:
            self.before_start()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.argv,
                cwd=self.cwd,
                env={**self.env, **owned.owner_variables(self.directory)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started = time.monotonic()
        self.pid_file.write_text(f"{self._child.pid}\n")

    def _restart_when_ended(self, child: "subprocess.Popen[bytes]") -> None:
        """Start the process again whenever it ends, after a pause that grows if it ends soon; runs in a thread."""
        short_runs = 0
        while True:
            code = child.wait()
            if not self._should_run:
                return
            self.deaths += 1
            # Its children must not go on, nor keep its ports: systemd's KillMode=control-group does the same.
            self._kill_group(child.pid)
            short_runs = 0 if time.monotonic() - self.started > LONG_RUN else short_runs
            pause = RESTART_PAUSES[min(short_runs, len(RESTART_PAUSES) - 1)]
            short_runs += 1
            self._write_remark(f"ended with {code}, starting again in {pause} s")
            if self._stop_waiting.wait(pause):
                return
            with self._lock:
                if not self._should_run or self._child is not child:
                    return
                self._start_child()
                child = self._child

    def _write_remark(self, text: str) -> None:
        """Write a line about the process, such as that it is started again, into its log file."""
        with self.log.open("a") as log:
            log.write(f"{REMARK} {self.name} {text}\n")

    @staticmethod
    def _kill_group(leader: int) -> None:
        """Kill the process group that a process leads, if there still is one."""
        try:
            os.killpg(leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # Nobody of the group is left, or its number belongs to somebody else by now.
            return
