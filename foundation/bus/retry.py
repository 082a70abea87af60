"""A batch of items runs in one transaction; if that fails, they run one by one, and one that always fails is parked.

Messages are delivered at least once, so an item that fails can be tried again. An item that always fails must not hold
up the other items of its batch.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_TRIES = 5
"""The number of times that a message is tried alone before it is parked."""

AT_ONCE = (0.0, 0.0, 0.0)
"""The pauses of a transaction that is tried up to three times, each time at once."""


class RetriedBatch(ABC, Generic[Item, Result]):
    """A retried batch runs items together, or, failing that, one by one; what always fails is parked.

    Subclasses say how items are run and parked.
    """

    pauses: ClassVar[Sequence[float]] = (0.0,)
    """Seconds to wait after each failed try of a single item. There are as many tries as pauses."""

    unavailable: ClassVar[tuple[type[Exception], ...]] = ()
    """Errors that no item has caused, for instance of a database that is down. They are raised; nothing is parked."""

    @abstractmethod
    def run(self, items: Sequence[Item]) -> Result:
        """Handle these items in one transaction, all or none, and return the result."""

    @abstractmethod
    def park(self, item: Item, error: Exception) -> Result:
        """Set an item aside after its last try, which failed with `error`, and return the result."""

    @abstractmethod
    def log_failed_batch(self, items: Sequence[Item], error: Exception) -> None:
        """Log that the transaction of all items failed."""

    def log_failed_try(self, item: Item, attempt: int, error: Exception) -> None:
        """Log that a single item failed. `attempt` counts its tries from 1."""

    def may_retry(self, error: Exception) -> bool:
        """Return whether a single item is tried again after an error."""
        return not isinstance(error, self.unavailable)

    def run_batch(self, items: Sequence[Item]) -> list[Result]:
        """Run items together, or else one by one. Raises the errors in `unavailable`.

        Return one result if they ran together, otherwise one per item.
        """
        try:
            return [self.run(items)]
        except self.unavailable:
            raise
        except Exception as error:
            self.log_failed_batch(items, error)
        return [self.run_alone(item) for item in items]

    def run_alone(self, item: Item) -> Result:
        """Run one item, with retries, and return the result; park it (set it aside) if all tries fail.

        Raises the errors in `unavailable`.
        """
        try:
            return run_with_retries(
                lambda: self.run([item]),
                self.pauses,
                self.may_retry,
                lambda attempt, error: self.log_failed_try(item, attempt, error),
            )
        except self.unavailable:
            raise
        except Exception as error:
            return self.park(item, error)


def run_with_retries(
    run: Callable[[], Result],
    pauses: Sequence[float],
    may_retry: Callable[[Exception], bool],
    on_failed_try: Callable[[int, Exception], None] = lambda attempt, error: None,
) -> Result:
    """Call `run` until it succeeds, up to as many times as there are pauses, and return its result.

    Each pause, in seconds, follows a failed try, also the last one. Raises the error of the last try. An error for
    which `may_retry` is false is raised at once. For all others `on_failed_try` is called with the number of the try,
    from 1, and the error.
    """
    for attempt, pause in enumerate(pauses, start=1):
        try:
            return run()
        except Exception as error:
            if not may_retry(error):
                raise
            on_failed_try(attempt, error)
            if pause:
                time.sleep(pause)
            if attempt == len(pauses):
                raise
    raise ValueError("without a pause there is no try")
