"""What has to be looked after: rooms that have changed, media that have stopped, ends that are past."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from foundation import clock
from media_unit.janus_events import Hint
from media_unit.janus_link import JanusAway, JanusError
from media_unit.state_file import Kept
from media_unit.unit import MediaUnit

log = logging.getLogger("conferences.media.unit")

_GATHERED = 0.1
"""Joins and leaves within this time are told at once."""
_LOOKED_AT_EVERY = 5
"""Seconds after which a room is looked at even when no event came: events are hints."""
_SILENT = 10.0
_GRACE = timedelta(seconds=60)


class Watch:
    """Turns hints into looks, and time into ends."""

    def __init__(self, unit: MediaUnit, kept: Kept) -> None:
        self._unit, self._kept = unit, kept
        self._due: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._links = kept.links()
        self._stopped: dict[int, dict[str, float]] = {}
        self._media: dict[int, set[str]] = {}

    def hint(self, hint: Hint) -> None:
        """Take one event of Janus."""
        if hint.kind == "receiving":
            self._receiving(hint)
            return
        if hint.kind == "joined" and hint.participant:
            self._links[hint.handle] = (hint.plugin, hint.room, hint.participant)
            self._kept.link(hint.handle, *self._links[hint.handle])
        if hint.kind == "gone":
            self._forget(hint.handle)
            return
        e164 = hint.room.rpartition("-")[0]
        if e164 in self._unit.held and e164 not in self._due:
            self._due.add(e164)
            self._spawn(self._look_soon(e164))

    def _receiving(self, hint: Hint) -> None:
        self._media.setdefault(hint.handle, set()).add(hint.medium)
        stopped = self._stopped.setdefault(hint.handle, {})
        stopped.pop(hint.medium, None)
        if not hint.receiving:
            stopped[hint.medium] = time.monotonic()

    def _forget(self, handle: int) -> None:
        self._stopped.pop(handle, None)
        self._media.pop(handle, None)
        if link := self._links.pop(handle, None):
            self._kept.unlink(handle)
            self.hint(Hint(kind="changed", room=link[1]))

    def forget_all(self) -> None:
        """Janus is gone, and all connections with it."""
        self._links.clear()
        self._stopped.clear()
        self._media.clear()

    async def run(self) -> None:
        """Once a second, until cancelled."""
        for second in itertools.count():
            await asyncio.sleep(1)
            for handle in self._silent():
                plugin, room, person = self._links.get(handle, ("", "", ""))
                self._stopped.pop(handle)
                if room:
                    self._spawn(self._unit.turn_out(room, plugin, person))
            for e164 in self._overdue(clock.now()):
                self._spawn(self._unit.end_overdue(e164, "expired"))
            if second % _LOOKED_AT_EVERY == 0:
                for e164 in list(self._unit.held):
                    await self._look(e164)

    def _silent(self) -> list[int]:
        """Connections all of whose media have stopped long ago."""
        long_ago = time.monotonic() - _SILENT
        return [
            handle
            for handle, stopped in self._stopped.items()
            if stopped
            and stopped.keys() >= self._media[handle]
            and max(stopped.values()) < long_ago
        ]

    def _overdue(self, now: datetime) -> list[str]:
        ends = [(held.e164, held.ends_at) for held in self._unit.held.values()]
        return [e164 for e164, end in ends if end and now > end + _GRACE]

    async def _look_soon(self, e164: str) -> None:
        await asyncio.sleep(_GATHERED)
        self._due.discard(e164)
        await self._look(e164)

    async def _look(self, e164: str) -> None:
        try:
            await self._unit.refresh(e164)
        except JanusAway as away:
            log.info("%s: not looked at: %s", e164, away)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (wrong := task.exception()):
            known = isinstance(wrong, JanusAway | JanusError)
            log.error("unforeseen: %s", wrong, exc_info=None if known else wrong)
