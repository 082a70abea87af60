"""A site without a database: the real flows run on it, as one worker after the other would run them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from conferences.data.queries import list_item
from conferences.rules import licence_counts
from conferences.rules.create import Tenant, refused
from conferences.rules.states import Conference, Unit
from conferences.rules.step import Step
from foundation.bus import registry
from foundation.bus.envelope import Envelope
from foundation.bus.message import BadMessage, Message, dumps, loads, to_body
from foundation.bus.outgoing import Answer, Outgoing
from licensing.rules.amounts import NONE, WIRE_NAMES, Amounts
from licensing.rules.limits import Limits, find_reached_limit, find_short_resource
from tests.memory_letter import Letter, envelope_of
from wire import replies
from wire.conference_manager import ListedConference
from wire.error_codes import Err
from wire.protocol import PROTOCOL
from wire.resource_pool import ResourcesGranted
from wire.routes import DEAD_QUEUE


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFacts:
    """A user domain of the memory site: what creating asks, its limits and its room."""

    tenant: Tenant
    small_limit: int | None = None
    large_limit: int | None = None
    room: str = ""


@dataclass(slots=True)
class InboxRequest:
    """One request in the inbox, and its answer."""

    key: str
    wire_type: str
    digest: str
    reqid: str
    e164: str
    reply_to: str
    correlation_id: str
    answer: bytes | None = None


@dataclass(slots=True)
class MemoryUnitOfWork:
    """One platform's conferences, quota, numbers, inbox and outgoing messages, in dictionaries.

    `own_site` is the site that works on them, `platform` whose they are; empty: that site's own.
    """

    now: datetime
    own_site: str = "main"
    platform: str = ""
    licence: Limits | None = None
    facts: dict[str, TenantFacts] = field(default_factory=dict)
    prefix: str = "88"
    serials: int = 100_000
    room_of_unit: Callable[[Unit], str] = lambda unit: ""
    home_of: Callable[[str], str] | None = None
    """Whose a number is, as the site at work knows it; None: there is one platform."""
    is_open: bool = True
    # what it keeps
    conferences: dict[str, Conference] = field(default_factory=dict)
    live: dict[str, Conference] = field(default_factory=dict)
    quota: dict[str, Amounts] = field(default_factory=dict)
    records: dict[str, Conference] = field(default_factory=dict)
    numbers: dict[str, tuple[int, bool]] = field(default_factory=dict)
    inbox: dict[str, InboxRequest] = field(default_factory=dict)
    parked: list[tuple[bytes, str]] = field(default_factory=list)
    abnormal_rooms: set[str] = field(default_factory=set)
    parts: dict[tuple[Unit, str], dict[int, frozenset[str]]] = field(default_factory=dict)
    # what the last transaction did
    outgoing: list[Letter] = field(default_factory=list)
    changes: list[tuple[Conference | None, Conference]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _serial: int = 0
    _short: int = 100_000
    _id: int = 0

    def __post_init__(self) -> None:
        self.platform = self.platform or self.own_site

    # ---- a transaction ------------------------------------------------------------------------

    def begin(self, now: datetime, here: str = "") -> None:
        """Start a transaction, of another site now: nothing has been changed or said in it."""
        self.now, self.own_site = now, here or self.own_site
        self.outgoing, self.changes, self.notes = [], [], []

    def take(self, letter: Letter, queue: str, now: datetime) -> None:
        """One delivery as `bus.dispatch` does it: seen before, late, or for its handler."""
        self.begin(now)
        try:
            body = loads(letter.body)
            message = registry.read(body)
            envelope = envelope_of(letter, queue).addressed(body)
            handler = registry.handler_of(message, envelope.correlation_id)
        except BadMessage as wrong:
            self.park(letter, queue, wrong.detail)
            return
        if not envelope.request or self._is_new(message, body, envelope):
            handler(self, message, envelope)

    def _is_new(self, message: Message, body: dict[str, Any], envelope: Envelope) -> bool:
        asked = self.inbox.get(envelope.request)
        if asked is not None:
            self.again(asked, body, envelope)
            return False
        if envelope.expired(self.now) or not self.is_open:
            self.nack(body, envelope, "29005", "expired" if self.is_open else "stopped")
            return False
        self.inbox[envelope.request] = InboxRequest(
            envelope.request,
            message.type,
            envelope.digest,
            str(body.get("reqid") or ""),
            str(body.get("confE164") or ""),
            envelope.reply_to,
            envelope.correlation_id,
        )
        return True

    def again(self, asked: InboxRequest, body: dict[str, Any], envelope: Envelope) -> None:
        """The same request again: the same answer, no second effect."""
        if asked.digest != envelope.digest:
            self.nack(body, envelope, "29001", "reqid: was used for another request")
            return
        asked.reply_to, asked.correlation_id = envelope.reply_to, envelope.correlation_id
        route = PROTOCOL.default_reply_route(envelope.queue, envelope.app_id, body)
        exchange, key = route or ("", "")
        self._answer(asked, exchange, key, envelope.via)

    def park(self, letter: Letter, queue: str, reason: str) -> None:
        """What cannot be read: refused, and kept."""
        self.parked.append((letter.body, reason))
        try:
            body = loads(letter.body)
        except BadMessage:
            body = None
        if body:
            self.nack(body, envelope_of(letter, queue), "29001", reason)
        self.put(letter.body, "", DEAD_QUEUE)

    def nack(self, body: dict[str, Any], envelope: Envelope, code: str, detail: str) -> None:
        """Refuse a request without taking it in; on the broker that it lay on."""
        refused = replies.refusal(body, code, detail)
        route = PROTOCOL.default_reply_route(envelope.queue, envelope.app_id, body)
        if refused is None:
            return
        about = {
            "correlation_id": envelope.correlation_id,
            "destination": envelope.via or envelope.asked_at,
        }
        said = dumps(to_body(refused))
        if envelope.reply_to:
            self.put(said, "", envelope.reply_to, **about)
        elif route:
            self.put(said, *route, **about)

    # ---- reading ------------------------------------------------------------------------------

    @property
    def serving(self) -> frozenset[str]:
        """The platforms whose requests this site takes now."""
        return frozenset({self.platform}) if self.is_open else frozenset()

    def load(self, e164: str) -> Conference | None:
        """The live conference with this number."""
        return self.live.get(e164)

    def hosted_on(self, unit: Unit) -> Sequence[Conference]:
        """All live conferences that are assigned to a unit."""
        return [c for c in self.live.values() if c.unit == unit]

    def claim_hosted_at(self, sites: Sequence[str]) -> list[Conference]:
        """Live conferences that are placed at these sites, the large ones first, then the oldest."""
        found = [c for c in self.live.values() if c.hosting_platform in sites]
        return sorted(found, key=lambda c: (not c.large, c.created_at))

    def believed_on(self, unit: Unit, numbers: Sequence[str]) -> dict[str, Conference]:
        """The live conferences assigned to a unit or with one of these numbers."""
        wanted = set(numbers)
        return {e: c for e, c in self.live.items() if c.unit == unit or e in wanted}

    def collect_list_parts(
        self, unit: Unit, listid: str, part: tuple[int, int], numbers: Sequence[str]
    ) -> frozenset[str] | None:
        """All numbers of a list in parts, once all its parts are there."""
        kept = self.parts.setdefault((unit, listid), {})
        kept[part[0]] = frozenset(numbers)
        return frozenset[str]().union(*kept.values()) if len(kept) >= part[1] else None

    def tenant(self, moid: str) -> Tenant | None:
        """A user domain, as far as creating goes."""
        facts = self.facts.get(moid)
        return facts.tenant if facts else None

    def refuse_seat(self, tenant: Tenant, places: int) -> tuple[Err, str] | None:
        """Which limit forbids one more of this size, and in words; None: there is a seat."""
        facts, wanted = self.facts[tenant.moid], licence_counts.of_new(places)
        limit = facts.large_limit if wanted.large_conferences else facts.small_limit
        platform, own = self.used(self.platform), self.used(tenant.moid)
        full = find_reached_limit(wanted, self.licence, platform, limit, own, self.now)
        return refused(full, wanted) if full else None

    def missing_resource(self, wanted: Amounts) -> str:
        """The licensed resource of which so many more cannot be had; "": all can."""
        return (
            find_short_resource(wanted, self.used(self.platform), self.licence.site)
            if self.licence
            else ""
        )

    def used(self, owner: str) -> Amounts:
        """What a domain or the platform has in use."""
        return self.quota.get(owner, NONE)

    def allocate_number(self, wanted: str | None) -> tuple[str, str, int] | None:
        """Number, short number and incarnation for a new conference; None: taken."""
        if wanted is not None:
            self._short += 1
            return self._mark(wanted, str(self._short - 1))
        for _ in range(self.serials):
            serial, self._serial = self._serial, (self._serial + 1) % self.serials
            if given := self._mark(f"{self.prefix}{serial:05d}", f"{serial:05d}"):
                return given
        return None

    def _mark(self, e164: str, short: str) -> tuple[str, str, int] | None:
        incarnation, taken = self.numbers.get(e164, (0, False))
        if taken:
            return None
        self.numbers[e164] = (incarnation + 1, True)
        return e164, short, incarnation + 1

    def new_id(self) -> str:
        """An id that nobody else has."""
        self._id += 1
        return f"{self._id:032x}"

    def site_of_unit(self, reply: Message) -> str:
        """Where the unit is that the RMS names."""
        unit = reply.mcu if isinstance(reply, ResourcesGranted) else None
        return (unit.platform if unit else None) or self.own_site

    def numbers_to_judge(self, numbers: Collection[str], heard_here: bool) -> frozenset[str]:
        """Those of these numbers that are this platform's; nobody's are judged where they are heard."""
        if self.home_of is None:
            return frozenset(numbers)
        nobodys = self.platform if heard_here and self.platform == self.own_site else ""
        return frozenset(n for n in numbers if (self.home_of(n) or nobodys) == self.platform)

    def list_page(
        self, domain: str, start: int, count: int
    ) -> tuple[int, list[ListedConference]] | None:
        """One page of a domain's live conferences; None: no such domain."""
        if domain != self.platform and domain not in self.facts:
            return None
        found = [c for c in self.live.values() if domain in (c.user_domain, c.source_platform)]
        page = sorted(found, key=lambda c: c.confid)[start : start + count]
        return len(found), [list_item(c) for c in page]

    def control_request(self, e164: str, correlation_id: str, reqid: str) -> str | None:
        """The key of the control request that a unit's answer belongs to, answered or not."""
        asked = [
            a for a in self.inbox.values() if a.e164 == e164 and a.wire_type.startswith("CM_MCU_")
        ]
        for name, value in (
            ("correlation_id", correlation_id),
            ("key", correlation_id),
            ("reqid", reqid),
        ):
            for one in sorted(asked, key=lambda a: a.answer is not None):
                if value and getattr(one, name) == value:
                    return one.key
        return None

    def is_domain_down(self, c: Conference, unit: Unit) -> bool:
        """Is its user domain abnormal, and the unit, one of this platform's, of the abnormal room?"""
        strange = self.platform != self.own_site or unit.at not in ("", self.own_site)
        if strange or not self.abnormal_rooms:
            return False
        facts = self.facts.get(c.user_domain)
        down = bool(facts and facts.room in self.abnormal_rooms)
        return down and self.room_of_unit(unit) in self.abnormal_rooms

    # ---- writing ------------------------------------------------------------------------------

    def save(self, before: Conference | None, after: Conference) -> None:
        """Keep the next value; what it has in use and its number follow from the move."""
        after = replace(after, revision=after.revision + 1)
        self.changes.append((before, after))
        self.conferences[after.confid] = after
        self.count(after.user_domain, licence_counts.in_use(before), licence_counts.in_use(after))
        if after.live:
            self.live[after.e164] = after
        if before is not None and before.live and not after.live:
            self.numbers[after.e164] = (after.incarnation, False)
            del self.live[after.e164]

    def count(self, domain: str, before: Amounts, after: Amounts) -> None:
        """A conference of this domain takes `after` where it took `before`."""
        if before == after:
            return
        for owner in (self.platform, domain):
            used = self.used(owner)
            self.quota[owner] = Amounts(
                *(getattr(used, n) - getattr(before, n) + getattr(after, n) for n in WIRE_NAMES)
            )

    def save_record(self, ended: Conference) -> None:
        """Keep a conference of another site that has ended; known already: nothing."""
        self.records.setdefault(ended.confid, ended)

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message, or the answer to a request."""
        route = outgoing.route.value
        key = outgoing.key or route.key
        if isinstance(outgoing, Answer):
            asked = self.inbox.get(outgoing.request)
            if asked is not None:
                asked.answer = asked.answer or dumps(to_body(outgoing.message))
                self._answer(asked, route.exchange, key, outgoing.destination)
                return
            to = outgoing.destination
            self.put(dumps(to_body(outgoing.message)), route.exchange, key, destination=to)
            return
        self.put(
            dumps(to_body(outgoing.message)),
            route.exchange,
            key,
            correlation_id=outgoing.correlation_id,
            reply_to=outgoing.reply_to,
            expires_ms=outgoing.expires_ms,
            destination=outgoing.destination,
            asked_at=(outgoing.headers or {}).get("x-origin", ""),
            via=(outgoing.headers or {}).get("x-via", ""),
        )

    def _answer(self, asked: InboxRequest, exchange: str, key: str, destination: str) -> None:
        if asked.answer is None:
            return
        mark, where = asked.correlation_id, (exchange, key)
        if asked.reply_to:
            where, destination = ("", asked.reply_to), ""
        if where[1]:
            self.put(asked.answer, *where, correlation_id=mark, destination=destination)

    def put(self, body: bytes, exchange: str, key: str, **around: Any) -> None:
        """Stage one letter."""
        around["app_id"] = around.get("app_id") or f"css@{self.own_site}"
        if around.get("destination") == self.own_site:
            around["destination"] = ""
        letter = {"body": body, "exchange": exchange, "key": key, "sent_at": self.now}
        self.outgoing.append(Letter(**{**letter, **around}))

    def log_step(self, step: Step) -> None:
        """Keep the one line of a decision."""
        c = step.after or step.before
        if c is None:
            self.notes.append(step.because)
            return
        was = step.before.state if step.before else "new"
        self.notes.append(f"{c.e164} {was} -> {c.state}: {step.because}")
