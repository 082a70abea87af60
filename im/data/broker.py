"""The clients' broker: its declarations, each person's exchange, and connections to close.

What a client may do is decided by the auth backend (`im.api.broker_auth`), not by these
declarations.
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

from foundation.bus.amqp import BROKER_ERRORS, close, connect
from im.rules import topology as t

log = logging.getLogger("im.broker")

DEAD = "im.dead"
"""This queue receives messages that no center could handle, however often it tried."""
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
"""A device's queue may lose its oldest messages, since clients fill gaps by `seq`."""
SERVICE_LIMITS = {
    "pattern": rf"^({t.CENTER_QUEUE}|{t.BALANCE_QUEUE}|{t.MEDIA_QUEUE}|{t.GB_QUEUE}|{DEAD})$",
    "apply-to": "queues",
    "priority": 0,
    "definition": {"max-length": 10_000, "message-ttl": 24 * _HOUR_MS},
}
VHOST_LIMITS = {"max-connections": 20_000, "max-queues": 40_000}


class BrokerUnavailable(Exception):
    """The clients' broker does not answer as it should; it is safe to try again."""


T = TypeVar("T")

# ---- declarations -------------------------------------------------------------------------------


def declare(connection: amqp.Connection | None = None) -> int:
    """Declare exchanges, queues and bindings for `settings.IM_CENTERS` centers; return how many.

    Uses the given connection, or opens one of its own. Raises one of BROKER_ERRORS.
    """
    own = connection or connect(settings.IM_AMQP_URL)
    try:
        channel: amqp.Channel = own.channel()
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
            close(own, politely=True)
    return len(_EXCHANGES) + len(_SERVICES) + int(settings.IM_CENTERS) + 1


def declare_and_limit() -> int:
    """Declare everything and set the limits that clients cannot change; return as `declare` does.

    Raises one of BROKER_ERRORS or BrokerUnavailable.
    """
    count = declare()
    limit()
    return count


def _bind_centers(channel: amqp.Channel, centers: int) -> None:
    """Bind the centers' queues: one center reads directly, several share by conversation.

    The new binding is made before the old one is removed, so for a moment a message may arrive
    twice, but none is lost.
    """
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


class _SharedConnection:
    """The connection of this process for persons' exchanges, kept open because connecting is slow."""

    STALE_SECONDS = 15.0
    """Nobody sends heartbeats on it: after twice the heartbeat interval the broker closes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: amqp.Connection | None = None
        self._used = 0.0

    def do(self, work: Callable[[amqp.Channel], T]) -> T:
        """Run `work` on a channel, and once more on a new connection if the old one was dead.

        Raises BrokerUnavailable.
        """
        with self._lock:
            for is_last in (False, True):
                try:
                    return self._once(work)
                except BROKER_ERRORS as error:
                    close(self._connection)
                    self._connection = None
                    if is_last:
                        raise BrokerUnavailable(str(error)) from None
        raise AssertionError

    def _once(self, work: Callable[[amqp.Channel], T]) -> T:
        if time.monotonic() - self._used > self.STALE_SECONDS:
            close(self._connection)
            self._connection = None
        connection = self._connection = self._connection or connect(settings.IM_AMQP_URL)
        result = work(connection.channel(1))
        self._used = time.monotonic()
        return result


_shared_connection = _SharedConnection()


def ensure_user(user: str) -> None:
    """Create the person's exchange with its bindings, unless it exists. Raises BrokerUnavailable.

    It is made at sign-in and disappears with the last queue that was bound to it.
    """
    _shared_connection.do(lambda channel: _declare_user(channel, user))


def _declare_user(channel: amqp.Channel, user: str) -> None:
    name = t.user_exchange(user)
    channel.exchange_declare(name, "fanout", durable=False, auto_delete=True, nowait=True)
    for source, key in (
        (t.INCOMING, t.user_key(user)),
        (t.BASE, t.user_key(user)),
        (t.BASE, "event"),
        (t.BASE, "broadcast"),
    ):
        channel.exchange_bind(name, source, key, nowait=True)
    channel.exchange_declare(
        name, "fanout", passive=True
    )  # the broker answers this when all of the above is done


# ---- the management API ---------------------------------------------------------------------------


def close_connections(user: str) -> None:
    """Close all connections of a person, under every protocol. Raises BrokerUnavailable."""
    _call_management("DELETE", f"/connections/username/{_in_path(user)}", reason="signed out")


def connected_users() -> set[str]:
    """Return the users who are connected. Raises BrokerUnavailable.

    Users over MQTT or STOMP appear in the list up to LISTED_SECONDS after they have connected.
    """
    connections = _call_management("GET", f"/vhosts/{_vhost()}/connections?columns=user") or ()
    return {connection["user"] for connection in connections if connection.get("user")}


LISTED_SECONDS = 6.0


def limit() -> None:
    """Set operator policies and the virtual host's limits, which no client can change.

    Raises BrokerUnavailable.
    """
    _call_management("PUT", f"/operator-policies/{_vhost()}/im.devices", DEVICE_LIMITS)
    _call_management("PUT", f"/operator-policies/{_vhost()}/im.services", SERVICE_LIMITS)
    for name, value in VHOST_LIMITS.items():
        _call_management("PUT", f"/vhost-limits/{_vhost()}/{name}", {"value": value})


def device_queues() -> list[dict[str, Any]]:
    """Return the clients' queues with `name`, `type`, `arguments`. Raises BrokerUnavailable."""
    queues: list[dict[str, Any]] = (
        _call_management("GET", f"/queues/{_vhost()}?columns=name,type,arguments") or []
    )
    return queues


def delete_queues(names: Iterable[str]) -> None:
    """Delete queues with all that is in them. Raises BrokerUnavailable."""
    for name in names:
        _call_management("DELETE", f"/queues/{_vhost()}/{_in_path(name)}")


def _vhost() -> str:
    return str(settings.IM_AMQP_URL).rpartition("/")[2].partition("?")[0]


def _in_path(text: str) -> str:
    return quote(text, safe="")


def _call_management(method: str, path: str, body: object = None, reason: str = "") -> Any:
    """Call the management API; `None` means that the named thing does not exist.

    Raises BrokerUnavailable.
    """
    url = urlsplit(settings.IM_MANAGEMENT_URL)
    if not url.hostname:
        raise BrokerUnavailable("IM_MANAGEMENT_URL is not set")
    connection_class = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = connection_class(url.hostname, url.port, timeout=5)
    credentials = b64encode(f"{unquote(url.username or '')}:{unquote(url.password or '')}".encode())
    headers = {"Authorization": f"Basic {credentials.decode()}", "Content-Type": "application/json"}
    if reason:
        headers["X-Reason"] = reason
    try:
        payload = None if body is None else orjson.dumps(body)
        connection.request(method, f"{url.path.rstrip('/')}/api{path}", payload, headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as error:
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from None
    finally:
        connection.close()
    if answer.status == 404:
        return None
    if answer.status >= 300:
        raise BrokerUnavailable(f"{method} {path.partition('?')[0]}: {answer.status}")
    return orjson.loads(text) if text else None
