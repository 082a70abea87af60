"""The module declares exchanges and queues at a broker: durable, classic, and without arguments.

Limits of queues are set by policies of the broker instead, which can be changed later.
"""

from __future__ import annotations

import amqp
from django.conf import settings

from foundation.bus import protocol
from foundation.bus.amqp import close, connect
from foundation.bus.protocol import Route
from foundation.hooks import Hook

MORE_BROKERS: Hook[[], int] = Hook()
"""Receivers declare exchanges and queues at brokers of their own, and return how many."""


def declare_all(url: str, platform: str) -> int:
    """Declare all exchanges and queues on the broker at `url`, and on the brokers that apps add to MORE_BROKERS.

    Return how many there are.
    """
    connection = connect(url)
    count = declare(connection, platform)
    close(connection, politely=True)
    return count + sum(MORE_BROKERS.call())


def declared_routes() -> list[Route]:
    """Return the routes (exchange, routing key, queue) that this site needs: those of no role, and of its own roles."""
    roles = {"", *settings.ROLES}
    return [route for route in protocol.current().routes if route.role in roles]


def declare(connection: amqp.Connection, platform: str) -> int:
    """Declare the exchanges, queues and bindings of a platform's broker, and return the number of exchanges and queues.

    Existing ones are left as they are. A broker that has lost its data gets them anew.
    """
    wire_protocol, routes = protocol.current(), declared_routes()
    channel = connection.channel()
    exchanges = {route.exchange: route.kind for route in routes if route.exchange}
    for name, kind in exchanges.items():
        channel.exchange_declare(name, kind, durable=True, auto_delete=False)
    queues = {route.queue for route in routes if route.queue}
    queues |= {wire_protocol.dead_letter_queue, *wire_protocol.queues_of(platform)}
    for queue in sorted(queues):
        channel.queue_declare(queue, durable=True, auto_delete=False)
    for route in routes:
        if route.exchange and route.queue:
            channel.queue_bind(route.queue, route.exchange, route.key)
    channel.close()
    return len(exchanges) + len(queues)
