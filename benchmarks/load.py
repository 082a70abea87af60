"""Load generators: conferences asked for over AMQP and over HTTP, with their latencies."""

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
class Seen:
    """What a load has seen."""

    latencies: list[float] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def summary(self) -> dict[str, float]:
        """Rate, percentiles in milliseconds, errors."""
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
    """One connection that plays many clients: each asks, waits for its answer, asks again."""

    def __init__(self, site: Site) -> None:
        parts = parse_url(site.rabbitmq.url("/"))
        self._c = amqp.Connection(
            f"{parts['hostname']}:{parts['port']}",
            userid=parts["userid"],
            password=parts["password"],
            virtual_host=parts["virtual_host"] or "/",
        )
        self._c.connect()
        self._channel: Any = cast(Any, self._c.channel())
        self._queue = self._channel.queue_declare("", exclusive=True).queue
        self._channel.basic_consume(self._queue, callback=self._on, no_ack=True)
        self._asked: dict[str, float] = {}
        self._seen = Seen()
        self._serial = 0

    def _on(self, message: amqp.Message) -> None:
        asked_at = self._asked.pop(message.properties["correlation_id"], None)
        body = json.loads(message.body)
        if asked_at is None:
            return
        if body["type"] == "MAU_CM_CREATECONF_ACK":
            self._seen.latencies.append(time.monotonic() - asked_at)
            self._seen.numbers.append(body["confE164"])
            self._seen.units.append(body["mcu"].get("pid", ""))
        else:
            self._seen.errors.append(str(body.get("errcode")))

    def _ask(self) -> None:
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
        self._asked[name] = time.monotonic()
        self._channel.basic_publish(message, "MAU.CMMAU.EX", "MAU.CMMAU.K")

    def _drain(self, seconds: float) -> None:
        with suppress(TimeoutError):
            self._c.drain_events(timeout=seconds)

    def closed(self, count: int, clients: int) -> Seen:
        """`clients` that ask one after the other, `count` conferences in all."""
        self._seen, start, asked = Seen(), time.monotonic(), 0
        while len(self._seen.latencies) + len(self._seen.errors) < count:
            while len(self._asked) < clients and asked < count:
                self._ask()
                asked += 1
            self._drain(1)
            if time.monotonic() - start > 300:
                raise TimeoutError(f"{len(self._asked)} have no answer")
        self._seen.seconds = time.monotonic() - start
        return self._seen

    def paced(self, count: int, per_second: float) -> Seen:
        """`count` conferences at a fixed rate, whatever the answers do."""
        self._seen, start, asked = Seen(), time.monotonic(), 0
        while len(self._seen.latencies) + len(self._seen.errors) < count:
            while asked < count and time.monotonic() >= start + asked / per_second:
                self._ask()
                asked += 1
            self._drain(max(0.001, start + asked / per_second - time.monotonic()))
            if time.monotonic() - start > 300:
                raise TimeoutError(f"{len(self._asked)} have no answer")
        self._seen.seconds = time.monotonic() - start
        return self._seen

    def release(self, numbers: list[str]) -> None:
        """End conferences, and wait until that is answered."""
        for n, number in enumerate(numbers):
            name = f"{id(self):x}-r{number}-{n}"
            body = {"type": "CM_MAU_RELEASECONF_REQ", "reqid": name, "confE164": number}
            self._asked[name] = time.monotonic()
            message = amqp.Message(json.dumps(body), correlation_id=name, reply_to=self._queue)
            self._channel.basic_publish(message, "MAU.CMMAU.EX", "MAU.CMMAU.K")
        kept, self._seen = self._seen, Seen()
        start = time.monotonic()
        while self._asked and time.monotonic() - start < 60:
            self._drain(1)
        self._seen = kept


class HttpLoad:
    """Clients over HTTP, a thread and a kept connection each."""

    def __init__(self, site: Site) -> None:
        self._where = urlsplit(site.http)
        key = site.demo["api_key"]
        person = next(a for a in site.demo["accounts"] if a["role"] == "user")
        with self._connection() as first:
            self._token = self._call(first, "/api/v1/system/token", key)[0]["account_token"]
            login = {"username": person["username"], "password": person["password"]}
            _, self._cookie = self._call(first, "/api/v1/system/login", login)

    def _connection(self) -> _Closing:
        return _Closing(self._where.hostname or "", self._where.port or 80, timeout=60)

    def _call(
        self, c: http.client.HTTPConnection, path: str, fields: dict[str, str]
    ) -> tuple[dict[str, Any], str]:
        token = {"account_token": getattr(self, "_token", "")}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if hasattr(self, "_cookie"):
            headers["Cookie"] = self._cookie
        c.request("POST", path, urlencode({**token, **fields}), headers)
        answer = c.getresponse()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        return json.loads(answer.read()), cookie

    def closed(self, count: int, clients: int) -> Seen:
        """`clients` threads that ask one after the other, `count` conferences in all."""
        seen, left, lock = Seen(), [count], threading.Lock()
        start = time.monotonic()
        threads = [
            threading.Thread(target=self._client, args=(seen, left, lock)) for _ in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen.seconds = time.monotonic() - start
        return seen

    def _client(self, seen: Seen, left: list[int], lock: threading.Lock) -> None:
        with self._connection() as c:
            while True:
                with lock:
                    if left[0] <= 0:
                        return
                    left[0] -= 1
                asked_at = time.monotonic()
                body, _ = self._call(
                    c, "/api/v1/mc/confs", {"params": '{"name":"load","duration":60}'}
                )
                if body.get("success") == 1 and str(body.get("description")) == "running":
                    seen.latencies.append(time.monotonic() - asked_at)
                    seen.numbers.append(body["conf_id"])
                else:
                    seen.errors.append(str(body))


class _Closing(http.client.HTTPConnection):
    def __enter__(self) -> _Closing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
