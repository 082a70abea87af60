"""The link is a WebSocket to Janus, for requests and answers; it notices when Janus hangs."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging

import aiohttp
import orjson

from foundation.bus.message import Body

log = logging.getLogger("conferences.media.janus")


_PULSE_SECONDS = 0.5
_PULSE_TIMEOUT = 1.0
SOCKET_CLOSED = "its socket closed"
"""The reason of `watch_until_dead` if the connection has ended; else Janus hangs."""
_MOST_MISSED = 2
"""Janus hangs after two missed pulses in a row: one may be a machine that is busy or slept."""


class JanusError(Exception):
    """The exception says that Janus has refused a request; `code` is Janus's error code."""

    def __init__(self, code: int, reason: str) -> None:
        """Take code and reason from Janus's answer."""
        super().__init__(f"{reason} ({code})")
        self.code = code


class JanusAway(ConnectionError):
    """The exception says that Janus cannot be reached, or does not answer."""


class JanusLink:
    """A link is one session at Janus with one handle per plugin."""

    def __init__(self, url: str, api_secret: str, plugins: tuple[str, ...]) -> None:
        """Prepare a connection to Janus's WebSocket at `url`, for requests to these plugins; `open` connects."""
        self._url, self._secret, self._plugins = url, api_secret, plugins
        self._waiting: dict[str, asyncio.Future[Body]] = {}
        """Transaction of an open request -> its answer."""
        self._await_event: set[str] = set()
        """Transactions that an acknowledgement does not answer."""
        self._handles: dict[str, int] = {}
        """Plugin -> our handle at it."""
        self._transaction_numbers = itertools.count(1)
        self._session = 0
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()

    async def open(self) -> None:
        """Connect to Janus, and create the session and its handles. Raises JanusAway or JanusError."""
        self._http = aiohttp.ClientSession()
        try:
            connecting = self._http.ws_connect(
                self._url, protocols=("janus-protocol",), max_msg_size=0
            )
            self._socket = await asyncio.wait_for(connecting, 3)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await self._http.close()
            raise JanusAway(f"no WebSocket at {self._url}: {error}") from None
        self._reader = asyncio.create_task(self._read_answers(self._socket))
        reply = await self._send_request({"janus": "create"})
        self._session = reply["data"]["id"]
        for plugin in self._plugins:
            self._handles[plugin] = await self.attach(plugin)

    async def attach(self, plugin: str) -> int:
        """Create a handle at a plugin, and return it. Raises JanusError and JanusAway."""
        reply = await self._send_request(
            {"janus": "attach", "plugin": plugin, "opaque_id": "agent"}
        )
        handle: int = reply["data"]["id"]
        return handle

    async def detach(self, handle: int) -> None:
        """End a handle. Raises JanusError, for instance if there is none, and JanusAway."""
        await self._send_request({"janus": "detach", "handle_id": handle})

    async def ask(self, plugin: str, body: Body, timeout: float = 3.0) -> Body:
        """Send a request to a plugin of Janus and return its answer. Raises JanusError or JanusAway.

        A plugin that was not named at the beginning gets its handle with the first request.
        """
        if plugin not in self._handles:
            self._handles[plugin] = await self.attach(plugin)
        message = {"janus": "message", "handle_id": self._handles[plugin], "body": body}
        return _data_of(await self._send_request(message, timeout))

    async def ask_for_event(self, handle: int, body: Body, timeout: float = 3.0) -> Body:
        """Send a request on a handle that a plugin answers later, by an event, and return that answer.

        Raises JanusError or JanusAway.
        """
        message = {"janus": "message", "handle_id": handle, "body": body}
        return _data_of(await self._send_request(message, timeout, awaits_event=True))

    async def watch_until_dead(self) -> str:
        """Wait until the connection to Janus is closed or Janus hangs; return the reason.

        Every half second one plugin, each in its turn, is asked whether a Janus room exists. After two missed answers
        in a row Janus hangs.
        """
        missed = 0
        for beat in itertools.count():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closed.wait(), _PULSE_SECONDS)
            if self.closed.is_set():
                return SOCKET_CLOSED
            try:
                if beat % 10 == 0:
                    await self._send_request({"janus": "keepalive"}, _PULSE_TIMEOUT)
                plugin = self._plugins[beat % len(self._plugins)]
                await self.ask(plugin, {"request": "exists", "room": "-"}, _PULSE_TIMEOUT)
                missed = 0
            except JanusError as error:
                log.warning("pulse: %s", error)
            except JanusAway:
                missed += 1
                if missed >= _MOST_MISSED:
                    return "it hangs"
        return ""

    async def close(self) -> None:
        """Close the connection to Janus. Janus rooms and participants are not touched."""
        if self._reader:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._socket:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(), 1)
        if self._http:
            await self._http.close()

    async def _send_request(
        self, message: Body, timeout: float = 3.0, *, awaits_event: bool = False
    ) -> Body:
        """Send Janus a request in a new transaction, and return its answer. Raises JanusError or JanusAway.

        `awaits_event`: the acknowledgement that Janus sends first is not the answer.
        """
        if self._socket is None or self.closed.is_set():
            raise JanusAway("no connection to Janus")
        transaction = str(next(self._transaction_numbers))
        message |= {"transaction": transaction, "apisecret": self._secret}
        if self._session:
            message["session_id"] = self._session
        answer = asyncio.get_running_loop().create_future()
        self._waiting[transaction] = answer
        if awaits_event:
            self._await_event.add(transaction)
        try:
            async with asyncio.timeout(timeout):
                await self._socket.send_str(orjson.dumps(message).decode())
                reply: Body = await answer
        except TimeoutError:
            raise JanusAway(f"no answer from Janus in {timeout} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise JanusAway(f"connection to Janus lost: {error}") from None
        finally:
            self._waiting.pop(transaction, None)
            self._await_event.discard(transaction)
        if reply["janus"] == "error":
            raise JanusError(reply["error"]["code"], reply["error"]["reason"])
        return reply

    async def _read_answers(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Read Janus's answers until the socket closes; then let all open requests fail with JanusAway."""
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._deliver_answer(orjson.loads(frame.data))
        finally:
            self.closed.set()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(JanusAway("connection to Janus closed"))

    def _deliver_answer(self, message: Body) -> None:
        """Set the result of the open request whose transaction a message of Janus has; ignore any other message."""
        transaction = message.get("transaction", "")
        if message.get("janus") == "ack" and transaction in self._await_event:
            return
        answer = self._waiting.get(transaction)
        if answer and not answer.done():
            answer.set_result(message)


def _data_of(reply: Body) -> Body:
    """Return what a plugin has answered. Raises JanusError if it has refused the request."""
    data: Body = reply["plugindata"]["data"]
    if "error_code" in data:
        raise JanusError(data["error_code"], str(data.get("error")))
    return data
