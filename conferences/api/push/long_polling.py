"""Long-polling and callback-polling: a `/meta/connect` waits until there are messages, and its answer brings them."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from conferences.api.push import requests
from conferences.api.push.callers import credentials_of
from conferences.api.push.exchange import Exchange, HeldConnect
from conferences.rules.bayeux import MAX_HOLD_MS


async def answer_poll(exchange: Exchange, request: web.Request) -> web.Response:
    """Answer a long-polling request with messages of Bayeux, once there are messages or its time is over.

    Raises Malformed.
    """
    if request.method == "GET":
        requests.check_callback(request)
    messages = await requests.messages_of(request)
    credentials = credentials_of(request.headers, request.query)
    replies, held, _ = await exchange.answer(messages, credentials)
    waiting: list[bytes] = []
    if held is not None:
        waiting = await _wait_for_messages(held)
        replies.append(exchange.reply_to_connect(held))
    return requests.json_response(
        request, requests.json_array([*waiting, *map(requests.as_json, replies)])
    )


async def _wait_for_messages(held: HeldConnect) -> list[bytes]:
    """Wait until there are messages for a client, and return them; [] after 30 s or a newer `/meta/connect`.

    Does not wait if `held` is to be answered at once, or the session has ended.
    """
    session, connect_number = held.session, held.session.connects
    deadline = time.monotonic() + MAX_HOLD_MS / 1000
    session.holders += 1
    try:
        while not (
            held.at_once or session.pending or session.ended or session.connects != connect_number
        ):
            session.wake.clear()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await session.wake.wait()
            except TimeoutError:
                break
        return session.drain() if session.connects == connect_number else []
    finally:
        session.holders -= 1
        session.seen_at = time.monotonic()
