"""Progress lines say what was done and how long it took, one line each, from several threads."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Print = Callable[[str], None]


def say(line: str) -> None:
    """Print a line at once: a pipe or a log file must show progress too."""
    print(line, flush=True)


class Report:
    """A report writes `  name ........ 1.2 s` lines; it is safe to use from threads."""

    def __init__(self, write: Print = say) -> None:
        self._write = write
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        with self._lock:
            self._write(text)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Report the step when it is done; a failure is reported by whoever catches it."""
        began = time.monotonic()
        yield
        self.line(f"  {name:<44}{time.monotonic() - began:6.1f} s")
