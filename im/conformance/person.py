"""The HTTP side as any program uses it: sign in, then a token of instant messaging."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

Answer = dict[str, Any]
SECONDS = 10


class Refused(Exception):
    """The platform says no: `code` is its word for why, `status` the HTTP status."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(f"{status} {code}: {words}")
        self.status, self.code = status, code


class Person:
    """Somebody with a name and a password. Raises Refused, or OSError where nobody answers."""

    def __init__(self, url: str, name: str, password: str, backup: str = "") -> None:
        """`backup`: the address of the other site, which serves where home does not."""
        self.urls = [one.rstrip("/") for one in (url, backup) if one]
        if not all(one.startswith(("http://", "https://")) for one in self.urls):
            raise ValueError(f"{self.urls}: http or https")
        self.url, self.name = self.urls[0], name
        self._jar = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._jar))
        self._token = ""
        self._sign_in(password)
        self.me = self.login()
        self.id: str = self.me["user_id"]

    def _sign_in(self, password: str) -> None:
        """As a browser does. Programs with a key of the open API use that: docs/im.md."""
        page = f"{self.url}/accounts/login/"
        self._opener.open(page, timeout=SECONDS).close()
        form = {"username": self.name, "password": password, "csrfmiddlewaretoken": self._csrf}
        said = urlencode(form).encode()
        given = Request(page, said, {"Referer": page})  # noqa: S310  looked at above
        self._opener.open(given, timeout=SECONDS).close()

    @property
    def _csrf(self) -> str:
        return next((c.value or "" for c in self._jar if "csrf" in c.name.lower()), "")

    def login(self, way: str = "amqp") -> Answer:
        """Before each connection to the broker: a token, names and addresses of whoever serves, home first."""
        *others, last = self.urls
        for self.url in others:
            with suppress(OSError, HTTPException, Refused):
                return self._login(way)
        self.url = last
        return self._login(way)

    def _login(self, way: str) -> Answer:
        self.me = self.call("POST", "login", {"way": way})
        self._token = self.me["token"]
        return self.me

    def call(self, method: str, path: str, body: Answer | None = None) -> Answer:
        """One call under /api/v1/im/."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        else:
            headers |= {"X-CSRFToken": self._csrf, "Referer": self.url}
        said = None if body is None else json.dumps(body).encode()
        where = f"{self.url}/api/v1/im/{path}"
        asked = Request(where, said, headers, method=method)  # noqa: S310
        try:
            with self._opener.open(asked, timeout=SECONDS) as reply:
                answer: Answer = json.load(reply)
        except HTTPError as wrong:
            raise _refused(wrong.status or 0, wrong.read()) from None
        if not answer.get("success"):
            raise _refused(200, json.dumps(answer).encode())
        return answer

    # ---- what a client needs of it ------------------------------------------------------------

    def conversations(self) -> Iterator[Answer]:
        """One's own, all parts of the list."""
        after: str | None = "0"
        while after is not None:
            part = self.call("GET", f"conversations?after={after}")
            yield from part["conversations"]
            after = part["next"]

    def direct(self, user: str) -> str:
        """The one-to-one conversation with somebody."""
        made = self.call("POST", "conversations", {"kind": "direct", "user": user})
        return str(made["conversation"]["conversation_id"])

    def group(self, name: str, users: list[str]) -> str:
        """A new group."""
        wanted = {"kind": "group", "name": name, "users": users}
        return str(self.call("POST", "conversations", wanted)["conversation"]["conversation_id"])

    def after(self, conversation: str, seq: int) -> Answer:
        """A page of the log."""
        return self.call("GET", f"conversations/{conversation}/messages?after={seq}&count=100")

    def missing(self, seqs: dict[str, int]) -> Iterator[Answer]:
        """Of all conversations what a device lacks; it has everything up to these."""
        have, more = dict(seqs), True
        while more:
            said = self.call("POST", "offline", {"seqs": have, "count": 500})
            yield from said["conversations"]
            have |= {one["conversation_id"]: one["to_seq"] for one in said["conversations"]}
            more = said["more"]


def _refused(status: int, text: bytes) -> Refused:
    try:
        said = json.loads(text)
    except ValueError:
        said = {}
    return Refused(status, str(said.get("code", "")), str(said.get("description", ""))[:200])
