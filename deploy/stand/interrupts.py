"""Signals that end a program: SIGTERM and SIGHUP are handled like Ctrl-C, so that what it has started is stopped."""

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
    """Ignore these signals from now on, since the program stops by itself."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _raise_interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Handle the first signal like Ctrl-C."""
    ignore_while_stopping()
    raise KeyboardInterrupt
