"""The join page served for a test, with the conference where the test says that it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.wsgi import get_wsgi_application

from conferences.data.queries import JoinInfo
from foundation.bus.typed_json import read_as
from wire.fields import Join


class Whereabouts:
    """The stand-in for `conferences.data.queries.join_info`: one conference, or none."""

    def __init__(self, e164: str = "8800001", password: str = "") -> None:
        self.e164, self.password = e164, password
        self.state = "running"
        self.elsewhere = ""
        """A platform that another site serves."""
        self.join: dict[str, Any] | None = None

    def __call__(self, e164: str) -> JoinInfo | None:
        if e164 != self.e164 or self.state == "ended":
            return None
        join = self.join if self.state == "running" else None
        about = ("c1", e164, "Weekly Board", self.state, self.password, "tenant")
        return JoinInfo(*about, read_as(Join, join) if join else None, "east")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the test speaks for itself."""


@contextmanager
def served() -> Iterator[str]:
    """Serve the whole site on a free port of loopback, and yield its address."""
    server = make_server("127.0.0.1", 0, get_wsgi_application(), _Server, _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
