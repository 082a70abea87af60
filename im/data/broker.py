"""The broker of people's clients: what is declared there, a person's exchange, and connections that are closed.

What clients may do is decided by the door (`im.api.broker_auth`), not by what is declared.
"""

from __future__ import annotations

import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

import amqp
import orjson
from django.conf import settings

from foundation.bus.amqp import BROKER_ERRORS, connect, hang_up
from im.rules import topology as t

log = logging.getLogger("im.broker")

DEAD = "im.dead"
"""What no center could read, however often it tried."""
MOST_CENTERS = 16
_DURABLE: dict[str, Any] = {"durable": True, "auto_delete": False}
_EXCHANGES = {t.OUTGOING: "fanout", t.INCOMING: "topic", t.CLIENT: "topic", t.BASE: "topic"} | {
    t.GB: "topic",
    t.SHARDS: "x-consistent-hash",
}
_INGRESS = {
    "x-queue-type": "quorum",
    "x-single-active-consumer": True,  # a second center of the same number stands by
    "x-max-length": 100_000,
    "x-overflow": "reject-publish",
    "x-delivery-limit": 20,
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": DEAD,
}
_SERVICES = {
    t.CENTER_QUEUE: [(t.BASE, "center"), (t.GB, "center")],
    t.BALANCE_QUEUE: [(t.BASE, "balance")],
    t.MEDIA_QUEUE: [(t.BASE, "media")],
    t.GB_QUEUE: [(t.GB, "comm_gb")],
}
_HOUR_MS = 3600 * 1000
DEVICES = r"^(queue_[um]_|mqtt-subscription-|stomp-subscription-)"
DEVICE_LIMITS = {
    "pattern": DEVICES,
    "apply-to": "queues",
    "priority": 0,
    "definition": {"max-length": 10_000, "message-ttl": _HOUR_MS, "expires": 24 * _HOUR_MS},
}
"""An operator policy: the head of a device's queue may go, since clients repair by `seq`."""
SERVICE_LIMITS = {
    "pattern": rf"^({t.CENTER_QUEUE}|{t.BALANCE_QUEUE}|{t.MEDIA_QUEUE}|{t.GB_QUEUE}|{DEAD})$",
    "apply-to": "queues",
    "priority": 0,
    "definition": {"max-length": 10_000, "message-ttl": 24 * _HOUR_MS},
}
VHOST_LIMITS = {"max-connections": 20_000, "max-queues": 40_000}


class BrokerAway(Exception):
    """The clients' broker does not answer as it should; it is safe to try again."""


T = TypeVar("T")

# ---- what is there for everybody ----------------------------------------------------------------


def declare(connection: amqp.Connection | None = None) -> int:
    """Declare exchanges, queues and bindings for `settings.IM_CENTERS` centers, on this connection or
    one of its own; how many. Raises one of BROKER_ERRORS."""
    own = connection or connect(settings.IM_AMQP_URL)
    try:
        channel: Any = own.channel()
        for name, kind in _EXCHANGES.items():
            channel.exchange_declare(name, kind, **_DURABLE)
        channel.queue_declare(DEAD, **_DURABLE)
        for queue, keys in _SERVICES.items():
            channel.queue_declare(queue, **_DURABLE)
            for exchange, key in keys:
                channel.queue_bind(queue, exchange, key)
        _bind_centers(channel, settings.IM_CENTERS)
        channel.close()
    finally:
        if connection is None:
            hang_up(own, politely=True)
    return len(_EXCHANGES) + len(_SERVICES) + int(settings.IM_CENTERS) + 1


def declare_and_limit() -> int:
    """Declare all, and what clients cannot change: see `declare`. Raises BrokerAway too."""
    count = declare()
    limit()
    return count


def _bind_centers(channel: Any, centers: int) -> None:
    """One center reads what clients say directly, several share it by conversation. The new way is bound
    before the old one is cut: for a moment a message may come twice, none is lost."""
    shared = centers > 1
    for number in range(centers):
        channel.queue_declare(t.ingress(number), arguments=_INGRESS, **_DURABLE)
        if shared:
            channel.queue_bind(t.ingress(number), t.SHARDS, "1")
    for source, key in ((t.OUTGOING, ""), (t.CLIENT, "out.#")):
        if shared:
            channel.exchange_bind(t.SHARDS, source, key)
            channel.queue_unbind(t.INGRESS, source, key)
        else:
            channel.queue_bind(t.INGRESS, source, key)
            channel.exchange_unbind(t.SHARDS, source, key)
    for number in range(centers if shared else 0, MOST_CENTERS):
        channel.queue_unbind(t.ingress(number), t.SHARDS, "1")
    for source in (t.INCOMING, t.BASE):
        channel.exchange_bind(t.CLIENT, source, "in.#")


# ---- a person's exchange --------------------------------------------------------------------------


class _Own:
    """This process' connection for persons' exchanges: kept, since a new one costs more than the work."""

    STALE_SECONDS = 15.0
    """Nobody ticks it: after twice its heartbeat the broker hangs up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: amqp.Connection | None = None
        self._used = 0.0

    def do(self, work: Callable[[Any], T]) -> T:
        """Work on a channel; once more on a new connection if the old one had died. Raises BrokerAway."""
        with self._lock:
            for last in (False, True):
                try:
                    return self._once(work)
                except BROKER_ERRORS as wrong:
                    hang_up(self._connection)
                    self._connection = None
                    if last:
                        raise BrokerAway(str(wrong)) from None
        raise AssertionError

    def _once(self, work: Callable[[Any], T]) -> T:
        if time.monotonic() - self._used > self.STALE_SECONDS:
            hang_up(self._connection)
            self._connection = None
        connection = self._connection = self._connection or connect(settings.IM_AMQP_URL)
        done = work(connection.channel(1))
        self._used = time.monotonic()
        return done


_own = _Own()


def ensure_user(user: str) -> None:
    """The person's exchange with its bindings is there: made at sign-in, gone with the last queue that was
    bound to it. Raises BrokerAway."""
    _own.do(lambda channel: _make(channel, user))


def _make(channel: Any, user: str) -> None:
    name = t.user_exchange(user)
    channel.exchange_declare(name, "fanout", durable=False, auto_delete=True, nowait=True)
    for source, key in (
        (t.INCOMING, t.user_key(user)),
        (t.BASE, t.user_key(user)),
        (t.BASE, "event"),
        (t.BASE, "broadcast"),
    ):
        channel.exchange_bind(name, source, key, nowait=True)
    channel.exchange_declare(name, "fanout", passive=True)  # answered when all of it is done


# ---- what an operator would do --------------------------------------------------------------------


def close_connections(user: str) -> None:
    """Close all connections of a person, under every protocol. Raises BrokerAway."""
    _asked("DELETE", f"/connections/username/{_in_path(user)}", reason="signed out")


def connected() -> set[str]:
    """Who is connected; whoever came over MQTT or STOMP is named up to LISTED_SECONDS later. Raises
    BrokerAway."""
    found = _asked("GET", f"/vhosts/{_vhost()}/connections?columns=user") or ()
    return {one["user"] for one in found if one.get("user")}


LISTED_SECONDS = 6.0


def limit() -> None:
    """Operator policies and the virtual host's limits: what no client can change. Raises BrokerAway."""
    _asked("PUT", f"/operator-policies/{_vhost()}/im.devices", DEVICE_LIMITS)
    _asked("PUT", f"/operator-policies/{_vhost()}/im.services", SERVICE_LIMITS)
    for name, value in VHOST_LIMITS.items():
        _asked("PUT", f"/vhost-limits/{_vhost()}/{name}", {"value": value})


def device_queues() -> list[dict[str, Any]]:
    """Clients' queues with `name`, `type`, `arguments`. Raises BrokerAway."""
    found: list[dict[str, Any]] = (
        _asked("GET", f"/queues/{_vhost()}?columns=name,type,arguments") or []
    )
    return found


def delete_queues(names: Iterable[str]) -> None:
    """Whatever is in them goes as well. Raises BrokerAway."""
    for name in names:
        _asked("DELETE", f"/queues/{_vhost()}/{_in_path(name)}")


def _vhost() -> str:
    return str(settings.IM_AMQP_URL).rpartition("/")[2].partition("?")[0]


def _in_path(text: str) -> str:
    return quote(text, safe="")


def _asked(method: str, path: str, body: Any = None, reason: str = "") -> Any:
    """What the management API says; None where what is named is not there. Raises BrokerAway."""
    where = urlsplit(settings.IM_MANAGEMENT_URL)
    if not where.hostname:
        raise BrokerAway("IM_MANAGEMENT_URL is not set")
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    link = kind(where.hostname, where.port, timeout=5)
    key = b64encode(f"{unquote(where.username or '')}:{unquote(where.password or '')}".encode())
    headers = {"Authorization": f"Basic {key.decode()}", "Content-Type": "application/json"}
    if reason:
        headers["X-Reason"] = reason
    try:
        said = None if body is None else orjson.dumps(body)
        link.request(method, f"{where.path.rstrip('/')}/api{path}", said, headers)
        answer = link.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as wrong:
        raise BrokerAway(f"{type(wrong).__name__}: {wrong}") from None
    finally:
        link.close()
    if answer.status == 404:
        return None
    if answer.status >= 300:
        raise BrokerAway(f"{method} {path.partition('?')[0]}: {answer.status}")
    return orjson.loads(text) if text else None
