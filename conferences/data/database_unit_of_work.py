"""The unit of work of the conferences on MariaDB."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
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
from wire.conference_manager import CreateConference, ListedConference
from wire.error_codes import Err
from wire.resource_pool import ResourcesGranted, ResourcesRefused

log = logging.getLogger("conferences.steps")

_TABLE = "conferences_conference"


class ConferencesDatabaseUnitOfWork:
    """The unit of work on MariaDB reads and locks for a whole batch, and writes once at its end."""

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
        self.own_site = own_platform()
        self.serving = uow.serving

    # ---- reading ----------------------------------------------------------------------------

    def prepare(self, messages: Sequence[Message]) -> None:
        """Lock the conferences that these messages name; read tenants, seats and numbers for the new ones."""
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
        """Lock and return the live conferences whose column has one of these values."""
        missing = (
            list(values) if column != "live_e164" else [v for v in values if v not in self._live]
        )
        if not missing:
            return []
        if column == "live_e164":
            self._live.update(dict.fromkeys(missing))
        query = (
            f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE {column} IN ({sql.marks(missing)})"
            " ORDER BY confid FOR UPDATE"
        )
        return self._current_values(sql.select(self._database, query, missing))

    def _current_values(self, rows: Sequence[tuple[Any, ...]]) -> list[Conference]:
        """Return the live conferences of these rows, as this unit of work has changed them."""
        conferences = []
        for row in rows:
            c = row_mapper.from_row(row)
            current = self._live.get(c.e164)
            c = current if current and current.confid == c.confid else c
            self._live[c.e164] = c
            conferences.append(c)
        return [c for c in conferences if c.live]

    def load(self, e164: str) -> Conference | None:
        """Lock and return the live conference with this number; `None` means there is none."""
        if e164 not in self._live:
            self._lock("live_e164", [e164])
        c = self._live[e164]
        return c if c and c.live else None

    def hosted_on(self, unit: Unit) -> Sequence[Conference]:
        """Lock and return all live conferences that are assigned to a unit."""
        locked = self._lock("live_unit", [str(unit)])
        return [c for c in locked if c.unit == unit]

    def claim_due(self, most: int) -> list[Conference]:
        """Lock and return conferences that are due; those that another worker has claimed are skipped."""
        rows = sql.select(
            self._database,
            f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE due_at <= UTC_TIMESTAMP(6)"
            " ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [most],
        )
        claimed = self._current_values(rows)
        self._uow.inbox.load(c.request for c in claimed)
        return claimed

    def claim_pending(self, most: int) -> list[Conference]:
        """Lock and return conferences that wait to be restored, oldest first."""
        rows = sql.select(
            self._database,
            f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE state='pending'"
            " ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [most],
        )
        return self._current_values(rows)

    def claim_hosted_at(self, sites: Sequence[str], most: int) -> list[Conference]:
        """Lock and return live conferences placed at these sites, large ones first, then the oldest."""
        if not sites:
            return []
        rows = sql.select(
            self._database,
            f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_e164 IS NOT NULL"
            f" AND hosting_platform IN ({sql.marks(sites)})"
            " ORDER BY places > 8 DESC, created_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [*sites, most],
        )
        return self._current_values(rows)

    def believed_on(self, unit: Unit, numbers: Sequence[str]) -> dict[str, Conference]:
        """Return, without locking, the live conferences assigned to a unit or with one of these numbers."""
        query = f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_unit=%s"
        rows = sql.select(self._database, query, [str(unit)])
        if numbers:
            query = (
                f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_e164 IN ({sql.marks(numbers)})"
            )
            rows += sql.select(self._database, query, numbers)
        believed = [
            c for c in map(row_mapper.from_row, rows) if c.unit == unit or c.e164 in numbers
        ]
        by_number = {c.e164: c for c in believed}
        return {e164: self._live.get(e164) or c for e164, c in by_number.items()}

    def collect_list_parts(
        self, unit: Unit, listid: str, part: tuple[int, int], numbers: Sequence[str]
    ) -> frozenset[str] | None:
        """Return all numbers of a list that comes in parts; `None` until all its parts are there.

        `part`: the number of this part, and how many there are. Redis keeps the parts for two minutes; while
        Redis is away they are lost, and the next list of the unit counts.
        """
        key = f"list:{unit}:{listid}:{part[1]}"
        try:
            with redis_of(self._uow.platform).pipeline() as pipe:
                pipe.hset(key, str(part[0]), " ".join(numbers))
                pipe.expire(key, 120)
                pipe.hgetall(key)
                parts: dict[str, str] = pipe.execute()[-1]
        except redis.RedisError as error:
            log.warning("part %d of a list of %s is forgotten: %s", part[0], unit, error)
            return None
        if len(parts) < part[1]:
            return None
        return frozenset(
            number for part_numbers in parts.values() for number in part_numbers.split()
        )

    # ---- facts ------------------------------------------------------------------------------

    def _read_tenants(self, moids: set[str]) -> None:
        """Read the facts of the user domains that are not read yet."""
        missing = moids - self._tenants.keys()
        self._tenants |= user_domains(self._database, missing)

    def site_of_unit(self, reply: ResourcesGranted | ResourcesRefused) -> str:
        """Return the site whose broker reaches the unit that the RMS names.

        It is a peer's site if the RMS names one, else this site.
        """
        unit = reply.mcu if isinstance(reply, ResourcesGranted) else None
        platform = (unit.platform if unit else None) or ""
        return platform if platform in settings.PEERS else self.own_site

    def tenant(self, moid: str) -> Tenant | None:
        """Return the facts of a user domain that decide on creating; `None` means it is unknown."""
        self._read_tenants({moid})
        facts = self._tenants.get(moid)
        if facts is None:
            return None
        return Tenant(facts.moid, facts.platform, facts.enabled, facts.hd, facts.h265)

    def refuse_seat(self, tenant: Tenant, places: int) -> tuple[Err, str] | None:
        """Return which limit forbids one more conference of this size, and in words; `None` means none does."""
        facts, wanted = self._tenants[tenant.moid], licence_counts.of_new(places)
        limit = facts.large_limit if wanted.large_conferences else facts.small_limit
        limit_reached = self._seats.refusal(tenant.moid, wanted, limit)
        return refused(limit_reached, wanted) if limit_reached else None

    def missing_resource(self, wanted: Amounts) -> str:
        """Return the licensed resource of which so many more cannot be had; "" means all can."""
        return read_stock(self._database, self._uow.platform).short_of(wanted)

    def allocate_number(self, wanted: str | None) -> tuple[str, str, int] | None:
        """Allocate a number, short number and incarnation for a new conference.

        `wanted` is the number that was asked for; `None` takes the next free one. Returns `None` where it is taken.
        """
        return self._numbers.allocate(wanted)

    def new_id(self) -> str:
        """Return an id of 32 hexadecimal digits; the first half grows, so that new rows lie together."""
        return f"{next_id():016x}{os.urandom(8).hex()}"

    def numbers_to_judge(self, numbers: Collection[str], heard_here: bool) -> frozenset[str]:
        """Return those of these numbers that this platform decides on.

        A number that nobody knows, but that one of this site's own units holds (`heard_here`), is decided on by
        this site's own platform.
        """
        if len(possible_platforms()) == 1:
            return frozenset(numbers)
        platforms, own = platforms_of_numbers(numbers), self._uow.platform
        default = own if heard_here and own == self.own_site else ""
        return frozenset(n for n in numbers if platforms.get(n, default) == own)

    def list_page(
        self, domain: str, start: int, count: int
    ) -> tuple[int, list[ListedConference]] | None:
        """Return the count and one page of a domain's live conferences; `None` means no such domain."""
        return queries.list_page(self._database, domain, start, count)

    def control_request(self, e164: str, correlation_id: str, reqid: str) -> str | None:
        """Return the key of the control request that a unit's answer belongs to, answered or not."""
        request = self._uow.inbox.find_passed_on(e164, correlation_id, reqid)
        return request.key if request else None

    def is_domain_down(self, c: Conference, unit: Unit) -> bool:
        """Tell whether its user domain's room is abnormal, and the unit stands in an abnormal room.

        Only units and conferences of this site's own platform are judged.
        """
        if self._uow.platform != self.own_site or unit.at not in ("", self.own_site):
            return False
        if self._rooms is None:
            rooms = rooms_of(self._database, self._uow.platform)
            self._rooms = {moid: down for moid, _, down in rooms}
            # A domain or a unit that names no room belongs to the default room.
            self._rooms[""] = any(down for _, is_default, down in rooms if is_default)
        if not any(self._rooms.values()):
            return False
        self._read_tenants({c.user_domain})
        facts = self._tenants.get(c.user_domain)
        down = bool(facts and self._rooms.get(facts.room or ""))
        return down and bool(self._rooms.get(queries.room_of_unit(self._database, unit)))

    # ---- writing ----------------------------------------------------------------------------

    def save(self, before: Conference | None, after: Conference) -> None:
        """Stage the next value of a conference.

        What it uses and whether its number is taken follow from the difference.
        """
        after = msgspec.structs.replace(after, revision=after.revision + 1)
        self._seats.change(
            after.user_domain, licence_counts.in_use(before), licence_counts.in_use(after)
        )
        if before is None:
            self._uow.created_conferences[after.request] = (after.e164, after.confid)
        elif before.live and not after.live:
            self._numbers.release(after.e164, after.incarnation)
        self._live[after.e164] = after
        self._changed[after.confid] = after
        self._moves.append((before, after))

    def save_record(self, ended: Conference) -> None:
        """Stage a conference of another site that has ended; a known one stays as it is."""
        self._records[ended.confid] = ended

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message."""
        self._uow.send(outgoing)

    def log_step(self, step: Step) -> None:
        """Log the line of a decision."""
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
        old_rows = [row_mapper.to_row(c) for c in changed if c.confid not in new]
        sql.insert(
            self._database, _TABLE, row_mapper.COLUMNS, old_rows, update=row_mapper.COLUMNS[2:]
        )
        # Without `update`: a number that another conference has must fail, not overwrite that one.
        new_rows = [row_mapper.to_row(c) for c in changed if c.confid in new]
        sql.insert(self._database, _TABLE, row_mapper.COLUMNS, new_rows)
        records = [row_mapper.to_row(self._records[confid]) for confid in sorted(self._records)]
        sql.insert(
            self._database, _TABLE, row_mapper.COLUMNS, records, update=row_mapper.COLUMNS[:1]
        )
        self._seats.flush()
        self._numbers.flush()

    def after_commit(self) -> None:
        """Count the moves, and bring the projection in Redis up to date."""
        for before, after in self._moves:
            metrics.observe(before, after)
        redis_projection.write(self._uow.platform, self._changed.values())
