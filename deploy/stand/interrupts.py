"""Signals that end a program: SIGTERM and SIGHUP are handled like Ctrl-C, so that it stops what it has started."""

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def raise_when_asked_to_end() -> None:
    """Let the first signal that asks this program to end raise KeyboardInterrupt in its main thread.

    SIGINT too: a shell starts background jobs with it ignored. Further signals are ignored: they must not interrupt the
    stop.
    """
    for number in _SIGNALS:
        signal.signal(number, _raise_interrupt)


def ignore_while_stopping() -> None:
    """Ignore SIGINT, SIGTERM and SIGHUP from now on, since the program stops by itself."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _raise_interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, as Ctrl-C does, and ignore further signals. It is the handler of the first signal."""
    ignore_while_stopping()
    raise KeyboardInterrupt
