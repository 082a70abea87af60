"""One AMQP connection serves all actors of a test: it reads only while a test waits."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pika

T = TypeVar("T")
Body = dict[str, Any]

PATIENCE = 60.0
"""Seconds that a message is waited for where the specification names none: many times what it takes."""

BEAT = 2.0
"""Seconds between heartbeats; the specification wants one every three."""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as it was received."""

    body: Body
    raw: bytes
    properties: pika.BasicProperties
    exchange: str
    key: str
    at: float = field(default_factory=time.monotonic)
    """When, by this machine's clock."""

    def __getitem__(self, field: str) -> Any:
        return self.body[field]


class Line:
    """A line to the broker, which sends, receives, and lets hearts beat."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._hearts: list[Callable[[], None]] = []
        self._beaten = 0.0

    def close(self) -> None:
        """Close the connection, unless the broker has closed it after a long silence."""
        with suppress(pika.exceptions.AMQPError):
            self._connection.close()

    def say(self, exchange: str, key: str, body: Body | bytes, **properties: Any) -> None:
        """Publish, with the properties that the specification wants of everybody."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        usual: dict[str, Any] = {
            "content_type": "application/json",
            "delivery_mode": 2,
            "message_id": uuid.uuid4().hex,
            "timestamp": int(time.time()),
        }
        present = {k: v for k, v in (usual | properties).items() if v is not None}
        self._channel.basic_publish(exchange, key, raw, pika.BasicProperties(**present))

    def own_queue(self, *bindings: tuple[str, str]) -> str:
        """Declare and bind a queue that nobody else uses, and return its name."""
        name = f"wire.{uuid.uuid4().hex}"
        self._channel.queue_declare(name, exclusive=True)
        for exchange, key in bindings:
            self._channel.queue_bind(name, exchange, key)
        return name

    def units_queue(self, name: str, key: str) -> None:
        """Declare and bind the durable queue of a unit."""
        self._channel.queue_declare(name, durable=True)
        self._channel.queue_bind(name, "cmu.conf.ex", key)

    def listen(self, queue: str, into: list[ReceivedMessage], priority: int = 0) -> str:
        """Put all that comes to a queue into a list; return the consumer's tag.

        With a priority above 0 nothing comes to those who listen without one.
        """

        def take(_channel: Any, method: Any, properties: pika.BasicProperties, raw: bytes) -> None:
            try:
                body = json.loads(raw)
            except (ValueError, RecursionError):
                body = {}
            body = body if isinstance(body, dict) else {}
            into.append(ReceivedMessage(body, raw, properties, method.exchange, method.routing_key))

        arguments = {"x-priority": priority}
        return str(self._channel.basic_consume(queue, take, auto_ack=True, arguments=arguments))

    def stop_listening(self, tag: str) -> None:
        """Listen no more; the queue stays."""
        self._channel.basic_cancel(tag)

    def forget(self, tag: str, queue: str) -> None:
        """Listen no more; the queue goes."""
        self.stop_listening(tag)
        self._channel.queue_delete(queue)

    def bind(self, queue: str, exchange: str, key: str, *, on: bool) -> None:
        """Bind a queue of the platform, or unbind it: so its own role hears nothing."""
        (self._channel.queue_bind if on else self._channel.queue_unbind)(queue, exchange, key)

    def waiting_in(self, queue: str) -> int:
        """Return how many messages lie in a queue. Raises when there is no such queue."""
        return int(self._channel.queue_declare(queue, passive=True).method.message_count)

    def consumers_of(self, queue: str) -> int:
        """Return how many consume a queue; 0 also if there is no such queue."""
        channel = self._connection.channel()
        try:
            return int(channel.queue_declare(queue, passive=True).method.consumer_count)
        except pika.exceptions.ChannelClosedByBroker:
            return 0
        finally:
            if channel.is_open:
                channel.close()

    def delete(self, queue: str) -> None:
        """Delete a queue under whoever consumes it."""
        self._channel.queue_delete(queue)

    def take_all(self, queue: str) -> list[ReceivedMessage]:
        """Take what lies in a queue that nobody consumes."""
        messages: list[ReceivedMessage] = []
        while True:
            method, properties, raw = self._channel.basic_get(queue, auto_ack=True)
            if method is None:
                return messages
            messages.append(
                ReceivedMessage({}, raw, properties, method.exchange, method.routing_key)
            )

    # ---- time ---------------------------------------------------------------------------------

    def start_heart(self, beat: Callable[[], None]) -> None:
        """Call this every two seconds while anybody waits."""
        self._hearts.append(beat)

    def stop_heart(self, beat: Callable[[], None]) -> None:
        """Call it no more."""
        self._hearts = [heart for heart in self._hearts if heart != beat]

    def wait(self, look: Callable[[], T | None], within: float, describe: Callable[[], str]) -> T:
        """Wait until there is something; AssertionError with `what` when there never is."""
        end = time.monotonic() + within
        while True:
            if (result := look()) is not None:
                return result
            if time.monotonic() > end:
                raise AssertionError(f"not within {within} s: {describe()}")
            self.pause(0.05)

    def pause(self, seconds: float) -> None:
        """Take what comes within a while; return early when something did."""
        if time.monotonic() - self._beaten > BEAT:
            self._beaten = time.monotonic()
            for beat in self._hearts:
                beat()
        self._connection.process_data_events(time_limit=seconds)

    def quiet(self, seconds: float = 0.3) -> None:
        """Wait for what must not come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pause(0.05)


class Ear:
    """The ear of an actor: it remembers what it heard, and waits for what it wants to hear."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.heard: list[ReceivedMessage] = []

    def hears(self, wire_type: str, within: float = PATIENCE, **fields: Any) -> ReceivedMessage:
        """Return the first message of this type with these fields, and remove it from the list."""

        def first() -> ReceivedMessage | None:
            return next(iter(self.has_heard(wire_type, **fields)), None)

        def otherwise() -> str:
            return f"{wire_type} {fields}; heard {[h.body for h in self.heard]}"

        message = self.line.wait(first, within, otherwise)
        self.heard.remove(message)
        return message

    def has_heard(self, wire_type: str, **fields: Any) -> list[ReceivedMessage]:
        """Return the messages of this type with these fields that came, and were not yet taken off."""
        return [
            message
            for message in self.heard
            if message.body.get("type") == wire_type
            and all(message.body.get(name) == value for name, value in fields.items())
        ]


class Tap(Ear):
    """A tap listens to what goes over an exchange."""

    def __init__(self, line: Line, *bindings: tuple[str, str]) -> None:
        super().__init__(line)
        self.queue = line.own_queue(*bindings)
        self._tag = line.listen(self.queue, self.heard)

    def leave(self) -> None:
        """Listen no more."""
        self.line.forget(self._tag, self.queue)
