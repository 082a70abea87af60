"""Bayeux over WebSocket sends messages as they come, or with `/meta/connect` if the client acknowledges them."""

from __future__ import annotations

import asyncio
import contextlib
import time

from aiohttp import WSMsgType, web

from conferences.api.push import metrics, requests
from conferences.api.push.callers import credentials_of
from conferences.api.push.exchange import Exchange, HeldConnect
from conferences.api.push.limits import MOST_BYTES, MOST_REPLY_BYTES, SEND_SECONDS, RateLimit
from conferences.api.push.session import Session
from conferences.rules.bayeux import MAX_HOLD_MS
from foundation.json_value import JSONObject

_HEARTBEAT_SECONDS = 25.0
_SESSION_WITHIN = 15.0
"""A client that has no session for so long is cut off: only who has signed in may keep a connection."""
_CLOSE_SECONDS = 3.0
"""The closing handshake takes at most so long: a client that reads nothing would hold it up without end."""
_PER_SECOND, _AT_ONCE = 40.0, 800
"""The limit of messages on one connection: twice that of a session, which refuses them earlier. Then it is cut off."""


async def serve_web_socket(exchange: Exchange, request: web.Request) -> web.WebSocketResponse:
    """Serve one client's WebSocket, which carries Bayeux messages, until either side closes it."""
    socket = web.WebSocketResponse(
        heartbeat=_HEARTBEAT_SECONDS,
        max_msg_size=MOST_BYTES,
        compress=False,
        timeout=2.0,
        protocols=[
            name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        ],
    )
    await socket.prepare(request)
    metrics.CLIENTS.labels("websocket").inc()
    try:
        await Connection(exchange, socket, request).run()
    finally:
        metrics.CLIENTS.labels("websocket").dec()
    return socket


class Connection:
    """A connection is one client's WebSocket. Its session lives on for a minute, so that the client can come back."""

    def __init__(
        self, exchange: Exchange, socket: web.WebSocketResponse, request: web.Request
    ) -> None:
        """Remember socket and credentials of the client; it has no session yet."""
        self._exchange, self._socket, self._request = exchange, socket, request
        self._credentials = credentials_of(request.headers, request.query)
        self._replies: list[bytes] = []
        self._reply_bytes = 0
        self._rate_limit = RateLimit(_PER_SECOND, _AT_ONCE)
        self._wake = asyncio.Event()
        self._session: Session | None = None
        self._held: HeldConnect | None = None
        self._deadline = 0.0
        self._session_by = time.monotonic() + _SESSION_WITHIN

    async def run(self) -> None:
        """Receive and answer Bayeux messages, and send events, until either side closes, fails or sends nonsense."""
        sending = asyncio.create_task(self._send_repeatedly())
        try:
            async for frame in self._socket:
                if sending.done() or not await self._receive(frame):
                    self._abort()
                    break
        except (TimeoutError, OSError, requests.Malformed):
            pass
        finally:
            self._bind_to(None)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sending
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._socket.close()

    async def _receive(self, frame: object) -> bool:
        """Answer the messages of a frame, and return whether to keep the connection. Raises Malformed."""
        if getattr(frame, "type", None) is not WSMsgType.TEXT:
            # CLOSE, or a binary frame, which Bayeux does not use.
            return False
        messages = requests.read_messages(getattr(frame, "data", ""))
        if not self._rate_limit.allows(max(1, len(messages))):
            return False
        replies, held, session = await self._exchange.answer(messages, self._credentials)
        for reply in replies:
            self._queue_reply(reply)
        if session is not None:
            self._bind_to(session)
        if held is not None:
            self._held = held
            self._deadline = 0.0 if held.at_once else time.monotonic() + MAX_HOLD_MS / 1000
        self._wake.set()
        return self._reply_bytes <= MOST_REPLY_BYTES

    def _queue_reply(self, reply: JSONObject) -> None:
        """Queue a reply to a client's message for the next frame."""
        text = requests.as_json(reply)
        self._replies.append(text)
        self._reply_bytes += len(text)

    def _bind_to(self, session: Session | None) -> None:
        """Let the connection send the messages of this session from now on; `None`: of none.

        Does nothing if it does so already.
        """
        if session is self._session:
            return
        if self._session is not None:
            self._session.holders -= 1
            self._session.seen_at = time.monotonic()
        if session is not None:
            session.holders += 1
            session.wake.set()  # A request of another connection that waits sees that it is not the latest.
            session.wake = self._wake
        self._session, self._held = session, None

    async def _send_repeatedly(self) -> None:
        """Send frames as they become due, until the socket closes or the client reads nothing."""
        while not self._socket.closed:
            seconds = self._seconds_left()
            if seconds is None or seconds > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()
            self._wake.clear()
            # A connection without a session takes up room for nothing.
            if not self._has_session() and time.monotonic() >= self._session_by:
                self._cut_off()
                return
            if text := self._next_frame():
                try:
                    async with asyncio.timeout(SEND_SECONDS):
                        await self._socket.send_frame(text, WSMsgType.TEXT)
                except TimeoutError:
                    self._cut_off()
                    return
                except OSError:
                    return

    def _has_session(self) -> bool:
        """Return whether the client has a session; if so, the time it has to open a further one begins anew."""
        has_one = self._session is not None and not self._session.ended
        if has_one:
            self._session_by = time.monotonic() + _SESSION_WITHIN
        return has_one

    def _seconds_left(self) -> float | None:
        """Return the seconds until the next deadline; `None` if there is none."""
        deadlines = [] if self._has_session() else [self._session_by]
        if self._held:
            deadlines.append(self._deadline)
        return min(deadlines) - time.monotonic() if deadlines else None

    def _next_frame(self) -> bytes:
        """Return the next frame, a JSON array of messages and replies; b"" if there is nothing to send now.

        A `/meta/connect` is the client's request that waits for events; it is answered once its time or the session
        is over. A client that acknowledges messages gets them only together with that answer, so its request is then
        answered at once.
        """
        session, held, waiting = self._session, self._held, list[bytes]()
        if session is not None and held is not None:
            is_over = bool(session.ended) or time.monotonic() >= self._deadline
            if session.pending and not session.ended:
                waiting = session.drain()
                is_over = is_over or session.acks
            if is_over:
                self._queue_reply(self._exchange.reply_to_connect(held))
                self._held = None
        elif session is not None and session.pending and not session.acks:
            waiting = session.drain()
        replies, self._replies, self._reply_bytes = self._replies, [], 0
        return requests.json_array([*waiting, *replies]) if waiting or replies else b""

    def _cut_off(self) -> None:
        """End the client's session, if it has one, as too slow, and break the connection."""
        if self._session is not None:
            self._session.end("slow")
        self._abort()

    def _abort(self) -> None:
        """Break the connection at once; the closing handshake would read whatever the client still sends."""
        if self._request.transport is not None:
            self._request.transport.abort()
