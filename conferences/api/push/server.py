"""The server of the push process: its addresses, and what it does at intervals.

- POST, GET `/api/v1/publish`, with the kind of message behind it or not: Bayeux (long-polling, callback-polling)
- the same address with an upgrade: Bayeux over WebSocket
- GET `/api/v1/events`: server-sent events
- GET `/healthz`, `/readyz`
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal

from aiohttp import web
from django.db import Error

from conferences.api import commands
from conferences.api.push import limits, long_polling, requests, web_socket
from conferences.api.push.callers import callers_still_valid
from conferences.api.push.database import in_thread
from conferences.api.push.event_stream import EventStreams, Stream
from conferences.api.push.exchange import Exchange
from conferences.api.push.hub import Hub
from conferences.api.push.session import Session
from foundation.bus.events import last_event_numbers
from foundation.cells.directory import own_platform, store_of
from foundation.web.errors import NOT_LOGGED_IN, Refusal

log = logging.getLogger("conferences.push")

_TICK_SECONDS = 1.0
_STOPS_WITHIN = 2.0


class PushServer:
    """The server of one push process, with all its clients."""

    def __init__(self) -> None:
        """Create the parts of the server; no client is connected yet.

        The hub hands out events: to the exchange, for clients of Bayeux, and to event streams. Both share one limit of
        past events that a person may ask for again (`replays`).
        """
        self._hub, replays = Hub(), limits.replay_limit()
        self._exchange = Exchange(self._hub, replays)
        self._streams = EventStreams(self._hub, replays)

    async def serve(self, host: str, port: int) -> None:
        """Serve clients at this address until SIGTERM or SIGINT, or until a background task fails."""
        stop = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
        tasks = [
            asyncio.create_task(self._hub.run()),
            asyncio.create_task(self._look_after_clients()),
        ]
        for task in tasks:
            task.add_done_callback(lambda _: stop.set())  # The supervisor starts the process again.
        runner = web.AppRunner(
            self.application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_STOPS_WITHIN,
            keepalive_timeout=75.0,
        )
        await runner.setup()
        await web.TCPSite(runner, host, port, backlog=4096).start()
        await stop.wait()
        self._end_all_clients("stopped")
        await runner.cleanup()
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception():
                log.error("the push process ends", exc_info=task.exception())
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
            await asyncio.gather(*tasks)

    def application(self) -> web.Application:
        """Return the web application with the addresses at which clients get events."""
        app = web.Application(client_max_size=limits.MOST_BYTES)
        for path in ("/api/v1/publish", "/api/v1/publish/{rest:.*}"):
            app.router.add_route("GET", path, self._serve_bayeux)
            app.router.add_route("POST", path, self._serve_bayeux)
        app.router.add_get("/api/v1/events", self._streams.serve)
        app.router.add_get("/healthz", self._answer_alive)
        app.router.add_get("/readyz", self._answer_ready)
        return app

    # ---- requests ---------------------------------------------------------------------------

    async def _serve_bayeux(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with messages of Bayeux, by WebSocket if it asks for that.

        Answers a request that cannot be read, or is too large, with an error.
        """
        if not requests.comes_from_own_page(request.headers):
            words = "Origin: pages of another host may not listen with a login cookie"
            return requests.refusal_response(Refusal(NOT_LOGGED_IN, words), 403)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await web_socket.serve_web_socket(self._exchange, request)
        try:
            return await long_polling.answer_poll(self._exchange, request)
        except requests.Malformed as error:
            return requests.malformed_response(str(error))
        except web.HTTPRequestEntityTooLarge:
            return requests.malformed_response(f"at most {limits.MOST_BYTES} bytes are taken", 413)

    async def _answer_alive(self, request: web.Request) -> web.Response:
        """Answer that this process runs (health check)."""
        return web.json_response({"alive": True})

    async def _answer_ready(self, request: web.Request) -> web.Response:
        """Answer whether events can be read, and whether Redis signals new ones; without that they come later."""
        platform, fault = own_platform(), ""
        try:
            await in_thread(last_event_numbers, store_of(platform).database, [platform])
        except Error as error:
            fault = f"database: {error}"
        redis_state = (
            "ok" if platform in self._hub.signalled_platforms else "Redis does not tell of events"
        )
        body = {"ready": not fault, "database": fault or "ok", "redis": redis_state}
        return web.json_response(body, status=503 if fault else 200)

    # ---- at intervals -----------------------------------------------------------------------

    async def _look_after_clients(self) -> None:
        """End clients that are signed out, or whose platform another site serves; forget those without a connection."""
        ticks = 0
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._exchange.sweep()
            ticks += 1
            try:
                await self._end_served_elsewhere()
                if ticks * _TICK_SECONDS >= limits.CHECK_SECONDS:
                    ticks = 0
                    await self._end_signed_out()
            except Error as error:
                log.warning("sign-ins are checked later, the database is away: %s", error)

    async def _end_served_elsewhere(self) -> None:
        """End the clients of platforms whose requests another site handles (serves) now. Raises Error."""
        for platform in self._hub.platforms():
            if await in_thread(commands.refusal_if_served_elsewhere, platform):
                self._hub.end_platform(platform, "moved")

    async def _end_signed_out(self) -> None:
        """End the clients whose login, key or account is not valid any more. Raises Error."""
        listeners = self._listeners()
        callers = {listener.caller for listener in listeners}
        if not callers:
            return
        valid = await in_thread(callers_still_valid, callers)
        for listener in listeners:
            if listener.caller not in valid:
                listener.end("signed_out")

    def _end_all_clients(self, reason: str) -> None:
        """End all clients; they then come back to another process or after the restart. `reason`: for the metrics."""
        for listener in self._listeners():
            listener.end(reason)

    def _listeners(self) -> list[Session | Stream]:
        """Return the sessions and streams of all clients to which events are pushed."""
        return [*self._exchange.sessions.values(), *self._streams.open]
