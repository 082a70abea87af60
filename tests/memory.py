"""A site in memory lets the real flows run without a database, as workers would, one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from conferences.data.queries import list_item
from conferences.rules import licence_counts
from conferences.rules.create import AllocatedNumber, CreateRefusal, Tenant, refuse_at_limit
from conferences.rules.decision import Decision
from conferences.rules.listing import ListPage
from conferences.rules.occurrence import has_outcome
from conferences.rules.states import Conference, Unit
from foundation.bus import registry
from foundation.bus.envelope import Envelope
from foundation.bus.message import BadMessage, Message, dumps, loads, to_body
from foundation.bus.outgoing import Answer, Event, Outgoing
from licensing.rules.amounts import NONE, WIRE_NAMES, Amounts
from licensing.rules.limits import Limits, find_reached_limit, find_short_resource
from tests.memory_letter import InboxRequest, Letter, envelope_of
from tests.memory_reservations import MemoryReservations
from tests.memory_stored import MemoryRegistry, MemoryStored
from wire import replies
from wire.protocol import PROTOCOL
from wire.resource_pool import ResourcesGranted
from wire.routes import DEAD_QUEUE


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFacts:
    """The facts of a user domain in memory: what creating needs, its limits and its machine room."""

    tenant: Tenant
    small_limit: int | None = None
    large_limit: int | None = None
    room: str = ""


@dataclass(slots=True)
class MemoryUnitOfWork:
    """A unit of work that keeps the data of one platform in dictionaries.

    `own_site` is the site that works on the data, `platform` owns them; empty means the site's own.
    """

    now: datetime
    own_site: str = "main"
    platform: str = ""
    licence: Limits | None = None
    facts: dict[str, TenantFacts] = field(default_factory=dict)
    prefix: str = "88"
    serials: int = 100_000
    stands_in_abnormal_room: Callable[[Unit], bool] = lambda unit: False
    home_of: Callable[[str], str] | None = None
    """Returns the platform of a number as the working site knows it; `None`: only one exists."""
    is_open: bool = True
    # the data that outlive a transaction
    conferences: dict[str, Conference] = field(default_factory=dict)
    live: dict[str, Conference] = field(default_factory=dict)
    quota: dict[str, Amounts] = field(default_factory=dict)
    records: dict[str, Conference] = field(default_factory=dict)
    numbers: dict[str, tuple[int, bool]] = field(default_factory=dict)
    reserved: dict[str, str] = field(default_factory=dict)
    stored: MemoryStored = field(default_factory=MemoryStored)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    reservations: MemoryReservations = field(default_factory=MemoryReservations)
    inbox: dict[str, InboxRequest] = field(default_factory=dict)
    parked: list[tuple[bytes, str]] = field(default_factory=list)
    abnormal_rooms: set[str] = field(default_factory=set)
    parts: dict[tuple[Unit, str], dict[int, frozenset[str]]] = field(default_factory=dict)
    # the effects of the last transaction
    outgoing: list[Letter] = field(default_factory=list)
    changes: list[tuple[Conference | None, Conference]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _serial: int = 0
    _short: int = 100_000
    _id: int = 0

    def __post_init__(self) -> None:
        self.platform = self.platform or self.own_site

    # ---- a transaction ------------------------------------------------------------------------

    def begin(self, now: datetime, own_site: str = "") -> None:
        """Start a transaction without changes or messages; `own_site` may name another site."""
        self.now, self.own_site = now, own_site or self.own_site
        self.outgoing, self.changes, self.notes, self.events = [], [], [], []
        self.reservations.notices.clear()

    def take(self, letter: Letter, queue: str, now: datetime) -> None:
        """Handle a delivery as `bus.dispatch` does: a repetition, a late one, or one for its handler."""
        self.begin(now)
        try:
            body = loads(letter.body)
            message = registry.read_message(body)
            envelope = envelope_of(letter, queue).with_request_key(body)
            handler = registry.handler_of(message, envelope.correlation_id)
        except BadMessage as error:
            self.park(letter, queue, error.detail)
            return
        if not envelope.request or self._is_new(message, body, envelope):
            handler(self, message, envelope)

    def _is_new(self, message: Message, body: dict[str, Any], envelope: Envelope) -> bool:
        earlier = self.inbox.get(envelope.request)
        if earlier is not None:
            self.answer_again(earlier, body, envelope)
            return False
        if envelope.is_expired(self.now) or not self.is_open:
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

    def answer_again(self, request: InboxRequest, body: dict[str, Any], envelope: Envelope) -> None:
        """Answer a repeated request as before, without a second effect."""
        if request.digest != envelope.digest:
            self.nack(body, envelope, "29001", "reqid: was used for another request")
            return
        request.reply_to, request.correlation_id = envelope.reply_to, envelope.correlation_id
        route = PROTOCOL.default_reply_route(envelope.queue, envelope.app_id, body)
        exchange, key = route or ("", "")
        self._answer(request, exchange, key, envelope.via)

    def park(self, letter: Letter, queue: str, reason: str) -> None:
        """Refuse and keep a message that cannot be read."""
        self.parked.append((letter.body, reason))
        try:
            body = loads(letter.body)
        except BadMessage:
            body = None
        if body:
            self.nack(body, envelope_of(letter, queue), "29001", reason)
        self.put(letter.body, "", DEAD_QUEUE)

    def nack(self, body: dict[str, Any], envelope: Envelope, code: str, detail: str) -> None:
        """Refuse a request without storing it, on the broker from which it came."""
        refusal = replies.refusal(body, code, detail)
        route = PROTOCOL.default_reply_route(envelope.queue, envelope.app_id, body)
        if refusal is None:
            return
        properties = {
            "correlation_id": envelope.correlation_id,
            "destination": envelope.via or envelope.asked_at,
        }
        answer = dumps(to_body(refusal))
        if envelope.reply_to:
            self.put(answer, "", envelope.reply_to, **properties)
        elif route:
            self.put(answer, *route, **properties)

    # ---- reading ------------------------------------------------------------------------------

    @property
    def serving(self) -> frozenset[str]:
        """Return the platforms whose requests this site accepts now."""
        return frozenset({self.platform}) if self.is_open else frozenset()

    def load(self, e164: str) -> Conference | None:
        """Return the live conference with this number."""
        return self.live.get(e164)

    def hosted_on(self, unit: Unit) -> Sequence[Conference]:
        """Return the live conferences that are assigned to a unit."""
        return [c for c in self.live.values() if c.unit == unit]

    def claim_hosted_at(self, sites: Sequence[str]) -> list[Conference]:
        """Return the live conferences placed at these sites, large ones first, then the oldest."""
        hosted = [c for c in self.live.values() if c.hosting_platform in sites]
        return sorted(hosted, key=lambda c: (not c.large, c.created_at))

    def find_unlocked(self, unit: Unit, numbers: Sequence[str]) -> dict[str, Conference]:
        """Return the live conferences assigned to a unit or with one of these numbers."""
        wanted = set(numbers)
        return {e: c for e, c in self.live.items() if c.unit == unit or e in wanted}

    def collect_list_parts(
        self, unit: Unit, listid: str, part: int, part_count: int, numbers: Sequence[str]
    ) -> frozenset[str] | None:
        """Keep a part of a list; return all its numbers once all parts are there, else `None`."""
        parts = self.parts.setdefault((unit, listid), {})
        parts[part] = frozenset(numbers)
        return frozenset[str]().union(*parts.values()) if len(parts) >= part_count else None

    def http_url_of(self, platform: str) -> str:
        return ""

    def tenant(self, moid: str) -> Tenant | None:
        """Return the facts of a user domain that creating needs."""
        facts = self.facts.get(moid)
        return facts.tenant if facts else None

    def refuse_by_licence(self, tenant: Tenant, places: int) -> CreateRefusal | None:
        """Return the limit that forbids one more of this size, with words; `None`: there is a seat."""
        facts, wanted = self.facts[tenant.moid], licence_counts.amounts_of_new(places)
        limit = facts.large_limit if wanted.large_conferences else facts.small_limit
        platform, own = self.used(self.platform), self.used(tenant.moid)
        full = find_reached_limit(wanted, self.licence, platform, limit, own, self.now)
        return refuse_at_limit(full, wanted) if full else None

    def missing_resource(self, required: Amounts, *, locked: bool = False) -> str:
        """Return the licensed resource that is too short for `required`; "" if none is."""
        return (
            find_short_resource(required, self.used(self.platform), self.licence.site)
            if self.licence
            else ""
        )

    def why_no_monitor_at(self, ip: str) -> str:
        """Return why nothing is sent to an address: in memory 192.0.2.x alone may be sent to."""
        return "" if ip.startswith("192.0.2.") else "not allowed"

    def used(self, owner: str) -> Amounts:
        """Return the amounts that a domain or the platform has in use."""
        return self.quota.get(owner, NONE)

    def allocate_number(self, requested: str | None, holder: str = "") -> AllocatedNumber | None:
        """Return number, short number and incarnation for a new conference; `None` if none is free."""
        number = self._find_free(requested, holder)
        if number is None:
            return None
        incarnation = self.numbers.get(number, (0, False))[0] + 1
        self.numbers[number] = (incarnation, True)
        if number.startswith(self.prefix) and len(number) == len(self.prefix) + 5:
            return AllocatedNumber(number, number[-5:], incarnation)
        self._short += 1
        return AllocatedNumber(number, str(self._short - 1), incarnation)

    def keep_number(self, requested: str | None, holder: str) -> str | None:
        """Keep a number for a holder, and return it; `None` if none is free."""
        number = self._find_free(requested, holder)
        if number:
            self.reserved[number] = holder
        return number

    def release_kept_number(self, e164: str) -> None:
        """Keep a number for nobody any more."""
        self.reserved.pop(e164, None)

    def _find_free(self, requested: str | None, holder: str) -> str | None:
        if requested is not None:
            return requested if self._is_free(requested, holder) else None
        for _ in range(self.serials):
            serial, self._serial = self._serial, (self._serial + 1) % self.serials
            if self._is_free(number := f"{self.prefix}{serial:05d}"):
                return number
        return None

    def _is_free(self, e164: str, holder: str = "") -> bool:
        in_use = self.numbers.get(e164, (0, False))[1]
        return not in_use and self.reserved.get(e164, "") in ("", holder)

    def new_id(self) -> str:
        """Return an id that is not used yet."""
        self._id += 1
        return f"{self._id:032x}"

    def site_of_unit(self, reply: Message) -> str:
        """Return the site of the unit that the RMS names."""
        unit = reply.mcu if isinstance(reply, ResourcesGranted) else None
        return (unit.platform if unit else None) or self.own_site

    def numbers_of_own_conferences(
        self, numbers: Collection[str], sent_by_local_unit: bool
    ) -> frozenset[str]:
        """Return the numbers of this platform; unknown numbers are judged where they are reported."""
        if self.home_of is None:
            return frozenset(numbers)
        nobodys = self.platform if sent_by_local_unit and self.platform == self.own_site else ""
        return frozenset(n for n in numbers if (self.home_of(n) or nobodys) == self.platform)

    def list_page(self, domain: str, start: int, count: int) -> ListPage | None:
        """Return a page of a domain's live conferences; `None` if there is no such domain."""
        if domain != self.platform and domain not in self.facts:
            return None
        conferences = [
            c for c in self.live.values() if domain in (c.user_domain, c.source_platform)
        ]
        page = sorted(conferences, key=lambda c: c.confid)[start : start + count]
        return ListPage(len(conferences), [list_item(c) for c in page])

    def control_request_key(self, e164: str, correlation_id: str, reqid: str) -> str | None:
        """Return the key of the control request to which a unit's answer belongs, answered or not."""
        requests = [
            a for a in self.inbox.values() if a.e164 == e164 and a.wire_type.startswith("CM_MCU_")
        ]
        for name, value in (
            ("correlation_id", correlation_id),
            ("key", correlation_id),
            ("reqid", reqid),
        ):
            for request in sorted(requests, key=lambda a: a.answer is not None):
                if value and getattr(request, name) == value:
                    return request.key
        return None

    def is_room_abnormal(self, unit: Unit) -> bool:
        """Tell whether the unit stands in an abnormal room of its site."""
        return self.stands_in_abnormal_room(unit)

    # ---- writing ------------------------------------------------------------------------------

    def save(self, before: Conference | None, after: Conference) -> None:
        """Keep the next value; its counts and its number follow from the change."""
        after = msgspec.structs.replace(after, revision=after.revision + 1)
        self.changes.append((before, after))
        self.conferences[after.confid] = after
        self.count(after.user_domain, *map(licence_counts.amounts_in_use, (before, after)))
        if after.live:
            self.live[after.e164] = after
        if before is not None and before.live and not after.live:
            self.numbers[after.e164] = (after.incarnation, False)
            del self.live[after.e164]
        if has_outcome(before, after):
            self.reservations.stage_outcome(after, self.now)

    def count(self, domain: str, before: Amounts, after: Amounts) -> None:
        """Count that a conference of this domain uses `after` where it used `before`."""
        if before == after:
            return
        for owner in (self.platform, domain):
            used = self.used(owner)
            self.quota[owner] = Amounts(
                *(getattr(used, n) - getattr(before, n) + getattr(after, n) for n in WIRE_NAMES)
            )

    def save_record(self, ended: Conference) -> None:
        """Keep an ended conference of another site, unless it is kept already."""
        self.records.setdefault(ended.confid, ended)

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message, or the answer to a request."""
        route = outgoing.route.value
        key = outgoing.key or route.key
        if isinstance(outgoing, Answer):
            request = self.inbox.get(outgoing.request)
            if request is not None:
                request.answer = request.answer or dumps(to_body(outgoing.message))
                self._answer(request, route.exchange, key, outgoing.destination)
                return
            site = outgoing.destination
            self.put(dumps(to_body(outgoing.message)), route.exchange, key, destination=site)
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

    def publish_event(self, event: Event) -> None:
        """Stage an event."""
        self.events.append(event)

    def _answer(self, request: InboxRequest, exchange: str, key: str, destination: str) -> None:
        if request.answer is None:
            return
        correlation_id, address = request.correlation_id, (exchange, key)
        if request.reply_to:
            address, destination = ("", request.reply_to), ""
        if address[1]:
            self.put(
                request.answer, *address, correlation_id=correlation_id, destination=destination
            )

    def put(self, body: bytes, exchange: str, key: str, **around: Any) -> None:
        """Stage a letter."""
        around["app_id"] = around.get("app_id") or f"css@{self.own_site}"
        if around.get("destination") == self.own_site:
            around["destination"] = ""
        letter = {"body": body, "exchange": exchange, "key": key, "sent_at": self.now}
        self.outgoing.append(Letter(**{**letter, **around}))

    def log_decision(self, step: Decision) -> None:
        """Keep the log line of a decision."""
        c = step.after or step.before
        if c is None:
            self.notes.append(step.reason)
            return
        was = step.before.state if step.before else "new"
        self.notes.append(f"{c.e164} {was} -> {c.state}: {step.reason}")
