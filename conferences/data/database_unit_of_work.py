"""The conferences of one platform's database, within one transaction."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import redis
from django.conf import settings

from conferences.data import metrics, queries, redis_projection, row_mapper
from conferences.data.numbers import Numbers
from conferences.data.platform_resolver import platforms_of_numbers
from conferences.rules import licence_counts
from conferences.rules.create import Tenant, refused
from conferences.rules.states import Conference, Unit
from conferences.rules.step import Step
from domains.data.queries import UserDomainFacts, rooms_of, user_domains
from foundation.bus.message import Message
from foundation.bus.outgoing import Outgoing
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, redis_of
from foundation.clock import next_id
from licensing.data.seats import Seats, read_stock
from licensing.rules.amounts import Amounts
from wire.conference_manager import CreateConference
from wire.error_codes import Err
from wire.resource_pool import ResourcesGranted, ResourcesRefused

log = logging.getLogger("conferences.steps")

_TABLE = "conferences_conference"


class ConferencesDatabaseUnitOfWork:
    """The unit of work on MariaDB: it reads and locks for a whole batch, and writes once at its end."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow, self._database = uow, uow.database
        self._seats = Seats(uow.database, uow.platform, uow.now)
        self._numbers = Numbers(uow.database, uow.platform)
        self._live: dict[str, Conference | None] = {}
        self._changed: dict[str, Conference] = {}
        self._records: dict[str, Conference] = {}
        self._moves: list[tuple[Conference | None, Conference]] = []
        self._tenants: dict[str, UserDomainFacts] = {}
        self._rooms: dict[str, bool] | None = None
        self.now: datetime = uow.now
        self.here = own_platform()
        self.serving = uow.serving

    # ---- reading ----------------------------------------------------------------------------

    def prepare(self, messages: Sequence[Message]) -> None:
        """Lock the conferences that these messages name, read tenants, seats and numbers."""
        creates = [m for m in messages if isinstance(m, CreateConference)]
        named = {m.e164 for m in messages if hasattr(m, "e164") and m.e164}
        named -= {m.e164 for m in creates if m.e164}
        self._lock("live_e164", sorted(named))
        waiting = [c for c in self._live.values() if c]
        self._uow.inbox.load(
            key for c in waiting for key in (c.request, c.rename.request if c.rename else "")
        )
        if creates:
            self._read_tenants({m.user_domain for m in creates})
            self._seats.lock([t.moid for t in self._tenants.values()])
            wanted = {m.e164 for m in creates if m.e164}
            self._numbers.prepare(len(creates), wanted)

    def _lock(self, column: str, values: Sequence[str]) -> list[Conference]:
        missing = (
            list(values) if column != "live_e164" else [v for v in values if v not in self._live]
        )
        if not missing:
            return []
        if column == "live_e164":
            self._live.update(dict.fromkeys(missing))
        query = (
            f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE {column} IN ({sql.marks(missing)})"  # noqa: S608
            " ORDER BY confid FOR UPDATE"
        )
        return self._take(sql.select(self._database, query, missing))

    def _take(self, found: Sequence[tuple[Any, ...]]) -> list[Conference]:
        taken = []
        for row in found:
            c = row_mapper.from_row(row)
            known = self._live.get(c.e164)
            c = known if known and known.confid == c.confid else c
            self._live[c.e164] = c
            taken.append(c)
        return [c for c in taken if c.live]

    def load(self, e164: str) -> Conference | None:
        """The live conference with this number, locked."""
        if e164 not in self._live:
            self._lock("live_e164", [e164])
        c = self._live[e164]
        return c if c and c.live else None

    def hosted_on(self, unit: Unit) -> Sequence[Conference]:
        """All live conferences that are assigned to a unit, locked."""
        found = self._lock("live_unit", [str(unit)])
        return [c for c in found if c.unit == unit]

    def claim_due(self, most: int) -> list[Conference]:
        """The conferences whose time has come; what another worker has claimed is skipped."""
        found = sql.select(
            self._database,
            f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE due_at <= UTC_TIMESTAMP(6)"  # noqa: S608
            " ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [most],
        )
        claimed = self._take(found)
        self._uow.inbox.load(c.request for c in claimed)
        return claimed

    def claim_pending(self, most: int) -> list[Conference]:
        """The conferences that wait to be restored, oldest first."""
        found = sql.select(
            self._database,
            f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE state='pending'"
            " ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [most],
        )
        return self._take(found)

    def claim_hosted_at(self, sites: Sequence[str], most: int) -> list[Conference]:
        """Live conferences that are placed at these sites, oldest and largest first."""
        if not sites:
            return []
        found = sql.select(
            self._database,
            f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_e164 IS NOT NULL"  # noqa: S608
            f" AND hosting_platform IN ({sql.marks(sites)})"
            " ORDER BY places > 8 DESC, created_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [*sites, most],
        )
        return self._take(found)

    def believed_on(self, unit: Unit, numbers: Sequence[str]) -> dict[str, Conference]:
        """The live conferences assigned to a unit or with one of these numbers, only looked at."""
        query = f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_unit=%s"  # noqa: S608
        found = sql.select(self._database, query, [str(unit)])
        if numbers:
            query = (
                f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_e164 IN ({sql.marks(numbers)})"  # noqa: S608
            )
            found += sql.select(self._database, query, numbers)
        believed = [
            c for c in map(row_mapper.from_row, found) if c.unit == unit or c.e164 in numbers
        ]
        seen = {c.e164: c for c in believed}
        return {e164: self._live.get(e164) or c for e164, c in seen.items()}

    def parts_of(
        self, unit: Unit, listid: str, part: tuple[int, int], numbers: Sequence[str]
    ) -> frozenset[str] | None:
        """All numbers of a list in parts, once all its parts are there. `part`: which, of how many.

        They are kept in Redis for a while; where that is away, the unit's next list will do.
        """
        key = f"list:{unit}:{listid}:{part[1]}"
        try:
            with redis_of(self._uow.platform).pipeline() as pipe:
                pipe.hset(key, str(part[0]), " ".join(numbers))
                pipe.expire(key, 120)
                pipe.hgetall(key)
                kept: dict[str, str] = pipe.execute()[-1]
        except redis.RedisError as wrong:
            log.warning("part %d of a list of %s is forgotten: %s", part[0], unit, wrong)
            return None
        if len(kept) < part[1]:
            return None
        return frozenset(number for some in kept.values() for number in some.split())

    # ---- facts ------------------------------------------------------------------------------

    def _read_tenants(self, moids: set[str]) -> None:
        missing = moids - self._tenants.keys()
        self._tenants |= user_domains(self._database, missing)

    def stands_at(self, reply: ResourcesGranted | ResourcesRefused) -> str:
        """At whose broker the unit that the RMS names is spoken to: a peer's, else this site's."""
        named = (reply.mcu or {}) if isinstance(reply, ResourcesGranted) else {}
        platform = str(named.get("platformmoid") or "")
        return platform if platform in settings.PEERS else self.here

    def tenant(self, moid: str) -> Tenant | None:
        """A user domain, as far as creating goes."""
        self._read_tenants({moid})
        facts = self._tenants.get(moid)
        if facts is None:
            return None
        return Tenant(facts.moid, facts.platform, facts.enabled, facts.hd, facts.h265)

    def seat(self, tenant: Tenant, places: int) -> tuple[Err, str] | None:
        """Which limit forbids one more of this size, and in words; None: there is a seat."""
        facts, wanted = self._tenants[tenant.moid], licence_counts.of_new(places)
        limit = facts.large_limit if wanted.large_conferences else facts.small_limit
        full = self._seats.refusal(tenant.moid, wanted, limit)
        return refused(full, wanted) if full else None

    def short_of(self, wanted: Amounts) -> str:
        """The licensed resource of which so many more cannot be had; "": all can."""
        return read_stock(self._database, self._uow.platform).short_of(wanted)

    def number(self, wanted: str | None) -> tuple[str, str, int] | None:
        """Number, short number and incarnation for a new conference; None: taken."""
        return self._numbers.take(wanted)

    def new_id(self) -> str:
        """32 hexadecimal digits; the first half grows, so that new rows lie together."""
        return f"{next_id():016x}{os.urandom(8).hex()}"

    def concerned(self, numbers: Collection[str], heard_here: bool) -> frozenset[str]:
        """Those of these numbers that are this platform's; of those that nobody knows, what our own
        units hold is our own platform's to judge."""
        if len(possible_platforms()) == 1:
            return frozenset(numbers)
        homes, own = platforms_of_numbers(numbers), self._uow.platform
        nobodys = own if heard_here and own == self.here else ""
        return frozenset(n for n in numbers if homes.get(n, nobodys) == own)

    def listed(
        self, domain: str, start: int, count: int
    ) -> tuple[int, list[dict[str, Any]]] | None:
        """One page of a domain's live conferences; None: no such domain."""
        return queries.listed(self._database, domain, start, count)

    def control_request(self, e164: str, correlation_id: str, reqid: str) -> str | None:
        """The key of the control request that a unit's answer belongs to, answered or not."""
        asked = self._uow.inbox.find_passed_on(e164, correlation_id, reqid)
        return asked.key if asked else None

    def domain_is_down(self, c: Conference, unit: Unit) -> bool:
        """Is its user domain abnormal, and the unit, one of this platform's own, of the abnormal room?"""
        if self._uow.platform != self.here or unit.at not in ("", self.here):
            return False
        if self._rooms is None:
            rooms = rooms_of(self._database, self._uow.platform)
            self._rooms = {moid: down for moid, _, down in rooms}
            # Who names no room is bound to the default one, or stands there.
            self._rooms[""] = any(down for _, is_default, down in rooms if is_default)
        if not any(self._rooms.values()):
            return False
        self._read_tenants({c.user_domain})
        facts = self._tenants.get(c.user_domain)
        down = bool(facts and self._rooms.get(facts.room or ""))
        return down and bool(self._rooms.get(queries.room_of_unit(self._database, unit)))

    # ---- writing ----------------------------------------------------------------------------

    def save(self, before: Conference | None, after: Conference) -> None:
        """Stage the next value; what it has in use and its number follow from the move."""
        after = replace(after, revision=after.revision + 1)
        self._seats.change(
            after.user_domain, licence_counts.in_use(before), licence_counts.in_use(after)
        )
        if before is None:
            self._uow.made[after.request] = (after.e164, after.confid)
        elif before.live and not after.live:
            self._numbers.give_back(after.e164, after.incarnation)
        self._live[after.e164] = after
        self._changed[after.confid] = after
        self._moves.append((before, after))

    def keep_record(self, ended: Conference) -> None:
        """Keep a conference of another site that has ended; known already: nothing."""
        self._records[ended.confid] = ended

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message."""
        self._uow.send(outgoing)

    def note(self, step: Step) -> None:
        """Log the one line of a decision."""
        c = step.after or step.before
        if c is None:
            log.info("%s", step.because)
            return
        was = step.before.state if step.before else "new"
        log.info("%s %s -> %s: %s", c.e164, was, c.state, step.because)

    def flush(self) -> None:
        """Write conferences, counts and numbers."""
        changed = sorted(self._changed.values(), key=lambda c: c.confid)
        new = {c.confid for before, c in self._moves if before is None}
        known = [row_mapper.to_row(c) for c in changed if c.confid not in new]
        sql.insert(self._database, _TABLE, row_mapper.COLUMNS, known, update=row_mapper.COLUMNS[2:])
        # Without `update`: a number that another conference has must fail, not overwrite that one.
        born = [row_mapper.to_row(c) for c in changed if c.confid in new]
        sql.insert(self._database, _TABLE, row_mapper.COLUMNS, born)
        records = [row_mapper.to_row(self._records[confid]) for confid in sorted(self._records)]
        sql.insert(
            self._database, _TABLE, row_mapper.COLUMNS, records, update=row_mapper.COLUMNS[:1]
        )
        self._seats.flush()
        self._numbers.flush()

    def after_commit(self) -> None:
        """Count the moves, and bring the projection up to date."""
        for before, after in self._moves:
            metrics.observe(before, after)
        redis_projection.write(self._uow.platform, self._changed.values())
