"""Virtual time: what is to happen, in its order, and the log of what did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from heapq import heappop, heappush
from typing import Any

from tests.simulation.scenery import EPOCH


class Clock:
    """A clock of the seconds since a world began."""

    def __init__(self) -> None:
        self.t, self.now = 0.0, EPOCH
        self.log: list[str] = []
        self.events = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []

    def at(self, t: float, event: Callable[..., None], *arguments: Any) -> None:
        """Let this happen at that time."""
        self.events += 1
        heappush(self._heap, (t, self.events, event, arguments))

    def run_until(self, t: float) -> None:
        """Let everything happen up to that time."""
        while self._heap and self._heap[0][0] <= t:
            moment, _, event, arguments = heappop(self._heap)
            self._move_to(moment)
            event(*arguments)
        self._move_to(t)

    def _move_to(self, t: float) -> None:
        self.t = t
        self.now = EPOCH + timedelta(seconds=t)

    def say(self, text: str) -> None:
        """Write one line of the log."""
        self.log.append(f"{self.t:9.3f} {text}")
