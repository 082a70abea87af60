"""The gate is a WebSocket proxy before Janus; it passes on only what participants may say.

It is a process of its own, so that people stay connected while the agent restarts. It stores nothing: a token itself
says which Janus room it is good for, and Janus is asked whether that conference still runs. Answers and events of
Janus pass unread, except for those that bring an id of a session, a handle or a participant.
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

from media_unit.gate_rules import AUDIO, GateSettings, Refused, Ticket, Visitor, read_token

log = logging.getLogger("conferences.media.gate")

_MOST_BYTES = 128 * 1024
_FIRST_WITHIN = 10.0
_HEARTBEAT = 20.0
_PER_SECOND, _BURST = 100.0, 4000.0
"""Requests of one participant, each second and in one go: a page that joins a full conference sends thousands."""
_MOST_REFUSALS = 20
_MOST_ROOMS_REMEMBERED = 1000
"""For so many Janus rooms it is remembered who was removed; a unit has fewer, and rooms that are gone need none."""
_ANSWER_WITHIN = 2.0


class RateLimit:
    """A token bucket that limits the rate of one participant's requests."""

    def __init__(self) -> None:
        """Begin with a full bucket: `_BURST` requests may come at once."""
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
        """Prepare the proxy with the settings that the agent has written; it listens once `serve` is called."""
        self._settings = settings
        self._connections: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        """The connections that have not shown a token yet, the oldest first."""
        self._removed: dict[str, frozenset[str]] = {}
        """Janus room -> the ids of the visitors who were removed from its conference."""

    async def serve(self) -> None:
        """Run the proxy, which serves participants' WebSockets, until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
        async with aiohttp.ClientSession() as self._http:
            app = web.Application()
            app.router.add_get("/healthz", self._answer_health_check)
            app.router.add_get("/{path:.*}", self.serve_participant)
            runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            await web.TCPSite(runner, self._settings.ip, self._settings.port).start()
            control = await self._serve_agent()
            await stop.wait()
            await control.cleanup()
            await runner.cleanup()

    async def _serve_agent(self) -> web.AppRunner:
        """Start the HTTP server on loopback by which this unit's agent gives orders about participants; return it."""
        app = web.Application()
        app.router.add_get(f"/{self._settings.control_path}", self._answer_health_check)
        app.router.add_post(f"/{self._settings.control_path}", self._put_into_group)
        app.router.add_put(f"/{self._settings.control_path}", self._keep_out)
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._settings.control_port).start()
        return runner

    async def _put_into_group(self, request: web.Request) -> web.Response:
        """Handle the agent's request to put a participant into a group of the sound mixer; 404 for an unknown one."""
        order = await request.json()
        for connection in list(self._connections):
            if handle := connection.handle_of(order["janus_room"], order["participant"]):
                await connection.send_own_request(
                    handle, {"request": "configure", "group": order["group"]}
                )
                return web.Response()
        return web.Response(status=404, text="nobody here is this participant")

    async def _keep_out(self, request: web.Request) -> web.Response:
        """Handle the agent's list of visitors (`removed`) who may not be in a Janus room: their tokens end at once.

        It takes the place of an earlier list, so whoever is not on it any more may enter again.
        """
        order = await request.json()
        janus_room, removed = str(order["janus_room"]), frozenset(order["removed"])
        self._removed.pop(janus_room, None)
        self._removed |= {janus_room: removed} if removed else {}
        if len(self._removed) > _MOST_ROOMS_REMEMBERED:
            del self._removed[next(iter(self._removed))]
        for connection in [
            other for other in self._connections if other.is_of(janus_room, removed)
        ]:
            connection.abort()
        return web.Response()

    def _is_removed(self, ticket: Ticket) -> bool:
        """Return whether a token belongs to a visitor who was removed from its conference."""
        return ticket.visitor in self._removed.get(ticket.janus_room, ())

    async def _answer_health_check(self, request: web.Request) -> web.Response:
        """Answer a health check with this proxy's server name, by which the agent knows its own one."""
        # A gate of an earlier release does not say that it reads tokens of single visitors.
        return web.json_response({"server-name": self._settings.server_name, "visitors": True})

    async def serve_participant(self, request: web.Request) -> web.StreamResponse:
        """Serve one participant's WebSocket: check its token, and forward messages to and from Janus.

        A page sends its token at once. So if too many connections have sent none, the oldest of them is closed:
        strangers who send nothing keep nobody out.
        """
        socket = web.WebSocketResponse(
            protocols=("janus-protocol",),
            max_msg_size=_MOST_BYTES,
            heartbeat=_HEARTBEAT,
            compress=False,
        )
        await socket.prepare(request)
        connection = Connection(self._settings, self._http, socket, request, self._is_removed)
        self._waiting[connection] = None
        if len(self._waiting) > self._settings.most_sockets:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()
        try:
            await connection.run(self._count_participant)
        finally:
            self._waiting.pop(connection, None)
            self._connections.discard(connection)
        return socket

    def _count_participant(self, connection: Connection) -> bool:
        """Count a connection with a valid token as one of a participant; return `False` if there are too many."""
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
        is_removed: Callable[[Ticket], bool],
    ) -> None:
        """Take a participant's open WebSocket (`socket`) and its HTTP request; by `http` Janus is reached.

        `is_removed` says whether a token's visitor was removed from the conference.
        """
        self._settings, self._http, self._socket = settings, http, socket
        self._is_removed = is_removed
        self._request, self.address = request, str(request.remote)
        self._rate_limit, self._refusals = RateLimit(), 0
        self._visitor: Visitor | None = None
        self._janus: aiohttp.ClientWebSocketResponse | None = None
        self._own_requests: dict[str, asyncio.Future[Mapping[str, object]]] = {}
        """Requests of the gate itself: transaction -> its answer, which the participant does not see."""

    def abort(self) -> None:
        """Drop the participant's TCP connection at once, without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def run(self, admit: Callable[[Connection], bool]) -> None:
        """Forward messages between a participant and Janus until either side closes, or too many were refused.

        `admit` returns whether this connection may stay, once its first message has shown a valid token.
        """
        try:
            first = await asyncio.wait_for(self._socket.receive(), _FIRST_WITHIN)
            visitor = await self._identify_visitor(first)
            if visitor is None or not admit(self):
                return
            self._visitor = visitor  # from here on the visitor's removal ends this connection
            link = self._http.ws_connect(
                self._settings.janus_url, protocols=("janus-protocol",), max_msg_size=0
            )
            async with await link as janus:
                self._janus = janus
                returning = asyncio.create_task(self._forward_to_participant(visitor, janus))
                await self._forward_to_janus(first, visitor, janus)
                async for frame in self._socket:
                    await self._forward_to_janus(frame, visitor, janus)
                    if self._refusals > _MOST_REFUSALS:
                        break
                returning.cancel()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.info("%s: %s", self.address, error or type(error).__name__)
        finally:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._socket.close(), 1)

    async def _identify_visitor(self, frame: aiohttp.WSMessage) -> Visitor | None:
        """Return the visitor whose first message has a valid token; refuse any other message, and return `None`."""
        message: Mapping[str, object] = {}
        try:
            message = _json_of_frame(frame)
            ticket = read_token(self._settings.token_key, message.get("token"), time.time())
            if self._is_removed(ticket):
                raise Refused("removed from this conference")
            return Visitor(str(message["token"]), *ticket)
        except Refused as refusal:
            await self._refuse(message, refusal)
            return None

    async def _forward_to_janus(
        self,
        frame: aiohttp.WSMessage,
        visitor: Visitor,
        janus: aiohttp.ClientWebSocketResponse,
    ) -> None:
        """Forward a participant's message to Janus if participants may send it, else answer that it is refused."""
        message: Mapping[str, object] = {}
        try:
            self._rate_limit.count_request()
            message = _json_of_frame(frame)
            command = visitor.check(message)
            if command in ("create", "attach"):
                await self._check_room_exists(visitor.janus_room)
            outgoing = visitor.message_for_janus(message)
            text = frame.data if outgoing is message else _as_json(outgoing)
        except Refused as refusal:
            await self._refuse(message, refusal)
        else:
            await janus.send_str(text)

    def is_of(self, janus_room: str, visitors: frozenset[str]) -> bool:
        """Return whether this connection to the Janus room is that of one of these visitors."""
        own = self._visitor
        return own is not None and own.janus_room == janus_room and own.visitor in visitors

    def handle_of(self, janus_room: str, participant: str) -> int | None:
        """Return the Janus handle by which this connection is `participant` in the Janus room's sound mixer.

        `None` means that it is not this participant, or is in another room.
        """
        visitor = self._visitor
        return (
            visitor.handle_of(participant) if visitor and visitor.janus_room == janus_room else None
        )

    async def send_own_request(self, handle: int, body: Mapping[str, object]) -> None:
        """Send Janus a request of this proxy itself on a participant's handle, and wait for the answer.

        Raises HTTPBadGateway if Janus refuses it or does not answer.
        """
        assert self._visitor
        assert self._janus
        transaction = f"gate-{secrets.token_hex(8)}"
        answer = asyncio.get_running_loop().create_future()
        self._own_requests[transaction] = answer
        request = {
            "janus": "message",
            "transaction": transaction,
            "token": self._visitor.room_token,
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
            del self._own_requests[transaction]
        if error_text := _error_in(reply):
            raise web.HTTPBadGateway(text=error_text)

    async def _check_room_exists(self, janus_room: str) -> None:
        """Raise Refused if Janus has no room of this name any more: a token is valid only while its room exists."""
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
        """Answer a participant's message with an error in Janus's form; log only the first one of a connection."""
        self._refusals += 1
        if self._refusals == 1:
            log.warning("refused %s: %s", self.address, refusal)
        answer: dict[str, object] = {"janus": "error"}
        for name in ("transaction", "session_id"):
            if isinstance(value := message.get(name), str | int):
                answer[name] = value
        answer["error"] = {"code": 403, "reason": str(refusal)}
        await self._socket.send_str(_as_json(answer))

    async def _forward_to_participant(
        self, visitor: Visitor, janus: aiohttp.ClientWebSocketResponse
    ) -> None:
        """Forward messages of Janus to the participant until Janus closes; then close the participant's socket."""
        try:
            async for frame in janus:
                if frame.type is WSMsgType.TEXT:
                    # Other messages of Janus pass unread, which saves time.
                    is_read = visitor.is_waiting or self._own_requests
                    answer = orjson.loads(frame.data) if is_read else {}
                    if self._deliver_own_answer(answer):
                        continue
                    visitor.remember_ids(answer)
                    await self._socket.send_str(frame.data)
        except (aiohttp.ClientError, OSError) as error:
            log.info("%s: %s", self.address, error)
        await self._socket.close()

    def _deliver_own_answer(self, answer: Mapping[str, object]) -> bool:
        """Give an answer of Janus to `send_own_request` if this proxy itself has asked.

        Return False for other answers.
        """
        waiting = self._own_requests.get(str(answer.get("transaction")))
        if waiting is None:
            return False
        if answer.get("janus") != "ack" and not waiting.done():
            waiting.set_result(answer)
        return True


def _error_in(answer: Mapping[str, object]) -> str:
    """Return the error text in an answer of Janus, of its core or of a plugin; "" if it holds no error."""
    plugin_data = answer.get("plugindata")
    data = plugin_data.get("data") if isinstance(plugin_data, dict) else None
    error = data.get("error") if isinstance(data, dict) else answer.get("error")
    return str(error or "")


def _json_of_frame(frame: aiohttp.WSMessage) -> Mapping[str, object]:
    """Return the JSON object in a participant's WebSocket frame. Raises Refused if it holds none."""
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
    """Run the gate, the proxy before Janus, with the settings file that the command line names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = GateSettings(**json.loads(Path(sys.argv[1]).read_text()))
    asyncio.run(Gate(settings).serve())


if __name__ == "__main__":
    main()
