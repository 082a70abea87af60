"""One WebSocket to Janus: questions and answers, and the pulse by which a hang is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import Any

import aiohttp
import orjson

log = logging.getLogger("conferences.media.janus")

Body = dict[str, Any]

_PULSE_EVERY = 0.5
_PULSE_WAITS = 1.0
_MISSED = 2
"""Two in a row: a machine that is only busy, or that slept itself, is no dead Janus."""


class JanusError(Exception):
    """Janus said no."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code


class JanusAway(ConnectionError):
    """Janus is not there, or does not answer."""


class JanusLink:
    """A session with one handle per plugin."""

    def __init__(self, url: str, api_secret: str, plugins: tuple[str, ...]) -> None:
        self._url, self._secret, self._plugins = url, api_secret, plugins
        self._waiting: dict[str, asyncio.Future[Body]] = {}
        self._handles: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._session = 0
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()

    async def open(self) -> None:
        """Connect, and make session and handles. Raises JanusAway or JanusError."""
        self._http = aiohttp.ClientSession()
        try:
            connecting = self._http.ws_connect(
                self._url, protocols=("janus-protocol",), max_msg_size=0
            )
            self._socket = await asyncio.wait_for(connecting, 3)
        except (aiohttp.ClientError, OSError, TimeoutError) as wrong:
            await self._http.close()
            raise JanusAway(f"no WebSocket at {self._url}: {wrong}") from None
        self._reader = asyncio.create_task(self._read(self._socket))
        made = await self._send({"janus": "create"})
        self._session = made["data"]["id"]
        for plugin in self._plugins:
            made = await self._send({"janus": "attach", "plugin": plugin, "opaque_id": "agent"})
            self._handles[plugin] = made["data"]["id"]

    async def ask(self, plugin: str, body: Body, timeout: float = 3.0) -> Body:
        """A synchronous request to a plugin. Raises JanusError or JanusAway."""
        message = {"janus": "message", "handle_id": self._handles[plugin], "body": body}
        reply = await self._send(message, timeout)
        data: Body = reply["plugindata"]["data"]
        if "error_code" in data:
            raise JanusError(data["error_code"], str(data.get("error")))
        return data

    async def watch(self) -> str:
        """Return, with the reason, when Janus is gone or hangs. Every plugin is asked, not its door alone."""
        missed = 0
        for beat in itertools.count():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closed.wait(), _PULSE_EVERY)
            if self.closed.is_set():
                return "its socket closed"
            try:
                if beat % 10 == 0:
                    await self._send({"janus": "keepalive"}, _PULSE_WAITS)
                plugin = self._plugins[beat % len(self._plugins)]
                await self.ask(plugin, {"request": "exists", "room": "-"}, _PULSE_WAITS)
                missed = 0
            except JanusError as odd:
                log.warning("pulse: %s", odd)
            except JanusAway:
                missed += 1
                if missed >= _MISSED:
                    return "it hangs"
        return ""

    async def close(self) -> None:
        """Let go; rooms and participants are not touched."""
        if self._reader:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._socket:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(), 1)
        if self._http:
            await self._http.close()

    async def _send(self, message: Body, timeout: float = 3.0) -> Body:
        if self._socket is None or self.closed.is_set():
            raise JanusAway("no connection to Janus")
        transaction = str(next(self._numbers))
        message |= {"transaction": transaction, "apisecret": self._secret}
        if self._session:
            message["session_id"] = self._session
        answer = asyncio.get_running_loop().create_future()
        self._waiting[transaction] = answer
        try:
            async with asyncio.timeout(timeout):
                await self._socket.send_str(orjson.dumps(message).decode())
                reply: Body = await answer
        except TimeoutError:
            raise JanusAway(f"no answer from Janus in {timeout} s") from None
        except (aiohttp.ClientError, OSError) as wrong:
            raise JanusAway(f"connection to Janus lost: {wrong}") from None
        finally:
            self._waiting.pop(transaction, None)
        if reply["janus"] == "error":
            raise JanusError(reply["error"]["code"], reply["error"]["reason"])
        return reply

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._take(orjson.loads(frame.data))
        finally:
            self.closed.set()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(JanusAway("connection to Janus closed"))

    def _take(self, message: Body) -> None:
        answer = self._waiting.get(message.get("transaction", ""))
        if answer and not answer.done():
            answer.set_result(message)
