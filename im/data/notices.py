"""What the center tells other servers, and answers them (IM §10.3): load balancers, media servers, GB28181.

| who asks, and how | what is answered |
|---|---|
| anyone: `center_start` | `center_start`, and the configurations for that side |
| `balance_config`, `media_config` with `data.server_id` | that server's configuration |
| anything else | `msg_refused`, which nobody answers |
"""

from __future__ import annotations

from typing import Any

import orjson
from django.db import transaction

from foundation import clock
from foundation.bus import outbox, wake_up
from foundation.cells.directory import PlatformStore, own_platform
from im.data.journal import DESTINATION
from im.models import BalanceServer, MediaServer
from im.rules.messages import Data
from im.rules.routing import Publication
from im.rules.topology import BASE, GB
from im.rules.vocabulary import Cmd, Code

TOKEN = "Tricolor"  # noqa: S105 - the word before a token, which the center has not
BALANCE, MEDIA, COMM_GB = (BASE, "balance"), (BASE, "media"), (GB, "comm_gb")
SIDES = (BALANCE, MEDIA, COMM_GB)
Side = tuple[str, str]
"""By which exchange and key a kind of server is told."""
Server = BalanceServer | MediaServer

_OURS = ("server_id", "local_host1", "local_host2", "http_listen_port", "rtsp_listen_port")
_LOGS = ("log_save_days", "log_level")
BALANCE_FIELDS = (*_OURS, *_LOGS, "virtual_host1", "virtual_host2")
MEDIA_FIELDS = (*_OURS, "rtc_tcp_listen_port", "rtc_udp_listen_port", *_LOGS)
_KINDS: dict[Cmd, tuple[type[Server], Side, tuple[str, ...]]] = {
    Cmd.BALANCE_CONFIG: (BalanceServer, BALANCE, BALANCE_FIELDS),
    Cmd.MEDIA_CONFIG: (MediaServer, MEDIA, MEDIA_FIELDS),
}
CONFIGS = frozenset(_KINDS)


def config(server: Server) -> Publication:
    """A server's configuration, as the source lists it: all values are strings."""
    cmd = Cmd.BALANCE_CONFIG if isinstance(server, BalanceServer) else Cmd.MEDIA_CONFIG
    _, side, fields = _KINDS[cmd]
    values = {name: getattr(server, name) for name in fields}
    return said(side, cmd, {name: "" if v is None else str(v) for name, v in values.items()})


def said(side: Side, cmd: Cmd, data: Data) -> Publication:
    """A notice as it is published."""
    body = {"token": TOKEN, "cmd": cmd.value, "data": data}
    return Publication(*side, orjson.dumps(body))


def started(database: str, *sides: Side) -> list[Publication]:
    """The center has started, and who is configured here is told how."""
    told = [said(side, Cmd.CENTER_START, {}) for side in sides]
    for kind, side, _ in _KINDS.values():
        if side in sides:
            told += [config(one) for one in kind._default_manager.using(database).order_by("pk")]
    return told


def changed(store: PlatformStore, server: Server) -> None:
    """Within the transaction that saves it: the server is told."""
    stage(store, [config(server)])


def stage(store: PlatformStore, pushes: list[Publication]) -> None:
    """Sent once the transaction has committed; a queue keeps them for who is away."""
    now, app = clock.now(), f"im@{own_platform()}"
    rows = [
        outbox.row(one.body, one.exchange, one.key, now, app, DESTINATION, headers=one.headers)
        for one in pushes
    ]
    outbox.put(store.database, rows, now)
    transaction.on_commit(
        lambda: wake_up.everywhere(store.platform, {DESTINATION}), using=store.database
    )


# ---- what they ask ------------------------------------------------------------------------------


def answer(database: str, exchange: str, body: bytes) -> list[Publication]:
    """What a server is told that has asked the center. On `exchange_base` nobody knows who asks what is
    no command: such a thing is left unanswered."""
    asked = _read(body)
    cmd, data = asked.get("cmd"), asked.get("data")
    if cmd == Cmd.MSG_REFUSED:
        return []
    if cmd == Cmd.CENTER_START:
        return started(database, *(SIDES[:2] if exchange == BASE else SIDES[2:]))
    if exchange == BASE and cmd in CONFIGS:
        return [_config_asked(database, Cmd(cmd), data if isinstance(data, dict) else {})]
    if exchange == BASE:
        return []
    code = Code.UNKNOWN_CMD if isinstance(cmd, str) else Code.BAD_JSON
    return [refused(COMM_GB, code, str(cmd)[:64] if isinstance(cmd, str) else "")]


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _config_asked(database: str, cmd: Cmd, data: Data) -> Publication:
    kind, side, _ = _KINDS[cmd]
    rows = kind._default_manager.using(database)
    server = rows.filter(server_id=str(data.get("server_id"))[:32]).first()
    return config(server) if server else refused(side, Code.UNKNOWN_MESSAGE, cmd.value)


def refused(side: Side, code: Code, cmd: str) -> Publication:
    """Why there is no answer."""
    reasons = {
        Code.UNKNOWN_CMD: "the center knows no such command",
        Code.BAD_JSON: "a JSON object with cmd and data is wanted",
    }
    reason = reasons.get(code, "no such server is configured")
    return said(side, Cmd.MSG_REFUSED, {"code": code.value, "reason": reason, "cmd": cmd})
