"""An integrator's program: forms, a token, a cookie."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

from deploy.stand.site import Site

Answer = dict[str, Any]


class Program:
    """Calls as the 5.x programs make them. Every answer must be JSON with `success`."""

    def __init__(self, site: Site) -> None:
        self._where = urlsplit(site.http)
        self.site = site
        self.token = ""
        self.cookie = ""
        self.request_id = ""
        self.headers: dict[str, str] = {}
        self.status = 0

    def raw(
        self,
        method: str,
        path: str,
        body: bytes | str | Iterator[bytes] | None = None,
        **headers: str,
    ) -> tuple[int, bytes]:
        """Send any request, and return status and content."""
        c = http.client.HTTPConnection(self._where.hostname or "", self._where.port, timeout=30)
        if self.request_id:
            headers["X-Request-ID"] = self.request_id
        c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = c.getresponse()
        content = answer.read()
        self.status, self.headers = answer.status, dict(answer.getheaders())
        c.close()
        return answer.status, content

    def call(self, method: str, path: str, query: Answer | None = None, **fields: Any) -> Answer:
        """Make a call with a form body, or with a query for GET."""
        url = f"/api/v1/{path}"
        headers = {"Cookie": self.cookie} if self.cookie else {}
        arguments = {"account_token": self.token} if self.token else {}
        arguments |= fields
        if method == "GET":
            query = {**(query or {}), **arguments}
        if query:
            url += "?" + urlencode(query)
        body = None
        if method != "GET":
            body = urlencode(arguments)
            headers["Content-Type"] = "application/x-www-form-urlencoded;charset=utf-8"
        status, content = self.raw(method, url, body, **headers)
        assert status == 200, f"{method} {url}: {status} {content[:200]!r}"
        answer: Answer = json.loads(content)
        assert answer["success"] in (0, 1)
        assert not isinstance(answer["success"], bool)
        if answer["success"] == 0:
            assert isinstance(answer["error_code"], int)
            assert answer["error_code"] != 0
        return answer

    def get(self, path: str, **fields: Any) -> Answer:
        """Make a call that reads."""
        return self.call("GET", path, **fields)

    def post(self, path: str, params: Answer | None = None, **fields: Any) -> Answer:
        """Make a call that does something, with structured arguments in `params`."""
        extra: Answer = {"params": json.dumps(params)} if params is not None else {}
        return self.call("POST", path, **extra, **fields)

    def delete(self, path: str, **fields: Any) -> Answer:
        """Make a call that ends or removes something."""
        return self.call("DELETE", path, **fields)

    def log_in(self, username: str, key: Answer | None = None) -> Answer:
        """Get a token with an API key, by default that of the demonstration tenant, then log in."""
        key = key or self.site.demo["api_key"]
        self.token = self.post("system/token", **key)["account_token"]
        person = next(a for a in self.site.demo["accounts"] if a["username"] == username)
        answer = self.post("system/login", username=username, password=person["password"])
        assert answer["success"] == 1, answer
        self.cookie = self.headers["Set-Cookie"].partition(";")[0]
        return answer

    def create(self, **params: Any) -> Answer:
        """Create a conference with a name and the given parameters."""
        return self.post("mc/confs", {"name": "http", "duration": 60, **params})
