"""The door: the clients' broker asks it about each step (`uvicorn im.api.broker_auth.asgi:application`, decision 0024).

POST /user, /vhost, /resource, /topic   a form -> `allow …` or `deny`, always 200
GET /healthz                            200, or 503 as long as nobody is let in
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")

from django.conf import settings
from django.utils.log import configure_logging

from im.api.broker_auth.backend import DENY, Desk
from im.data.revocations import REFRESH_SECONDS

log = logging.getLogger("im.door")

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
LONGEST = 8192
"""Bytes of a question; what is longer is refused."""

desk = Desk(settings.IM_AMQP_URL.rpartition("/")[2].partition("?")[0])


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """One question, or the life of the process."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "http":
        status, text = await _answer(scope, receive)
        await _reply(send, status, text)


async def _answer(scope: dict[str, Any], receive: Receive) -> tuple[int, str]:
    path = scope["path"]
    if path == "/healthz":
        return (200, "open") if desk.is_open else (503, "what is revoked is not known yet")
    body = await _body(receive)
    if scope["method"] != "POST" or body is None:
        return 200, DENY
    try:
        return 200, desk.answer(path[1:], dict(parse_qsl(body.decode(), keep_blank_values=True)))
    except Exception:
        log.exception("a question could not be answered, so it was refused")
        return 200, DENY


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None if it is too long, or the broker has gone."""
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            return None
        body, more = body + event.get("body", b""), event.get("more_body", False)
        if len(body) > LONGEST:
            return None
    return body


async def _reply(send: Send, status: int, text: str) -> None:
    said = text.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said})


async def _live(receive: Receive, send: Send) -> None:
    """Look at what is revoked once a second, from before the first question on."""
    await receive()
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    await asyncio.to_thread(desk.refresh)
    looking = asyncio.create_task(_look_again())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    looking.cancel()
    await send({"type": "lifespan.shutdown.complete"})


async def _look_again() -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            await asyncio.to_thread(desk.refresh)
        except Exception:
            log.exception("what is revoked was not read")
