"""A sample of what clients publish on their broker, each message with the user who is signed in on its connection.

A message names its sender only if the sender wants it to (property `user_id`), while the broker knows whose connection
it came over. RabbitMQ's tracer ("firehose") tells it: while it is on, the broker copies each message to the exchange
TRACE. It costs the broker as much again as the messages themselves, so it is on for a sample only.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import amqp
from django.conf import settings
from kombu.utils.url import parse_url

from foundation.bus.amqp import BROKER_ERRORS, close, connect
from foundation.bus.management_api import BrokerUnavailable
from im.data import broker
from im.rules import topology
from im.rules.messages import ClientDelivery
from im.rules.parse import sender_of
from im.rules.rate import parts_of

TRACE = "amq.rabbitmq.trace"
MOST_WAITING, MOST_WAITING_BYTES = 1000, 16 * 1024 * 1024
"""So much of a sample waits for us at most; what comes beyond is left out of it."""


class Sample(NamedTuple):
    """A sample is a count over so many seconds: user -> messages without a sender's name over the user's connections.

    A large message counts for several (`parts_of`).
    """

    counts: Counter[str]
    seconds: float


def stop_tracing() -> None:
    """Switch the tracer off, which a process that was killed may have left on. Raises BrokerUnavailable."""
    broker.set_tracing(on=False)


@contextmanager
def sample_nameless_senders(seconds: float, most: int) -> Iterator[Sample]:
    """Yield a sample of the messages for which the broker vouches for no sender, by the user who is signed in.

    It ends after so many seconds, or when a user has sent `most` of them. Our own servers are left out. The tracer is
    switched off behind the caller's block, so that who floods is put out first. Raises BrokerUnavailable.
    """
    connection = None
    try:
        connection = connect(settings.IM_AMQP_URL)
        channel, queue = _listen_to_tracer(connection)
        broker.set_tracing(on=True)
        try:
            yield _count(channel, queue, seconds, most)
        finally:
            broker.set_tracing(on=False)
    except BROKER_ERRORS as error:
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from None
    finally:
        close(connection, politely=True)


def _listen_to_tracer(connection: amqp.Connection) -> tuple[amqp.Channel, str]:
    """Bind a queue of our own to the tracer's exchange, and return the channel and the queue's name."""
    channel: Any = connection.channel()
    limits = {"x-max-length": MOST_WAITING, "x-max-length-bytes": MOST_WAITING_BYTES}
    queue = channel.queue_declare(exclusive=True, arguments=limits).queue
    for exchange in (topology.OUTGOING, topology.CLIENT):
        channel.queue_bind(queue, TRACE, f"publish.{exchange}")
    return channel, queue


def _count(channel: amqp.Channel, queue: str, seconds: float, most: int) -> Sample:
    """Return, by user, the number of messages without a vouched-for sender whose copies arrive in the tracer's queue.

    The count ends after so many seconds, or when a user has sent `most` of them.
    """
    counts = Counter[str]()

    def count(message: amqp.Message) -> None:
        """Count a traced message for the user of its connection, if nobody has sent `most` yet; a large one more."""
        if max(counts.values(), default=0) < most and (
            user := _nameless_user(message.headers or {})
        ):
            counts[user] += parts_of(len(message.body))

    channel.basic_consume(queue, no_ack=True, callback=count)
    began = time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        if max(counts.values(), default=0) >= most:
            break
        with suppress(TimeoutError):
            channel.connection.drain_events(timeout=left)
    return Sample(counts, time.monotonic() - began)


def _nameless_user(headers: dict[str, Any]) -> str:
    """Return the user over whose connection a traced message came without a sender's name that the broker has checked.

    Returns "" for messages with a sender's name, and for those of our own servers. `headers`: what the tracer adds.
    """
    user, exchange = str(headers.get("user")), str(headers.get("exchange_name"))
    if not topology.USER.fullmatch(user) or user == parse_url(settings.IM_AMQP_URL)["userid"]:
        return ""
    keys, properties = headers.get("routing_keys") or [""], headers.get("properties") or {}
    delivery = ClientDelivery(b"", exchange, str(keys[0]), str(properties.get("user_id", "")))
    return "" if sender_of(delivery) else user
