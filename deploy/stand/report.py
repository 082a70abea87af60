"""The module prints progress, a line for each step with the seconds that it took, from several threads."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Print = Callable[[str], None]


def print_line(line: str) -> None:
    """Print a line without buffering, so that a pipe or a log file shows it at once."""
    print(line, flush=True)


class Report:
    """A report writes `  name ........ 1.2 s` lines; it is safe to use from threads."""

    def __init__(self, write: Print = print_line) -> None:
        """Write the lines by the function `write`, by default to the standard output."""
        self._write = write
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        """Write one line of progress, not mixed with lines of other threads."""
        with self._lock:
            self._write(text)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Run the code of the `with` block, then write its name and how many seconds it took; nothing if it raises."""
        began = time.monotonic()
        yield
        self.line(f"  {name:<44}{time.monotonic() - began:6.1f} s")
