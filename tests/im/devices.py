"""Devices that chat as any client would, and the center that they use."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import amqp
import orjson
import pika
import pika.exceptions
from django.conf import settings
from django.db import connection

from deploy.stand.site import PYTHON, REPOSITORY
from foundation.bus.amqp import connect
from im.api.message_center import Center
from im.data import broker, presence_store
from im.rules.topology import ingress
from tests.im import door

OUT = "conversation.outgoing"
BEATS_UNTIL = 3600
"""Seconds for which a device counts as online: it sends no heartbeats, and no test depends on its own duration."""


class Device:
    """A device over AMQP; `got` holds everything that it has received, in order."""

    def __init__(self, user: str, name: str = "d1", *, token: str = "") -> None:
        self.user, self.token = user, token or door.token_of(user)
        self.got: list[dict[str, Any]] = []
        broker.ensure_user(user)
        presence_store.record_device(user, name, "a", time.time() + BEATS_UNTIL)
        self.connection = door.amqp(user, door.token_of(user))
        self.channel = door.device(self.connection, user, name)
        self._queue = f"queue_u_{user}_{name}"

    def publish(self, body: bytes, key: str = "", exchange: str = OUT, **about: Any) -> None:
        """Publish any message."""
        properties = pika.BasicProperties(**{"user_id": self.user, "delivery_mode": 2, **about})
        self.channel.basic_publish(exchange, key, body, properties)

    def say(self, cmd: str, number: int = 0, key: str = "", **data: Any) -> None:
        """Send a command about a conversation, under its key."""
        about = {"conversation_id": str(number)} if number else {}
        body = {"cmd": cmd, "token": f"Tricolor{self.token}", "data": {**about, **data}}
        self.publish(orjson.dumps(body), key or f"c_{number}")

    def text(self, number: int, body: str = "hello", **data: Any) -> None:
        """Send a plain message."""
        about = {"publisher_id": self.user, "publisher_name": "x", "type": "text"}
        self.say("msg", number, **{**about, "body": body, **data})

    def look(self) -> None:
        """Receive what is there."""
        while True:
            method, _, body = self.channel.basic_get(self._queue, auto_ack=True)
            if method is None:
                return
            self.got.append(orjson.loads(body))

    def of(self, cmd: str) -> list[dict[str, Any]]:
        """Return the data of the received messages with a command."""
        self.look()
        return [entry["data"] for entry in self.got if entry["cmd"] == cmd]

    def wait(
        self, cmd: str, count: int = 1, seconds: float = door.PATIENCE
    ) -> list[dict[str, Any]]:
        """Wait for this many messages with a command, and return their data."""
        door.eventually(lambda: len(self.of(cmd)) >= count, seconds)
        return self.of(cmd)

    def close(self) -> None:
        """Disconnect; a flooder may have been put out already."""
        with suppress(pika.exceptions.AMQPError):
            if self.connection.is_open:
                self.connection.close()


class Running:
    """A message center that runs in this process."""

    def __init__(self, number: int = 0, make: Callable[[int], Center] = Center) -> None:
        self.center = make(number)
        self._thread = threading.Thread(target=self.center.run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the center and wait for its end."""
        self.center.ask_to_stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


class Process:
    """A message center in a process of its own, to be killed; `run_center` explains `crash_at`."""

    def __init__(self, log: Path, number: int = 0, *, crash_at: str = "") -> None:
        argv = [str(PYTHON), "-m", "tests.im.run_center", str(number)]
        with log.open("ab") as out:
            self.child = subprocess.Popen(
                argv, cwd=REPOSITORY, env=_env(crash_at), stdout=out, stderr=out
            )

    def ended(self) -> bool:
        """Return whether the process has ended."""
        return self.child.poll() is not None

    def kill(self) -> None:
        """Kill the process, as a power failure would."""
        self.child.kill()
        self.child.wait()


def _env(crash_at: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    tests = {name[5:]: value for name, value in os.environ.items() if name.startswith("TEST_")}
    base = tests["DATABASE_URL"].rpartition("/")[0]
    return {
        **ours,
        **tests,
        "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "ROLES": "css,im",
        "IM_CENTERS": str(settings.IM_CENTERS),
        "CRASH_AT": crash_at,
        "DJANGO_SETTINGS_MODULE": "confplatform.settings",
    }


def readers(number: int = 0) -> int:
    """Return how many centers of this number are connected to their queue."""
    return readers_of(ingress(number))


def readers_of(queue: str) -> int:
    """Return how many programs are connected to this queue, which must exist."""
    link: Any = connect(settings.IM_AMQP_URL)
    try:
        return int(link.channel().queue_declare(queue, passive=True).consumer_count)
    finally:
        link.close()


def empty_queues() -> None:
    """Empty the queues that earlier tests have filled."""
    link: amqp.Connection = connect(settings.IM_AMQP_URL)
    broker.declare(link)
    channel: Any = link.channel()
    for name in (ingress(0), "queue_balance", "queue_media", "queue_comm_gb"):
        channel.queue_purge(name)
    link.close()
