"""The call `GET /api/v1/events` sends events as server-sent events; a client goes on later with `Last-Event-ID`.

An event's id is its number among those of the user domain. It means the same at every site that serves the platform.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web
from django.conf import settings
from django.db import Error

from conferences.api.push import metrics, requests
from conferences.api.push.callers import Caller, credentials_of, identify_caller
from conferences.api.push.database import in_thread
from conferences.api.push.hub import READ_AT_ONCE, Hub, PushedEvent
from conferences.api.push.limits import (
    MOST_PENDING,
    MOST_SUBSCRIPTIONS,
    SEND_SECONDS,
    RateLimitPerPerson,
)
from conferences.rules import bayeux
from foundation.bus import events
from foundation.cells.directory import store_of
from foundation.web.errors import NOT_LOGGED_IN, Refusal

_HEARTBEAT_SECONDS = 15.0
_TURN_SECONDS = 0.1
"""A client over its limit of past events is asked again after this time whether it may have more."""
_RETRY_AFTER_2_SECONDS = b"retry: 2000\n\n"
_HEARTBEAT = b": \n\n"
_RESET = b'event: reset\ndata: {"reason":"events since then are not stored any more; read everything again"}\n\n'


@dataclass(slots=True, eq=False)
class Stream:
    """A stream is one client's queue of events.

    `patterns`: the channels that the client wants, with `*` or `**` at their ends; empty means all. `ended`: the reason
    why the stream has ended; "" while it lives. `wake` is set when there is something to send.
    """

    caller: Caller
    patterns: frozenset[str]
    pending: deque[PushedEvent] = field(default_factory=deque)
    ended: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, event: PushedEvent) -> bool:
        """Return whether the client has asked for the channel of an event."""
        return not self.patterns or not self.patterns.isdisjoint(event.patterns)

    def offer(self, event: PushedEvent) -> None:
        """Put an event into the client's queue, if it wants the event; end the stream if the client is too slow."""
        if self.ended or not self.wants(event):
            return
        if len(self.pending) >= MOST_PENDING:
            self.end("slow")
            return
        self.pending.append(event)
        metrics.HANDED_OUT.inc()
        self.wake.set()

    def end(self, reason: str) -> None:
        """End the stream; its client comes back with the number of the last event that it has seen.

        `reason`: a word for the metrics.
        """
        if not self.ended:
            self.ended = reason
            metrics.ENDED.labels(reason).inc()
        self.wake.set()


class EventStreams:
    """All streams of this process; `open` holds those whose client is connected."""

    def __init__(self, hub: Hub, replays: RateLimitPerPerson) -> None:
        """Begin without streams. `hub` hands out events. `replays`: the limit of past events for each person."""
        self._hub = hub
        self._replays = replays
        self.open: set[Stream] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send events to one client, as server-sent events, until either side ends the stream.

        Answers with a refusal if the caller is not signed in, the database is away, or a channel is not allowed.
        """
        try:
            caller = await in_thread(
                identify_caller, credentials_of(request.headers, request.query)
            )
        except Refusal as refusal:
            return requests.refusal_response(refusal, 503 if "serving" in refusal.more else 401)
        except Error:
            return requests.refusal_response(None, 503)
        wanted = request.query.getall("channel", [])
        try:
            stream = Stream(caller, _channel_patterns(caller.user_domain, wanted))
            last_seen = _last_seen(request)
        except ValueError as error:
            return requests.malformed_response(str(error))
        if self._is_full(caller):
            return requests.refusal_response(
                Refusal(NOT_LOGGED_IN, "too many streams; close some"), 429
            )
        self.open.add(stream)
        metrics.CLIENTS.labels("stream").inc()
        try:
            return await self._send_stream(request, stream, last_seen)
        finally:
            self.open.discard(stream)
            self._hub.leave(stream, caller.user_domain)
            metrics.CLIENTS.labels("stream").dec()

    def _is_full(self, caller: Caller) -> bool:
        """Return whether the process, or the person, has as many streams as are allowed."""
        own = sum(stream.caller.account == caller.account for stream in self.open)
        max_streams, max_streams_of_person = settings.PUSH_SESSIONS, settings.PUSH_SESSIONS_PER_USER
        return bool(len(self.open) >= max_streams or own >= max_streams_of_person)

    async def _send_stream(
        self, request: web.Request, stream: Stream, last_seen: int | None
    ) -> web.StreamResponse:
        """Send one client the events since the last one that it has seen, then new ones as they come.

        Answers 503 if the database is away.
        """
        try:
            position = await self._hub.join(
                stream, stream.caller.user_domain, stream.caller.platform
            )
        except Error:
            return requests.refusal_response(None, 503)
        headers = {**requests.NO_STORE, "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        response.content_type, response.charset = "text/event-stream", "utf-8"
        await response.prepare(request)
        with contextlib.suppress(OSError, TimeoutError, Error):
            await _write_text(response, _RETRY_AFTER_2_SECONDS)
            if last_seen is not None:
                await self._send_past_events(response, stream, last_seen, position)
            await self._send_new_events(response, stream)
        if stream.ended == "slow" and request.transport is not None:
            request.transport.abort()
        return response

    async def _send_past_events(
        self, response: web.StreamResponse, stream: Stream, last_seen: int, position: int
    ) -> None:
        """Send a client the stored events after `last_seen`, up to `position`; later ones wait in the stream's queue.

        A person who again and again asks for very many gets them more slowly. Where events are missing, as they are
        kept for a day alone, the client is told to read everything anew (_RESET).
        """
        domain, database = stream.caller.user_domain, store_of(stream.caller.platform).database
        if last_seen > position:
            await _write_text(response, _RESET)
            return
        while last_seen < position and not stream.ended:
            while not self._replays.allows(stream.caller.account, READ_AT_ONCE):
                await asyncio.sleep(_TURN_SECONDS)
            rows = await in_thread(
                events.read_events_after, database, {domain: last_seen}, READ_AT_ONCE
            )
            if not rows or rows[0].seq != last_seen + 1:
                await _write_text(response, _RESET)
            if not rows:
                return
            past = [PushedEvent(row) for row in rows if row.seq <= position]
            await _write_text(
                response, b"".join(event.frame for event in past if stream.wants(event))
            )
            last_seen = rows[-1].seq

    async def _send_new_events(self, response: web.StreamResponse, stream: Stream) -> None:
        """Send events as they come until the stream ends, and an empty comment when none has come for 15 s."""
        while not stream.ended:
            stream.wake.clear()
            if not stream.pending:
                try:
                    async with asyncio.timeout(_HEARTBEAT_SECONDS):
                        await stream.wake.wait()
                except TimeoutError:
                    await _write_text(response, _HEARTBEAT)
            frames = b"".join(event.frame for event in stream.pending)
            stream.pending.clear()
            await _write_text(response, frames)


async def _write_text(response: web.StreamResponse, text: bytes) -> None:
    """Send a text to a client.

    Raises TimeoutError if it reads nothing for long, and OSError if the connection breaks.
    """
    if text:
        async with asyncio.timeout(SEND_SECONDS):
            await response.write(text)


def _channel_patterns(user_domain: str, wanted: list[str]) -> frozenset[str]:
    """Return the full patterns of the channels that a client names. Raises ValueError for one that it may not see.

    `wanted`: `/userdomains/{moid}/…`, or the part behind the client's own user domain.
    """
    if len(wanted) > MOST_SUBSCRIPTIONS:
        raise ValueError(f"channel: at most {MOST_SUBSCRIPTIONS} may be named")
    own = bayeux.channel_of(user_domain, "")
    patterns = [name if name.startswith("/userdomains/") else own + name for name in wanted]
    for pattern in patterns:
        if error := bayeux.why_not_subscribed(pattern, user_domain):
            raise ValueError("channel: " + error.partition(":")[2].lstrip(":"))
    return frozenset(patterns)


def _last_seen(request: web.Request) -> int | None:
    """Return the number of the last event that a client has seen; `None` if it names none. Raises ValueError."""
    text = request.headers.get("Last-Event-ID") or request.query.get("last_event_id") or ""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError("Last-Event-ID: the id of an event of this stream is needed")
    return int(text)
