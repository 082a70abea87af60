"""A conference manager asks over AMQP in a thread, and remembers and awaits notices."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pika

TENANT = "10000000-0000-4000-8000-000000000001"
Body = dict[str, Any]


class Manager:
    """A manager has a queue of its own beside other managers', and survives a broker's restart."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answers: dict[str, Body] = {}
        self.notices: list[tuple[float, Body]] = []
        self._lock = threading.Condition()
        self._stop = False
        self._out: list[tuple[str, str, Body, str]] = []
        self._queue = f"story.{uuid.uuid4().hex}"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(30)

    def close(self) -> None:
        """Disconnect, and delete the queue."""
        self._stop = True
        self._thread.join(timeout=10)

    # ---- the connection -----------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop:
            try:
                self._session()
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(0.2)

    def _session(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        channel.queue_declare(self._queue, durable=True)
        channel.queue_bind(self._queue, "MEETING.CSS.EX", "MEETING.CSS.K")
        channel.queue_bind(self._queue, "meeting.mccntf.ex", "meeting.mccntf.k")
        channel.basic_consume(self._queue, self._on_message, auto_ack=True)
        channel.confirm_delivery()
        self._ready.set()
        while not self._stop:
            connection.process_data_events(time_limit=0.02)
            while self._out:
                self._publish(channel, *self._out[0])
                self._out.pop(0)
        channel.queue_delete(self._queue)
        connection.close()

    def _publish(
        self, channel: Any, exchange: str, key: str, body: Body, correlation_id: str
    ) -> None:
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            message_id=uuid.uuid4().hex,
            correlation_id=correlation_id,
            reply_to=self._queue,
            app_id="cm",
        )
        channel.basic_publish(exchange, key, json.dumps(body).encode(), properties)

    def _on_message(self, _channel: Any, _method: Any, properties: Any, raw: bytes) -> None:
        body = json.loads(raw)
        with self._lock:
            if body["type"].endswith(("_ACK", "_NACK")) and properties.correlation_id:
                self._answers[properties.correlation_id] = body
            self.notices.append((time.monotonic(), body))
            self._lock.notify_all()

    # ---- requests ----------------------------------------------------------------------------

    def ask(self, body: Body, seconds: float = 60) -> Body:
        """Ask, and wait for the answer."""
        return self.answer_to(self.send(body), seconds)

    def send(self, body: Body) -> str:
        """Ask without waiting; return the correlation id of the request."""
        body.setdefault("reqid", uuid.uuid4().hex)
        control = body["type"].startswith("CM_MCU_")
        route = ("mau.cmmcu.ex", "cm.cmmcu.key") if control else ("MAU.CMMAU.EX", "MAU.CMMAU.K")
        correlation_id = uuid.uuid4().hex
        self._out.append((*route, body, correlation_id))
        return correlation_id

    def answer_to(self, correlation_id: str, seconds: float = 60) -> Body:
        """Wait for the answer to a request, and return it."""
        with self._lock:
            if not self._lock.wait_for(lambda: correlation_id in self._answers, seconds):
                raise TimeoutError(f"no answer in {seconds} s")
            return self._answers[correlation_id]

    def wait_for(
        self, matches: Callable[[Body], bool], since: float, seconds: float
    ) -> tuple[float, Body]:
        """Return the first notice since a moment that matches, with its time."""

        def fits() -> list[tuple[float, Body]]:
            return [
                (heard_at, body)
                for heard_at, body in self.notices
                if heard_at >= since and matches(body)
            ]

        with self._lock:
            if not self._lock.wait_for(fits, seconds):
                raise TimeoutError(f"no such notice in {seconds} s")
            return fits()[0]

    def create(self, **fields: Any) -> str:
        """Send a create request; return its correlation id."""
        body = {
            "type": "CM_MAU_CREATECONF_REQ",
            "moid": TENANT,
            "creator": {"moid": "story", "name": "story"},
            "confname": "story",
        }
        return self.send({**body, **fields})

    def release(self, number: str) -> str:
        """Send a release request; return its correlation id."""
        return self.send({"type": "CM_MAU_RELEASECONF_REQ", "confE164": number})

    def restored(self, number: str, since: float, seconds: float = 60) -> tuple[float, Body]:
        """Wait until a conference runs again; return when, and the notice that says where."""

        def running(body: Body) -> bool:
            facts = (body["type"], body.get("confE164"), body.get("state"))
            return facts == ("MAU_CM_CONFRESTORE_NTF", number, "running")

        return self.wait_for(running, since, seconds)
