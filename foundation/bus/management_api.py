"""The management API of a RabbitMQ, for what AMQP cannot do: limits of queues, connections of others."""

from __future__ import annotations

from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, unquote, urlsplit

import orjson
from django.conf import settings

from foundation.tls import client_context

TIMEOUT_SECONDS = 5


class BrokerUnavailable(Exception):
    """The exception says that a broker's management API does not answer as it should; it is safe to try again."""


def vhost_in_path(amqp_url: str) -> str:
    """Return the virtual host of an AMQP URL as it stands in paths of the management API."""
    return amqp_url.rpartition("/")[2].partition("?")[0] or quote("/", safe="")


def list_rows(url: str, path: str) -> list[dict[str, object]]:
    """Return the objects of a list, for instance `/queues`, from RabbitMQ's management API at `url`.

    A list that does not exist is empty. Raises BrokerUnavailable.
    """
    answer = call_api(url, "GET", path)
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []


def call_api(url: str, method: str, path: str, body: object = None, reason: str = "") -> object:
    """Call RabbitMQ's management API at `url`, and return its answer, a JSON value; `None` if `path` does not exist.

    `url` holds the credentials, `path` is URL-quoted (`/queues/im/x`). `reason` is told to clients whose connections
    the call closes. Raises BrokerUnavailable.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise BrokerUnavailable("the URL of its management API is not set")
    connection = _connection(parts.scheme, parts.hostname, parts.port)
    credentials = b64encode(
        f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
    )
    headers = {"Authorization": f"Basic {credentials.decode()}", "Content-Type": "application/json"}
    if reason:
        headers["X-Reason"] = reason
    try:
        payload = None if body is None else orjson.dumps(body)
        connection.request(method, f"{parts.path.rstrip('/')}/api{path}", payload, headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as error:
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from None
    finally:
        connection.close()
    if answer.status == 404:
        return None
    if answer.status >= 300:
        raise BrokerUnavailable(f"{method} {path.partition('?')[0]}: {answer.status}")
    parsed: object = orjson.loads(text) if text else None
    return parsed


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    """Return a connection to a management API, not yet open; by TLS, with a check of the certificate, for https."""
    if scheme == "https":
        context = client_context(settings.TLS_CA_FILE)
        return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
    return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
