"""A light AMQP 0-9-1 client works on raw frames, so that no client library is measured."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

_METHOD, _HEADER, _BODY, _END = 1, 2, 3, b"\xce"
_FRAME = struct.Struct(">BHI")
_OPEN_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """The user and the token of a sign-in."""

    user: str
    token: str


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def _long(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel, len(payload)) + payload + _END


def _method(channel: int, group: int, number: int, arguments: bytes) -> bytes:
    return _frame(_METHOD, channel, struct.pack(">HH", group, number) + arguments)


_NO_TABLE = struct.pack(">I", 0)
_DELIVER = (60, 60)


class AmqpClient(asyncio.Protocol):
    """A device with its own connection, channel and queue."""

    def __init__(self, port: int, person: Person) -> None:
        self.heard: Callable[[str], None] = _ignore
        self.acknowledged: Callable[[str], None] = _ignore
        self.refused: list[str] = []
        self._port, self._person = port, person
        self._left = b""
        self._answer: asyncio.Future[tuple[int, int]] | None = None
        self._transport: Any = None
        properties = struct.pack(">HB", 0x1010, 2) + _short(person.user)
        self._properties = properties

    # ---- signing in ---------------------------------------------------------------------------

    async def sign_in(self) -> None:
        """Open connection and channel, declare and bind the queue, consume: each answered in turn."""
        user, queue = self._person.user, f"queue_u_{self._person.user}_bench"
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        self._transport.write(b"AMQP\x00\x00\x09\x01")
        await self._answered((10, 10))
        proof = f"\0{user}\0{self._person.token}".encode()
        start = _NO_TABLE + _short("PLAIN") + _long(proof) + _short("en_US")
        await self._ask(0, 10, 11, start, (10, 30))
        self._transport.write(_method(0, 10, 31, struct.pack(">HIH", 10, 131072, 0)))
        await self._ask(0, 10, 40, _short("im") + b"\0\0", (10, 41))
        await self._ask(1, 20, 10, b"\0", (20, 11))
        declare = b"\0\0" + _short(queue) + bytes([4]) + _NO_TABLE
        await self._ask(1, 50, 10, declare, (50, 11))
        bind = b"\0\0" + _short(queue) + _short(f"exchange_u_{user}") + b"\0\0" + _NO_TABLE
        await self._ask(1, 50, 20, bind, (50, 21))
        consume = b"\0\0" + _short(queue) + _short("c") + bytes([2]) + _NO_TABLE
        await self._ask(1, 60, 20, consume, (60, 21))

    async def _ask(
        self, channel: int, group: int, number: int, arguments: bytes, expected: tuple[int, int]
    ) -> None:
        """Send an AMQP method on a channel, and wait for the `expected` answer (its class and method number).

        Raises ConnectionError if another answer comes, TimeoutError if none comes.
        """
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(_method(channel, group, number, arguments))
        await self._answered(expected)

    async def _answered(self, expected: tuple[int, int]) -> None:
        """Wait for the broker's next answer to a method. Raises ConnectionError if it is not the `expected` one."""
        assert self._answer is not None
        method = await asyncio.wait_for(self._answer, _OPEN_TIMEOUT)
        if method != expected:
            raise ConnectionError(f"{self._person.user}: {method} instead of {expected}")

    # ---- what comes and goes ------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Keep the transport; asyncio calls this."""
        self._transport, self._left = transport, b""

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the step that waits for an answer; asyncio calls this."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"{self._person.user}: {exc}"))

    def data_received(self, data: bytes) -> None:
        """Read the complete frames, and keep the rest for the next call; asyncio calls this."""
        data, offset = self._left + data, 0
        # A frame has 7 bytes before its content and one after it.
        while len(data) - offset >= 8:
            kind, _, size = _FRAME.unpack_from(data, offset)
            if len(data) - offset < size + 8:
                break
            start = offset + 7
            offset = start + size + 1
            if kind == _BODY:
                self._read(data[start : offset - 1])
            elif kind == _METHOD:
                self._step(struct.unpack_from(">HH", data, start))
        self._left = data[offset:]

    def _step(self, method: tuple[Any, ...]) -> None:
        if method != _DELIVER and self._answer and not self._answer.done():
            self._answer.set_result((method[0], method[1]))

    def _read(self, body: bytes) -> None:
        """Handle a message from the chat: pass on a text from someone else, note an acknowledgement or a refusal."""
        message = orjson.loads(body)
        cmd, data = message["cmd"], message["data"]
        if cmd == "msg":
            if data["publisher_id"] != self._person.user:
                self.heard(data["body"])
        elif cmd == "msg_ack":
            self.acknowledged(data["client_msg_id"])
        elif cmd == "msg_refused":
            self.refused.append(data["code"])

    def say(self, place: str, text: str, mark: str) -> None:
        """Send a text message in a conversation (`place`); `mark` is this client's own id for the message."""
        data = {
            "conversation_id": place,
            "publisher_id": self._person.user,
            "publisher_name": self._person.user,
            "type": "text",
            "client_msg_id": mark,
            "body": text,
        }
        body = orjson.dumps({"token": f"Tricolor{self._person.token}", "cmd": "msg", "data": data})
        way = b"\0\0" + _short("conversation.outgoing") + _short(f"c_{place}") + b"\0"
        head = struct.pack(">HHQ", 60, 0, len(body)) + self._properties
        self._transport.write(
            _method(1, 60, 40, way) + _frame(_HEADER, 1, head) + _frame(_BODY, 1, body)
        )

    def close(self) -> None:
        """Close the connection."""
        if self._transport:
            self._transport.abort()


def _ignore(_: str) -> None:
    """Ignore a text: the place of a listener until one is set."""
