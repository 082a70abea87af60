"""Conference managers that ask at both sites until they are answered, and who checks what they were told.

Each client has one conference at a time and asks one thing after the other, each with an id of its
own. So at rest it is known to the letter how every conference must be.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests import licences
from tests.failover.two import Two, database
from tests.failover.writers import CALM, TABLES, Verdict, Writer, judge
from tests.stories.manager import TENANT, Body, Manager

ELSEWHERE = "29005"
NO_CONFERENCE = "29010"
NO_SEAT = "29006"
PATIENCE = 3.0
MINUTES, MORE_MINUTES = 60, 7
"""A sum of them is never the default duration, which rows leave out."""


@dataclass(slots=True)
class ClientConference:
    """A conference as its client was told that it is."""

    tag: str
    number: str
    minutes: int = MINUTES
    name: str = ""
    ended: bool = False


@dataclass(slots=True)
class ClientAnswers:
    """The answers that one client received."""

    conferences: list[ClientConference] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Tags of creates that were refused: nothing of them may run."""
    codes: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    by_request: dict[str, set[str]] = field(default_factory=dict)
    """All that was ever answered to one request id, but for "another site serves it"."""
    missing: list[str] = field(default_factory=list)
    """What was acknowledged, and of which the site then said that there is no such thing."""
    answered_at: list[float] = field(default_factory=list)


class Client(threading.Thread):
    """A client creates one conference after the other until told to end; the last one is left running."""

    def __init__(self, number: int, managers: Sequence[Manager], pace: float) -> None:
        super().__init__(daemon=True)
        self.answers = ClientAnswers()
        self.end = threading.Event()
        self.asking: Body = {}
        self._managers = list(managers)
        self._random = random.Random(number)
        self._pace = pace

    def run(self) -> None:
        """Create conferences until told to end; wait for the answer to each request."""
        while not self.end.is_set():
            conference = self._create()
            if conference is None:
                continue
            for _ in range(self._random.randrange(1, 5)):
                self._change(conference)
            if not self.end.is_set():
                self._release(conference)

    def _create(self) -> ClientConference | None:
        tag = uuid.uuid4().hex
        body = {
            "type": "CM_MAU_CREATECONF_REQ",
            "moid": TENANT,
            "creator": {"moid": tag, "name": "load"},
            "confname": tag,
            "duration": MINUTES,
        }
        answer = self._ask(body)
        if "confE164" not in answer or answer["type"].endswith("_NACK"):
            self.answers.refused.append(tag)
            self.end.wait(0.5)
            return None
        conference = ClientConference(tag, answer["confE164"], name=tag)
        self.answers.conferences.append(conference)
        return conference

    def _change(self, conference: ClientConference) -> None:
        if self._random.random() < 0.5:
            request = {"type": "CM_MAU_DELAYCONF_REQ", "delay": MORE_MINUTES}
            if self._of(conference, request)["type"] == "CM_MAU_DELAYCONF_ACK":
                conference.minutes += MORE_MINUTES
        else:
            self._rename(conference)

    def _rename(self, conference: ClientConference) -> None:
        """Let the unit report a new name, which counts once the site lists it."""
        name = uuid.uuid4().hex
        while conference.name != name:
            request = {"type": "CM_MCU_MODIFYCONFNAME_REQ", "confname": name}
            answer = self._of(conference, request, counts=False)
            if answer.get("errcode") == NO_CONFERENCE and not self._listed(conference):
                return
            for _ in range(10):
                if self._listed(conference) == name:
                    conference.name = name
                    self.answers.effects["renamed"] += 1
                    break
                time.sleep(0.1)

    def _listed(self, conference: ClientConference) -> str:
        answer = self._ask({"type": "CM_MAU_GETCONFLIST_REQ", "moid": TENANT, "count": 500}, False)
        names = {c["confE164"]: c["confname"] for c in answer.get("confs", ())}
        return str(names.get(conference.number, ""))

    def _release(self, conference: ClientConference) -> None:
        answer = self._of(conference, {"type": "CM_MAU_RELEASECONF_REQ"})
        conference.ended = answer["type"] == "MAU_CM_RELEASECONF_ACK"

    def _of(self, conference: ClientConference, request: Body, *, counts: bool = True) -> Body:
        """Ask something of a conference that was acknowledged: there must be one."""
        answer = self._ask({**request, "confE164": conference.number}, counts)
        if counts and answer.get("errcode") == NO_CONFERENCE:
            self.answers.missing.append(f"{request['type']} {conference.number}")
        return answer

    def _ask(self, body: Body, counts: bool = True) -> Body:
        """Ask until it is answered, at one site and then at the other; always with the same id."""
        body["reqid"] = uuid.uuid4().hex
        self.asking = body
        while True:
            time.sleep(self._pace * self._random.random())
            try:
                answer = self._managers[0].ask(dict(body), PATIENCE)
            except TimeoutError:
                self._managers.reverse()
                continue
            code = answer.get("errcode")
            if code == ELSEWHERE:
                self._managers.reverse()
                continue
            if counts:
                self._note(body["reqid"], answer, code)
            return answer

    def _note(self, reqid: str, answer: Body, code: str | None) -> None:
        answers = self.answers
        answers.answered_at.append(time.monotonic())
        answers.by_request.setdefault(reqid, set()).add(str(answer))
        answers.codes.update([code] if code else [])
        answers.effects.update([] if code else [answer["type"]])


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadVerdict:
    """The checker's verdict after the load has ended and both sites are at rest."""

    acknowledged: int
    refused: dict[str, int]
    lost: list[str]
    twice: list[str]
    quota: int
    """Seats that are taken beyond, or short of, the conferences that are live."""
    written: Verdict
    """The same of those who write to the cell itself, with its epochs."""
    longest_gap: float

    @property
    def good(self) -> bool:
        """Tell whether nothing was lost or done twice, there were never two sites, and the count is exact."""
        faults = self.lost or self.twice or self.quota or NO_SEAT in self.refused
        return self.written.good and not faults

    def line(self) -> str:
        """Return the verdict as a line of a table."""
        parts = [
            f"acknowledged {self.acknowledged} + {self.written.acknowledged} writes",
            f"lost {len(self.lost) + self.written.lost}",
            f"done twice {len(self.twice) + self.written.twice}",
            f"two sites at once {self.written.sites_at_once + self.written.epochs_shared}",
            f"quota off by {self.quota}",
            f"refused {self.refused}",
            f"longest gap {self.longest_gap:.1f} s",
        ]
        return ", ".join(parts)


class Load:
    """Clients at both sites, for east's platform."""

    def __init__(self, two: Two, count: int = 8, pace: float = 0.1, pause: float = CALM) -> None:
        """The licence has a seat for each client: who is refused one met a count that was wrong."""
        self._two = two
        licences.put_into(two.east, count, 0)
        self._managers = [Manager(site.rabbitmq.url("/")) for site in (two.east, two.west)]
        ways = (self._managers, self._managers[::-1])
        self.clients = [Client(n, ways[n % 2], pace) for n in range(count)]
        self.writers = writers_to_east(two, pause)
        for client in self.clients:
            client.start()

    @property
    def acknowledged(self) -> int:
        """Return how many requests were acknowledged so far."""
        return sum(len(client.answers.answered_at) for client in self.clients)

    def goes_on(self, count: int = 20, seconds: float = 60) -> float:
        """Wait until so much more is acknowledged; the seconds."""
        began, before = time.monotonic(), self.acknowledged
        while self.acknowledged < before + count:
            assert time.monotonic() - began < seconds, "the clients are not answered"
            time.sleep(0.05)
        return time.monotonic() - began

    def end(self) -> None:
        """Let each client finish its request; one conference of each stays."""
        for client in self.clients:
            client.end.set()
        for client in self.clients:
            client.join(60)
            assert not client.is_alive(), f"there is no end to {client.asking}"

    def leave(self) -> list[str]:
        """Ask after the conferences that stay, at home, and end them; those that are not there."""
        home, missing = self._managers[0], []
        for number in [
            h.number for c in self.clients for h in c.answers.conferences if not h.ended
        ]:
            for kind in ("CM_MCU_GETMTLIST_REQ", "CM_MAU_RELEASECONF_REQ"):
                answer = home.ask({"type": kind, "confE164": number})
                if answer["type"].endswith("_NACK"):
                    missing.append(f"{number}: {answer}")
        return missing

    def close(self) -> None:
        """Leave the brokers and the database."""
        for end in [*(c.end for c in self.clients), *(w.end for w in self.writers)]:
            end.set()
        for manager in self._managers:
            manager.close()

    def verdict(self) -> LoadVerdict:
        """Compare at rest, with both sites serving themselves, what was acknowledged with what exists."""
        self.end()
        clients = [client.answers for client in self.clients]
        rows = _rows(self._two)
        lost = [word for client in clients for word in client.missing]
        twice = [tag for tag, same_tag in rows.items() if len(same_tag) > 1]
        twice += [
            f"{mark}: {bodies}"
            for client in clients
            for mark, bodies in client.by_request.items()
            if len(bodies) > 1
        ]
        for conference in (conference for client in clients for conference in client.conferences):
            less, more = _compare(conference, rows.get(conference.tag, []))
            lost, twice = lost + less, twice + more
        for tag in (tag for client in clients for tag in client.refused):
            twice += [f"{tag} was refused, and runs" for row in rows.get(tag, ()) if not row.ended]
        moments = sorted(moment for client in clients for moment in client.answered_at)
        return LoadVerdict(
            acknowledged=len(moments),
            refused=dict(sum((client.codes for client in clients), Counter())),
            lost=lost,
            twice=twice,
            quota=_seats(self._two)
            - sum(not r.ended for same_tag in rows.values() for r in same_tag),
            written=self._written(),
            longest_gap=max(
                (later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0
            ),
        )

    def _written(self) -> Verdict:
        for writer in self.writers:
            writer.end.set()
            writer.join(10)
        east = self._two.east
        ops = {row[0] for row in self._two.rows(east, east, "SELECT id FROM op")}
        (counter,) = self._two.rows(east, east, "SELECT n FROM counter")[0]
        return judge(self.writers, ops, counter)


def writers_to_east(two: Two, pause: float, count: int = 2) -> list[Writer]:
    """Start writers that write to east's cell itself, wherever it is open, and note under which epoch."""
    open_site = next(
        site for site in (two.east, two.west) if two.owner(two.east).startswith(site.name)
    )
    for statement in ("DROP TABLE IF EXISTS op", "DROP TABLE IF EXISTS counter", *TABLES):
        two.rows(two.east, open_site, statement)
    ports = {
        two.east.vault.platform_moid: database(two.east).own.port,
        two.west.vault.platform_moid: database(two.west).copy.port,
    }
    password, schema = two.east.vault.mariadb, two.east.name
    writers = [Writer(n, ports, password, schema, pause) for n in range(count)]
    for writer in writers:
        writer.start()
    return writers


@dataclass(frozen=True, slots=True)
class _Row:
    number: str
    name: str
    minutes: int
    ended: bool


def _rows(two: Two) -> dict[str, list[_Row]]:
    query = (
        "SELECT creator_moid, e164, name, JSON_VALUE(detail, '$.duration'), live_e164 IS NULL"
        " FROM conferences_conference"
    )
    rows: dict[str, list[_Row]] = {}
    for tag, number, name, minutes, ended in two.rows(two.east, two.east, query):
        rows.setdefault(tag, []).append(_Row(number, name, int(minutes or 0), bool(ended)))
    return rows


def _seats(two: Two) -> int:
    query = "SELECT SUM(small_used + large_used) FROM licensing_quota WHERE owner=%s"
    return int(two.rows(two.east, two.east, query, two.east.vault.platform_moid)[0][0])


def _compare(conference: ClientConference, rows: list[_Row]) -> tuple[list[str], list[str]]:
    """Return the conferences that are missing, and those that exist too often."""
    row = next((row for row in rows if row.number == conference.number), None)
    if row is None:
        return [f"conference {conference.number}"], []
    lost = []
    if row.name != conference.name:
        lost.append(f"{conference.number}: its name is {row.name}, not {conference.name}")
    if conference.ended is not row.ended:
        lost.append(f"{conference.number}: ended is {row.ended}, was told {conference.ended}")
    if row.minutes < conference.minutes:
        lost.append(f"{conference.number}: {row.minutes} minutes of {conference.minutes}")
    return lost, [
        f"{conference.number}: {row.minutes} minutes"
    ] if row.minutes > conference.minutes else []
