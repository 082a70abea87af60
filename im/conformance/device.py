"""A chat device that behaves as docs/howto/write-a-chat-client.md requires.

It reconnects by itself, fetches what it lacks, and sends again what was not answered.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from uuid import uuid4

from im.conformance.connections import CONNECTIONS, Connection
from im.conformance.log import DeviceLog, Entry
from im.conformance.person import Person, Refused

GAP_SECONDS = 0.5
"""A gap may close by itself within this time."""
UNAVAILABLE = (OSError, HTTPException, Refused)
"""The site or the broker is unavailable, or refuses the device at present."""


@dataclass(slots=True)
class PendingMessage:
    """Represent a message that waits for its answer.

    `body` is what is sent. `began` is when it was created, `since` when it was sent last (0.0: never); both by the
    monotonic clock.
    """

    conversation: str
    body: bytes
    began: float
    since: float = 0.0


@dataclass
class Answers:
    """Represent the answers that a device has received to its messages, each by client_msg_id.

    `acked`: conversation and seq of an acknowledged message. `refused`: the code of a refusal. `seconds`: the time that
    each answer took.
    """

    acked: dict[str, tuple[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Device:
    """A chat client of a person over one protocol, kept connected by a thread until `close`."""

    def __init__(
        self,
        person: Person,
        protocol: str,
        *,
        patience: float = 10.0,
        heartbeat_seconds: float = 30.0,
    ) -> None:
        """Start the device.

        `patience`: seconds after which an unanswered message is sent again. `heartbeat_seconds`: seconds between
        heartbeats.
        """
        self.person, self.protocol, self.name = person, protocol, uuid4().hex[:8]
        self.logs: dict[str, DeviceLog] = defaultdict(DeviceLog)
        """Conversation id -> this device's copy of its log."""
        self.shown: list[Entry] = []
        """The entries of all logs, in the order in which the person has seen them."""
        self.beside: list[Entry] = []
        """Received messages that belong to no log, such as notices."""
        self.answers = Answers()
        self.waiting: dict[str, PendingMessage] = {}
        """Client_msg_id -> the message, which has no answer yet."""
        self.connected = 0
        """How often the device has connected."""
        self.connection: Connection | None = None
        self._patience, self._heartbeat_seconds = patience, heartbeat_seconds
        self._received: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        self._lock, self._stop_asked, self._is_away = (
            threading.Lock(),
            threading.Event(),
            threading.Event(),
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # ---- actions of the person ----------------------------------------------------------------

    def text(self, conversation: str, text: str, client_msg_id: str = "", **more: Any) -> str:
        """Send a text to a conversation, again and again until it is answered; return its client_msg_id.

        `more`: further fields of the message.
        """
        sender = {"publisher_id": self.person.id, "publisher_name": self.person.name}
        data = {"type": "text", "body": text, **sender, **more}
        return self.send_command("msg", conversation, client_msg_id, **data)

    def send_command(
        self, cmd: str, conversation: str, client_msg_id: str = "", routed_to: str = "", **data: Any
    ) -> str:
        """Send a command to a conversation, again and again until it is answered; return its client_msg_id.

        `routed_to`: the conversation in the routing key, if it is another one, which the platform refuses.
        """
        client_msg_id = client_msg_id or uuid4().hex
        fields = {"conversation_id": conversation, "client_msg_id": client_msg_id, **data}
        # The word before the token is required by the protocol (IM §10.3).
        body = {"cmd": cmd, "token": f"Tricolor{self.person.me['token']}", "data": fields}
        with self._lock:
            pending = PendingMessage(
                routed_to or conversation, json.dumps(body).encode(), time.monotonic()
            )
            self.waiting[client_msg_id] = pending
        return client_msg_id

    def go_away(self) -> None:
        """Disconnect, and stay disconnected until `come_back`."""
        self._is_away.set()
        self.wait(lambda: self.connection is None)

    def come_back(self) -> None:
        """Connect again and fetch the entries that were missed."""
        connections_before = self.connected
        self._is_away.clear()
        self.wait(lambda: self.connected > connections_before)

    def close(self) -> None:
        """Disconnect for good."""
        self._stop_asked.set()
        self._thread.join(30)

    def wait(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait until the condition holds. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(
                    f"{self.person.name} over {self.protocol}: not within {seconds:.0f} s"
                )
            time.sleep(0.01)

    # ---- connection ---------------------------------------------------------------------------

    def _run(self) -> None:
        """Stay connected until `close`; after a failure pause, each time longer, up to 8 s."""
        pause = 1.0
        while not self._stop_asked.is_set():
            if self._is_away.is_set():
                self._stop_asked.wait(0.02)
                continue
            with suppress(*UNAVAILABLE):
                self._connect()
                pause = 1.0
                self._run_connection()
            self._disconnect()
            if not self._is_away.is_set():
                self._stop_asked.wait(pause * (0.5 + random.random()))
                pause = min(2 * pause, 8.0)

    def _disconnect(self) -> None:
        """Close the connection to the broker, if there is one."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def _connect(self) -> None:
        """Sign in, begin to receive what the broker pushes, then fetch the entries that were missed before.

        In the other order entries that come in between would be lost.
        """
        me = self.person.login(self.protocol.removeprefix("web_"))
        self._received = queue.SimpleQueue()
        self.connection = CONNECTIONS[self.protocol](me, self.name, self._received.put)
        self._send_heartbeat()
        for conversation in self.person.conversations():
            self.shown += self.logs[conversation["conversation_id"]].begin(conversation["from_seq"])
        for part in self.person.missing(self._seqs):
            log = self.logs[part["conversation_id"]]
            self.shown += log.add_page(part["from_seq"], part["to_seq"], part["entries"])
        self._send_waiting_again(me["token"])
        self.connected += 1

    def _send_waiting_again(self, token: str) -> None:
        """Send messages that wait for an answer again at once, with the new token."""
        with self._lock:
            for pending in self.waiting.values():
                body = {**json.loads(pending.body), "token": f"Tricolor{token}"}
                pending.body, pending.since = json.dumps(body).encode(), 0.0

    @property
    def _seqs(self) -> dict[str, int]:
        """Return the last entry that this device has of each conversation: id -> seq."""
        return {number: log.last for number, log in self.logs.items() if log.last}

    def _run_connection(self) -> None:
        """Send, receive and fetch until the connection breaks, or the device is to disconnect.

        Heartbeats are sent when they are due. Entries that are missing in a log for GAP_SECONDS are fetched.
        """
        assert self.connection is not None
        heartbeat_at = checked_at = time.monotonic()
        while self.connection.is_open and not (self._stop_asked.is_set() or self._is_away.is_set()):
            with suppress(queue.Empty):
                self._handle_message(self._received.get(timeout=0.02))
            self._send_unanswered(self.connection)
            now = time.monotonic()
            if now - checked_at > GAP_SECONDS:
                checked_at = now
                self._fetch_missing([number for number, log in self.logs.items() if log.has_gap])
            if now - heartbeat_at > self._heartbeat_seconds:
                heartbeat_at = now
                self._send_heartbeat()

    def _send_unanswered(self, connection: Connection) -> None:
        """Send messages that are new, or unanswered for longer than the patience of this device."""
        now = time.monotonic()
        with self._lock:
            due = [
                pending for pending in self.waiting.values() if now - pending.since > self._patience
            ]
        for pending in due:
            pending.since = now
            connection.publish(pending.conversation, pending.body)

    def _send_heartbeat(self) -> None:
        """Report the last entry that this device has of each conversation, and fetch the entries that it lacks."""
        protocol = self.protocol.removeprefix("web_")
        body = {"device": self.name, "way": protocol, "seqs": self._seqs}
        self._fetch_missing(self.person.call("POST", "heartbeat", body)["behind"])

    def _fetch_missing(self, numbers: Iterable[str]) -> None:
        """Fetch the entries that follow the last one without a gap, in each of these conversations."""
        for number in [*numbers]:
            log, more = self.logs[number], True
            while more:
                page = self.person.page_after(number, log.last)
                self.shown += log.add_page(page["from_seq"], page["to_seq"], page["entries"])
                more = log.last < page["last_seq"]

    # ---- received messages --------------------------------------------------------------------

    def _handle_message(self, entry: Entry) -> None:
        """Handle a message from the broker: an answer to a sent one, an entry of a log, or a notice."""
        cmd, data = entry["cmd"], entry["data"]
        if cmd == "msg_ack":
            self._record_answer(
                data, lambda m: self._record_ack(m, data["conversation_id"], data["seq"])
            )
        elif cmd == "msg_refused":
            self._record_refusal(data)
        elif "seq" in data:
            self.shown += self.logs[data["conversation_id"]].add(entry)
        else:
            self.beside.append(entry)

    def _record_ack(self, client_msg_id: str, conversation: str, seq: int) -> None:
        """Record that a message is stored at the place `seq` of a conversation's log."""
        self.answers.acked[client_msg_id] = (conversation, seq)

    def _record_refusal(self, data: Entry) -> None:
        """Record that a message is refused for good; one refused with the code `rate` is sent again."""
        if data["code"] != "rate":
            self._record_answer(
                data,
                lambda client_msg_id: self.answers.refused.update({client_msg_id: data["code"]}),
            )

    def _record_answer(self, data: Entry, record: Callable[[str], object]) -> None:
        """Call `record` with the client_msg_id of an answered message, which is then not sent again."""
        client_msg_id = str(data["client_msg_id"] or "")
        record(client_msg_id)
        with self._lock:
            waited = self.waiting.pop(client_msg_id, None)
        if waited is not None:
            self.answers.seconds[client_msg_id] = time.monotonic() - waited.began
