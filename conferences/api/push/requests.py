"""The functions read requests of Bayeux over HTTP, and form the responses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import orjson
from aiohttp import web
from django.conf import settings

from conferences.api.push.limits import MOST_BYTES, MOST_MESSAGES
from foundation.json_value import JSONObject, JSONValue
from foundation.web.errors import Refusal, TokenRefused, refused
from wire.error_codes import Err

_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,100}")
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Malformed(Exception):
    """A request cannot be read; the text says what is wrong with it."""


def read_messages(text: bytes | str) -> list[JSONValue]:
    """Return the messages of Bayeux in a text: a JSON array, or a single object. Raises Malformed."""
    try:
        value: JSONValue = orjson.loads(text)
    except ValueError:
        raise Malformed("the body is not JSON") from None
    messages: list[JSONValue] = value if isinstance(value, list) else [value]
    if len(messages) > MOST_MESSAGES:
        raise Malformed(f"at most {MOST_MESSAGES} messages are taken at once")
    return messages


async def messages_of(request: web.Request) -> list[JSONValue]:
    """Return the Bayeux messages of a request: its body, or the field `message` of a form or query.

    Raises Malformed.
    """
    if request.method == "GET":
        return read_messages(request.query.get("message", ""))
    body = await request.read()
    if len(body) > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(body))
    # Some clients send JSON with the content type of forms.
    is_json = body.lstrip()[:1] in (b"[", b"{")
    if request.content_type == "application/x-www-form-urlencoded" and not is_json:
        form = await request.post()
        messages: list[JSONValue] = []
        for text in form.getall("message", []):
            messages += read_messages(text if isinstance(text, str) else "")
        return messages[:MOST_MESSAGES]
    return read_messages(body)


def as_json(message: JSONObject) -> bytes:
    """Return a message of Bayeux as JSON."""
    return orjson.dumps(message)


def json_array(messages: Sequence[bytes]) -> bytes:
    """Return a JSON array of messages that are JSON texts already."""
    return b"[%b]" % b",".join(messages)


def json_response(request: web.Request, body: bytes) -> web.Response:
    """Return the response with a JSON body; for callback-polling (`jsonp=NAME`) the script `NAME(body)`."""
    callback = request.query.get("jsonp", "")
    if request.method == "GET" and callback:
        # The comment keeps a caller from choosing the first bytes of the answer, which other software might execute.
        text = b"/**/%b(%b)" % (callback.encode(), body)
        return web.Response(
            body=text, content_type="text/javascript", charset="utf-8", headers=NO_STORE
        )
    return web.Response(
        body=body, content_type="application/json", charset="utf-8", headers=NO_STORE
    )


def check_callback(request: web.Request) -> None:
    """Raise Malformed if a request for callback-polling names no function."""
    if not _CALLBACK.fullmatch(request.query.get("jsonp", "")):
        raise Malformed(
            "jsonp: the name of a function is needed; or send POST, or open a WebSocket"
        )


def refusal_response(error: Refusal | None, status: int) -> web.Response:
    """Return the response to a refused request, in the form of the API.

    `error` `None`: the database does not answer.
    """
    body = orjson.dumps(refused(error))
    headers = dict(NO_STORE)
    if isinstance(error, TokenRefused):
        status, headers["WWW-Authenticate"] = error.status, error.challenge
    if status == 503:
        headers["Retry-After"] = "5"
    return web.Response(
        body=body, status=status, content_type="application/json", charset="utf-8", headers=headers
    )


def malformed_response(words: str, status: int = 400) -> web.Response:
    """Return the response to a request that cannot be read; `words` say what is wrong with it."""
    return refusal_response(Refusal(int(Err.MALFORMED), words), status)


def comes_from_own_page(headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from no browser, or from a page of this host or a trusted one.

    A browser sends the login cookie with every request of a page, of any host. It names the page's host in `Origin`;
    but for a script (callback-polling) it only says in `Sec-Fetch-Site` whether page and script have the same host.
    """
    origin = headers.get("Origin")
    if origin is None:
        return headers.get("Sec-Fetch-Site") not in ("cross-site", "same-site")
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return host == headers.get("Host") or origin in settings.CSRF_TRUSTED_ORIGINS
