"""The module decides what a client of the broker may do, by names alone (docs/im.md). It is pure.

No table is read, so the answer is fast. What is not allowed here is refused: no client creates or
deletes an exchange, and none writes to the default exchange, to `conversation.incoming`, or to
anybody's queue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from im.rules import topology
from im.rules.tokens import Bearer

SERVICES = {
    "s.balance": (topology.BASE, topology.BALANCE_QUEUE),
    "s.media": (topology.BASE, topology.MEDIA_QUEUE),
    "s.comm_gb": (topology.GB, topology.GB_QUEUE),
}
"""Our own programs by user name: the exchange each writes to, and the queue it reads.

No account has a dot in its id, so no person can take such a name.
"""
SERVER_KEYS = {"s.balance": "balance", "s.media": "media"}
"""The programs of which a site may have several, and the key of what all of them are told.

Each has a queue of its own, `queue_<key>_<server id>`, bound by this key and by `<key>.<server id>`.
"""

_BEARERS = {"u": "im_user", "m": "im_manager", "s": "im_service"}
_MQTT = "im_mqtt"
_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLIENT = re.compile(r"[A-Za-z0-9_]{1,64}")
"""A client id has no hyphen: `ua-b-c` would be `b-c` of `a` and `c` of `a-b`."""
_SUBSCRIPTION = "mqtt-subscription-"
_CENTER_KEY = "center"


@dataclass(frozen=True, slots=True)
class BrokerClient:
    """Represent a client that is signed in at the broker.

    `bearer` says which kind of client it is (`tokens.Bearer`), `mqtt` whether it uses that protocol.
    """

    user: str
    bearer: str
    mqtt: bool = False

    @property
    def tags(self) -> str:
        """Return the tags that the broker stores for the client and sends with each question."""
        return f"{_BEARERS[self.bearer]} {_MQTT}" if self.mqtt else _BEARERS[self.bearer]


def client_of(user: str, tags: str) -> BrokerClient | None:
    """Return the client with the user name and tags that the broker names.

    `None` means that no tag is one that we give at sign-in.
    """
    tag_list = tags.split()
    bearer = next((bearer for bearer, tag in _BEARERS.items() if tag in tag_list), None)
    return None if bearer is None else BrokerClient(user, bearer, _MQTT in tag_list)


def is_known(user: str, bearer: str) -> bool:
    """Return whether a client of this kind may have this user name."""
    return user in SERVICES if bearer == "s" else topology.USER.fullmatch(user) is not None


def client_prefix(user: str) -> str:
    """Return the prefix of a person's MQTT client ids."""
    return f"u{user}-"


def owns_client(user: str, client: str) -> bool:
    """Return whether this MQTT client id belongs to this person."""
    return _has_prefix_and_rest(client_prefix(user), client, _CLIENT)


def may_use(client: BrokerClient, kind: str, name: str, permission: str) -> bool:
    """Return whether a client has this permission on the queue or exchange with this name; False for anything else.

    `kind` is "queue" or "exchange". `permission` is "configure" (create, delete), "write" (publish, or bind as
    target) or "read" (consume, or bind as source).
    """
    if kind == "queue":
        return _may_use_queue(client, name, permission)
    if kind != "exchange":
        return False
    if permission == "write":
        return name == _exchange_to_publish_to(client)
    return permission == "read" and name in _exchanges_to_bind(client)


def _may_use_queue(client: BrokerClient, name: str, permission: str) -> bool:
    """Return whether a client has this permission ("configure", "write", "read") on the queue with this name."""
    if client.bearer == Bearer.SERVICE:
        # A program of ours may read one shared queue; balance and media servers have queues of their own.
        _exchange, shared = SERVICES[client.user]
        if client.user in SERVER_KEYS and _has_prefix_and_rest(
            f"{shared}_", name, topology.SERVER_ID
        ):
            return True
        return permission == "read" and name == shared
    if client.mqtt:
        return _has_prefix_and_rest(
            _SUBSCRIPTION + client_prefix(client.user), _without_qos(name), _CLIENT
        )
    own = _has_prefix_and_rest(f"queue_u_{client.user}_", name, _DEVICE)
    return own or (
        client.bearer == Bearer.MANAGER
        and _has_prefix_and_rest(f"queue_m_{client.user}_", name, _DEVICE)
    )


def _exchange_to_publish_to(client: BrokerClient) -> str:
    """Return the only exchange to which a client may publish.

    MQTT clients publish to the topic exchange CLIENT, all other clients of people to the fanout exchange OUTGOING.
    On a topic exchange AMQP's headers CC and BCC, about which the broker does not ask us, would bring a message to
    other people. MQTT cannot set these headers, and a fanout exchange ignores them.
    """
    if client.bearer == Bearer.SERVICE:  # one of our own programs, whose exchange the table says
        exchange, _queue = SERVICES[client.user]
        return exchange
    return topology.CLIENT if client.mqtt else topology.OUTGOING


def _exchanges_to_bind(client: BrokerClient) -> Iterable[str]:
    """Return the exchanges that a client may bind its queues to: its person's own, or those of its kind of client."""
    if client.bearer == Bearer.SERVICE:
        return (topology.BASE,) if client.user in SERVER_KEYS else ()
    if client.mqtt:
        return (topology.CLIENT,)
    base = (topology.BASE,) if client.bearer == Bearer.MANAGER else ()
    return (topology.user_exchange(client.user), *base)


def may_route(client: BrokerClient, exchange: str, permission: str, key: str) -> bool:
    """Return whether the client may publish ("write") or bind ("read") with this routing key on a topic exchange.

    The broker asks this in addition to `may_use`.
    """
    if client.bearer == Bearer.SERVICE:
        if permission == "read":
            return exchange == topology.BASE and _is_server_key(SERVER_KEYS.get(client.user), key)
        exchange_written, _queue = SERVICES[client.user]
        return (exchange, permission, key) == (exchange_written, "write", _CENTER_KEY)
    if client.mqtt:
        own_keys = {
            "write": topology.mqtt_out_key(client.user),
            "read": topology.mqtt_key(client.user),
        }
        return exchange == topology.CLIENT and key == own_keys.get(permission)
    allowed = (topology.BASE, "read", manager_key(client.user))
    return client.bearer == Bearer.MANAGER and (exchange, permission, key) == allowed


def _is_server_key(own: str | None, key: str) -> bool:
    """Return whether a server may bind its queue by this key, which has no wildcards.

    `own` is the key of all servers of its kind; `None` for programs that bind no queue.
    """
    return own is not None and (
        key == own or _has_prefix_and_rest(f"{own}.", key, topology.SERVER_ID)
    )


def manager_key(user: str) -> str:
    """Return the routing key of notices for one management client (IM §10.2)."""
    return f"m_.{user}"


def _without_qos(name: str) -> str:
    """Return the queue name without the MQTT plugin's suffix for the quality of service.

    An empty string means that the name has no such suffix.
    """
    return name[:-4] if name.endswith(("qos0", "qos1")) else ""


def _has_prefix_and_rest(prefix: str, name: str, rest: re.Pattern[str]) -> bool:
    """Return whether the name is the prefix followed by text that matches `rest`."""
    return name.startswith(prefix) and rest.fullmatch(name, len(prefix)) is not None
