"""The module prints progress, a line for each step with the seconds that it took, from several threads."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Print = Callable[[str], None]


def say(line: str) -> None:
    """Print a line without buffering, so that a pipe or a log file shows it at once."""
    print(line, flush=True)


class Report:
    """A report writes `  name ........ 1.2 s` lines; it is safe to use from threads."""

    def __init__(self, write: Print = say) -> None:
        self._write = write
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        """Write one line."""
        with self._lock:
            self._write(text)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Write a line with the step's name and its seconds when it is done; nothing if it fails."""
        began = time.monotonic()
        yield
        self.line(f"  {name:<44}{time.monotonic() - began:6.1f} s")
