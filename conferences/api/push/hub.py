"""The hub reads new events from the table, once for all clients, and hands them to those that listen.

Redis tells it that there are new ones; without Redis, and in any case every few seconds, it compares the counters in
the database. It remembers for each user domain that somebody listens for up to which event it has handed out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import orjson
import redis.asyncio
from django.db import Error

from conferences.api.push import metrics
from conferences.api.push.database import in_thread
from conferences.api.push.limits import COMPARE_SECONDS
from conferences.rules import bayeux
from foundation import clock
from foundation.bus import events
from foundation.bus.events import StoredEvent
from foundation.cells.directory import possible_platforms, store_of

log = logging.getLogger("conferences.push")

READ_AT_ONCE = 500
_HANDED_OUT_AT_ONCE = 5000
_BLIND_SECONDS = 0.5
"""While Redis does not tell of new events, the counters are compared after this time."""
_RETRY_SECONDS = 0.5


class PushedEvent:
    """An event as it is sent: it is written once, for all clients."""

    __slots__ = ("frame", "message", "patterns", "seq", "user_domain")

    def __init__(self, stored: StoredEvent) -> None:
        self.user_domain, self.seq = stored.user_domain, stored.seq
        channel = bayeux.channel_of(stored.user_domain, stored.channel)
        self.patterns = bayeux.matching_subscriptions(channel)
        self.message = b'{"channel":%b,"data":%b,"ext":{"seq":%d}}' % (
            orjson.dumps(channel),
            stored.body,
            stored.seq,
        )
        data = orjson.dumps({"channel": stored.channel, **orjson.loads(stored.body)})
        self.frame = b"id: %d\ndata: %b\n\n" % (stored.seq, data)


class Listener(Protocol):
    """A listener is one client's queue of events."""

    def take(self, event: PushedEvent) -> None:
        """Put an event into the queue, if the client wants it. It must not wait."""

    def end(self, reason: str) -> None:
        """End the client's connection, or its session."""


@dataclass(slots=True)
class Audience:
    """An audience is all listeners for one user domain; they have been handed all events up to `position`."""

    platform: str
    position: int
    listeners: set[Listener] = field(default_factory=set)


class Hub:
    """The hub of a process knows who listens for which user domain."""

    def __init__(self) -> None:
        self.audiences: dict[str, Audience] = {}
        self.is_told: set[str] = set()
        """The platforms whose Redis tells of new events."""
        self._changed: defaultdict[str, set[str]] = defaultdict(set)
        self._wake = asyncio.Event()
        self._joining = asyncio.Lock()

    # ---- listeners --------------------------------------------------------------------------

    async def join(self, listener: Listener, user_domain: str, platform: str) -> int:
        """Add a listener; it is handed all events after the number that is returned. Raises Error."""
        async with self._joining:
            if user_domain not in self.audiences:
                database = store_of(platform).database
                last = await in_thread(events.last_numbers, database, [user_domain])
                self.audiences[user_domain] = Audience(platform, last[user_domain])
                self._look(platform, [user_domain])
            audience = self.audiences[user_domain]
            audience.listeners.add(listener)
            return audience.position

    def leave(self, listener: Listener, user_domain: str) -> None:
        """Remove a listener."""
        if audience := self.audiences.get(user_domain):
            audience.listeners.discard(listener)
            if not audience.listeners:
                del self.audiences[user_domain]

    def end_platform(self, platform: str, reason: str) -> None:
        """End all listeners for the user domains of a platform."""
        for audience in list(self.audiences.values()):
            if audience.platform == platform:
                for listener in list(audience.listeners):
                    listener.end(reason)

    def platforms(self) -> set[str]:
        """Return the platforms that somebody listens for."""
        return {audience.platform for audience in self.audiences.values()}

    # ---- events -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Hand out events until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_repeatedly())
            tasks.create_task(self._compare_repeatedly())
            for platform in possible_platforms():
                tasks.create_task(self._listen(platform))

    def _look(self, platform: str, user_domains: Iterable[str]) -> None:
        """Have the table looked at for events of these user domains."""
        self._changed[platform].update(user_domains)
        self._wake.set()

    async def _listen(self, platform: str) -> None:
        """Listen at a platform's Redis for new events, again and again."""
        while True:
            try:
                await self._listen_once(platform)
            except (redis.RedisError, OSError) as error:
                if platform in self.is_told:
                    log.warning("Redis does not tell of events: %s", error)
            self.is_told.discard(platform)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen_once(self, platform: str) -> None:
        """Listen until the connection to Redis ends. Raises RedisError and OSError."""
        link = redis.asyncio.Redis.from_url(
            store_of(platform).redis_url, socket_connect_timeout=2, decode_responses=True
        )
        async with link, link.pubsub() as subscription:
            await subscription.subscribe(events.channel_of(platform))
            self.is_told.add(platform)
            self._look(platform, self._followed(platform))
            async for told in subscription.listen():
                if told["type"] == "message":
                    self._hear(platform, told["data"])

    def _hear(self, platform: str, text: str) -> None:
        """Note that user domains have new events, if somebody listens for them."""
        last = orjson.loads(text)
        news = [
            domain
            for domain, audience in self.audiences.items()
            if last.get(domain, 0) > audience.position
        ]
        if news:
            self._look(platform, news)

    def _followed(self, platform: str) -> list[str]:
        """Return the user domains of a platform that somebody listens for."""
        return [
            domain for domain, audience in self.audiences.items() if audience.platform == platform
        ]

    async def _compare_repeatedly(self) -> None:
        """Compare the counters with what was handed out: without Redis often, else in case that a word was lost."""
        waited = 0.0
        while True:
            await asyncio.sleep(_BLIND_SECONDS)
            waited += _BLIND_SECONDS
            platforms = self.platforms()
            if waited < COMPARE_SECONDS:
                platforms -= self.is_told
            else:
                waited = 0.0
            for platform in platforms:
                with contextlib.suppress(Error):
                    await self._compare(platform)

    async def _compare(self, platform: str) -> None:
        """Have those user domains looked at whose counters are ahead. Raises Error."""
        followed = self._followed(platform)
        database = store_of(platform).database
        last = await in_thread(events.last_numbers, database, followed)
        if news := [
            domain
            for domain, seq in last.items()
            if domain in self.audiences and seq > self.audiences[domain].position
        ]:
            self._look(platform, news)

    async def _read_repeatedly(self) -> None:
        """Read the events of the user domains that have new ones, whenever there are some."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for platform in list(self._changed):
                domains = self._changed.pop(platform)
                try:
                    await self._read(platform, domains)
                except Error as error:
                    log.warning("events are read later, the database is away: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
                    self._look(platform, domains)

    async def _read(self, platform: str, domains: set[str]) -> None:
        """Read new events of a platform in one query, and hand them out. Raises Error."""
        positions = {
            domain: self.audiences[domain].position
            for domain in domains
            if domain in self.audiences
        }
        database = store_of(platform).database
        rows = await in_thread(events.read_after, database, positions, READ_AT_ONCE)
        await self._hand_out(rows)
        if len(rows) == READ_AT_ONCE:
            self._look(platform, domains)

    async def _hand_out(self, rows: list[StoredEvent]) -> None:
        """Put events into the queues of all who listen for their user domain, each once and in order.

        After some thousand the clients are let to their queues.
        """
        metrics.READ.inc(len(rows))
        handed_out = 0
        for row in rows:
            audience = self.audiences.get(row.user_domain)
            if audience is None or row.seq <= audience.position:
                continue
            event = PushedEvent(row)
            audience.position = row.seq
            for listener in list(audience.listeners):
                listener.take(event)
            handed_out += len(audience.listeners)
            if handed_out >= _HANDED_OUT_AT_ONCE:
                handed_out = 0
                await asyncio.sleep(0)
            metrics.DELAY.observe(max(0.0, clock.timestamp() - clock.moment_of(row.id).timestamp()))
