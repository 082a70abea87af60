"""The load generators ask for conferences over AMQP and over HTTP, and measure the latencies."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import amqp
from kombu.utils.url import parse_url

from benchmarks.bench_site import TENANT
from deploy.stand.site import Site


@dataclass(slots=True)
class LoadResult:
    """Represent the result of a load: latencies in seconds, numbers and units of conferences, errors."""

    latencies: list[float] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def summary(self) -> dict[str, float]:
        """Return the rate, percentiles in milliseconds, and the number of errors."""
        times = sorted(self.latencies) or [0.0]
        return {
            "count": len(self.latencies),
            "errors": len(self.errors),
            "per_second": round(len(self.latencies) / self.seconds, 1) if self.seconds else 0.0,
            "p50_ms": round(1e3 * times[len(times) // 2], 1),
            "p99_ms": round(1e3 * times[min(len(times) - 1, int(len(times) * 0.99))], 1),
            "max_ms": round(1e3 * times[-1], 1),
        }


class AmqpLoad:
    """A connection that plays many clients; each asks, waits for its answer, and asks again."""

    def __init__(self, site: Site) -> None:
        parts = parse_url(site.rabbitmq.url("/"))
        self._connection = amqp.Connection(
            f"{parts['hostname']}:{parts['port']}",
            userid=parts["userid"],
            password=parts["password"],
            virtual_host=parts["virtual_host"] or "/",
        )
        self._connection.connect()
        self._channel: Any = cast(Any, self._connection.channel())
        self._queue = self._channel.queue_declare("", exclusive=True).queue
        self._channel.basic_consume(self._queue, callback=self._on_answer, no_ack=True)
        self._sent_at: dict[str, float] = {}
        self._result = LoadResult()
        self._serial = 0

    def _on_answer(self, message: amqp.Message) -> None:
        """Handle an answer to a request to create a conference: note how long it took, or the error.

        An answer to no open request is ignored.
        """
        sent_at = self._sent_at.pop(message.properties["correlation_id"], None)
        body = json.loads(message.body)
        if sent_at is None:
            return
        if body["type"] == "MAU_CM_CREATECONF_ACK":
            self._result.latencies.append(time.monotonic() - sent_at)
            self._result.numbers.append(body["confE164"])
            self._result.units.append(body["mcu"].get("pid", ""))
        else:
            self._result.errors.append(str(body.get("errcode")))

    def _ask(self) -> None:
        """Send a request to create one conference, and note when it was sent."""
        self._serial += 1
        name = f"{id(self):x}-{self._serial}"
        body = {
            "type": "CM_MAU_CREATECONF_REQ",
            "reqid": name,
            "moid": TENANT,
            "confname": f"load {self._serial}",
            "creator": {"moid": "load", "name": "load"},
        }
        message = amqp.Message(
            json.dumps(body), correlation_id=name, reply_to=self._queue, delivery_mode=2
        )
        self._sent_at[name] = time.monotonic()
        self._channel.basic_publish(message, "MAU.CMMAU.EX", "MAU.CMMAU.K")

    def _handle_answers(self, seconds: float) -> None:
        with suppress(TimeoutError):
            self._connection.drain_events(timeout=seconds)

    def closed(self, count: int, clients: int) -> LoadResult:
        """Request `count` conferences in all, with at most `clients` requests unanswered; return latencies and errors.

        Raises TimeoutError after 300 s.
        """
        self._result, start, requests = LoadResult(), time.monotonic(), 0
        while len(self._result.latencies) + len(self._result.errors) < count:
            while len(self._sent_at) < clients and requests < count:
                self._ask()
                requests += 1
            self._handle_answers(1)
            if time.monotonic() - start > 300:
                raise TimeoutError(f"{len(self._sent_at)} have no answer")
        self._result.seconds = time.monotonic() - start
        return self._result

    def paced(self, count: int, per_second: float) -> LoadResult:
        """Request `count` conferences at a fixed rate, whether or not answers come; return the latencies and errors.

        Raises TimeoutError after 300 s.
        """
        self._result, start, requests = LoadResult(), time.monotonic(), 0
        while len(self._result.latencies) + len(self._result.errors) < count:
            while requests < count and time.monotonic() >= start + requests / per_second:
                self._ask()
                requests += 1
            self._handle_answers(max(0.001, start + requests / per_second - time.monotonic()))
            if time.monotonic() - start > 300:
                raise TimeoutError(f"{len(self._sent_at)} have no answer")
        self._result.seconds = time.monotonic() - start
        return self._result

    def release(self, numbers: list[str]) -> None:
        """End conferences, and wait up to 60 s until every request is answered."""
        for n, number in enumerate(numbers):
            name = f"{id(self):x}-r{number}-{n}"
            body = {"type": "CM_MAU_RELEASECONF_REQ", "reqid": name, "confE164": number}
            self._sent_at[name] = time.monotonic()
            message = amqp.Message(json.dumps(body), correlation_id=name, reply_to=self._queue)
            self._channel.basic_publish(message, "MAU.CMMAU.EX", "MAU.CMMAU.K")
        result, self._result = self._result, LoadResult()
        start = time.monotonic()
        while self._sent_at and time.monotonic() - start < 60:
            self._handle_answers(1)
        self._result = result


class HttpLoad:
    """A load of HTTP clients, each with a thread and a persistent connection."""

    def __init__(self, site: Site) -> None:
        self._address = urlsplit(site.http)
        key = site.demo["api_key"]
        person = next(a for a in site.demo["accounts"] if a["role"] == "user")
        with self._connection() as first:
            self._token = self._call(first, "/api/v1/system/token", key)[0]["account_token"]
            login = {"username": person["username"], "password": person["password"]}
            _, self._cookie = self._call(first, "/api/v1/system/login", login)

    def _connection(self) -> _Closing:
        return _Closing(self._address.hostname or "", self._address.port or 80, timeout=60)

    def _call(
        self, connection: http.client.HTTPConnection, path: str, fields: dict[str, str]
    ) -> tuple[dict[str, Any], str]:
        """Post fields to a path of the API.

        Return the JSON answer, and the cookie that it sets ("" if it sets none).
        """
        token = {"account_token": getattr(self, "_token", "")}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if hasattr(self, "_cookie"):
            headers["Cookie"] = self._cookie
        connection.request("POST", path, urlencode({**token, **fields}), headers)
        answer = connection.getresponse()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        return json.loads(answer.read()), cookie

    def closed(self, count: int, clients: int) -> LoadResult:
        """Request `count` conferences in all, from `clients` threads that wait for each answer.

        Return latencies and errors.
        """
        result, left, lock = LoadResult(), [count], threading.Lock()
        start = time.monotonic()
        threads = [
            threading.Thread(target=self._client, args=(result, left, lock)) for _ in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        result.seconds = time.monotonic() - start
        return result

    def _client(self, result: LoadResult, left: list[int], lock: threading.Lock) -> None:
        """Request conferences one by one, as long as the number left for all threads (`left[0]`) is not 0."""
        with self._connection() as c:
            while True:
                with lock:
                    if left[0] <= 0:
                        return
                    left[0] -= 1
                sent_at = time.monotonic()
                body, _ = self._call(
                    c, "/api/v1/mc/confs", {"params": '{"name":"load","duration":60}'}
                )
                if body.get("success") == 1 and str(body.get("description")) == "running":
                    result.latencies.append(time.monotonic() - sent_at)
                    result.numbers.append(body["conf_id"])
                else:
                    result.errors.append(str(body))


class _Closing(http.client.HTTPConnection):
    def __enter__(self) -> _Closing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
