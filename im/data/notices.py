"""The notices that the message center sends to other servers, and its answers to them (IM §10.3).

The servers are load balancers, media servers and those of GB28181 (video surveillance).

| request | answer |
|---|---|
| `center_start`, from anyone | `center_start`, and the configurations for that kind of server |
| `balance_config`, `media_config` with `data.server_id` | that server's configuration, to it alone |
| anything else | `msg_refused`, which nobody answers |
"""

from __future__ import annotations

import orjson
from django.db import transaction

from foundation import clock
from foundation.bus import outbox, wake_up
from foundation.cells.directory import PlatformStore, own_platform
from im.data.journal import DESTINATION
from im.models import BalanceServer, MediaServer
from im.rules.messages import Data
from im.rules.routing import Publication
from im.rules.topology import BASE, GB, server_key
from im.rules.vocabulary import Cmd, Code

TOKEN = "Tricolor"  # noqa: S105 - the word before a token, which the center has not
BALANCE, MEDIA, COMM_GB = (BASE, "balance"), (BASE, "media"), (GB, "comm_gb")
SIDES = (BALANCE, MEDIA, COMM_GB)
Side = tuple[str, str]
"""An exchange and a key reach one kind of server."""
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


def config_notice(server: Server) -> Publication:
    """Return the notice that brings a balance or media server its configuration; its values are strings (IM §10.3)."""
    cmd = Cmd.BALANCE_CONFIG if isinstance(server, BalanceServer) else Cmd.MEDIA_CONFIG
    _, side, fields = _KINDS[cmd]
    values = {name: getattr(server, name) for name in fields}
    return notice_of(
        side_of_server(side, server.server_id),
        cmd,
        {name: "" if value is None else str(value) for name, value in values.items()},
    )


def side_of_server(side: Side, server_id: str) -> Side:
    """Return the exchange and routing key that reach one server of the kind whose exchange and key are `side`.

    A queue that the servers of a kind share gets these notices too.
    """
    exchange, key = side
    return exchange, server_key(key, server_id)


def notice_of(side: Side, cmd: Cmd, data: Data) -> Publication:
    """Return the message that brings a notice to servers; `side` is the exchange and routing key that reach them."""
    body = {"token": TOKEN, "cmd": cmd.value, "data": data}
    return Publication(*side, orjson.dumps(body))


def start_notices(database: str, *sides: Side) -> list[Publication]:
    """Return the notices to servers after a message center's start: that it has started, and their configuration.

    `sides` are the kinds of servers to notify, each an exchange and a routing key.
    """
    notices = [notice_of(side, Cmd.CENTER_START, {}) for side in sides]
    for kind, side, _ in _KINDS.values():
        if side in sides:
            notices += [
                config_notice(server)
                for server in kind._default_manager.using(database).order_by("pk")
            ]
    return notices


def stage_config(store: PlatformStore, server: Server) -> None:
    """Store in the outbox a notice to a server about its new configuration.

    Must run in the transaction that saves the configuration.
    """
    stage_messages(store, [config_notice(server)])


def stage_messages(store: PlatformStore, publications: list[Publication]) -> None:
    """Store messages in the outbox, from which they are sent once the caller's transaction has committed."""
    now, app = clock.now(), f"im@{own_platform()}"
    rows = [
        outbox.new_row(
            publication.body,
            publication.exchange,
            publication.key,
            now,
            app,
            DESTINATION,
            headers=publication.headers,
        )
        for publication in publications
    ]
    outbox.insert_rows(store.database, rows, now)
    transaction.on_commit(
        lambda: wake_up.wake_senders(store.platform, {DESTINATION}), using=store.database
    )


# ---- requests of servers --------------------------------------------------------------------------


def answers_to(database: str, exchange: str, body: bytes) -> list[Publication]:
    """Return the answers to a server's request, which came through the exchange `exchange`.

    On `exchange_base` the sender of an unknown command cannot be addressed, so it gets no answer.
    """
    request = _request_object(body)
    cmd, data = request.get("cmd"), request.get("data")
    if cmd == Cmd.MSG_REFUSED:
        return []
    if cmd == Cmd.CENTER_START:
        is_on_base = (
            exchange == BASE
        )  # the exchange of balance and media servers; another one is GB28181's
        return start_notices(database, *((BALANCE, MEDIA) if is_on_base else (COMM_GB,)))
    if exchange == BASE and cmd in CONFIGS:
        return [_requested_config(database, Cmd(cmd), data if isinstance(data, dict) else {})]
    if exchange == BASE:
        return []
    code = Code.UNKNOWN_CMD if isinstance(cmd, str) else Code.BAD_JSON
    return [refusal_notice(COMM_GB, code, str(cmd)[:64] if isinstance(cmd, str) else "")]


def _request_object(body: bytes) -> Data:
    """Return the JSON object that a request holds; `{}` if it holds none."""
    try:
        request = orjson.loads(body)
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _requested_config(database: str, cmd: Cmd, data: Data) -> Publication:
    """Return a notice with the configuration of the server that `data` names, or a refusal if there is no such server.

    `cmd` is the kind of configuration.
    """
    kind, side, _ = _KINDS[cmd]
    rows = kind._default_manager.using(database)
    server_id = str(data.get("server_id"))[:32]
    server = rows.filter(server_id=server_id).first()
    if server:
        return config_notice(server)
    return refusal_notice(side_of_server(side, server_id), Code.UNKNOWN_MESSAGE, cmd.value)


def refusal_notice(side: Side, code: Code, cmd: str) -> Publication:
    """Return the notice to servers that a request was refused; `cmd`: its name, `side`: exchange and routing key."""
    reasons = {
        Code.UNKNOWN_CMD: "the center knows no such command",
        Code.BAD_JSON: "a JSON object with cmd and data is wanted",
    }
    reason = reasons.get(code, "no such server is configured")
    return notice_of(side, Cmd.MSG_REFUSED, {"code": code.value, "reason": reason, "cmd": cmd})
