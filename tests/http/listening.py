"""Clients that listen for events: Bayeux by long-polling and by WebSocket, and a stream of server-sent events."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import websocket

Message = dict[str, Any]


class Bayeux:
    """A client of Bayeux; `exchange` sends messages and returns those that come back."""

    def __init__(self, site_http: str, cookie: str) -> None:
        self.where, self.cookie = urlsplit(site_http), cookie
        self.client_id = ""
        self.moid = ""
        self.heard: list[Message] = []
        self._id = 0

    def exchange(self, *messages: Message, path: str = "", seconds: float = 60) -> list[Message]:
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def message(self, channel: str, **fields: Any) -> Message:
        """Return a message with an id, and the client's id if it has one."""
        self._id += 1
        client = {"clientId": self.client_id} if self.client_id else {}
        return {"channel": channel, "id": str(self._id), **client, **fields}

    def ask(self, channel: str, **fields: Any) -> Message:
        """Send a message on a meta channel, and return its answer; keep the events that come with it."""
        message = self.message(channel, **fields)
        answers = self.exchange(message, path=f"/{channel.rpartition('/')[2]}")
        self.heard += [answer for answer in answers if "data" in answer]
        return next(answer for answer in answers if answer.get("id") == message["id"])

    def handshake(self, **fields: Any) -> Message:
        """Send a handshake, and store the client's id and the user domain."""
        self.client_id = ""
        types = ["websocket", "long-polling", "callback-polling"]
        answer = self.ask(
            "/meta/handshake",
            version="1.0",
            minimumVersion="1.0",
            supportedConnectionTypes=types,
            advice={"timeout": 60000, "interval": 0},
            **fields,
        )
        self.client_id = answer.get("clientId", "")
        self.moid = answer.get("ext", {}).get("user_domain_moid", "")
        return answer

    def subscribe(self, channel: str, **fields: Any) -> Message:
        """Subscribe to a channel of the caller's user domain, given without the domain."""
        return self.ask(
            "/meta/subscribe", subscription=f"/userdomains/{self.moid}{channel}", **fields
        )

    def connect(self, **fields: Any) -> Message:
        """Ask for messages, and keep those that come."""
        return self.ask("/meta/connect", connectionType="long-polling", **fields)

    def hears(self, channel: str, method: str, seconds: float = 60) -> Message:
        """Ask for messages until this event has come, and return its data."""
        wanted = f"/userdomains/{self.moid}{channel}"
        deadline = time.monotonic() + seconds
        while True:
            for event in self.heard:
                if event["channel"] == wanted and event["data"]["method"] == method:
                    self.heard.remove(event)
                    data: Message = event["data"]
                    return data
            assert time.monotonic() < deadline, f"not heard: {method} {channel}; {self.heard}"
            self.connect()


class LongPolling(Bayeux):
    """A client that sends requests, chunked as Node's clients do."""

    status = 0

    def exchange(self, *messages: Message, path: str = "", seconds: float = 60) -> list[Message]:
        answer: list[Message] = json.loads(self.post(json.dumps(messages), path, seconds))
        return answer

    def post(self, body: str, path: str = "", seconds: float = 60) -> bytes:
        """Send a body in chunks, and return the answer's."""
        link = http.client.HTTPConnection(
            self.where.hostname or "", self.where.port, timeout=seconds
        )
        headers = {"Content-Type": "application/json;charset=UTF-8"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        half = len(body) // 2
        chunks = iter([body[:half].encode(), body[half:].encode()])
        link.request("POST", f"/api/v1/publish{path}", chunks, headers, encode_chunked=True)
        answer = link.getresponse()
        self.status = answer.status
        content = answer.read()
        link.close()
        return content


class WebSocket(Bayeux):
    """A client of Bayeux over WebSocket."""

    def __init__(self, site_http: str, cookie: str) -> None:
        super().__init__(site_http, cookie)
        url = f"ws://{self.where.netloc}/api/v1/publish"
        self._socket = websocket.create_connection(url, timeout=60, cookie=cookie)

    def exchange(self, *messages: Message, path: str = "", seconds: float = 60) -> list[Message]:
        """Send messages; return what comes until all are answered, or until an event comes."""
        self._socket.send(json.dumps(messages))
        open_ids, received = {message["id"] for message in messages}, []
        while open_ids:
            for answer in json.loads(self._socket.recv()):
                received.append(answer)
                open_ids.discard(answer.get("id"))
        return received

    def hears(self, channel: str, method: str, seconds: float = 60) -> Message:
        """Read what is pushed until this event has come; no `/meta/connect` is needed for it."""
        wanted = f"/userdomains/{self.moid}{channel}"
        while True:
            for event in self.heard:
                if event["channel"] == wanted and event["data"]["method"] == method:
                    self.heard.remove(event)
                    data: Message = event["data"]
                    return data
            self.heard += [answer for answer in json.loads(self._socket.recv()) if "data" in answer]

    def close(self) -> None:
        self._socket.close()


class Stream:
    """A client of server-sent events."""

    def __init__(self, site_http: str, query: str = "", **headers: str) -> None:
        where = urlsplit(site_http)
        self._link = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self._link.request("GET", f"/api/v1/events{query}", headers=names)
        self._answer = self._link.getresponse()
        self.status = self._answer.status
        self.type = self._answer.getheader("Content-Type", "")

    def body(self) -> Message:
        """Return the body of an answer that is no stream."""
        body: Message = json.loads(self._answer.read())
        return body

    def events(self) -> Iterator[tuple[str, Message]]:
        """Yield id and data of each event; the id is the event's name if it has no id."""
        fields: dict[str, str] = {}
        while line := self._answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name and value:
                fields[name] = value
            elif not name and "data" in fields:
                yield fields.get("id", fields.get("event", "")), json.loads(fields["data"])
                fields = {}

    def hears(self, channel: str, method: str) -> str:
        """Read until this event has come, and return its id."""
        wanted = {"channel": channel, "method": method}
        return next(number for number, data in self.events() if data == wanted)

    def close(self) -> None:
        """Close the connection."""
        self._answer.close()
        self._link.close()


Client = Callable[[str, str], Bayeux]
