"""The four ways to the broker: each lets a signed-in person speak, and hands over what comes for him.

What a broker does not allow ends the connection: `is_open` says so.
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
import stomp  # type: ignore[import-untyped]
from paho.mqtt.enums import CallbackAPIVersion

Hear = Callable[[dict[str, Any]], None]
SECONDS = 10


class NotIn(OSError):
    """The broker did not let one in, or did not answer."""


class Wire(Protocol):
    """A connection of one device."""

    def __init__(self, me: dict[str, Any], device: str, hear: Hear) -> None:
        """Connect with what `login` has answered, and listen. Raises NotIn."""

    @property
    def is_open(self) -> bool:
        """Is it still there?"""

    def publish(self, conversation: str, body: bytes) -> None:
        """Say something; what comes of it is heard. Raises OSError."""

    def close(self) -> None:
        """Say goodbye."""

    def cut(self) -> None:
        """The network is gone: nobody says goodbye."""


def _place(me: dict[str, Any], way: str) -> tuple[str, int, str]:
    found = urlsplit(me["addresses"][way])
    return found.hostname or "", found.port or 0, found.path


class Amqp:
    """pika. A blocking connection belongs to one thread: others leave what they say in a queue."""

    def __init__(self, me: dict[str, Any], device: str, hear: Hear) -> None:
        self._me, self._device, self._hear = me, device, hear
        self._out: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._ends = threading.Event()
        try:
            self._open()
        except (pika.exceptions.AMQPError, OSError) as wrong:
            raise NotIn(repr(wrong)) from None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _open(self) -> None:
        host, port, vhost = _place(self._me, "amqp")
        proof = pika.PlainCredentials(self._me["user_id"], self._me["token"])
        where = pika.ConnectionParameters(
            host, port, vhost.strip("/"), proof, heartbeat=30, blocked_connection_timeout=SECONDS
        )
        self._connection = pika.BlockingConnection(where)
        self._channel = self._connection.channel()
        mine = self._me["queue_prefix"] + self._device
        self._channel.queue_declare(mine, exclusive=True)
        self._channel.queue_bind(mine, self._me["exchange"])
        self._channel.basic_consume(mine, self._came, auto_ack=True)

    def _came(self, _channel: Any, _how: Any, _about: Any, body: bytes) -> None:
        self._hear(json.loads(body))

    def _run(self) -> None:
        with suppress(pika.exceptions.AMQPError, OSError):
            while not self._ends.is_set():
                self._connection.process_data_events(time_limit=0.02)
                while not self._out.empty():
                    self._send(*self._out.get())
        with suppress(pika.exceptions.AMQPError, OSError):
            self._connection.close()

    def _send(self, conversation: str, body: bytes) -> None:
        about = pika.BasicProperties(user_id=self._me["user_id"], delivery_mode=2)
        self._channel.basic_publish(self._me["outgoing"], f"c_{conversation}", body, about)

    @property
    def is_open(self) -> bool:
        """Is it still there?"""
        return self._thread.is_alive()

    def publish(self, conversation: str, body: bytes) -> None:
        """Property `user_id` and key `c_<conversation>`: both are looked at."""
        self._out.put((conversation, body))

    def close(self) -> None:
        """Say goodbye."""
        self._ends.set()
        self._thread.join(SECONDS)

    def cut(self) -> None:
        """The network is gone."""
        _cut(self._connection._impl._transport._sock)
        self._thread.join(SECONDS)


class Mqtt:
    """paho-mqtt, MQTT 3.1.1."""

    def __init__(self, me: dict[str, Any], device: str, hear: Hear) -> None:
        self._me, self._hear = me, hear
        self._state: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._open = False
        name = me["mqtt"]["client_id_prefix"] + device
        self._client = one = paho.Client(CallbackAPIVersion.VERSION2, name)
        one.username_pw_set(me["user_id"], me["token"])
        one.on_connect = lambda _c, _d, _f, code, _p: self._connected(code)
        one.on_subscribe = lambda _c, _d, _m, codes, _p: self._state.put(str(codes[0]))
        one.on_disconnect = lambda *_: self._gone()
        one.on_message = lambda _c, _d, message: hear(json.loads(message.payload))
        host, port, _ = _place(me, "mqtt")
        one.connect(host, port, keepalive=30)  # OSError, if nobody is there
        one.loop_start()
        self._await("Granted QoS 1")

    def _connected(self, code: Any) -> None:
        if code.is_failure:
            self._state.put(str(code))
            return
        self._client.subscribe(self._me["mqtt"]["in"], 1)

    def _await(self, wanted: str) -> None:
        try:
            said = self._state.get(timeout=SECONDS)
        except queue.Empty:
            said = "no answer"
        if said != wanted:
            self._client.loop_stop()
            raise NotIn(said)
        self._open = True

    def _gone(self) -> None:
        """paho would come back by itself, with a token that may be too old by then."""
        self._open = False
        self._state.put("hung up")
        self._client.disconnect()

    @property
    def is_open(self) -> bool:
        """Is it still there?"""
        return self._open

    def publish(self, conversation: str, body: bytes) -> None:
        """On one's own topic, whatever the conversation."""
        self._client.publish(self._me["mqtt"]["out"], body, 1)

    def close(self) -> None:
        """Say goodbye."""
        self._open = False
        self._client.disconnect()
        self._client.loop_stop()

    def cut(self) -> None:
        """The network is gone."""
        _cut(self._client.socket())
        self._client.loop_stop()
        self._open = False


class Stomp:
    """stomp.py over TCP."""

    way = "stomp"

    def __init__(self, me: dict[str, Any], device: str, hear: Hear) -> None:
        self._me = me
        host, port, path = _place(me, self.way)
        self._link = one = self._connection((host, port), path)
        self._ears = _Ears(hear)
        one.set_listener("", self._ears)
        queue_of = {
            "x-queue-name": me["queue_prefix"] + device,
            "exclusive": "true",
            "durable": "false",
        }
        try:
            one.connect(me["user_id"], me["token"], wait=True)
            place = f"/exchange/{me['exchange']}"
            one.subscribe(place, "1", headers={**queue_of, "receipt": "here"})
        except (stomp.exception.StompException, OSError) as wrong:
            raise NotIn(repr(wrong)) from None
        if not self._ears.here.wait(SECONDS):
            raise NotIn("no receipt")

    def _connection(self, where: tuple[str, int], path: str) -> Any:
        return stomp.Connection12([where], vhost="im", reconnect_attempts_max=1)

    @property
    def is_open(self) -> bool:
        """Is it still there?"""
        return bool(self._link.is_connected()) and not self._ears.gone

    def publish(self, conversation: str, body: bytes) -> None:
        """The header `user-id` and the key `c_<conversation>`: both are looked at."""
        place = f"/exchange/{self._me['outgoing']}/c_{conversation}"
        try:
            self._link.send(
                place, body.decode(), headers={"user-id": self._me["user_id"], "persistent": "true"}
            )
        except stomp.exception.StompException as wrong:
            raise OSError(repr(wrong)) from None

    def close(self) -> None:
        """Say goodbye."""
        with suppress(stomp.exception.StompException, OSError):
            self._link.disconnect()

    def cut(self) -> None:
        """The network is gone."""
        link = self._link.transport.socket
        _cut(getattr(link, "sock", link))  # below a WebSocket lies a plain one
        self._ears.gone = True


class WebStomp(Stomp):
    """stomp.py over WebSocket, as browsers do with @stomp/stompjs."""

    way = "web_stomp"

    def _connection(self, where: tuple[str, int], path: str) -> Any:
        return stomp.WSStompConnection([where], vhost="im", ws_path=path, reconnect_attempts_max=1)


class _Ears(stomp.ConnectionListener):  # type: ignore[misc]
    """What stomp.py tells."""

    def __init__(self, hear: Hear) -> None:
        self._hear, self.gone, self.here = hear, False, threading.Event()

    def on_message(self, frame: Any) -> None:
        """Something for us."""
        self._hear(json.loads(frame.body))

    def on_receipt(self, frame: Any) -> None:
        """The broker has done what we asked."""
        self.here.set()

    def on_error(self, frame: Any) -> None:
        """Not allowed: the broker hangs up."""
        self.gone = True

    def on_disconnected(self) -> None:
        """It is over."""
        self.gone = True


def _cut(link: Any) -> None:
    with suppress(OSError):
        link.shutdown(2)


WIRES: dict[str, type[Wire]] = {
    "amqp": Amqp,
    "mqtt": Mqtt,
    "stomp": Stomp,
    "web_stomp": WebStomp,
}
"""By protocol, as `addresses` of login names them."""
