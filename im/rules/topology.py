"""The names of exchanges, queues and keys in the clients' virtual host.

See IM §6, §10.1, §10.2 and docs/im.md.
"""

from __future__ import annotations

import re

OUTGOING = "conversation.outgoing"
"""A fanout exchange: AMQP and STOMP clients publish here."""
INCOMING = "conversation.incoming"
"""A topic exchange: the message center publishes here what it has accepted."""
CLIENT = "im.client"
"""A topic exchange: the MQTT plugin's own."""
BASE = "exchange_base"
"""The topic exchange of the broker to which notices for clients are published."""
GB = "exchange_comm_gb"
"""A topic exchange for GB28181."""
INGRESS = "chat-app-message"
CENTER_QUEUE = "queue_center"
BALANCE_QUEUE = "queue_balance"
MEDIA_QUEUE = "queue_media"
GB_QUEUE = "queue_comm_gb"
STAGES = "im.stage."
"""The names of the queues between the stages of a message center begin with this."""
DEAD = "im.dead"
"""This queue receives messages that no center could handle, however often it tried."""
SHARDS = "im.shards"
"""A consistent-hash exchange, which shares the messages among several centers by key."""

SERVER_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
"""The id of a load balancer or media server that can have a queue of its own."""
USER = re.compile(r"[A-Za-z0-9-]{1,40}")
"""A user id is the account's MOID."""


def conversation_key(conversation: int | str) -> str:
    """Return the routing key of all messages about a conversation."""
    return f"c_{conversation}"


def user_key(user: str) -> str:
    """Return the routing key of a person's devices over AMQP and STOMP."""
    return f"u_.{user}"


def mqtt_key(user: str) -> str:
    """Return the routing key of a person's devices over MQTT: topic `in/u<id>`."""
    return f"in.u{user}"


def mqtt_out_key(user: str) -> str:
    """Return the routing key of what a person sends over MQTT: topic `out/u<id>`."""
    return f"out.u{user}"


def user_exchange(user: str) -> str:
    """Return the name of a person's own exchange, which copies each message to all queues of the person's devices."""
    return f"exchange_u_{user}"


def user_queue(user: str, device: str) -> str:
    """Return the name of a device's queue."""
    return f"queue_u_{user}_{device}"


def server_key(key: str, server_id: str) -> str:
    """Return the routing key that reaches one server of a kind or, without a proper id, all of them.

    `key` is the kind: `balance` or `media`.
    """
    return f"{key}.{server_id}" if SERVER_ID.fullmatch(server_id) else key


def ingress(number: int) -> str:
    """Return the name of the queue from which the message center with this number takes clients' messages.

    The first has the name that IM §10.1 gives.
    """
    return INGRESS if number == 0 else f"{INGRESS}.{number}"
