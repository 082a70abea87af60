"""The linters: ruff, import rules, mypy, Django's checks, one after the other, for `make check` and `make test`."""

import os
import resource
import subprocess
import time
from threading import Thread

from deploy.stand.report import Report, say
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
    """Run all linters; show what they print only when they refuse. Return the exit code."""
    linters = Linters(())
    linters.run()
    return 1 if linters.have_refused else 0


class Linters:
    """The linters run in a thread, at low priority, while servers start and tests run."""

    def __init__(self, before: tuple[str, ...] = LOW_PRIORITY) -> None:
        """Put `before` in front of each command."""
        self.have_refused = False
        self.seconds = self.cpu = 0.0
        self._before = before
        self._thread = Thread(target=self.run, daemon=True)

    def start(self) -> None:
        """Begin; `have_refused` becomes true as soon as all have run and one has refused."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until all of them have run."""
        self._thread.join()

    def run(self) -> None:
        """Run one after the other and print what those say that refuse."""
        report, refused, began = Report(), 0, time.monotonic()
        for words in CHECKS:
            with report.step("check: " + " ".join(words)):
                code, output, cpu = self._linter(words)
            self.cpu += cpu
            if code:
                refused += 1
                say(output.rstrip())
        self.seconds = time.monotonic() - began
        if refused:
            say(f"make check: {refused} of {len(CHECKS)} refused; mend what they name above")
        self.have_refused = refused > 0

    def _linter(self, words: tuple[str, ...]) -> tuple[int, str, float]:
        """Return the exit code, what was printed, and the CPU seconds."""
        argv = [*self._before, str(BIN / words[0]), *words[1:]]
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
    """Wait for a child; return its exit code and the CPU seconds of all its processes."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, seconds_of(usage)


def seconds_of(usage: resource.struct_rusage) -> float:
    """Return the CPU seconds in the kernel's answer."""
    return usage.ru_utime + usage.ru_stime
