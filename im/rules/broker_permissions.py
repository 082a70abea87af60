"""What a client of the broker may do, by names alone (docs/im.md): no table is asked, so it is answered fast.

Pure. What is not named here is refused: no exchange is made or deleted by a client, nothing is written to
the default exchange, to `conversation.incoming`, or to anybody's queue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from im.rules import topology as t

SERVICES = {
    "s.balance": (t.BASE, t.BALANCE_QUEUE),
    "s.media": (t.BASE, t.MEDIA_QUEUE),
    "s.comm_gb": (t.GB, t.GB_QUEUE),
}
"""Programs of ours: user name -> where each writes, and what it reads. No account has a dot in its id."""

_BEARERS = {"u": "im_user", "m": "im_manager", "s": "im_service"}
_MQTT = "im_mqtt"
_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLIENT = re.compile(r"[A-Za-z0-9_]{1,64}")
"""Without a hyphen: `ua-b-c` would be `b-c` of `a` and `c` of `a-b`."""
_SUBSCRIPTION = "mqtt-subscription-"
_CENTER_KEY = "center"


@dataclass(frozen=True, slots=True)
class Who:
    """A client that is signed in. `bearer`: as in `tokens.Bearer`; `mqtt`: over which protocol."""

    user: str
    bearer: str
    mqtt: bool = False

    @property
    def tags(self) -> str:
        """What the broker is told, and tells us again with each question."""
        return f"{_BEARERS[self.bearer]} {_MQTT}" if self.mqtt else _BEARERS[self.bearer]


def who(user: str, tags: str) -> Who | None:
    """Back from user name and tags; None for one whom we did not let in."""
    given = tags.split()
    found = next((bearer for bearer, tag in _BEARERS.items() if tag in given), None)
    return None if found is None else Who(user, found, _MQTT in given)


def is_known(user: str, bearer: str) -> bool:
    """Can this be the name of such a client?"""
    return user in SERVICES if bearer == "s" else t.USER.fullmatch(user) is not None


def client_prefix(user: str) -> str:
    """With what a person's MQTT client ids begin."""
    return f"u{user}-"


def owns_client(user: str, client: str) -> bool:
    """Is this MQTT client id one of this person's?"""
    return _after(client_prefix(user), client, _CLIENT)


def may_use(client: Who, kind: str, name: str, permission: str) -> bool:
    """`kind`: queue or exchange; `permission`: configure (make, delete), write (publish; bind as target) or
    read (consume; bind as source)."""
    if kind == "queue":
        return _may_use_queue(client, name, permission)
    if kind != "exchange":
        return False
    if permission == "write":
        return name == _writes_on(client)
    return permission == "read" and name in _reads_from(client)


def _may_use_queue(client: Who, name: str, permission: str) -> bool:
    if client.bearer == "s":
        return permission == "read" and name == SERVICES[client.user][1]
    if client.mqtt:
        return _after(_SUBSCRIPTION + client_prefix(client.user), _without_qos(name), _CLIENT)
    own = _after(f"queue_u_{client.user}_", name, _DEVICE)
    return own or (client.bearer == "m" and _after(f"queue_m_{client.user}_", name, _DEVICE))


def _writes_on(client: Who) -> str:
    """Only MQTT writes on the topic exchange: there the headers CC and BCC, which the broker asks nobody
    about, would reach others; a fanout has no use for them."""
    if client.bearer == "s":
        return SERVICES[client.user][0]
    return t.CLIENT if client.mqtt else t.OUTGOING


def _reads_from(client: Who) -> Iterable[str]:
    if client.bearer == "s":
        return ()
    if client.mqtt:
        return (t.CLIENT,)
    base = (t.BASE,) if client.bearer == "m" else ()
    return (t.user_exchange(client.user), *base)


def may_route(client: Who, exchange: str, permission: str, key: str) -> bool:
    """On topic exchanges, beside `may_use`: with which key one writes, with which one binds."""
    if client.bearer == "s":
        where = SERVICES[client.user][0]
        return (exchange, permission, key) == (where, "write", _CENTER_KEY)
    if client.mqtt:
        own = {"write": t.mqtt_out_key(client.user), "read": t.mqtt_key(client.user)}
        return exchange == t.CLIENT and key == own.get(permission)
    wanted = (t.BASE, "read", manager_key(client.user))
    return client.bearer == "m" and (exchange, permission, key) == wanted


def manager_key(user: str) -> str:
    """Notices for one management client (IM §10.2)."""
    return f"m_.{user}"


def _without_qos(name: str) -> str:
    """The MQTT plugin has a queue for each quality of service."""
    return name[:-4] if name.endswith(("qos0", "qos1")) else ""


def _after(prefix: str, name: str, rest: re.Pattern[str]) -> bool:
    return name.startswith(prefix) and rest.fullmatch(name, len(prefix)) is not None
