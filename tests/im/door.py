"""The auth backend beside the test session's broker, and plain clients of each protocol."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any, Literal
from urllib.parse import urlsplit

import pika
import pytest
import websocket
from django.conf import settings
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from deploy.stand.programs import DOOR
from deploy.stand.site import PYTHON, REPOSITORY
from foundation.cells.directory import own_platform
from im.data import broker, revocations
from im.rules import tokens
from im.rules.tokens import Bearer

PATIENCE = 60.0
"""Seconds that an event is waited for: many times what it takes, as the machine may be busy with other tests."""
GROUP = "im_broker"
"""Of all tests that need the door: the broker knows one, which reads one test process' Redis."""


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory, amqp_url: str) -> Iterator[str]:
    """Run the auth backend, declare the topology, and return the backend's address."""
    port = os.environ["TEST_DOOR_PORT"]
    log = (tmp_path_factory.mktemp("door") / "door.log").open("wb")
    argv = [str(PYTHON), *DOOR, "--port", port]
    child = subprocess.Popen(argv, cwd=REPOSITORY, env=_env(), stdout=log, stderr=log)
    try:
        revocations.set_copied_up_to(own_platform(), time.time())
        broker.declare_and_limit()
        eventually(lambda: is_open(int(port)))
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)


def _env() -> dict[str, str]:
    """Return the site's environment for a process that is no test."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    tests = {name[5:]: value for name, value in os.environ.items() if name.startswith("TEST_")}
    return {
        **ours,
        **tests,
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "confplatform.settings",
    }


def is_open(port: int) -> bool:
    """Return whether the auth backend accepts anybody yet."""
    link = HTTPConnection("127.0.0.1", port, timeout=30)
    with suppress(OSError):
        link.request("GET", "/healthz")
        return link.getresponse().status == 200
    return False


def eventually(true: Callable[[], bool], seconds: float = PATIENCE) -> float:
    """Wait until the condition holds, and return how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def token_of(user: str, bearer: Bearer = Bearer.USER, *, age: float = 0.0) -> str:
    """Return a token as sign-in issues it, `age` seconds old."""
    return tokens.issue(user, own_platform(), bearer, time.time() - age)[0]


def address(protocol: str) -> tuple[str, int]:
    """Return host and port of the session's broker for a protocol."""
    address = urlsplit(settings.IM_ADDRESSES[protocol])
    return address.hostname or "", address.port or 0


# ---- AMQP ---------------------------------------------------------------------------------------


def amqp(user: str, password: str = "", vhost: str = "im") -> pika.BlockingConnection:
    """Return a connection that is signed in. Raises pika's errors."""
    host, port = address("amqp")
    proof = pika.PlainCredentials(user, password or token_of(user))
    parameters = pika.ConnectionParameters(host, port, vhost, proof, heartbeat=0, socket_timeout=30)
    return pika.BlockingConnection(parameters)


def device(connection: pika.BlockingConnection, user: str, name: str = "d1") -> Any:
    """Return a channel with the queue of a device, bound to its owner's exchange."""
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare(f"queue_u_{user}_{name}", exclusive=True)
    channel.queue_bind(f"queue_u_{user}_{name}", f"exchange_u_{user}")
    return channel


# ---- MQTT ---------------------------------------------------------------------------------------


class Mqtt:
    """A client that remembers what has happened to it."""

    def __init__(
        self, user: str, client_id: str = "", password: str = "", will: str = "", port: str = "mqtt"
    ) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.answer: Any = None
        self.gone = False
        self.granted: list[int] = []
        version = CallbackAPIVersion.VERSION2
        way: Literal["websockets", "tcp"] = "websockets" if port == "web_mqtt" else "tcp"
        client = self.client = paho.Client(version, client_id or f"u{user}-d1", transport=way)
        client.username_pw_set(user, password or token_of(user))
        if will:
            client.will_set(will, b"forged", qos=1)
        if way == "websockets":
            client.ws_set_options(path="/ws")
        client.reconnect_delay_set(60, 120)
        client.on_connect = self._connected
        client.on_disconnect = self._gone
        client.on_message = lambda _c, _d, m: self.got.append((m.topic, bytes(m.payload)))
        client.on_subscribe = lambda _c, _d, _m, codes, _p: self.granted.extend(
            c.value for c in codes
        )
        with suppress(OSError):
            client.connect(*address(port))
        client.loop_start()
        eventually(lambda: self.answer is not None or self.gone)

    def _connected(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        self.answer = code

    def _gone(self, *_: Any) -> None:
        self.gone = True

    @property
    def is_in(self) -> bool:
        """Return whether the client was accepted and is still connected."""
        return self.answer is not None and not self.answer.is_failure and not self.gone

    def close(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()

    def cut(self) -> None:
        """Cut the network connection."""
        link = self.client.socket()
        assert isinstance(link, socket.socket)
        link.shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()


# ---- STOMP --------------------------------------------------------------------------------------


class Stomp:
    """A client that sends frames over TCP or WebSocket."""

    def __init__(self, user: str, password: str = "", way: str = "stomp") -> None:
        self._left = b""
        if way == "web_stomp":
            self._ws: Any = websocket.create_connection(settings.IM_ADDRESSES[way], timeout=30)
        else:
            self._ws = None
            self._socket = socket.create_connection(address(way), 5)
        proof = {"login": user, "passcode": password or token_of(user)}
        self.send("CONNECT", {"accept-version": "1.2", "host": "im", **proof})
        self.first = self.frame()[0]

    def send(self, command: str, headers: dict[str, str], body: str = "") -> None:
        """Send a frame."""
        lines = [command, *(f"{name}:{value}" for name, value in headers.items()), "", body]
        frame = "\n".join(lines) + "\0"
        self._ws.send(frame) if self._ws else self._socket.sendall(frame.encode())

    def frame(self) -> tuple[str, dict[str, str], str]:
        """Return the next frame from the broker; `("", {}, "")` after it has disconnected."""
        while b"\0" not in self._left:
            part = self._read()
            if not part:
                return "", {}, ""
            self._left += part
        text, _, self._left = self._left.partition(b"\0")
        head, _, body = text.decode().lstrip("\n").partition("\n\n")
        command, *lines = head.split("\n")
        return command, dict(line.partition(":")[::2] for line in lines), body

    def _read(self) -> bytes:
        try:
            if self._ws is None:
                return self._socket.recv(4096)
            frame = self._ws.recv()
            return frame.encode() if isinstance(frame, str) else frame
        except (OSError, websocket.WebSocketException):
            return b""

    def ask(self, command: str, headers: dict[str, str], body: str = "") -> str:
        """Send a frame and return the reaction: RECEIPT, ERROR, or nothing."""
        self.send(command, {**headers, "receipt": "r"}, body)
        return self.frame()[0]

    def close(self) -> None:
        """Disconnect."""
        (self._ws or self._socket).close()
