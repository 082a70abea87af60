"""The HTTP side of a client: sign in, then use a token for instant messages."""

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
    """The platform refuses a call: `code` says why in a word, `status` is the HTTP status."""

    def __init__(self, status: int, code: str, words: str) -> None:
        """Keep the HTTP status, a code for client applications, and words for people."""
        super().__init__(f"{status} {code}: {words}")
        self.status, self.code = status, code


class Person:
    """A person with a name and a password, who calls the HTTP API.

    Each method raises Refused, or OSError if no site answers.
    """

    def __init__(self, url: str, name: str, password: str, backup: str = "") -> None:
        """Sign in at the site `url`; `backup`: the URL of the site to use while that one takes no requests."""
        self.urls = [address.rstrip("/") for address in (url, backup) if address]
        if not all(address.startswith(("http://", "https://")) for address in self.urls):
            raise ValueError(f"{self.urls}: http or https")
        self.url, self.name = self.urls[0], name
        self._jar = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._jar))
        self._token = ""
        self._sign_in(password)
        self.me = self.login()
        self.id: str = self.me["user_id"]

    def _sign_in(self, password: str) -> None:
        """Sign in at the site's web page, as a browser does; docs/im.md says how clients use a key of the open API."""
        page = f"{self.url}/accounts/login/"
        self._opener.open(page, timeout=SECONDS).close()
        form = {"username": self.name, "password": password, "csrfmiddlewaretoken": self._csrf}
        payload = urlencode(form).encode()
        request = Request(page, payload, {"Referer": page})  # noqa: S310  the scheme is checked in __init__
        self._opener.open(request, timeout=SECONDS).close()

    @property
    def _csrf(self) -> str:
        """Return the CSRF token from the cookies; "" without one."""
        return next((c.value or "" for c in self._jar if "csrf" in c.name.lower()), "")

    def login(self, protocol: str = "amqp") -> Answer:
        """Get an access token, and the broker's names and addresses, from the first site that answers.

        Return the answer. Call it before each connection to the broker; `protocol` is that of the connection.
        """
        *others, last = self.urls
        for self.url in others:
            with suppress(OSError, HTTPException, Refused):
                return self._login(protocol)
        self.url = last
        return self._login(protocol)

    def _login(self, protocol: str) -> Answer:
        """Get an access token from the present site for this protocol; keep and return the answer."""
        self.me = self.call("POST", "login", {"way": protocol})
        self._token = self.me["token"]
        return self.me

    def call(self, method: str, path: str, body: Answer | None = None, app: str = "im") -> Answer:
        """Make a call of the HTTP API under /api/v1/<app>/, and return its answer. Raises Refused."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        else:
            headers |= {"X-CSRFToken": self._csrf, "Referer": self.url}
        payload = None if body is None else json.dumps(body).encode()
        url = f"{self.url}/api/v1/{app}/{path}"
        request = Request(url, payload, headers, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=SECONDS) as reply:
                answer: Answer = json.load(reply)
        except HTTPError as error:
            raise _refused(error.status or 0, error.read()) from None
        if not answer.get("success"):
            raise _refused(200, json.dumps(answer).encode())
        return answer

    # ---- the calls of a client ----------------------------------------------------------------

    def conversations(self) -> Iterator[Answer]:
        """Yield the person's conversations, page by page."""
        after: str | None = "0"
        while after is not None:
            part = self.call("GET", f"conversations?after={after}")
            yield from part["conversations"]
            after = part["next"]

    def direct(self, user: str) -> str:
        """Open the one-to-one conversation with another user, and return its id."""
        answer = self.call("POST", "conversations", {"kind": "direct", "user": user})
        return str(answer["conversation"]["conversation_id"])

    def group(self, name: str, users: list[str]) -> str:
        """Create a group of this person and these users, and return its id."""
        wanted = {"kind": "group", "name": name, "users": users}
        return str(self.call("POST", "conversations", wanted)["conversation"]["conversation_id"])

    def page_after(self, conversation: str, seq: int) -> Answer:
        """Return the page of a conversation's log that follows the entry `seq`."""
        return self.call("GET", f"conversations/{conversation}/messages?after={seq}&count=100")

    def missing(self, seqs: dict[str, int]) -> Iterator[Answer]:
        """Yield, page by page, the entries that a device lacks; `seqs`: conversation id -> last seq it has."""
        have, more = dict(seqs), True
        while more:
            answer = self.call("POST", "offline", {"seqs": have, "count": 500})
            yield from answer["conversations"]
            have |= {part["conversation_id"]: part["to_seq"] for part in answer["conversations"]}
            more = answer["more"]


def _refused(status: int, text: bytes) -> Refused:
    """Return the exception for a refused call; `text` is the response's body, which may be no JSON."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    return Refused(status, str(answer.get("code", "")), str(answer.get("description", ""))[:200])
