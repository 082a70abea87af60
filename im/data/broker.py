"""The clients' broker: what is declared there, each person's exchange, and clients' connections.

What a client may do is decided by the auth backend (`im.api.broker_auth`), not by these
declarations.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import amqp
from django.conf import settings

from foundation.bus import limits, management_api
from foundation.bus.amqp import BROKER_ERRORS, Publisher, close, connect
from foundation.bus.limits import DAY_MS, HOUR_MS, MIB, QueueLimit
from foundation.bus.management_api import BrokerUnavailable
from foundation.bus.outbox import OutboxRow
from im.rules import topology
from im.rules.plugins import parked_queue, plugin_queue
from im.rules.stages import StageName, stage_queue

log = logging.getLogger("im.broker")

MOST_CENTERS = 16
_DURABLE: dict[str, Any] = {"durable": True, "auto_delete": False}
_EXCHANGES = {
    topology.OUTGOING: "fanout",
    topology.INCOMING: "topic",
    topology.CLIENT: "topic",
    topology.BASE: "topic",
} | {
    topology.GB: "topic",
    topology.SHARDS: "x-consistent-hash",
}
_INGRESS = {
    "x-queue-type": "quorum",
    "x-single-active-consumer": True,  # a second center of the same number stands by
    "x-max-length": 100_000,
    "x-overflow": "reject-publish",
    "x-delivery-limit": 20,
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": topology.DEAD,
}
_PARKED = {"x-queue-type": "quorum", "x-max-length": 10_000, "x-overflow": "reject-publish"}
"""Messages are fetched from it one by one, which the broker refuses where a queue has a single active consumer."""
_SERVICES = {
    topology.CENTER_QUEUE: [(topology.BASE, "center"), (topology.GB, "center")],
    topology.BALANCE_QUEUE: [(topology.BASE, "balance"), (topology.BASE, "balance.#")],
    topology.MEDIA_QUEUE: [(topology.BASE, "media"), (topology.BASE, "media.#")],
    topology.GB_QUEUE: [(topology.GB, "comm_gb")],
}
DEVICES = r"^(queue_[um]_|mqtt-subscription-|stomp-subscription-)"
LIMITS = (
    # A device's queue may lose its oldest messages, since clients fill gaps by `seq`.
    QueueLimit(
        "im.devices",
        DEVICES,
        {
            "max-length": 10_000,
            "max-length-bytes": 16 * MIB,
            "message-ttl": HOUR_MS,
            "expires": DAY_MS,
        },
    ),
    QueueLimit(
        "im.services",
        rf"^({topology.CENTER_QUEUE}|{topology.BALANCE_QUEUE}|{topology.MEDIA_QUEUE}|{topology.GB_QUEUE}|{topology.DEAD})$",
        {"max-length": 10_000, "max-length-bytes": 16 * MIB, "message-ttl": DAY_MS},
    ),
    # Load balancers and media servers declare queues of their own, and may never come back.
    QueueLimit(
        "im.servers",
        rf"^({topology.BALANCE_QUEUE}|{topology.MEDIA_QUEUE})_",
        {
            "max-length": 10_000,
            "max-length-bytes": 16 * MIB,
            "message-ttl": DAY_MS,
            "expires": 7 * DAY_MS,
        },
    ),
    # No other copy exists of a message that waits for a center: a full queue refuses new ones.
    QueueLimit("im.ingress", rf"^{topology.INGRESS}(\.[0-9]+)?$", {"max-length-bytes": 128 * MIB}),
    QueueLimit("im.stages", rf"^{re.escape(topology.STAGES)}", {"max-length-bytes": 128 * MIB}),
    QueueLimit("im.plugins", r"^im\.plugin\.", {"max-length-bytes": 128 * MIB}),
)
VHOST_LIMITS = {"max-connections": 20_000, "max-queues": 40_000}

T = TypeVar("T")

# ---- declarations -------------------------------------------------------------------------------


def declare(connection: amqp.Connection | None = None) -> int:
    """Declare at the clients' broker the exchanges, queues and bindings for `settings.IM_CENTERS` message centers.

    Return the number of exchanges and queues. Uses the given connection, or opens one of its own.
    Raises one of BROKER_ERRORS.
    """
    used_connection = connection or connect(settings.IM_AMQP_URL)
    try:
        channel: amqp.Channel = used_connection.channel()
        for name, kind in _EXCHANGES.items():
            channel.exchange_declare(name, kind, **_DURABLE)
        channel.queue_declare(topology.DEAD, **_DURABLE)
        for queue, keys in _SERVICES.items():
            channel.queue_declare(queue, **_DURABLE)
            for exchange, key in keys:
                channel.queue_bind(queue, exchange, key)
        _bind_centers(channel, settings.IM_CENTERS)
        stages = _stage_queues()
        for queue in stages:
            channel.queue_declare(queue, arguments=_INGRESS, **_DURABLE)
        channel.close()
    finally:
        if connection is None:
            close(used_connection, politely=True)
    queues_of_dead_messages = 1
    queues = len(_SERVICES) + int(settings.IM_CENTERS) + len(stages) + queues_of_dead_messages
    return len(_EXCHANGES) + queues


def _stage_queues() -> list[str]:
    """Return the queues between the stages of all message centers; [] where one process runs all stages."""
    if settings.IM_STAGES != "distributed":
        return []
    later = [stage for stage in StageName if stage is not StageName.STREAM]
    return [stage_queue(stage, number) for number in range(settings.IM_CENTERS) for stage in later]


def declare_and_limit() -> int:
    """Declare exchanges and queues, and set the limits that clients cannot change.

    Return the number of exchanges and queues. Raises one of BROKER_ERRORS or BrokerUnavailable.
    """
    count = declare()
    set_limits()
    return count


def _bind_centers(channel: amqp.Channel, centers: int) -> None:
    """Bind the queues of so many message centers: a single queue gets all messages, several get a share each.

    Messages of one conversation always go to the same center. The new binding is made before the old
    one is removed, so for a moment a message may arrive twice, but none is lost.
    """
    is_shared = centers > 1
    for number in range(centers):
        channel.queue_declare(topology.ingress(number), arguments=_INGRESS, **_DURABLE)
        if is_shared:
            channel.queue_bind(topology.ingress(number), topology.SHARDS, "1")
    for source, key in ((topology.OUTGOING, ""), (topology.CLIENT, "out.#")):
        if is_shared:
            channel.exchange_bind(topology.SHARDS, source, key)
            channel.queue_unbind(topology.INGRESS, source, key)
        else:
            channel.queue_bind(topology.INGRESS, source, key)
            channel.exchange_unbind(topology.SHARDS, source, key)
    for number in range(centers if is_shared else 0, MOST_CENTERS):
        channel.queue_unbind(topology.ingress(number), topology.SHARDS, "1")
    for source in (topology.INCOMING, topology.BASE):
        channel.exchange_bind(topology.CLIENT, source, "in.#")


# ---- a person's exchange --------------------------------------------------------------------------


class _SharedConnection:
    """The connection to the broker over which a process declares people's exchanges; it is kept open to be fast."""

    STALE_SECONDS = 15.0
    """Nobody sends heartbeats on it: after twice the heartbeat interval the broker closes it."""

    def __init__(self) -> None:
        """Begin without a connection; it is opened when it is first needed."""
        self._lock = threading.Lock()
        self._connection: amqp.Connection | None = None
        self._used = 0.0

    def run_on_channel(self, work: Callable[[amqp.Channel], T]) -> T:
        """Call `work` with a channel and return its result; once more on a new connection if the old one was closed.

        Raises BrokerUnavailable.
        """
        with self._lock:
            for is_last in (False, True):
                try:
                    return self._run_once(work)
                except BROKER_ERRORS as error:
                    close(self._connection)
                    self._connection = None
                    if is_last:
                        raise BrokerUnavailable(str(error)) from None
        raise AssertionError

    def _run_once(self, work: Callable[[amqp.Channel], T]) -> T:
        """Return the result of `work` on the open connection, or on a new one if that was unused for STALE_SECONDS."""
        if time.monotonic() - self._used > self.STALE_SECONDS:
            close(self._connection)
            self._connection = None
        connection = self._connection = self._connection or connect(settings.IM_AMQP_URL)
        result = work(connection.channel(1))
        self._used = time.monotonic()
        return result


_shared_connection = _SharedConnection()


def ensure_user(user: str) -> None:
    """Create the exchange from which a person's devices get their messages, unless it exists. Raises BrokerUnavailable.

    It is made at sign-in and disappears with the last queue that was bound to it.
    """
    _shared_connection.run_on_channel(lambda channel: _declare_user(channel, user))


def _declare_user(channel: amqp.Channel, user: str) -> None:
    """Declare a person's exchange, bind it to the exchanges that send to this person, and wait for the broker."""
    name = topology.user_exchange(user)
    channel.exchange_declare(name, "fanout", durable=False, auto_delete=True, nowait=True)
    for source, key in (
        (topology.INCOMING, topology.user_key(user)),
        (topology.BASE, topology.user_key(user)),
        (topology.BASE, "event"),
        (topology.BASE, "broadcast"),
    ):
        channel.exchange_bind(name, source, key, nowait=True)
    # The broker answers this one, after it has done all of the above.
    channel.exchange_declare(name, "fanout", passive=True)


# ---- the management API ---------------------------------------------------------------------------


def close_connections(user: str) -> None:
    """Close all connections of a person, under every protocol. Raises BrokerUnavailable."""
    _call_management("DELETE", f"/connections/username/{_quoted(user)}", reason="signed out")


def connected_users() -> set[str]:
    """Return the users who are connected. Raises BrokerUnavailable.

    Users over MQTT or STOMP appear in the list up to LISTED_SECONDS after they have connected.
    """
    connections = _rows(f"/vhosts/{_vhost()}/connections?columns=user")
    return {str(connection["user"]) for connection in connections if connection.get("user")}


LISTED_SECONDS = 6.0


def set_tracing(*, on: bool) -> None:
    """Switch the tracer of the clients' virtual host on or off (see `firehose`). Raises BrokerUnavailable.

    The management API writes the virtual host's description, tags and default queue type anew as well, and blanks
    those that it is not sent.
    """
    name = unquote(_vhost())
    (host,) = [row for row in _rows("/vhosts") if row["name"] == name]
    kept = {key: host[key] for key in ("description", "tags") if host.get(key)}
    if isinstance(tags := kept.get("tags"), list):
        kept["tags"] = ",".join(tags)
    if (queue_type := host.get("default_queue_type")) in ("classic", "quorum", "stream"):
        kept["default_queue_type"] = queue_type
    _call_management("PUT", f"/vhosts/{_vhost()}", {**kept, "tracing": on})


def set_limits() -> None:
    """Set the broker's operator policies and its virtual host's limits, which no client can change.

    Raises BrokerUnavailable.
    """
    limits.set_limits(settings.IM_MANAGEMENT_URL, settings.IM_AMQP_URL, LIMITS)
    for name, value in VHOST_LIMITS.items():
        _call_management("PUT", f"/vhost-limits/{_vhost()}/{name}", {"value": value})


def device_queues() -> list[dict[str, object]]:
    """Return all queues of the clients' broker, each with `name`, `type`, `arguments`. Raises BrokerUnavailable."""
    return _rows(f"/queues/{_vhost()}?columns=name,type,arguments")


def waiting_in(prefix: str) -> dict[str, int]:
    """Return how many messages wait in each queue whose name begins like this. Raises BrokerUnavailable."""
    rows = _rows(f"/queues/{_vhost()}?columns=name,messages")
    counts = {str(row["name"]): int(str(row.get("messages", 0))) for row in rows}
    return {name: count for name, count in counts.items() if name.startswith(prefix)}


def declare_plugin(name: str, *, return_parked: bool = False) -> None:
    """Declare the queues of a plugin that hears of all messages. Raises one of BROKER_ERRORS.

    `return_parked`: put the messages on which it has failed back into its queue.
    """
    link = connect(settings.IM_AMQP_URL)
    try:
        channel: amqp.Channel = link.channel()
        queue, parked = plugin_queue(name), parked_queue(name)
        channel.queue_declare(queue, arguments=_INGRESS, **_DURABLE)
        channel.queue_declare(parked, arguments=_PARKED, **_DURABLE)
        channel.queue_bind(queue, topology.INCOMING, "*")  # c_<id>; keys of people have two words
    finally:
        close(link, politely=True)
    if return_parked:
        _return_parked(name)


def _return_parked(name: str) -> None:
    """Put all messages on which a plugin has failed back into its queue.

    Each is removed from the queue of parked messages when the broker has confirmed it.
    """
    publisher = Publisher(settings.IM_AMQP_URL)
    try:
        channel: amqp.Channel = publisher.connection.channel()
        for _ in range(publisher.count_waiting(parked_queue(name))):
            message = channel.basic_get(parked_queue(name))
            if message is None:
                break
            body = message.body if isinstance(message.body, bytes) else message.body.encode()
            publisher.publish([OutboxRow(0, "", plugin_queue(name), body, {})])
            channel.basic_ack(message.delivery_tag or 0)
    finally:
        publisher.close()


def remove_plugin(name: str) -> None:
    """Delete the queues of a plugin with all that waits in them. Raises one of BROKER_ERRORS."""
    link = connect(settings.IM_AMQP_URL)
    try:
        channel: amqp.Channel = link.channel()
        for queue in (plugin_queue(name), parked_queue(name)):
            channel.queue_delete(queue)
    finally:
        close(link, politely=True)


def delete_queues(names: Iterable[str]) -> None:
    """Delete queues with all messages in them. Raises BrokerUnavailable."""
    for name in names:
        _call_management("DELETE", f"/queues/{_vhost()}/{_quoted(name)}")


def _vhost() -> str:
    """Return the virtual host of the clients' broker, quoted for a path of the management API."""
    return management_api.vhost_in_path(settings.IM_AMQP_URL)


def _quoted(text: str) -> str:
    """Return a text quoted for a path of the management API."""
    return quote(text, safe="")


def _rows(path: str) -> list[dict[str, object]]:
    """Return the list at a path of the management API. Raises BrokerUnavailable."""
    return management_api.list_rows(settings.IM_MANAGEMENT_URL, path)


def _call_management(method: str, path: str, body: object = None, reason: str = "") -> None:
    """Call the management API of the clients' broker. Raises BrokerUnavailable."""
    management_api.call_api(settings.IM_MANAGEMENT_URL, method, path, body, reason)
