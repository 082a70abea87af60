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
    """Handle one ASGI scope: an HTTP request, or the start and end of the process (`lifespan`)."""
    if scope["type"] == "lifespan":
        await _run_process(receive, send)
    elif scope["type"] == "http":
        status, text = await _answer(scope, receive)
        await _reply(send, status, text)


async def _answer(scope: dict[str, Any], receive: Receive) -> tuple[int, str]:
    """Return the HTTP status and text that answer a request.

    A request of wrong form, or one whose handling fails, is answered with `deny`.
    """
    path = scope["path"]
    if path == "/healthz":
        return (200, "open") if backend.is_open else (503, "what is revoked is not known yet")
    body = await _body(receive)
    if scope["method"] != "POST" or body is None:
        return 200, DENY
    try:
        return 200, backend.answer(path[1:], dict(parse_qsl(body.decode(), keep_blank_values=True)))
    except Exception:
        log.exception("a question could not be answered, so it was refused")
        return 200, DENY


async def _body(receive: Receive) -> bytes | None:
    """Return the request's whole body; `None` if it is too long, or the broker has disconnected."""
    body, has_more = b"", True
    while has_more:
        event = await receive()
        if event["type"] != "http.request":
            return None
        body, has_more = body + event.get("body", b""), event.get("more_body", False)
        if len(body) > MAX_BODY:
            return None
    return body


async def _reply(send: Send, status: int, text: str) -> None:
    """Send an HTTP response of plain text."""
    body = text.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _run_process(receive: Receive, send: Send) -> None:
    """Keep the lists of revoked tokens and refused people fresh while the process runs.

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
