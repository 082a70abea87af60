"""The conference managers: they ask, repeat themselves, change their minds, and count answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

import orjson

from conferences.rules.reservation import Reservation, ReservationState
from conferences.rules.stored import Kind
from foundation.bus.message import dumps, to_body
from tests.memory import MemoryUnitOfWork
from tests.memory_letter import Letter
from tests.simulation.broken import Broken
from tests.simulation.scenery import EPOCH, prefix_of
from wire.conference_manager import AskToRename, RenameDenied, RenameGranted
from wire.routes import Routes

REPLY_QUEUE = "cm.answers"
PATIENCE = 15.1
"""Seconds within which every asker has its answer, while the bus is healthy: 15 s here, and the way."""

TEMPLATES = 2
TENANTS = ("1", "2", "closed", "unknown")
WISHED_NUMBERS = ("90001", "90002", "90003")
"""What follows the platform's prefix."""
_CONTROLS = ("MUTE", "ADDMT", "DROPMT", "GETMTLIST", "SETCHAIRMAN", "SENDMSG")


@dataclass(slots=True)
class Ask:
    """The record of one request says when it was first sent, and what was answered."""

    body: bytes
    exchange: str
    key: str
    since: float
    site: str
    """Where it was asked last."""
    again_at: float
    answer: bytes | None = None
    must_be_answered: bool = True


@dataclass(slots=True)
class Kept:
    """A template or reservation, as far as managers were told. They ask for one change of it after the other."""

    asked: str = ""
    """The id of the last request about it."""
    name: str = ""
    """As the last answer confirmed it; "" means that it is not there, or no more."""
    wished: str = ""
    """The name after the last request; "" asks for its end."""


@dataclass(slots=True)
class Managers:
    """The conference managers of a platform know its site and the backup's."""

    rng: Random
    post: Callable[[Letter, str], None]
    clock: Callable[[], float]
    platform: str
    sites: tuple[str, ...]
    asks: dict[str, Ask] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    answers_renames: bool = True
    agrees: bool = False
    """To every rename; else to most."""
    booked: dict[str, Kept] = field(default_factory=dict)
    templates: dict[str, Kept] = field(default_factory=dict)
    _open: dict[str, Ask] = field(default_factory=dict)

    # ---- asking ---------------------------------------------------------------------------------

    def act(self, conferences_wanted: int) -> None:
        """Do one thing that managers do."""
        roll = self.rng.random()
        if roll < 0.45 and len(self.numbers) < conferences_wanted:
            self.create()
        elif roll < 0.55:
            self.repeat()
        elif roll < 0.63 and self.numbers:
            self.monitor(self.rng.choice(self.numbers))
        elif roll < 0.67:
            self.book_or_change(conferences_wanted)
        elif roll < 0.73:
            self.template()
        elif self.numbers:
            number = self.rng.choice(self.numbers)
            [self.extend, self.release, self.control, self.look][self.rng.randrange(4)](number)

    def create(self) -> None:
        """Ask for a conference."""
        rng = self.rng
        body: dict[str, Any] = {
            "type": "CM_MAU_CREATECONF_REQ",
            "moid": f"{self.platform}-{rng.choices(TENANTS, (10, 8, 1, 1))[0]}",
            "confname": f"conference {len(self.asks)}",
            "duration": rng.choice((0, 1, 2, 3, 5, 8, 12, 240)),
            "maxjoinedmt": rng.choice((8, 8, 8, 32)),
            "resolution": rng.choices(("720p", "1080p"), (5, 1))[0],
            "autoend": int(rng.random() < 0.3),
            "dr": int(rng.random() < 0.85),
            "mts": [{"account": f"a{n}"} for n in range(rng.randrange(3))],
        }
        if rng.random() < 0.3:
            body["confE164"] = prefix_of(self.platform) + rng.choice(WISHED_NUMBERS)
        self._ask(body, Routes.CM_TO_CSS)

    def book_or_change(self, most: int) -> None:
        """Book a conference; or change or cancel one that was booked."""
        if len(self.booked) < most and self.rng.random() < 0.7:
            self.book()
            return
        bookid, booking = self._one_of(self.booked)
        if booking is None:
            return
        name = f"changed {len(self.asks)}" if self.rng.random() < 0.6 else ""
        body: dict[str, Any] = {"bookid": bookid, "moid": self._domain_of(bookid)}
        body |= {"type": f"CM_MAU_{'MDF' if name else 'DEL'}BOOKCONF_REQ"}
        if name:
            body |= {"confname": name, "duration": self.rng.choice((1, 2, 8))}
        self._ask_about(booking, name, body)

    def template(self) -> None:
        """Add, change or delete a public template; or begin its conference, or that of anything kept."""
        rng = self.rng
        if len(self.templates) < TEMPLATES and rng.random() < 0.5:
            number = rng.choice((None, prefix_of(self.platform) + rng.choice(WISHED_NUMBERS)))
            key, kept = f"{self.platform}-t{len(self.templates)}", Kept()
            body = {"type": "CM_MAU_CREATETEMPLATE_REQ", "confname": "by template", "duration": 2}
            self.templates[key] = kept
            self._ask_about_template(
                key, kept, f"template {key}", body | _given("confE164", number)
            )
            return
        key, template = self._one_of(self.templates)
        if template is None:
            return
        roll = rng.random()
        if roll < 0.5:
            body = {"type": "CM_MAU_CREATECONFBYTEMP_REQ", "templateid": key}
            self._ask(body | {"moid": self._domain_of(key)}, Routes.CM_TO_CSS)
        elif roll < 0.85:
            name = f"template {len(self.asks)}"
            self._ask_about_template(key, template, name, {"type": "CM_MAU_MDFTEMPLATE_REQ"})
        else:
            self._ask_about_template(key, template, "", {"type": "CM_MAU_DELTEMPLATE_REQ"})

    def begin_kept(self, stored_id: str, user_domain: str) -> None:
        """Begin the conference of a personal template or of a virtual room."""
        body = {"type": "CM_MAU_CREATECONFBYTEMP_REQ", "templateid": stored_id}
        self._ask(body | {"moid": user_domain, "creator": {"moid": "ann"}}, Routes.CM_TO_CSS)

    def _ask_about_template(self, key: str, kept: Kept, name: str, body: dict[str, Any]) -> None:
        about = {"templateid": key, "moid": self._domain_of(key), **_given("templatename", name)}
        self._ask_about(kept, name, body | about)

    def _domain_of(self, key: str) -> str:
        """Return the user domain of the template or reservation with this id."""
        return f"{self.platform}-{'12'[int(key[-1]) % 2]}"

    def _one_of(self, kept: dict[str, Kept]) -> tuple[str, Kept | None]:
        """Return one that is there and about which no request waits; `None`: there is none."""
        ready = [(k, v) for k, v in kept.items() if v.name and v.asked not in self._open]
        return self.rng.choice(ready) if ready else ("", None)

    def _ask_about(self, kept: Kept, name: str, body: dict[str, Any]) -> Ask:
        kept.wished, kept.asked = name, f"{self.platform}-{len(self.asks)}"
        return self._ask(body, Routes.CM_TO_CSS)

    def book(self) -> None:
        """Book a conference that begins soon, once or twice."""
        rng = self.rng
        bookid = f"{self.platform}-b{len(self.booked)}"
        start = EPOCH + timedelta(seconds=round(self.clock()) + rng.randrange(2, 60))
        body = {
            "type": "CM_MAU_ADDBOOKCONF_REQ",
            "moid": self._domain_of(bookid),
            "bookid": bookid,
            "confname": f"booked {len(self.asks)}",
            "duration": rng.choice((1, 2, 8)),
            "starttime": start.isoformat(),
            "repeat": rng.choice(("", "FREQ=DAILY;COUNT=2")),
        }
        kept = self.booked[bookid] = Kept()
        self._ask_about(kept, str(body["confname"]), body)

    def extend(self, number: str) -> None:
        """Ask for more time."""
        body = {"type": "CM_MAU_DELAYCONF_REQ", "confE164": number}
        self._ask(body | {"delay": self.rng.choice((0, 1, 5, 10))}, Routes.CM_TO_CSS)

    def release(self, number: str) -> None:
        """Ask for the end; not always."""
        if self.rng.random() < 0.4:
            self._ask({"type": "CM_MAU_RELEASECONF_REQ", "confE164": number}, Routes.CM_TO_CSS)

    def control(self, number: str) -> None:
        """Control a conference."""
        name = self.rng.choice(_CONTROLS)
        body = {"type": f"CM_MCU_{name}_REQ", "confE164": number, "value": 1, "mtid": "1"}
        body |= {"mtids": ["1"], "text": "hello", "mts": [{"account": "late"}]}
        self._ask(body, Routes.CM_TO_UNIT).must_be_answered = False

    def monitor(self, number: str) -> None:
        """Start or stop a monitor, or say which one goes on."""
        address = {"ip": "192.0.2.7", "port": 6000 + self.rng.randrange(3)}
        body = {"confE164": number, **address}
        match self.rng.randrange(3):
            case 0:
                wish = {"type": "CM_MAU_STARTMONITOR_REQ", "mtid": self.rng.choice(("", "m1"))}
                self._ask(body | wish | {"mode": 1}, Routes.CM_TO_CSS)
            case 1:
                self._ask(body | {"type": "CM_MAU_STOPMONITOR_REQ"}, Routes.CM_TO_CSS)
            case _:
                notice = {"type": "CM_MAU_MONITORKEEPALIVE_NTF", "confE164": number}
                words = orjson.dumps(notice | {"monitors": [address]})
                route = Routes.CM_TO_CSS.value
                letter = Letter(body=words, exchange=route.exchange, key=route.key, app_id="cm")
                self.post(letter, self.sites[0])

    def look(self, number: str) -> None:
        """Ask for the list."""
        self._ask({"type": "CM_MAU_GETCONFLIST_REQ", "moid": self.platform}, Routes.CM_TO_CSS)

    def last_wishes(self, numbers: list[str]) -> None:
        """Ask for all conferences once more; everybody wants an answer."""
        for number in numbers:
            self._ask(
                {"type": "CM_MAU_DELAYCONF_REQ", "confE164": number, "delay": 30}, Routes.CM_TO_CSS
            )
            listed = {"type": "CM_MCU_GETMTLIST_REQ", "confE164": number}
            self._ask(listed, Routes.CM_TO_UNIT)

    def repeat(self) -> None:
        """Ask again what was asked before: with the same words, or (wrongly) with others."""
        if not self.asks:
            return
        ask = self.rng.choice(list(self.asks.values())[-12:])
        self._post(ask)
        if self.rng.random() < 0.1:
            ask.must_be_answered = False  # whichever arrives first is the request
            body = orjson.loads(ask.body)
            word = "timezone" if "BOOKCONF" in body["type"] else "confname"
            other = body | {word: "Europe/Berlin"}
            self._post(replace(ask, body=orjson.dumps(other)))

    def insist(self) -> None:
        """Repeat requests that were not answered in time, at each site in turn."""
        now = self.clock()
        for ask in self._open.values():
            if now >= ask.again_at:
                ask.again_at = now + PATIENCE + 1
                ask.site = self.sites[(self.sites.index(ask.site) + 1) % len(self.sites)]
                self._post(ask)

    def _ask(self, body: dict[str, Any], route: Routes) -> Ask:
        reqid, now = f"{self.platform}-{len(self.asks)}", self.clock()
        words, address = orjson.dumps({**body, "reqid": reqid}), route.value
        site = self.sites[0] if self.rng.random() < 0.7 else self.sites[-1]
        ask = Ask(words, address.exchange, address.key, now, site, now + PATIENCE + 1)
        self.asks[reqid] = self._open[reqid] = ask
        self._post(ask)
        return ask

    def _post(self, ask: Ask) -> None:
        letter = Letter(
            body=ask.body,
            exchange=ask.exchange,
            key=ask.key,
            app_id="cm",
            correlation_id=orjson.loads(ask.body)["reqid"],
            reply_to=REPLY_QUEUE,
        )
        self.post(letter, ask.site)

    # ---- hearing --------------------------------------------------------------------------------

    def hear(self, letter: Letter, site: str) -> None:
        """Receive an answer, a question or a notice on the broker of this site."""
        body = orjson.loads(letter.body)
        kind, number = body["type"], body.get("confE164", "")
        ours = number.startswith(prefix_of(self.platform))
        if kind == AskToRename.wire_type and ours:
            self._on_may_rename(body, site)
        elif kind.endswith(("_ACK", "_NACK")) and body.get("reqid") in self.asks:
            self._on_answer(body, letter.body)
        if kind == "MAU_CM_CREATECONF_ACK" and ours:
            self.numbers = [*self.numbers, body["confE164"]][-20:]
        if kind == "MAU_CM_RELEASECONF_NTF" and body["confE164"] in self.numbers:
            self.numbers.remove(body["confE164"])

    def _on_answer(self, body: dict[str, Any], words: bytes) -> None:
        """Check I4: one request, one answer. A misuse of its id, and lateness, are refused besides."""
        ask = self.asks[body["reqid"]]
        detail = str(body.get("detail"))
        if detail == "expired" or (body.get("errcode") == "29001" and detail.startswith("reqid:")):
            return
        if body.get("errcode") == "29005":  # another site serves, or will
            ask.again_at = min(ask.again_at, self.clock() + 1.5)
            return
        if ask.answer is not None and ask.answer != words:
            raise Broken("I4", f"{body['reqid']} was answered {ask.answer!r} and then {words!r}")
        if body["type"].endswith("_ACK") and ask.answer is None:
            for kept in (*self.booked.values(), *self.templates.values()):
                if kept.asked == body["reqid"]:
                    kept.name = kept.wished
        ask.answer = words
        self._open.pop(body["reqid"], None)

    def _on_may_rename(self, body: dict[str, Any], site: str) -> None:
        if not self.answers_renames:
            return
        reply: RenameGranted | RenameDenied
        if self.agrees or self.rng.random() < 0.7:
            reply = RenameGranted(reqid=body["reqid"], e164=body["confE164"])
        else:
            reply = RenameDenied(reqid=body["reqid"], e164=body["confE164"], errcode="29020")
        route = Routes.CM_TO_CSS.value
        words = dumps(to_body(reply))
        letter = Letter(body=words, exchange=route.exchange, key=route.key, app_id="cm")
        self.post(letter, site)

    # ---- promises -------------------------------------------------------------------------------

    def check_kept(self, data: MemoryUnitOfWork) -> None:
        """Check that templates and reservations are as the last answer about each says."""
        books = {key: b.settings.name for key, b in data.reservations.books.items() if _counts(b)}
        stored = {k: s.name for k, s in data.stored.kept.items() if s.kind is Kind.PUBLIC}
        for acknowledged, kept in ((self.booked, books), (self.templates, stored)):
            for key, value in acknowledged.items():
                if value.asked not in self._open and kept.get(key, "") != value.name:
                    raise Broken("kept", f"{key} is {kept.get(key)!r}, not {value.name!r}")

    def check_answered(self, within: float) -> None:
        """Check that every request has its answer within so many seconds."""
        for reqid, ask in self._open.items():
            if ask.must_be_answered and self.clock() - ask.since > within:
                raise Broken("answer", f"{reqid} waits since {ask.since:.2f}: {ask.body.decode()}")


def _given(name: str, value: str | None) -> dict[str, str]:
    return {name: value} if value else {}


def _counts(book: Reservation) -> bool:
    return book.state is not ReservationState.CANCELLED
