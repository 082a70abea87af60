"""Devices that chat, as anybody could write them, and the center that they chat through."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import amqp
import orjson
import pika
from django.conf import settings
from django.db import connection

from deploy.stand.site import PYTHON, REPOSITORY
from foundation.bus.amqp import connect
from im.api.message_center import Center
from im.data import broker, presence_store
from im.rules.topology import ingress
from tests.im import door

OUT = "conversation.outgoing"


class Device:
    """One device over AMQP; `got` is all that has come, in order."""

    def __init__(self, user: str, name: str = "d1", *, token: str = "") -> None:
        self.user, self.token = user, token or door.token_of(user)
        self.got: list[dict[str, Any]] = []
        broker.ensure_user(user)
        presence_store.record_device(user, name, "a", time.time())
        self.connection = door.amqp(user, door.token_of(user))
        self.channel = door.device(self.connection, user, name)
        self._queue = f"queue_u_{user}_{name}"

    def publish(self, body: bytes, key: str = "", exchange: str = OUT, **about: Any) -> None:
        """Anything."""
        properties = pika.BasicProperties(**{"user_id": self.user, "delivery_mode": 2, **about})
        self.channel.basic_publish(exchange, key, body, properties)

    def say(self, cmd: str, number: int = 0, key: str = "", **data: Any) -> None:
        """A cmd about a conversation, under its key."""
        about = {"conversation_id": str(number)} if number else {}
        body = {"cmd": cmd, "token": f"Tricolor{self.token}", "data": {**about, **data}}
        self.publish(orjson.dumps(body), key or f"c_{number}")

    def text(self, number: int, body: str = "hello", **data: Any) -> None:
        """A plain message."""
        about = {"publisher_id": self.user, "publisher_name": "x", "type": "text"}
        self.say("msg", number, **{**about, "body": body, **data})

    def look(self) -> None:
        """Take what is there."""
        while True:
            method, _, body = self.channel.basic_get(self._queue, auto_ack=True)
            if method is None:
                return
            self.got.append(orjson.loads(body))

    def of(self, cmd: str) -> list[dict[str, Any]]:
        """The data of what has come under a cmd."""
        self.look()
        return [one["data"] for one in self.got if one["cmd"] == cmd]

    def wait(self, cmd: str, count: int = 1, seconds: float = 10) -> list[dict[str, Any]]:
        """The same, once there are so many."""
        door.eventually(lambda: len(self.of(cmd)) >= count, seconds)
        return self.of(cmd)

    def close(self) -> None:
        """Hang up."""
        if self.connection.is_open:
            self.connection.close()


class Running:
    """A center in this process."""

    def __init__(self, number: int = 0, make: Callable[[int], Center] = Center) -> None:
        self.center = make(number)
        self._thread = threading.Thread(target=self.center.run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """And wait for it."""
        self.center.ask_to_stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


class Process:
    """A center in a process of its own, to be killed; `crash_at`: see `run_center`."""

    def __init__(self, log: Path, number: int = 0, *, crash_at: str = "") -> None:
        argv = [str(PYTHON), "-m", "tests.im.run_center", str(number)]
        with log.open("ab") as out:
            self.child = subprocess.Popen(
                argv, cwd=REPOSITORY, env=_env(crash_at), stdout=out, stderr=out
            )

    def ended(self) -> bool:
        """Has it gone, one way or another?"""
        return self.child.poll() is not None

    def kill(self) -> None:
        """As the power would."""
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
    """How many centers are connected to this queue."""
    link: Any = connect(settings.IM_AMQP_URL)
    try:
        return int(link.channel().queue_declare(ingress(number), passive=True).consumer_count)
    finally:
        link.close()


def empty_queues() -> None:
    """What former tests have left."""
    link: amqp.Connection = connect(settings.IM_AMQP_URL)
    broker.declare(link)
    channel: Any = link.channel()
    for name in (ingress(0), "queue_balance", "queue_media", "queue_comm_gb"):
        channel.queue_purge(name)
    link.close()
