"""The linters: ruff, import rules, mypy, Django's checks, one after the other, for `make check` and `make test`."""

import os
import resource
import subprocess
import time
from threading import Thread

from deploy.stand.report import Report, print_line
from deploy.stand.site import REPOSITORY

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("lint-imports",),
    ("mypy", "."),
    ("python", "manage.py", "check"),
    ("python", "manage.py", "makemigrations", "--check", "--dry-run"),
)
BIN = REPOSITORY / ".venv" / "bin"
LOW_PRIORITY = ("nice", "-n", "10")


def check() -> int:
    """Run all linters, print the output of those that find errors, and return the exit code."""
    linters = Linters(())
    linters.run()
    return 1 if linters.have_refused else 0


class Linters:
    """The linters run in a thread, at low priority, while servers start and tests run.

    `have_refused`: all linters have run, and one has found errors. `seconds` and `cpu` are how long they took.
    """

    def __init__(self, prefix: tuple[str, ...] = LOW_PRIORITY) -> None:
        """Prepare the thread. Each command is run with `prefix` before it, by default at low priority."""
        self.have_refused = False
        self.seconds = self.cpu = 0.0
        self._prefix = prefix
        self._thread = Thread(target=self.run, daemon=True)

    def start(self) -> None:
        """Start the thread that runs the linters."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until all linters have run."""
        self._thread.join()

    def run(self) -> None:
        """Run the linters one after the other, and print the output of those that find errors."""
        report, refused, began = Report(), 0, time.monotonic()
        for words in CHECKS:
            with report.step("check: " + " ".join(words)):
                code, output, cpu = self._run_linter(words)
            self.cpu += cpu
            if code:
                refused += 1
                print_line(output.rstrip())
        self.seconds = time.monotonic() - began
        if refused:
            print_line(f"make check: {refused} of {len(CHECKS)} refused; mend what they name above")
        self.have_refused = refused > 0

    def _run_linter(self, words: tuple[str, ...]) -> tuple[int, str, float]:
        """Run a linter, and return its exit code, its output, and the CPU seconds that it took."""
        argv = [*self._prefix, str(BIN / words[0]), *words[1:]]
        # Whatever loads the settings wants a key.
        env = {**os.environ, "SECRET_KEY": "of the linters alone"}
        child = subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert child.stdout is not None
        output = child.stdout.read()
        code, cpu = wait_with_usage(child)
        return code, output, cpu


def wait_with_usage(child: "subprocess.Popen[str]") -> tuple[int, float]:
    """Wait for a child process, and return its exit code and the CPU seconds of it and its children."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, seconds_of(usage)


def seconds_of(usage: resource.struct_rusage) -> float:
    """Return the CPU seconds, user and system together, in a resource usage record of the kernel."""
    return usage.ru_utime + usage.ru_stime
