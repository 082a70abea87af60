"""Notices to other servers, and what they ask."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domains.models import Account
from foundation.cells.directory import own_platform, store_of
from im.data import notices
from im.models import BalanceServer, MediaServer
from im.rules.topology import BASE, GB
from tests.im.http.town import pushed
from tests.web_clients import Browser

BALANCE: dict[str, Any] = {
    "server_id": "10001",
    "local_host1": "172.19.102.90",
    "local_host2": "172.19.103.90",
    "http_listen_port": "80",
    "rtsp_listen_port": "554",
    "log_save_days": "7",
    "log_level": "3",
    "virtual_host1": "172.19.103.90",
    "virtual_host2": "172.19.103.90",
}
MEDIA: dict[str, Any] = {
    "server_id": "10001",
    "local_host1": "172.19.102.90",
    "local_host2": "172.19.103.90",
    "http_listen_port": "80",
    "rtsp_listen_port": "554",
    "rtc_tcp_listen_port": "8000",
    "rtc_udp_listen_port": "8000",
    "log_save_days": "7",
    "log_level": "3",
}
"""As the source prints them (IM §10.3)."""


@pytest.fixture
def database(platform: str) -> str:
    """Return a database with a server of each kind."""
    BalanceServer.objects.create(**BALANCE)
    MediaServer.objects.create(**MEDIA)
    return store_of(own_platform()).database


def answers(
    database: str, exchange: str, body: bytes | dict[str, Any]
) -> list[tuple[str, str, Any]]:
    """Return the answers to a request: exchange, key, body."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    publications = notices.answers_to(database, exchange, payload)
    return [
        (publication.exchange, publication.key, json.loads(publication.body))
        for publication in publications
    ]


def notice_body(cmd: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return a notice of the center."""
    return {"token": "Tricolor", "cmd": cmd, "data": data}


@pytest.mark.parametrize(
    ("kind", "given", "key", "cmd"),
    [
        ("balanceserver", BALANCE, f"balance.{BALANCE['server_id']}", "balance_config"),
        ("mediaserver", MEDIA, f"media.{MEDIA['server_id']}", "media_config"),
    ],
)
def test_what_an_administrator_saves_is_told_letter_for_letter(
    platform: str, client: Browser, kind: str, given: dict[str, Any], key: str, cmd: str
) -> None:
    client.force_login(Account.objects.get(username="admin"))
    reply = client.post(f"/admin/im/{kind}/add/", given)
    assert reply.status_code == 302
    assert pushed() == [(key, notice_body(cmd, given), set())]


def test_what_is_refused_is_not_told(platform: str, client: Browser) -> None:
    client.force_login(Account.objects.get(username="admin"))
    assert client.post("/admin/im/mediaserver/add/", {**MEDIA, "log_level": 6}).status_code == 200
    assert pushed() == []


def test_when_the_center_starts_everybody_is_told_and_the_servers_are_configured(
    database: str,
) -> None:
    notices_sent = [
        (notice.exchange, notice.key, json.loads(notice.body))
        for notice in notices.start_notices(database, *notices.SIDES)
    ]
    start = notice_body("center_start", {})
    assert notices_sent[:3] == [
        (BASE, "balance", start),
        (BASE, "media", start),
        (GB, "comm_gb", start),
    ]
    assert notices_sent[3:] == [
        (BASE, f"balance.{BALANCE['server_id']}", notice_body("balance_config", BALANCE)),
        (BASE, f"media.{MEDIA['server_id']}", notice_body("media_config", MEDIA)),
    ]


def test_a_server_that_asks_for_its_configuration_gets_it(database: str) -> None:
    ask = {"token": "Tricolorx", "cmd": "media_config", "data": {"server_id": "10001"}}
    assert answers(database, BASE, ask) == [
        (BASE, "media.10001", notice_body("media_config", MEDIA))
    ]
    ((_, key, refused),) = answers(database, BASE, {**ask, "data": {"server_id": "2"}})
    assert (key, refused["cmd"], refused["data"]["cmd"]) == (
        "media.2",
        "msg_refused",
        "media_config",
    )


@pytest.mark.parametrize(
    ("body", "code", "cmd"),
    [
        ({"cmd": "catalog", "data": {}}, "unknown_cmd", "catalog"),
        ({"cmd": 7}, "bad_json", ""),
        ([], "bad_json", ""),
        (b"\xff{", "bad_json", ""),
    ],
)
def test_what_the_gb28181_side_asks_is_answered_even_if_nobody_knows_it(
    database: str, body: Any, code: str, cmd: str
) -> None:
    ((exchange, key, message),) = answers(database, GB, body)
    assert (exchange, key, message["cmd"]) == (GB, "comm_gb", "msg_refused")
    assert (message["data"]["code"], message["data"]["cmd"]) == (code, cmd)


def test_the_gb28181_side_that_asks_whether_the_center_is_there_is_told(database: str) -> None:
    assert answers(database, GB, {"cmd": "center_start"}) == [
        (GB, "comm_gb", notice_body("center_start", {}))
    ]


@pytest.mark.parametrize("exchange", [BASE, GB])
def test_a_refusal_is_not_answered(database: str, exchange: str) -> None:
    assert answers(database, exchange, {"cmd": "msg_refused", "data": {}}) == []


def test_what_is_no_command_on_the_common_exchange_is_left_alone(database: str) -> None:
    assert answers(database, BASE, {"cmd": "whatever"}) == []
