"""Exchanges, queues and keys in the clients' virtual host (IM §6, §10.1, §10.2; see docs/im.md)."""

from __future__ import annotations

import re

OUTGOING = "conversation.outgoing"
"""Fanout: AMQP and STOMP clients publish here."""
INCOMING = "conversation.incoming"
"""Topic: what the center has accepted."""
CLIENT = "im.client"
"""Topic: the MQTT plugin's exchange."""
BASE = "exchange_base"
"""Topic: notices."""
GB = "exchange_comm_gb"
"""Topic: GB28181."""
INGRESS = "chat-app-message"
CENTER_QUEUE = "queue_center"
BALANCE_QUEUE = "queue_balance"
MEDIA_QUEUE = "queue_media"
GB_QUEUE = "queue_comm_gb"
SHARDS = "im.shards"
"""Consistent hash: shares the ingress among several centers by key."""

USER = re.compile(r"[A-Za-z0-9-]{1,40}")
"""A user id is the account's MOID."""


def conversation_key(conversation: int | str) -> str:
    """The routing key of everything in a conversation."""
    return f"c_{conversation}"


def user_key(user: str) -> str:
    """A person's devices over AMQP and STOMP."""
    return f"u_.{user}"


def mqtt_key(user: str) -> str:
    """A person's devices over MQTT: topic `in/u<id>`."""
    return f"in.u{user}"


def mqtt_out_key(user: str) -> str:
    """What a person says over MQTT: topic `out/u<id>`."""
    return f"out.u{user}"


def user_exchange(user: str) -> str:
    """The fanout between the center's exchanges and a person's queues."""
    return f"exchange_u_{user}"


def user_queue(user: str, device: str) -> str:
    """A device's queue."""
    return f"queue_u_{user}_{device}"


def ingress(shard: int) -> str:
    """The queue of a center; the first has the source's name."""
    return INGRESS if shard == 0 else f"{INGRESS}.{shard}"
