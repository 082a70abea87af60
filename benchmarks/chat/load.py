"""The load is the same for every server: clients say texts to others, and delays are recorded.

A text is `<run>|<serial>|<nanoseconds>|padding`, so that a receiver knows how long it took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

PADDING = "x" * 100
PATIENCE = 20.0
"""A message that has not come after these seconds counts as lost."""
TRIES, AGAIN = 5, 1.0
"""A client that is refused tries so often, with these seconds between the tries."""

now = time.perf_counter_ns


class Client(Protocol):
    """A client of any protocol."""

    heard: Callable[[str], None]
    """Called with the text of each message that somebody else has sent."""
    acknowledged: Callable[[str], None]
    """Called with the mark of each message of its own that the server has taken."""

    async def sign_in(self) -> None:
        """Sign in until messages reach the client. Raises ConnectionError."""

    def say(self, place: str, text: str, mark: str) -> None:
        """Send a text; `mark` is this client's own id for it."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the talk: a client says something at a place, and so many others hear it."""

    client: Client
    place: str
    others: int


@dataclass(slots=True)
class LoadResult:
    """The result of a load; times are nanoseconds."""

    seconds: float = 0.0
    sent: int = 0
    complete: int = 0
    """Messages that all the others had within `seconds`."""
    delays: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    """Until the last of the others had it."""
    acks: list[int] = field(default_factory=list)
    lost: int = 0
    twice: int = 0

    def summary(self) -> dict[str, Any]:
        """Return rates, and percentiles in milliseconds."""
        figures: dict[str, Any] = {"per_second": round(self.complete / self.seconds, 1)}
        for name, times in (("", self.delays), ("ack_", self.acks), ("last_", self.last)):
            if times and (name != "last_" or len(self.delays) > len(self.last)):
                figures |= {
                    f"{name}p50_ms": percentile(times, 0.5),
                    f"{name}p99_ms": percentile(times, 0.99),
                }
        return figures | {"lost": self.lost, "twice": self.twice}


def percentile(times: Sequence[int], share: float) -> float:
    """Return a percentile of nanoseconds, in milliseconds."""
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6, 2)


class Load:
    """A load goes through its turns again and again."""

    def __init__(self, turns: Sequence[Turn], run: str) -> None:
        self._turns, self._run = turns, run
        self._serial = 0
        self._waiting: dict[str, int] = {}
        self._unanswered: dict[str, int] = {}
        self._result = LoadResult()
        self._goes_on = False
        self._until = 0
        for client in {id(turn.client): turn.client for turn in turns}.values():
            client.acknowledged = self._acked

    def hear(self, clients: Sequence[Client]) -> None:
        """Record what these clients hear."""
        for client in clients:
            client.heard = self._heard

    @property
    def count(self) -> int:
        """Return how many messages were sent in all."""
        return self._serial

    def _say(self) -> None:
        """Send the next text, in turn from each pair of client and conversation, and note whose arrival is awaited."""
        turn = self._turns[self._serial % len(self._turns)]
        self._serial += 1
        mark, start = f"{self._run}-{self._serial}", now()
        self._waiting[mark] = turn.others
        self._unanswered[mark] = start
        self._result.sent += 1
        turn.client.say(turn.place, f"{self._run}|{mark}|{start}|{PADDING}", mark)

    def _heard(self, text: str) -> None:
        """Note that a client has received a text of this run: its delay, or that it came twice.

        When the last receiver has it, the text is complete.
        """
        run, mark, start, _ = text.split("|", 3)
        if run != self._run:
            return
        took, left = now() - int(start), self._waiting.get(mark, 0) - 1
        if left < 0:
            self._result.twice += 1
            return
        self._result.delays.append(took)
        self._waiting[mark] = left
        if left == 0:
            self._complete(took)

    def _complete(self, took: int) -> None:
        """Note that a text has reached all receivers after `took` nanoseconds; in a closed run send the next one."""
        self._result.last.append(took)
        self._result.complete += now() < self._until
        if self._goes_on:
            self._say()

    def _acked(self, mark: str) -> None:
        """Note how long the server took to acknowledge the text with this `mark`; an unknown one is ignored."""
        start = self._unanswered.pop(mark, 0)
        if start:
            self._result.acks.append(now() - start)

    async def paced(self, rate: float, seconds: float) -> LoadResult:
        """Send `rate` messages a second, whether or not they arrive."""
        self._begin(seconds, goes_on=False)
        start = time.perf_counter()
        for count in range(int(rate * seconds)):
            wait = start + count / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            self._say()
        return await self._finish(seconds)

    async def closed(self, outstanding: int, seconds: float) -> LoadResult:
        """Keep `outstanding` messages under way for so many seconds: send the next when one has reached everybody.

        Return the delays and counts.
        """
        self._begin(seconds, goes_on=True)
        for _ in range(outstanding):
            self._say()
        await asyncio.sleep(seconds)
        return await self._finish(seconds)

    def _begin(self, seconds: float, *, goes_on: bool) -> None:
        self._result, self._goes_on = LoadResult(seconds=seconds), goes_on
        self._until = now() + int(seconds * 1e9)

    async def _finish(self, seconds: float) -> LoadResult:
        """Send no more, wait up to PATIENCE seconds for texts under way, and return the result.

        The rest counts as lost.
        """
        self._goes_on = False
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up and (any(self._waiting.values()) or self._unanswered):
            await asyncio.sleep(0.1)
        self._result.lost = sum(left for left in self._waiting.values())
        self._waiting.clear()
        self._unanswered.clear()
        return self._result


@dataclass(slots=True)
class SignedIn:
    """The result of signing in many clients; times are nanoseconds."""

    seconds: float = 0.0
    times: list[int] = field(default_factory=list)
    turned_away: int = 0
    """So often a client was refused, and tried again."""

    def summary(self) -> dict[str, Any]:
        """Return the rate, and percentiles in milliseconds."""
        rate = {"per_second": round(len(self.times) / self.seconds, 1)}
        spread = {"p50_ms": percentile(self.times, 0.5), "p99_ms": percentile(self.times, 0.99)}
        return {**rate, "seconds": round(self.seconds, 2), **spread, "again": self.turned_away}


async def sign_in_all(clients: Sequence[Client], at_once: int) -> SignedIn:
    """Sign in all clients, `at_once` at a time, and return the time that each took.

    A refused one tries up to TRIES times. Raises OSError or TimeoutError if the last try fails.
    """
    gate, result = asyncio.Semaphore(at_once), SignedIn()

    async def sign_in(client: Client) -> None:
        """Sign in one client as soon as fewer than `at_once` others are signing in."""
        async with gate:
            start = now()
            for left in reversed(range(TRIES)):
                try:
                    await client.sign_in()
                    break
                except (OSError, TimeoutError):
                    if not left:
                        raise
                    result.turned_away += 1
                    await asyncio.sleep(AGAIN)
            result.times.append(now() - start)

    start = time.perf_counter()
    await asyncio.gather(*(sign_in(client) for client in clients))
    result.seconds = time.perf_counter() - start
    return result
