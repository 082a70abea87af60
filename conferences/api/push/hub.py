"""The hub reads new events from the table, once for all clients, and puts them into the queues of those that listen.

A signal by Redis says that there are new events. Without Redis, and in any case every few seconds, the hub compares the
number of the last event in the database with the number of the last one that it has handed out, for each user domain
that somebody listens for.
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
_POLL_SECONDS = 0.5
"""Time between two comparisons while Redis sends no signals."""
_RETRY_SECONDS = 0.5


class PushedEvent:
    """An event as it is sent to clients.

    `message` is its text for Bayeux, `frame` its text for event streams, the same for all clients.
    """

    __slots__ = ("frame", "message", "patterns", "seq", "user_domain")

    def __init__(self, stored: StoredEvent) -> None:
        """Prepare the texts of a stored event that all clients get."""
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
    """A listener is the queue of events of one client, a Bayeux session or an event stream."""

    def offer(self, event: PushedEvent) -> None:
        """Put an event into the queue, if the client wants it. This must not wait."""

    def end(self, reason: str) -> None:
        """End the client's connection, or its session. `reason`: a word for the metrics."""


@dataclass(slots=True)
class Audience:
    """An audience is all listeners for one user domain; `position` is the number of the last event handed to them."""

    platform: str
    position: int
    listeners: set[Listener] = field(default_factory=set)


class Hub:
    """The hub holds the audience of each user domain that clients of this process listen for."""

    def __init__(self) -> None:
        """Begin without listeners."""
        self.audiences: dict[str, Audience] = {}
        self.signalled_platforms: set[str] = set()
        """The platforms whose Redis sends signals of new events now."""
        self._changed: defaultdict[str, set[str]] = defaultdict(set)
        self._wake = asyncio.Event()
        self._joining = asyncio.Lock()

    # ---- listeners --------------------------------------------------------------------------

    async def join(self, listener: Listener, user_domain: str, platform: str) -> int:
        """Add a listener for a user domain's events, and return the number of the last event before.

        It gets all later ones. Raises the database's Error.
        """
        async with self._joining:
            if user_domain not in self.audiences:
                database = store_of(platform).database
                last = await in_thread(events.last_event_numbers, database, [user_domain])
                self.audiences[user_domain] = Audience(platform, last[user_domain])
                # An event may have come between the query and this moment.
                self._schedule_read(platform, [user_domain])
            audience = self.audiences[user_domain]
            audience.listeners.add(listener)
            return audience.position

    def leave(self, listener: Listener, user_domain: str) -> None:
        """Remove a listener of a user domain's events."""
        if audience := self.audiences.get(user_domain):
            audience.listeners.discard(listener)
            if not audience.listeners:
                del self.audiences[user_domain]

    def end_platform(self, platform: str, reason: str) -> None:
        """End all clients that listen for user domains of a platform. `reason`: a word for the metrics."""
        for audience in list(self.audiences.values()):
            if audience.platform == platform:
                for listener in list(audience.listeners):
                    listener.end(reason)

    def platforms(self) -> set[str]:
        """Return the platforms for whose events somebody listens."""
        return {audience.platform for audience in self.audiences.values()}

    # ---- events -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Read new events and hand them out to the clients' queues until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_repeatedly())
            tasks.create_task(self._compare_repeatedly())
            for platform in possible_platforms():
                tasks.create_task(self._listen_for_signals(platform))

    def _schedule_read(self, platform: str, user_domains: Iterable[str]) -> None:
        """Have the events of these user domains read from the table soon."""
        self._changed[platform].update(user_domains)
        self._wake.set()

    async def _listen_for_signals(self, platform: str) -> None:
        """Listen for signals of a platform's Redis until cancelled, and connect again when the connection breaks."""
        while True:
            try:
                await self._listen_once(platform)
            except (redis.RedisError, OSError) as error:
                if platform in self.signalled_platforms:
                    log.warning("Redis does not tell of events: %s", error)
            self.signalled_platforms.discard(platform)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen_once(self, platform: str) -> None:
        """Listen for signals of new events until the connection to a platform's Redis ends.

        Raises RedisError and OSError.
        """
        link = redis.asyncio.Redis.from_url(
            store_of(platform).redis_url, socket_connect_timeout=2, decode_responses=True
        )
        async with link, link.pubsub() as subscription:
            await subscription.subscribe(events.channel_of(platform))
            self.signalled_platforms.add(platform)
            # Signals that were sent before the subscription are lost, so all domains are read once.
            self._schedule_read(platform, self._followed_domains(platform))
            async for signal in subscription.listen():
                if signal["type"] == "message":
                    self._schedule_signalled_reads(platform, signal["data"])

    def _schedule_signalled_reads(self, platform: str, text: str) -> None:
        """Have new events read from the database after Redis has signalled them; signals of known events are ignored.

        `text`: a JSON object, user domain -> number of its last event.
        """
        last = orjson.loads(text)
        domains_with_news = [
            domain
            for domain, audience in self.audiences.items()
            if last.get(domain, 0) > audience.position
        ]
        if domains_with_news:
            self._schedule_read(platform, domains_with_news)

    def _followed_domains(self, platform: str) -> list[str]:
        """Return the user domains of a platform for whose events somebody listens."""
        return [
            domain for domain, audience in self.audiences.items() if audience.platform == platform
        ]

    async def _compare_repeatedly(self) -> None:
        """Compare the numbers of the last events in the database with those handed out, for ever.

        Platforms whose Redis sends no signals are compared each 0.5 s, all others each 5 s, in case a signal was
        lost. Errors of the database are ignored, as the next round tries again.
        """
        waited = 0.0
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
            platforms = self.platforms()
            if waited < COMPARE_SECONDS:
                platforms -= self.signalled_platforms
            else:
                waited = 0.0
            for platform in platforms:
                with contextlib.suppress(Error):
                    await self._compare_numbers(platform)

    async def _compare_numbers(self, platform: str) -> None:
        """Have the events of those user domains read that have newer ones in the database than the clients.

        Raises Error.
        """
        followed = self._followed_domains(platform)
        database = store_of(platform).database
        last = await in_thread(events.last_event_numbers, database, followed)
        if domains_with_news := [
            domain
            for domain, seq in last.items()
            if domain in self.audiences and seq > self.audiences[domain].position
        ]:
            self._schedule_read(platform, domains_with_news)

    async def _read_repeatedly(self) -> None:
        """Read the events of the user domains that have new ones, whenever there are some.

        While a platform's database is away, its events are read again after _RETRY_SECONDS.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            for platform in list(self._changed):
                domains = self._changed.pop(platform)
                try:
                    await self._read_new_events(platform, domains)
                except Error as error:
                    log.warning("events are read later, the database is away: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
                    self._schedule_read(platform, domains)

    async def _read_new_events(self, platform: str, domains: set[str]) -> None:
        """Read new events of a platform in one query, and hand them out. Raises Error."""
        positions = {
            domain: self.audiences[domain].position
            for domain in domains
            if domain in self.audiences
        }
        database = store_of(platform).database
        rows = await in_thread(events.read_events_after, database, positions, READ_AT_ONCE)
        await self._hand_out_events(rows)
        if len(rows) == READ_AT_ONCE:
            self._schedule_read(platform, domains)

    async def _hand_out_events(self, rows: list[StoredEvent]) -> None:
        """Put events into the queues of all who listen for their user domain, each once and in order.

        After some thousand other tasks get their turn, so that clients empty their queues.
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
                listener.offer(event)
            handed_out += len(audience.listeners)
            if handed_out >= _HANDED_OUT_AT_ONCE:
                handed_out = 0
                await asyncio.sleep(0)
            metrics.DELAY.observe(max(0.0, clock.timestamp() - clock.moment_of(row.id).timestamp()))
