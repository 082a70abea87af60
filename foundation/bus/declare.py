"""Exchanges and queues are declared here: durable, classic, and without arguments, as policies set the limits."""

from __future__ import annotations

import amqp

from foundation.bus import protocol
from foundation.bus.amqp import close, connect
from foundation.hooks import Hook

MORE_BROKERS: Hook[[], int] = Hook()
"""Declare exchanges and queues at a broker of the app's own, and return their number."""


def declare_all(url: str, platform: str) -> int:
    """Declare the whole table of routes on the broker at `url`; return the number of exchanges and queues."""
    connection = connect(url)
    count = declare(connection, platform)
    close(connection, politely=True)
    return count + sum(MORE_BROKERS.call())


def declare(connection: amqp.Connection, platform: str) -> int:
    """Declare every exchange, queue and binding, as a broker that lost its data has none.

    Return the number of exchanges and queues.
    """
    wire = protocol.current()
    channel = connection.channel()
    exchanges = {route.exchange: route.kind for route in wire.routes if route.exchange}
    for name, kind in exchanges.items():
        channel.exchange_declare(name, kind, durable=True, auto_delete=False)
    queues = {route.queue for route in wire.routes if route.queue}
    queues |= {wire.dead_letter_queue, *wire.queues_of(platform)}
    for queue in sorted(queues):
        channel.queue_declare(queue, durable=True, auto_delete=False)
    for route in wire.routes:
        if route.exchange and route.queue:
            channel.queue_bind(route.queue, route.exchange, route.key)
    channel.close()
    return len(exchanges) + len(queues)
