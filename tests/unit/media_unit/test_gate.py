"""The gate before Janus, asked by strangers who have no token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from media_unit.gate import Gate
from media_unit.gate_rules import GateSettings

MOST = 3
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def strangers() -> AsyncIterator[Client]:
    """Yield a client of a gate that takes few connections, and whose Janus nobody reaches without a token."""
    settings = GateSettings(
        server_name="unit",
        ip="127.0.0.1",
        port=0,
        janus_url="",
        admin_url="",
        admin_secret="",
        token_key="key",
        most_sockets=MOST,
        control_port=0,
        control_path="x",
    )
    gate, app = Gate(settings), web.Application()
    gate._http = None  # type: ignore[assignment]  # strangers do not get as far as Janus
    app.router.add_get("/", gate.serve_participant)
    async with TestClient(TestServer(app)) as client:
        yield client


async def ask(socket: ClientWebSocketResponse, transaction: Any) -> Any:
    """Send a request without a token, and return the answer."""
    await socket.send_json({"janus": "create", "transaction": transaction, "session_id": 7})
    return await socket.receive_json(timeout=10)


async def test_who_says_nothing_keeps_nobody_out(strangers: Client) -> None:
    silent = [await strangers.ws_connect("/") for _ in range(MOST + 1)]
    ended = await silent[0].receive(10)
    assert ended.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
    assert (await ask(silent[-1], "t"))["error"]["reason"] == "a token is needed"
    assert (await ask(silent[1], "t"))["error"]["code"] == 403


async def test_a_refusal_repeats_nothing_that_cannot_be_written(strangers: Client) -> None:
    nested: Any = "x"
    for _ in range(400):
        nested = [nested]
    answer = await asyncio.wait_for(ask(await strangers.ws_connect("/"), nested), 10)
    error = {"code": 403, "reason": "a token is needed"}
    assert answer == {"janus": "error", "session_id": 7, "error": error}
