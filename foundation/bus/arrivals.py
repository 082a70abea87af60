"""The arrivals of a consumer: what has arrived and is not done yet, limited in number and in bytes.

A broker counts what it hands over in messages, never in bytes. So the consumer measures what it gets, and asks for
fewer messages at once while they are large: what it holds stays small, whatever others send within their rights.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

FORGET_SECONDS = 60.0
"""After this time without large messages more of them are asked for at once again."""


class Arrivals(Generic[T]):
    """Arrivals hold deliveries in their order, and say how many the broker may hand over at once."""

    def __init__(self, batch: int, batch_bytes: int, prefetch: int, prefetch_bytes: int) -> None:
        """Limit a batch, and what the broker may hand over without an acknowledgement."""
        self._batch, self._batch_bytes = batch, batch_bytes
        self._most, self._prefetch_bytes = prefetch, prefetch_bytes
        self._items: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._large_at = 0.0
        self.prefetch = prefetch
        """Return how many messages to ask for at once, by the sizes of those that came."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Return whether a batch is full, in messages or in bytes."""
        return len(self._items) >= self._batch or self._bytes >= self._batch_bytes

    def put(self, item: T, size: int) -> None:
        """Add a delivery of `size` bytes, and measure it."""
        self._items.append((item, size))
        self._bytes += size
        if size * self._most > self._prefetch_bytes:
            self._large_at = time.monotonic()
            while self.prefetch > 1 and size * self.prefetch > self._prefetch_bytes:
                self.prefetch //= 2

    def take(self) -> list[T]:
        """Remove and return the next batch: at least one delivery, where there is one."""
        taken: list[T] = []
        size = 0
        while self._items and len(taken) < self._batch:
            if taken and size + self._items[0][1] > self._batch_bytes:
                break
            item, item_size = self._items.popleft()
            taken.append(item)
            size += item_size
        self._bytes -= size
        return taken

    def clear(self) -> None:
        """Forget all deliveries: the broker hands them over again."""
        self._items.clear()
        self._bytes = 0

    def relax(self) -> None:
        """Ask for more at once again, if no large message has come for a while."""
        if self.prefetch < self._most and time.monotonic() - self._large_at > FORGET_SECONDS:
            self.prefetch = self._most
