"""Define the tasks that run beside a person's stanzas, and end with the person's last session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from im.api.xmpp.link import NoAnswer, Refused

log = logging.getLogger("im.xmpp")


class Tasks:
    """A set of running tasks. An error of one is logged, and does not end the others."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run a coroutine as a task."""
        task = asyncio.create_task(_log_errors(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """Cancel all tasks."""
        for task in list(self._running):
            task.cancel()


async def _log_errors(work: Coroutine[object, object, None]) -> None:
    """Await a coroutine, and log its error instead of raising it."""
    try:
        await work
    except (NoAnswer, Refused) as error:
        log.info("given up: %s", error)
    except Exception:
        log.exception("a task of the bridge failed")
