"""The arrivals of a consumer are the messages that it has received and not handled yet.

A broker counts what it delivers in messages, never in bytes. So the consumer measures the messages,
and asks for fewer at once (`prefetch`) while they are large. Its memory stays small, whatever
others send within their rights.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

FORGET_SECONDS = 60.0
"""After so many seconds without a large message `prefetch` is at its greatest value again."""


class Arrivals(Generic[T]):
    """Arrivals hold deliveries in their order, and say how many the broker may deliver at once."""

    def __init__(self, batch: int, batch_bytes: int, prefetch: int, prefetch_bytes: int) -> None:
        """Limit the next batch, and the deliveries that may await an acknowledgement.

        `batch` and `prefetch` are numbers of messages; `batch_bytes` and `prefetch_bytes` their sum
        in bytes.
        """
        self._batch, self._batch_bytes = batch, batch_bytes
        self._max_prefetch, self._prefetch_bytes = prefetch, prefetch_bytes
        self._items: deque[tuple[T, int]] = deque()
        """Each delivery, with its size in bytes."""
        self._bytes = 0
        """The sum of these sizes."""
        self._large_at = 0.0
        """When the last large message came (`time.monotonic`)."""
        self.prefetch = prefetch
        """How many messages the broker may deliver before the first is acknowledged (AMQP's prefetch)."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Return whether the buffered messages fill a batch, by their number or by their size in bytes."""
        return len(self._items) >= self._batch or self._bytes >= self._batch_bytes

    def put(self, item: T, size: int) -> None:
        """Add a delivery of `size` bytes. Halve `prefetch` until so many of this size fit into the limit in bytes.

        `prefetch` is how many messages the broker may send ahead.
        """
        self._items.append((item, size))
        self._bytes += size
        if size * self._max_prefetch > self._prefetch_bytes:
            self._large_at = time.monotonic()
            while self.prefetch > 1 and size * self.prefetch > self._prefetch_bytes:
                self.prefetch //= 2

    def take_batch(self) -> list[T]:
        """Remove and return the next batch: at least one delivery, unless there is none."""
        batch: list[T] = []
        size = 0
        while self._items and len(batch) < self._batch:
            if batch and size + self._items[0][1] > self._batch_bytes:
                break
            item, item_size = self._items.popleft()
            batch.append(item)
            size += item_size
        self._bytes -= size
        return batch

    def clear(self) -> None:
        """Forget all deliveries, because the broker is going to deliver them again."""
        self._items.clear()
        self._bytes = 0

    def reset_prefetch(self) -> None:
        """Set `prefetch` to its greatest value again, if no large message has come for FORGET_SECONDS."""
        if (
            self.prefetch < self._max_prefetch
            and time.monotonic() - self._large_at > FORGET_SECONDS
        ):
            self.prefetch = self._max_prefetch
