"""A device as docs/howto/write-a-chat-client.md wants it: it comes back by itself, fetches what it lacks,
and says again what was not answered."""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from uuid import uuid4

from im.conformance.log import Entry, Log
from im.conformance.person import Person, Refused
from im.conformance.wires import WIRES, Wire

HOLE_SECONDS = 0.5
"""So long a hole may close by itself."""
AWAY = (OSError, HTTPException, Refused)
"""Site or broker are away, or do not want us now."""


@dataclass(slots=True)
class Saying:
    """What waits for its answer; `began`: since when, `since`: when it was sent last."""

    conversation: str
    body: bytes
    began: float
    since: float = 0.0


@dataclass
class Told:
    """What has come of what one said, by client_msg_id."""

    acked: dict[str, tuple[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Device:
    """One person's, over one protocol; a thread of its own keeps it alive until `close`."""

    def __init__(
        self, person: Person, way: str, *, patience: float = 10.0, beat: float = 30.0
    ) -> None:
        """`patience`: seconds after which what is not answered is said again; `beat`: between heartbeats."""
        self.person, self.way, self.name = person, way, uuid4().hex[:8]
        self.logs: dict[str, Log] = defaultdict(Log)
        self.shown: list[Entry] = []
        self.beside: list[Entry] = []
        self.told = Told()
        self.waiting: dict[str, Saying] = {}
        self.connected = 0
        self.wire: Wire | None = None
        self._patience, self._beat = patience, beat
        self._came: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        self._lock, self._ends, self._away = threading.Lock(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # ---- what a person does -------------------------------------------------------------------

    def text(self, conversation: str, words: str, mark: str = "", **more: Any) -> str:
        """Write something; its client_msg_id. It is sent until it is answered."""
        by = {"publisher_id": self.person.id, "publisher_name": self.person.name}
        said = {"type": "text", "body": words, **by, **more}
        return self.say("msg", conversation, mark, **said)

    def say(self, cmd: str, conversation: str, mark: str = "", under: str = "", **data: Any) -> str:
        """Any cmd that is answered. `under`: another conversation's key, which is refused."""
        mark = mark or uuid4().hex
        about = {"conversation_id": conversation, "client_msg_id": mark, **data}
        body = {"cmd": cmd, "token": f"Tricolor{self.person.me['token']}", "data": about}
        with self._lock:
            waits = Saying(under or conversation, json.dumps(body).encode(), time.monotonic())
            self.waiting[mark] = waits
        return mark

    def go_away(self) -> None:
        """Off, until `come_back`."""
        self._away.set()
        self.wait(lambda: self.wire is None)

    def come_back(self) -> None:
        """On again, and everything there is fetched."""
        times = self.connected
        self._away.clear()
        self.wait(lambda: self.connected > times)

    def close(self) -> None:
        """Off for good."""
        self._ends.set()
        self._thread.join(30)

    def wait(self, true: Callable[[], object], seconds: float = 30.0) -> None:
        """Until it is so. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                raise TimeoutError(
                    f"{self.person.name} over {self.way}: not within {seconds:.0f} s"
                )
            time.sleep(0.01)

    # ---- its life -----------------------------------------------------------------------------

    def _run(self) -> None:
        pause = 1.0
        while not self._ends.is_set():
            if self._away.is_set():
                self._ends.wait(0.02)
                continue
            with suppress(*AWAY):
                self._connect()
                pause = 1.0
                self._live()
            self._hang_up()
            if not self._away.is_set():
                self._ends.wait(pause * (0.5 + random.random()))  # noqa: S311  a pause, no secret
                pause = min(2 * pause, 8.0)

    def _hang_up(self) -> None:
        if self.wire is not None:
            self.wire.close()
        self.wire = None

    def _connect(self) -> None:
        """Consume first, fetch then: the other way round, what is said in between is missed."""
        me = self.person.login(self.way.removeprefix("web_"))
        self._came = queue.SimpleQueue()
        self.wire = WIRES[self.way](me, self.name, self._came.put)
        self._heartbeat()
        for one in self.person.conversations():
            self.shown += self.logs[one["conversation_id"]].begin(one["from_seq"])
        for part in self.person.missing(self._seqs):
            found = self.logs[part["conversation_id"]]
            self.shown += found.page(part["from_seq"], part["to_seq"], part["entries"])
        self._renew(me["token"])
        self.connected += 1

    def _renew(self, token: str) -> None:
        """What waits is said again at once, with the new token."""
        with self._lock:
            for one in self.waiting.values():
                body = {**json.loads(one.body), "token": f"Tricolor{token}"}
                one.body, one.since = json.dumps(body).encode(), 0.0

    @property
    def _seqs(self) -> dict[str, int]:
        return {number: log.last for number, log in self.logs.items() if log.last}

    def _live(self) -> None:
        assert self.wire is not None
        beaten = looked = time.monotonic()
        while self.wire.is_open and not (self._ends.is_set() or self._away.is_set()):
            with suppress(queue.Empty):
                self._heard(self._came.get(timeout=0.02))
            self._speak(self.wire)
            now = time.monotonic()
            if now - looked > HOLE_SECONDS:
                looked = now
                self._fetch([number for number, log in self.logs.items() if log.has_hole])
            if now - beaten > self._beat:
                beaten = now
                self._heartbeat()

    def _speak(self, wire: Wire) -> None:
        now = time.monotonic()
        with self._lock:
            due = [one for one in self.waiting.values() if now - one.since > self._patience]
        for one in due:
            one.since = now
            wire.publish(one.conversation, one.body)

    def _heartbeat(self) -> None:
        way = self.way.removeprefix("web_")
        said = {"device": self.name, "way": way, "seqs": self._seqs}
        self._fetch(self.person.call("POST", "heartbeat", said)["behind"])

    def _fetch(self, numbers: Any) -> None:
        for number in [*numbers]:
            log, more = self.logs[number], True
            while more:
                page = self.person.after(number, log.last)
                self.shown += log.page(page["from_seq"], page["to_seq"], page["entries"])
                more = log.last < page["last_seq"]

    # ---- what it hears ------------------------------------------------------------------------

    def _heard(self, entry: Entry) -> None:
        cmd, data = entry["cmd"], entry["data"]
        if cmd == "msg_ack":
            self._answered(data, lambda m: self._acked(m, data["conversation_id"], data["seq"]))
        elif cmd == "msg_refused":
            self._refused(data)
        elif "seq" in data:
            self.shown += self.logs[data["conversation_id"]].take(entry)
        else:
            self.beside.append(entry)

    def _acked(self, mark: str, conversation: str, seq: int) -> None:
        self.told.acked[mark] = (conversation, seq)

    def _refused(self, data: dict[str, Any]) -> None:
        """Final, except `rate`: that is said again."""
        if data["code"] != "rate":
            self._answered(data, lambda mark: self.told.refused.update({mark: data["code"]}))

    def _answered(self, data: dict[str, Any], keep: Callable[[str], object]) -> None:
        mark = str(data["client_msg_id"] or "")
        keep(mark)
        with self._lock:
            waited = self.waiting.pop(mark, None)
        if waited is not None:
            self.told.seconds[mark] = time.monotonic() - waited.began
