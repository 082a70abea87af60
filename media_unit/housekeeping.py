"""Housekeeping follows changes in Janus rooms, and ends silent connections and overdue conferences."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime, timedelta

from foundation import clock
from media_unit.gate_rules import TEXT
from media_unit.hands import terminals_of_change
from media_unit.janus_config import e164_of
from media_unit.janus_events import Hint
from media_unit.janus_link import JanusAway, JanusError
from media_unit.state_file import StateFile
from media_unit.text_rates import TextRates
from media_unit.unit import MediaUnit

log = logging.getLogger("conferences.media.unit")

_GATHER_SECONDS = 0.1
"""Joins and leaves within this time are reported together."""
_HANDS_SECONDS = 0.3
"""Hands that are raised and lowered within this time are reported together, however often a page says so."""
_REFRESH_SECONDS = 5
"""Seconds after which a Janus room is read even without an event: events are hints."""
_SILENT_SECONDS = 10.0
"""Seconds without any media after which a connection counts as silent."""
_GRACE = timedelta(seconds=60)
"""Time after its planned end in which the platform should have ended a conference."""


class Housekeeping:
    """Housekeeping reads from Janus who is in a conference when an event says so, and every 5 s.

    It also disconnects silent participants, and ends conferences that nobody has ended in time.
    """

    def __init__(self, unit: MediaUnit, state_file: StateFile) -> None:
        """Begin with the connections of participants that the state file of the unit has stored."""
        self._unit, self._state_file = unit, state_file
        self._to_be_read: set[str] = set()
        """Numbers of the conferences that are read within the next 0.1 s."""
        self._hands: dict[str, dict[str, bool]] = {}
        """Number of a conference -> terminals whose hands are raised (`True`) or lowered within the next 0.3 s."""
        self._text_rates = TextRates()
        self._tasks: set[asyncio.Task[None]] = set()
        self._links = state_file.links()
        """Janus handle -> its plugin, Janus room and participant id."""
        self._media_stopped: dict[int, dict[str, float]] = {}
        """Janus handle -> medium that is not received any more -> since when (monotonic seconds)."""
        self._media_received: dict[int, set[str]] = {}
        """Janus handle -> all media that were ever received on it."""

    def handle_hint(self, hint: Hint) -> None:
        """Handle one event of Janus: note a new or ended connection, and read its conference from Janus soon.

        Reception reports are only recorded. An event about a room of an earlier time, or of no conference, changes
        nothing.
        """
        if hint.kind == "receiving":
            self._record_reception(hint)
            return
        if hint.kind == "joined" and hint.participant:
            self._links[hint.handle] = (hint.plugin, hint.janus_room, hint.participant)
            self._state_file.add_link(hint.handle, *self._links[hint.handle])
        if hint.kind == "gone":
            self._forget_connection(hint.handle)
            return
        e164 = e164_of(hint.janus_room)
        conference = self._unit.conferences.get(e164)
        if conference and conference.janus_room == hint.janus_room and hint.shares is not None:
            conference.roster.note_sharing(hint.participant, hint.shares)
        if conference and e164 not in self._to_be_read:
            self._to_be_read.add(e164)
            self._start_task(self._refresh_soon(e164))

    def handle_text(self, janus_room: str, participant: str, text: str) -> None:
        """Handle a text of a join page to all in its conference: change hands soon, if it is about them.

        A participant who sends too many texts is put out of the text room.
        """
        if self._text_rates.is_too_many(janus_room, participant, time.monotonic()):
            self._start_task(self._put_out_of_text_room(janus_room, participant))
        e164 = e164_of(janus_room)
        conference = self._unit.conferences.get(e164)
        if conference is None or conference.janus_room != janus_room:
            return
        mtids, up = terminals_of_change(conference, participant, text)
        if not mtids:
            return
        if e164 not in self._hands:
            self._start_task(self._change_hands_soon(e164))
        self._hands.setdefault(e164, {}).update(dict.fromkeys(mtids, up))

    async def _put_out_of_text_room(self, janus_room: str, participant: str) -> None:
        """Disconnect a participant who floods a text room from that room, so that the others can say something."""
        log.warning("%s: too many texts of one participant: put out", e164_of(janus_room))
        if rooms := self._unit.janus_rooms:
            with suppress(JanusAway, JanusError):
                await rooms.kick(janus_room, TEXT, participant)

    async def _change_hands_soon(self, e164: str) -> None:
        """Change hands in 0.3 s, so that those that are raised and lowered until then are reported together."""
        await asyncio.sleep(_HANDS_SECONDS)
        async with self._unit.lock(e164):
            changes = self._hands.pop(e164, {})
            if conference := self._unit.conferences.get(e164):
                for mtid, up in changes.items():
                    conference.change_hand(mtid, up)
        await self._refresh(e164)

    def _record_reception(self, hint: Hint) -> None:
        """Note, from an event of Janus, since when it receives no media on a connection, or that they come again."""
        self._media_received.setdefault(hint.handle, set()).add(hint.medium)
        stopped = self._media_stopped.setdefault(hint.handle, {})
        stopped.pop(hint.medium, None)
        if not hint.receiving:
            stopped[hint.medium] = time.monotonic()

    def _forget_connection(self, handle: int) -> None:
        """Forget a connection that is gone from Janus, and have the conference that it was in read from Janus soon."""
        self._media_stopped.pop(handle, None)
        self._media_received.pop(handle, None)
        if link := self._links.pop(handle, None):
            self._state_file.delete_link(handle)
            self.handle_hint(Hint(kind="changed", janus_room=link[1]))

    def forget_all(self) -> None:
        """Forget all connections of participants, since Janus is gone."""
        self._links.clear()
        self._media_stopped.clear()
        self._media_received.clear()

    async def run(self) -> None:
        """Look after the conferences of this unit, for ever.

        Each second participants who send no media are disconnected, overdue conferences are ended, and composed
        pictures brought up to date. Every 5 s it is read anew from Janus who is in each conference.
        """
        for second in itertools.count():
            await asyncio.sleep(1)
            for handle in self._silent_handles():
                plugin, janus_room, person = self._links.get(handle, ("", "", ""))
                self._media_stopped.pop(handle)
                if janus_room:
                    self._start_task(self._unit.remove_silent(janus_room, plugin, person))
            for conference in self._unit.conferences.values():
                if conference.composes:
                    update = self._unit.compositions.update_now(self._unit, conference.e164)
                    self._start_task(update)
            for e164 in self._overdue_conferences(clock.now()):
                self._start_task(self._unit.end_overdue(e164, "expired"))
            if second % _REFRESH_SECONDS == 0:
                for e164 in list(self._unit.conferences):
                    await self._refresh(e164)

    def _silent_handles(self) -> list[int]:
        """Return the handles of connections on which all media stopped more than 10 s ago."""
        long_ago = time.monotonic() - _SILENT_SECONDS
        return [
            handle
            for handle, stopped in self._media_stopped.items()
            if stopped
            and stopped.keys() >= self._media_received[handle]
            and max(stopped.values()) < long_ago
        ]

    def _overdue_conferences(self, now: datetime) -> list[str]:
        """Return the numbers of the conferences whose planned end is more than 60 s ago."""
        ends = [
            (conference.e164, conference.ends_at) for conference in self._unit.conferences.values()
        ]
        return [e164 for e164, end in ends if end and now > end + _GRACE]

    async def _refresh_soon(self, e164: str) -> None:
        """Read a conference from Janus in 0.1 s, so that joins and leaves until then are reported together."""
        await asyncio.sleep(_GATHER_SECONDS)
        self._to_be_read.discard(e164)
        await self._refresh(e164)

    async def _refresh(self, e164: str) -> None:
        """Read from Janus who is in the conference with this number; if Janus does not answer, only log that."""
        try:
            await self._unit.refresh(e164)
        except JanusAway as away:
            log.info("%s: not looked at: %s", e164, away)

    def _start_task(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run a coroutine as a task, which is referenced until it ends, so that it is not collected as garbage."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finish_task)

    def _finish_task(self, task: asyncio.Task[None]) -> None:
        """Forget a task that has ended, and log its error."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            is_expected = isinstance(error, JanusAway | JanusError)
            log.error("unforeseen: %s", error, exc_info=None if is_expected else error)
