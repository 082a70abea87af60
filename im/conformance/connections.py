"""The connections of a device to the broker, one class for each of the four protocols.

A client that does what the broker forbids loses its connection: see `is_open`.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pika
import stomp  # type: ignore[import-untyped]  # the package has no types
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

Body = dict[str, Any]
"""A JSON object as the platform sends it. A client that gets another shape stops with the traceback."""

OnMessage = Callable[[Body], None]
SECONDS = 10


class ConnectionRefused(OSError):
    """The broker refused the connection, or did not answer."""


class Connection(Protocol):
    """The connection of a device to the broker."""

    def __init__(self, me: Body, device: str, on_message: OnMessage) -> None:
        """Connect and call `on_message` with each received message. Raises ConnectionRefused.

        `me` is the answer of `login`: names, addresses and token; `device` is the device's name.
        """

    @property
    def is_open(self) -> bool:
        """Return whether the connection still exists."""

    def publish(self, conversation: str, body: bytes) -> None:
        """Send a message; its answer arrives as a received message. Raises OSError."""

    def close(self) -> None:
        """Disconnect in an orderly way."""

    def cut(self) -> None:
        """Cut the network connection, without an orderly end of the protocol."""


def _address(me: Body, protocol: str) -> tuple[str, int, str]:
    """Return host, port and path of the broker for this protocol, from the answer of `login`."""
    url = urlsplit(me["addresses"][protocol])
    return url.hostname or "", url.port or 0, url.path


class Amqp:
    """A device's connection to the broker over AMQP, with pika.

    A blocking connection belongs to one thread, so other threads put their messages into a queue.
    """

    def __init__(self, me: Body, device: str, on_message: OnMessage) -> None:
        """Connect, with the names and the token in `me`, the answer of `login`; a thread then sends and receives."""
        self._me, self._device, self._on_message = me, device, on_message
        self._out: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._stop_asked = threading.Event()
        try:
            self._open()
        except (pika.exceptions.AMQPError, OSError) as error:
            raise ConnectionRefused(repr(error)) from None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _open(self) -> None:
        """Connect, declare this device's own queue, bind it to the person's exchange, and consume it."""
        host, port, vhost = _address(self._me, "amqp")
        credentials = pika.PlainCredentials(self._me["user_id"], self._me["token"])
        parameters = pika.ConnectionParameters(
            host,
            port,
            vhost.strip("/"),
            credentials,
            heartbeat=30,
            blocked_connection_timeout=SECONDS,
        )
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        queue_name = self._me["queue_prefix"] + self._device
        self._channel.queue_declare(queue_name, exclusive=True)
        self._channel.queue_bind(queue_name, self._me["exchange"])
        self._channel.basic_consume(queue_name, self._on_delivery, auto_ack=True)

    def _on_delivery(
        self, _channel: object, _method: object, _properties: object, body: bytes
    ) -> None:
        """Pass on a received message."""
        self._on_message(json.loads(body))

    def _run(self) -> None:
        """Send and receive on the connection until `close`, or until it breaks."""
        with suppress(pika.exceptions.AMQPError, OSError):
            while not self._stop_asked.is_set():
                self._connection.process_data_events(time_limit=0.02)
                while not self._out.empty():
                    self._send(*self._out.get())
        with suppress(pika.exceptions.AMQPError, OSError):
            self._connection.close()

    def _send(self, conversation: str, body: bytes) -> None:
        """Publish a message with the sender's name in `user_id` and the conversation in the routing key."""
        properties = pika.BasicProperties(user_id=self._me["user_id"], delivery_mode=2)
        self._channel.basic_publish(self._me["outgoing"], f"c_{conversation}", body, properties)

    @property
    def is_open(self) -> bool:
        """Return whether the connection still exists."""
        return self._thread.is_alive()

    def publish(self, conversation: str, body: bytes) -> None:
        """Give a message to the connection's thread, which sends it; its answer arrives as a received message."""
        self._out.put((conversation, body))

    def close(self) -> None:
        """Disconnect in an orderly way."""
        self._stop_asked.set()
        self._thread.join(SECONDS)

    def cut(self) -> None:
        """Cut the network connection."""
        _cut(self._connection._impl._transport._sock)
        self._thread.join(SECONDS)


class Mqtt:
    """A device's connection to the broker over MQTT 3.1.1, with paho-mqtt."""

    def __init__(self, me: Body, device: str, on_message: OnMessage) -> None:
        """Connect and subscribe, with the names and the token in `me`, the answer of `login`."""
        self._me, self._on_message = me, on_message
        self._state: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._open = False
        name = me["mqtt"]["client_id_prefix"] + device
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, name)
        client.username_pw_set(me["user_id"], me["token"])
        client.on_connect = lambda _c, _d, _f, code, _p: self._on_connect(code)
        client.on_subscribe = lambda _c, _d, _m, codes, _p: self._state.put(str(codes[0]))
        client.on_disconnect = lambda *_: self._on_disconnect()
        client.on_message = lambda _c, _d, message: on_message(json.loads(message.payload))
        host, port, _ = _address(me, "mqtt")
        client.connect(host, port, keepalive=30)  # raises OSError, if nobody listens
        client.loop_start()
        self._wait_for_state("Granted QoS 1")

    def _on_connect(self, code: ReasonCode) -> None:
        """Subscribe to the person's topic once connected; if refused, report the reason to `_wait_for_state`."""
        if code.is_failure:
            self._state.put(str(code))
            return
        self._client.subscribe(self._me["mqtt"]["in"], 1)

    def _wait_for_state(self, wanted: str) -> None:
        """Wait until the broker has reported the state `wanted`. Raises ConnectionRefused with another one."""
        try:
            state = self._state.get(timeout=SECONDS)
        except queue.Empty:
            state = "no answer"
        if state != wanted:
            self._client.loop_stop()
            raise ConnectionRefused(state)
        self._open = True

    def _on_disconnect(self) -> None:
        """Stay disconnected: paho would reconnect by itself, with a token that may have expired."""
        self._open = False
        self._state.put("hung up")
        self._client.disconnect()

    @property
    def is_open(self) -> bool:
        """Return whether the connection still exists."""
        return self._open

    def publish(self, conversation: str, body: bytes) -> None:
        """Send on the person's own topic, whatever the conversation."""
        self._client.publish(self._me["mqtt"]["out"], body, 1)

    def close(self) -> None:
        """Disconnect in an orderly way."""
        self._open = False
        self._client.disconnect()
        self._client.loop_stop()

    def cut(self) -> None:
        """Cut the network connection."""
        _cut(self._client.socket())
        self._client.loop_stop()
        self._open = False


class Stomp:
    """A device's connection to the broker over STOMP and TCP, with stomp.py."""

    protocol = "stomp"

    def __init__(self, me: Body, device: str, on_message: OnMessage) -> None:
        """Connect and subscribe, with the names and the token in `me`, the answer of `login`."""
        self._me = me
        host, port, path = _address(me, self.protocol)
        self._link = connection = self._connection((host, port), path)
        self._listener = _StompListener(on_message)
        connection.set_listener("", self._listener)
        queue_headers = {
            "x-queue-name": me["queue_prefix"] + device,
            "exclusive": "true",
            "durable": "false",
        }
        try:
            connection.connect(me["user_id"], me["token"], wait=True)
            destination = f"/exchange/{me['exchange']}"
            connection.subscribe(destination, "1", headers={**queue_headers, "receipt": "here"})
        except (stomp.exception.StompException, OSError) as error:
            raise ConnectionRefused(repr(error)) from None
        if not self._listener.subscribed.wait(SECONDS):
            raise ConnectionRefused("no receipt")

    def _connection(self, address: tuple[str, int], path: str) -> stomp.Connection12:
        """Create the connection to this host and port, not connected yet; over TCP the `path` has no meaning."""
        return stomp.Connection12([address], vhost="im", reconnect_attempts_max=1)

    @property
    def is_open(self) -> bool:
        """Return whether the connection still exists."""
        return bool(self._link.is_connected()) and not self._listener.gone

    def publish(self, conversation: str, body: bytes) -> None:
        """Send with header `user-id` and key `c_<conversation>`, which the platform checks."""
        destination = f"/exchange/{self._me['outgoing']}/c_{conversation}"
        try:
            self._link.send(
                destination,
                body.decode(),
                headers={"user-id": self._me["user_id"], "persistent": "true"},
            )
        except stomp.exception.StompException as error:
            raise OSError(repr(error)) from None

    def close(self) -> None:
        """Disconnect in an orderly way."""
        with suppress(stomp.exception.StompException, OSError):
            self._link.disconnect()

    def cut(self) -> None:
        """Cut the network connection."""
        connection = self._link.transport.socket
        _cut(getattr(connection, "sock", connection))  # a WebSocket wraps a plain socket
        self._listener.gone = True


class WebStomp(Stomp):
    """A device's connection to the broker over STOMP and WebSocket, as browsers make it; with stomp.py."""

    protocol = "web_stomp"

    def _connection(self, address: tuple[str, int], path: str) -> stomp.Connection12:
        """Create the connection to this host and port, not connected yet, with the WebSocket's `path`."""
        return stomp.WSStompConnection(
            [address], vhost="im", ws_path=path, reconnect_attempts_max=1
        )


class _StompListener(stomp.ConnectionListener):  # type: ignore[misc]  # the base class has no types
    """The listener, whose methods stomp.py calls with each frame that the broker sends."""

    def __init__(self, on_message: OnMessage) -> None:
        self._on_message, self.gone, self.subscribed = on_message, False, threading.Event()

    def on_message(self, frame: stomp.utils.Frame) -> None:
        """Pass on a received message."""
        self._on_message(json.loads(frame.body))

    def on_receipt(self, frame: stomp.utils.Frame) -> None:
        """Note that the subscription exists: the broker has sent the receipt that was requested for it."""
        self.subscribed.set()

    def on_error(self, frame: stomp.utils.Frame) -> None:
        """Note a refusal, after which the broker disconnects."""
        self.gone = True

    def on_disconnected(self) -> None:
        """Note that the connection has ended."""
        self.gone = True


def _cut(connection: Any) -> None:
    """Shut a socket down, if it is still open."""
    with suppress(OSError):
        connection.shutdown(2)


CONNECTIONS: dict[str, type[Connection]] = {
    "amqp": Amqp,
    "mqtt": Mqtt,
    "stomp": Stomp,
    "web_stomp": WebStomp,
}
"""The connection classes by protocol, as `addresses` of login names them."""
