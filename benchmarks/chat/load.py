"""The load, the same for whoever serves it: who says what to whom and when, and what was seen of it.

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
"""Seconds after which what has not come is lost."""
TRIES, AGAIN = 5, 1.0
"""Of a client that is turned away, and the seconds in between."""

now = time.perf_counter_ns


class Client(Protocol):
    """One signed-in client of whatever protocol."""

    heard: Callable[[str], None]
    """Called with the text of each message that somebody else has sent."""
    acknowledged: Callable[[str], None]
    """Called with the mark of each message of its own that the server has taken."""

    async def sign_in(self) -> None:
        """Until it hears what is sent to it. Raises ConnectionError."""

    def say(self, where: str, text: str, mark: str) -> None:
        """Send a text; `mark`: this client's own id for it."""

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody says something somewhere, and so many others hear it."""

    who: Client
    where: str
    others: int


@dataclass(slots=True)
class Seen:
    """What a load has seen. Times in nanoseconds."""

    seconds: float = 0.0
    said: int = 0
    complete: int = 0
    """Messages that all the others had within `seconds`."""
    delays: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    """Until the last of the others had it."""
    acks: list[int] = field(default_factory=list)
    lost: int = 0
    twice: int = 0

    def summary(self) -> dict[str, Any]:
        """Rates and percentiles in milliseconds."""
        found: dict[str, Any] = {"per_second": round(self.complete / self.seconds, 1)}
        for name, times in (("", self.delays), ("ack_", self.acks), ("last_", self.last)):
            if times and (name != "last_" or len(self.delays) > len(self.last)):
                found |= {f"{name}p50_ms": at(times, 0.5), f"{name}p99_ms": at(times, 0.99)}
        return found | {"lost": self.lost, "twice": self.twice}


def at(times: Sequence[int], share: float) -> float:
    """A percentile in milliseconds."""
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6, 2)


class Load:
    """Goes through the turns, over and over."""

    def __init__(self, turns: Sequence[Turn], run: str) -> None:
        self._turns, self._run = turns, run
        self._serial = 0
        self._waiting: dict[str, int] = {}
        self._unanswered: dict[str, int] = {}
        self._seen = Seen()
        self._goes_on = False
        self._until = 0
        for client in {id(turn.who): turn.who for turn in turns}.values():
            client.acknowledged = self._acked

    def hear(self, clients: Sequence[Client]) -> None:
        """Listen at these."""
        for client in clients:
            client.heard = self._heard

    @property
    def count(self) -> int:
        """How many were said in all."""
        return self._serial

    def _say(self) -> None:
        turn = self._turns[self._serial % len(self._turns)]
        self._serial += 1
        mark, start = f"{self._run}-{self._serial}", now()
        self._waiting[mark] = turn.others
        self._unanswered[mark] = start
        self._seen.said += 1
        turn.who.say(turn.where, f"{self._run}|{mark}|{start}|{PADDING}", mark)

    def _heard(self, text: str) -> None:
        run, mark, start, _ = text.split("|", 3)
        if run != self._run:
            return
        took, left = now() - int(start), self._waiting.get(mark, 0) - 1
        if left < 0:
            self._seen.twice += 1
            return
        self._seen.delays.append(took)
        self._waiting[mark] = left
        if left == 0:
            self._complete(took)

    def _complete(self, took: int) -> None:
        self._seen.last.append(took)
        self._seen.complete += now() < self._until
        if self._goes_on:
            self._say()

    def _acked(self, mark: str) -> None:
        start = self._unanswered.pop(mark, 0)
        if start:
            self._seen.acks.append(now() - start)

    async def paced(self, rate: float, seconds: float) -> Seen:
        """So many a second, whatever comes back."""
        self._begin(seconds, goes_on=False)
        start = time.perf_counter()
        for count in range(int(rate * seconds)):
            wait = start + count / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            self._say()
        return await self._finish(seconds)

    async def closed(self, outstanding: int, seconds: float) -> Seen:
        """So many messages are under way at any time: the next one when one has reached everybody."""
        self._begin(seconds, goes_on=True)
        for _ in range(outstanding):
            self._say()
        await asyncio.sleep(seconds)
        return await self._finish(seconds)

    def _begin(self, seconds: float, *, goes_on: bool) -> None:
        self._seen, self._goes_on = Seen(seconds=seconds), goes_on
        self._until = now() + int(seconds * 1e9)

    async def _finish(self, seconds: float) -> Seen:
        self._goes_on = False
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up and (any(self._waiting.values()) or self._unanswered):
            await asyncio.sleep(0.1)
        self._seen.lost = sum(left for left in self._waiting.values())
        self._waiting.clear()
        self._unanswered.clear()
        return self._seen


@dataclass(slots=True)
class SignedIn:
    """How everybody came in. Times in nanoseconds."""

    seconds: float = 0.0
    times: list[int] = field(default_factory=list)
    turned_away: int = 0
    """So often somebody was refused, and came again."""

    def summary(self) -> dict[str, Any]:
        """Rate, percentiles in milliseconds."""
        rate = {"per_second": round(len(self.times) / self.seconds, 1)}
        spread = {"p50_ms": at(self.times, 0.5), "p99_ms": at(self.times, 0.99)}
        return {**rate, "seconds": round(self.seconds, 2), **spread, "again": self.turned_away}


async def sign_in_all(clients: Sequence[Client], at_once: int) -> SignedIn:
    """Sign all in, so many at a time; who is refused comes again, up to TRIES times."""
    gate, found = asyncio.Semaphore(at_once), SignedIn()

    async def one(client: Client) -> None:
        async with gate:
            start = now()
            for left in reversed(range(TRIES)):
                try:
                    await client.sign_in()
                    break
                except (OSError, TimeoutError):
                    if not left:
                        raise
                    found.turned_away += 1
                    await asyncio.sleep(AGAIN)
            found.times.append(now() - start)

    start = time.perf_counter()
    await asyncio.gather(*(one(client) for client in clients))
    found.seconds = time.perf_counter() - start
    return found
