"""The clients' broker sends its authorization requests to this HTTP service (decision 0024).

It is started with `uvicorn im.api.broker_auth.asgi:application`.

- POST /user, /vhost, /resource, /topic: a form -> `allow …` or `deny`, always 200
- GET /healthz: 200, or 503 as long as nobody can sign in
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

from im.api.broker_auth.backend import DENY, AuthBackend
from im.data.revocations import REFRESH_SECONDS

log = logging.getLogger("im.door")

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
MAX_BODY = 8192
"""A longer request body is refused; in bytes."""

backend = AuthBackend(settings.IM_AMQP_URL.rpartition("/")[2].partition("?")[0])


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Handle an HTTP request of the broker, or the start and end of the process (ASGI `lifespan`)."""
    if scope["type"] == "lifespan":
        await _handle_lifespan(receive, send)
    elif scope["type"] == "http":
        status, text = await _answer_request(scope, receive)
        await _send_response(send, status, text)


async def _answer_request(scope: dict[str, Any], receive: Receive) -> tuple[int, str]:
    """Return the HTTP status and text that answer a request of the broker: whether a client may do something.

    A request of wrong form, or one whose handling fails, is answered with `deny`.
    """
    path = scope["path"]
    if path == "/healthz":
        return (200, "open") if backend.is_open else (503, "what is revoked is not known yet")
    body = await _receive_body(receive)
    if scope["method"] != "POST" or body is None:
        return 200, DENY
    try:
        return 200, backend.answer(path[1:], dict(parse_qsl(body.decode(), keep_blank_values=True)))
    except Exception:
        log.exception("a question could not be answered, so it was refused")
        return 200, DENY


async def _receive_body(receive: Receive) -> bytes | None:
    """Return the whole body of an HTTP request; `None` if it is too long, or the broker has disconnected."""
    body, has_more = b"", True
    while has_more:
        event = await receive()
        if event["type"] != "http.request":
            return None
        body, has_more = body + event.get("body", b""), event.get("more_body", False)
        if len(body) > MAX_BODY:
            return None
    return body


async def _send_response(send: Send, status: int, text: str) -> None:
    """Send an HTTP response with a plain text as its body."""
    body = text.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _handle_lifespan(receive: Receive, send: Send) -> None:
    """Keep the lists of revoked tokens and of people refused for flooding up to date while the process runs.

    They are read once before the first request is accepted, then every second. The ASGI server
    sends two events: that the process starts, and that it shall stop.
    """
    await receive()
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    await asyncio.to_thread(backend.refresh)
    refresh_task = asyncio.create_task(_refresh_repeatedly())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    refresh_task.cancel()
    await send({"type": "lifespan.shutdown.complete"})


async def _refresh_repeatedly() -> None:
    """Read the revoked tokens and refused people again and again; a failure is logged and retried."""
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            await asyncio.to_thread(backend.refresh)
        except Exception:
            log.exception("what is revoked was not read")
