"""The gate is a WebSocket proxy before Janus; it passes on only what participants may say.

It is a process of its own, so that people stay connected while the agent restarts. It stores nothing: a token
itself says which room it is good for, and Janus is asked whether that conference still runs. Answers and events
of Janus pass unread, except for those that bring a session or a handle.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp
import orjson
from aiohttp import WSMsgType, web

from media_unit.gate_rules import AUDIO, GateSettings, Refused, Visitor, room_of_token

log = logging.getLogger("conferences.media.gate")

_MOST_BYTES = 128 * 1024
_FIRST_WITHIN = 10.0
_HEARTBEAT = 20.0
_PER_SECOND, _BURST = 100.0, 4000.0
"""Requests of one participant, each second and in one go: a page that joins a full conference sends thousands."""
_MOST_REFUSALS = 20
_ANSWER_WITHIN = 2.0


class RateLimit:
    """A pace limits the rate of one participant's requests (a token bucket)."""

    def __init__(self) -> None:
        self._left, self._at = _BURST, time.monotonic()

    def count_request(self) -> None:
        """Count one request. Raises Refused when the participant sends too many."""
        now = time.monotonic()
        self._left = min(_BURST, self._left + (now - self._at) * _PER_SECOND) - 1
        self._at = now
        if self._left < 0:
            raise Refused("too many requests")


class Gate:
    """A gate is the proxy between the participants of one media unit and its Janus."""

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings
        self._connections: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        """The connections that have not shown a token yet, the oldest first."""

    async def serve(self) -> None:
        """Serve participants until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        async with aiohttp.ClientSession() as self._http:
            app = web.Application()
            app.router.add_get("/healthz", self._health)
            app.router.add_get("/{path:.*}", self.serve_participant)
            runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            await web.TCPSite(runner, self._settings.ip, self._settings.port).start()
            control = await self._serve_agent()
            await stop.wait()
            await control.cleanup()
            await runner.cleanup()

    async def _serve_agent(self) -> web.AppRunner:
        """Listen on loopback for the agent's requests about connections of participants."""
        app = web.Application()
        app.router.add_get(f"/{self._settings.control_path}", self._health)
        app.router.add_post(f"/{self._settings.control_path}", self._put_into_group)
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._settings.control_port).start()
        return runner

    async def _put_into_group(self, request: web.Request) -> web.Response:
        """Put a participant into a group of the mixer; answer 404 if nobody here is this participant."""
        order = await request.json()
        for connection in list(self._connections):
            if handle := connection.handle_of(order["janus_room"], order["participant"]):
                await connection.ask_for(handle, {"request": "configure", "group": order["group"]})
                return web.Response()
        return web.Response(status=404, text="nobody here is this participant")

    async def _health(self, request: web.Request) -> web.Response:
        """Answer that the gate of this unit runs."""
        return web.json_response({"server-name": self._settings.server_name})

    async def serve_participant(self, request: web.Request) -> web.StreamResponse:
        """Serve one participant's WebSocket.

        A page shows its token at once. So if too many have shown none, the one that has been silent longest is cut
        off: strangers who say nothing keep nobody out.
        """
        socket = web.WebSocketResponse(
            protocols=("janus-protocol",),
            max_msg_size=_MOST_BYTES,
            heartbeat=_HEARTBEAT,
            compress=False,
        )
        await socket.prepare(request)
        connection = Connection(self._settings, self._http, socket, request)
        self._waiting[connection] = None
        if len(self._waiting) > self._settings.most_sockets:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.cut()
        try:
            await connection.run(self._has_place)
        finally:
            self._waiting.pop(connection, None)
            self._connections.discard(connection)
        return socket

    def _has_place(self, connection: Connection) -> bool:
        """Count a connection as one of a participant, and return whether there is a place for it."""
        self._waiting.pop(connection, None)
        count = len(self._connections)
        if count >= self._settings.most_sockets:
            log.warning("refused %s: %d connections are open", connection.address, count)
            return False
        self._connections.add(connection)
        return True


class Connection:
    """A connection is one participant's WebSocket, and the one to Janus that belongs to it."""

    def __init__(
        self,
        settings: GateSettings,
        http: aiohttp.ClientSession,
        socket: web.WebSocketResponse,
        request: web.Request,
    ) -> None:
        self._settings, self._http, self._socket = settings, http, socket
        self._request, self.address = request, str(request.remote)
        self._rate_limit, self._refusals = RateLimit(), 0
        self._visitor: Visitor | None = None
        self._janus: aiohttp.ClientWebSocketResponse | None = None
        self._own: dict[str, asyncio.Future[Mapping[str, object]]] = {}
        """Requests of the gate itself: transaction -> its answer, which the participant does not see."""

    def cut(self) -> None:
        """Close the connection at once."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def run(self, has_place: Callable[[Connection], bool]) -> None:
        """Serve the participant until either side closes; `has_place` is asked once the token is known to be good."""
        try:
            first = await asyncio.wait_for(self._socket.receive(), _FIRST_WITHIN)
            visitor = await self._welcome(first)
            if visitor is None or not has_place(self):
                return
            link = self._http.ws_connect(
                self._settings.janus_url, protocols=("janus-protocol",), max_msg_size=0
            )
            async with await link as janus:
                self._visitor, self._janus = visitor, janus
                back = asyncio.create_task(self._pass_back(visitor, janus))
                await self._pass_on(first, visitor, janus)
                async for frame in self._socket:
                    await self._pass_on(frame, visitor, janus)
                    if self._refusals > _MOST_REFUSALS:
                        break
                back.cancel()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.info("%s: %s", self.address, error or type(error).__name__)
        finally:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._socket.close(), 1)

    async def _welcome(self, frame: aiohttp.WSMessage) -> Visitor | None:
        """Return the visitor whose first message has a valid token; refuse any other, and return `None`."""
        message: Mapping[str, object] = {}
        try:
            message = _read(frame)
            room = room_of_token(self._settings.token_key, message.get("token"), time.time())
            return Visitor(str(message["token"]), room)
        except Refused as refusal:
            await self._refuse(message, refusal)
            return None

    async def _pass_on(
        self,
        frame: aiohttp.WSMessage,
        visitor: Visitor,
        janus: aiohttp.ClientWebSocketResponse,
    ) -> None:
        """Pass a participant's message on to Janus, or answer that it is refused."""
        message: Mapping[str, object] = {}
        try:
            self._rate_limit.count_request()
            message = _read(frame)
            command = visitor.check(message)
            if command in ("create", "attach"):
                await self._ask_whether_it_runs(visitor.janus_room)
            for_janus = visitor.for_janus(message)
            text = frame.data if for_janus is message else _as_json(for_janus)
        except Refused as refusal:
            await self._refuse(message, refusal)
        else:
            await janus.send_str(text)

    def handle_of(self, janus_room: str, participant: str) -> int | None:
        """Return the handle by which this connection is `participant` in the room's mixer; `None` if it is not."""
        visitor = self._visitor
        return (
            visitor.handle_of(participant) if visitor and visitor.janus_room == janus_room else None
        )

    async def ask_for(self, handle: int, body: Mapping[str, object]) -> None:
        """Send a request of the gate itself on a participant's handle. Raises HTTPBadGateway if Janus refuses it."""
        assert self._visitor
        assert self._janus
        transaction = f"gate-{secrets.token_hex(8)}"
        answer = asyncio.get_running_loop().create_future()
        self._own[transaction] = answer
        request = {
            "janus": "message",
            "transaction": transaction,
            "token": self._visitor.token,
            "session_id": self._visitor.session,
            "handle_id": handle,
            "body": body,
        }
        try:
            await self._janus.send_str(_as_json(request))
            reply = await asyncio.wait_for(answer, _ANSWER_WITHIN)
        except (OSError, TimeoutError) as error:
            raise web.HTTPBadGateway(text=str(error) or "Janus does not answer") from None
        finally:
            del self._own[transaction]
        if error_text := _error_in(reply):
            raise web.HTTPBadGateway(text=error_text)

    async def _ask_whether_it_runs(self, janus_room: str) -> None:
        """Raise Refused if Janus has no such room any more: a token ends with its conference."""
        question = {
            "janus": "message_plugin",
            "transaction": "gate",
            "admin_secret": self._settings.admin_secret,
            "plugin": AUDIO,
            "request": {"request": "exists", "room": janus_room},
        }
        limit = aiohttp.ClientTimeout(total=3)
        async with self._http.post(self._settings.admin_url, json=question, timeout=limit) as reply:
            answer = await reply.json(content_type=None)
        if not answer.get("response", {}).get("exists"):
            raise Refused("this conference does not run here any more")

    async def _refuse(self, message: Mapping[str, object], refusal: Refused) -> None:
        """Answer a message as Janus answers a bad one, with the reason; log the first refusal of a connection."""
        self._refusals += 1
        if self._refusals == 1:
            log.warning("refused %s: %s", self.address, refusal)
        answer: dict[str, object] = {"janus": "error"}
        for name in ("transaction", "session_id"):
            if isinstance(value := message.get(name), str | int):
                answer[name] = value
        answer["error"] = {"code": 403, "reason": str(refusal)}
        await self._socket.send_str(_as_json(answer))

    async def _pass_back(self, visitor: Visitor, janus: aiohttp.ClientWebSocketResponse) -> None:
        """Pass messages of Janus back to the participant until Janus closes; then close the participant's socket."""
        try:
            async for frame in janus:
                if frame.type is WSMsgType.TEXT:
                    is_read = visitor.is_waiting or self._own
                    answer = orjson.loads(frame.data) if is_read else {}
                    if self._is_own(answer):
                        continue
                    visitor.note_ids(answer)
                    await self._socket.send_str(frame.data)
        except (aiohttp.ClientError, OSError) as error:
            log.info("%s: %s", self.address, error)
        await self._socket.close()

    def _is_own(self, answer: Mapping[str, object]) -> bool:
        """Return whether a message answers a request of the gate itself; if so, hand it to the `ask_for` that waits."""
        waiting = self._own.get(str(answer.get("transaction")))
        if waiting is None:
            return False
        if answer.get("janus") != "ack" and not waiting.done():
            waiting.set_result(answer)
        return True


def _error_in(answer: Mapping[str, object]) -> str:
    """Return the error that an answer of Janus tells; "" if it tells none."""
    plugin_data = answer.get("plugindata")
    data = plugin_data.get("data") if isinstance(plugin_data, dict) else None
    error = data.get("error") if isinstance(data, dict) else answer.get("error")
    return str(error or "")


def _read(frame: aiohttp.WSMessage) -> Mapping[str, object]:
    """Return the JSON object in a WebSocket frame. Raises Refused."""
    if frame.type is not WSMsgType.TEXT:
        raise Refused("text is needed")
    try:
        message = orjson.loads(frame.data)
    except ValueError:
        raise Refused("JSON is needed") from None
    if not isinstance(message, dict):
        raise Refused("an object is needed")
    return message


def _as_json(message: Mapping[str, object]) -> str:
    """Return a message as JSON. Raises Refused: JSON can be read that is nested too deeply to be written."""
    try:
        return orjson.dumps(message).decode()
    except TypeError:
        raise Refused("nested too deeply") from None


def main() -> None:
    """Run the gate with the settings file that the command line names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = GateSettings(**json.loads(Path(sys.argv[1]).read_text()))
    asyncio.run(Gate(settings).serve())


if __name__ == "__main__":
    main()
