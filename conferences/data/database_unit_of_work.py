"""Define the unit of work of the conferences on MariaDB."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import redis
from django.conf import settings

from conferences.data import metrics, monitor_addresses, queries, redis_projection, row_mapper
from conferences.data.attendees import add_called
from conferences.data.numbers import Numbers
from conferences.data.platform_resolver import platforms_of_numbers
from conferences.data.recording_rows import RecordingRows
from conferences.data.registry_rows import RegistryRows
from conferences.data.reservations import Reservations
from conferences.data.stored_rows import StoredRows
from conferences.rules import licence_counts
from conferences.rules.create import AllocatedNumber, CreateRefusal, Tenant, refuse_at_limit
from conferences.rules.decision import Decision
from conferences.rules.listing import ListPage
from conferences.rules.occurrence import has_outcome
from conferences.rules.states import Conference, Unit
from domains.data import lookups
from domains.data.queries import UserDomainFacts, user_domains
from foundation.bus.message import Message
from foundation.bus.outbox import to_db_datetime
from foundation.bus.outgoing import Event, Outgoing
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, redis_of
from foundation.clock import next_id
from licensing.data.seats import Seats, read_usage_and_limits
from licensing.rules.amounts import Amounts
from wire.conference_manager import CreateConference
from wire.optional_settings import OptionalSettings
from wire.resource_pool import ResourcesGranted, ResourcesRefused
from wire.templates import CreateByTemplate

log = logging.getLogger("conferences.steps")

_TABLE = "conferences_conference"


class ConferencesDatabaseUnitOfWork:
    """The unit of work on MariaDB reads and locks rows for a whole batch of messages, and writes once at its end."""

    def __init__(self, uow: UnitOfWork) -> None:
        """Join the transaction `uow` on one platform's data; no row is read yet."""
        self._uow, self._database = uow, uow.database
        self._seats = Seats(uow.database, uow.platform, uow.now, uow.hold_lock)
        self._numbers = Numbers(uow.database, uow.platform)
        self.stored = StoredRows(uow.database)
        self.registry = RegistryRows(uow.database)
        self.reservations = Reservations(uow.database, uow.now)
        self.recordings = RecordingRows(uow.database, uow.platform)
        self._locked_conferences: dict[str, Conference | None] = {}
        """Conference number -> its live conference, with this transaction's changes; `None` if there is none."""
        self._changed: dict[str, Conference] = {}
        self._records: dict[str, Conference] = {}
        self._transitions: list[tuple[Conference | None, Conference]] = []
        self._tenants: dict[str, UserDomainFacts] = {}
        self._units_in_abnormal_rooms: dict[str, frozenset[tuple[str, str]]] = {}
        self.now: datetime = uow.now
        self.own_site = own_platform()
        self.serving = uow.serving

    # ---- reading ----------------------------------------------------------------------------

    def prepare(self, messages: Sequence[Message]) -> None:
        """Lock all rows that a batch of messages needs: conferences; for creates also licence counts and numbers."""
        creates = [
            message
            for message in messages
            if isinstance(message, CreateConference | CreateByTemplate)
        ]
        requested_numbers = {
            message.e164
            for message in messages
            if isinstance(message, CreateConference | OptionalSettings) and message.e164
        }
        kept_numbers = self.stored.prepare(
            [create.templateid for create in creates if isinstance(create, CreateByTemplate)]
        )
        numbers = {message.e164 for message in messages if hasattr(message, "e164")}
        numbers = (numbers - requested_numbers) | kept_numbers
        self._lock_conferences("live_e164", sorted(filter(None, numbers)))
        conferences = [conference for conference in self._locked_conferences.values() if conference]
        # Open requests that may be answered now: creates, and media units' requests for new names.
        creates_waiting = [
            asker.request for conference in conferences for asker in conference.askers
        ]
        renames = [conference.rename.request_key for conference in conferences if conference.rename]
        self._uow.inbox.lock_requests([*creates_waiting, *renames])
        if creates:
            self._read_tenants({create.user_domain for create in creates})
            self._seats.lock([tenant.moid for tenant in self._tenants.values()])
            self._numbers.prepare(len(creates), requested_numbers | kept_numbers)

    def _lock_conferences(self, column: str, values: Sequence[str]) -> list[Conference]:
        """Lock and return the live conferences with one of these values in a column (`live_e164`, `live_unit`).

        Conference numbers (`live_e164`) that this transaction has locked already are left out of the result. [] if
        there are no values left.
        """
        if column == "live_e164":
            values = [number for number in values if number not in self._locked_conferences]
            self._locked_conferences.update(dict.fromkeys(values, None))  # Until a row is found.
        if not values:
            return []
        query = (
            f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE {column} IN ({sql.marks(values)})"
            " ORDER BY confid FOR UPDATE"
        )
        return self._with_staged_changes(sql.select(self._database, query, values))

    def _with_staged_changes(self, rows: Sequence[tuple[Any, ...]]) -> list[Conference]:
        """Return the live conferences of these rows, with the changes that this transaction has staged."""
        conferences = []
        for row in rows:
            conference = row_mapper.from_row(row)
            current = self._locked_conferences.get(conference.e164)
            conference = current if current and current.confid == conference.confid else conference
            self._locked_conferences[conference.e164] = conference
            conferences.append(conference)
        return [conference for conference in conferences if conference.live]

    def load(self, e164: str) -> Conference | None:
        """Lock and return the live conference with this number; `None` means there is none."""
        if e164 not in self._locked_conferences:
            self._lock_conferences("live_e164", [e164])
        conference = self._locked_conferences[e164]
        return conference if conference and conference.live else None

    def hosted_on(self, unit: Unit) -> Sequence[Conference]:
        """Lock and return all live conferences that are assigned to a media unit."""
        locked = self._lock_conferences("live_unit", [str(unit)])
        return [conference for conference in locked if conference.unit == unit]

    def live_below(self, domain: str) -> list[Conference]:
        """Lock and return the live conferences of a domain and of the domains below it."""
        return self._lock_conferences(
            "live_e164", sorted(queries.numbers_below(self._database, domain))
        )

    def of_user_domains(self, user_domains: Sequence[str]) -> list[Conference]:
        """Lock and return the live conferences of these user domains (tenants), by their MOIDs."""
        if not user_domains:
            return []
        rows = sql.select(
            self._database,
            f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE live_e164 IS NOT NULL"
            f" AND user_domain IN ({sql.marks(user_domains)}) ORDER BY confid FOR UPDATE",
            user_domains,
        )
        return self._with_staged_changes(rows)

    def claim_due(self, limit: int, within: timedelta = timedelta()) -> list[Conference]:
        """Lock and return at most `limit` conferences that a timer handles now or `within` this time; skip locked."""
        rows = sql.select(
            self._database,
            f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE due_at <= %s"
            " ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [to_db_datetime(self._uow.now + within), limit],
        )
        claimed = self._with_staged_changes(rows)
        self._uow.inbox.lock_requests(conference.request for conference in claimed)
        return claimed

    def claim_pending(self, limit: int) -> list[Conference]:
        """Lock and return conferences that wait for a media unit, oldest first; skip locked ones."""
        rows = sql.select(
            self._database,
            f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE state='pending'"
            " ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [limit],
        )
        return self._with_staged_changes(rows)

    def claim_hosted_at(self, sites: Sequence[str], limit: int) -> list[Conference]:
        """Lock and return live conferences on units of these sites, large ones first, then the oldest."""
        if not sites:
            return []
        rows = sql.select(
            self._database,
            f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE live_e164 IS NOT NULL"
            f" AND hosting_platform IN ({sql.marks(sites)})"
            " ORDER BY places > 8 DESC, created_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [*sites, limit],
        )
        return self._with_staged_changes(rows)

    def find_unlocked(self, unit: Unit, numbers: Sequence[str]) -> dict[str, Conference]:
        """Return number -> live conference, without locks, of those on a media unit or with one of these numbers."""
        query = f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE live_unit=%s"
        rows = sql.select(self._database, query, [str(unit)])
        if numbers:
            query = f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE live_e164 IN ({sql.marks(numbers)})"
            rows += sql.select(self._database, query, numbers)
        stored = {conference.e164: conference for conference in map(row_mapper.from_row, rows)}
        return {
            number: self._locked_conferences.get(number) or conference
            for number, conference in stored.items()
            if conference.unit == unit or number in numbers
        }

    def collect_list_parts(
        self, unit: Unit, listid: str, part: int, part_count: int, numbers: Sequence[str]
    ) -> frozenset[str] | None:
        """Keep one part of the list of conferences that a media unit reports.

        Return all numbers once all parts came, else `None`. Redis keeps parts for two minutes. If Redis does not
        answer, they are lost and `None` is returned; the unit sends another list within a minute.
        """
        key = f"list:{unit}:{listid}:{part_count}"
        try:
            with redis_of(self._uow.platform).pipeline() as pipe:
                pipe.hset(key, str(part), " ".join(numbers))
                pipe.expire(key, 120)
                pipe.hgetall(key)
                parts: dict[str, str] = pipe.execute()[-1]
        except redis.RedisError as error:
            log.warning("part %d of a list of %s is forgotten: %s", part, unit, error)
            return None
        if len(parts) < part_count:
            return None
        return frozenset(number for numbers_of in parts.values() for number in numbers_of.split())

    # ---- facts ------------------------------------------------------------------------------

    def _read_tenants(self, moids: set[str]) -> None:
        """Read the facts of those of the user domains that this transaction has not read yet."""
        missing = moids - self._tenants.keys()
        self._tenants |= user_domains(self._database, missing)

    def site_of_unit(self, reply: ResourcesGranted | ResourcesRefused) -> str:
        """Return the site whose broker reaches the media unit that the resource manager (RMS) names.

        It is the site that the reply names, if we have a link to it, else this site.
        """
        unit = reply.mcu if isinstance(reply, ResourcesGranted) else None
        platform = (unit.platform if unit else None) or ""
        return platform if platform in settings.PEERS else self.own_site

    def tenant(self, moid: str) -> Tenant | None:
        """Return the facts that decide whether a user domain may create conferences; `None`: no such domain."""
        self._read_tenants({moid})
        if (facts := self._tenants.get(moid)) is None:
            return None
        return Tenant(facts.moid, facts.platform, facts.enabled, facts.hd, facts.h265)

    def http_url_of(self, platform: str) -> str:
        """Return the HTTP address of a platform's own site; "" if its domain names none."""
        return lookups.http_url(platform)

    def refuse_by_licence(self, tenant: Tenant, places: int) -> CreateRefusal | None:
        """Return why licence or domain allow no further conference with so many places; `None` if they allow it."""
        facts, required = self._tenants[tenant.moid], licence_counts.amounts_of_new(places)
        domain_limit = facts.large_limit if required.large_conferences else facts.small_limit
        reached_limit = self._seats.reached_limit(tenant.moid, required, domain_limit)
        return refuse_at_limit(reached_limit, required) if reached_limit else None

    def missing_resource(self, required: Amounts, *, locked: bool = False) -> str:
        """Return the first licensed resource of which less than `required` is left, else "". `locked`: lock counts."""
        if locked:
            return self._seats.missing_resource(required)
        return read_usage_and_limits(self._database, self._uow.platform).missing_resource(required)

    def why_no_monitor_at(self, ip: str) -> str:
        """Return why no terminal's sound or picture may be sent to an IP address (as a monitor); "" if it may."""
        return monitor_addresses.why_not_allowed(ip)

    def allocate_number(self, requested: str | None, holder: str = "") -> AllocatedNumber | None:
        """Give a conference the requested number, or any free one (`None`); `None`: not free. `holder`: of `keep`."""
        return self._numbers.allocate(requested, holder)

    def keep_number(self, requested: str | None, holder: str) -> str | None:
        """Reserve the requested number, or any free one (`None`), for `holder`, and return it; `None`: not free."""
        return self._numbers.keep(requested, holder)

    def prepare_numbers(self, numbers: Collection[str]) -> None:
        """Lock and read the rows of these conference numbers at once, so that `release_kept_number` finds them read."""
        self._numbers.prepare(0, numbers)

    def release_kept_number(self, e164: str) -> None:
        """Stop reserving a conference number for its template, virtual room or reservation."""
        self._numbers.release_kept(e164)

    def new_id(self) -> str:
        """Return an id of 32 hexadecimal digits. Its first half grows, so new rows are neighbours in the table."""
        return f"{next_id():016x}{os.urandom(8).hex()}"

    def numbers_of_own_conferences(
        self, numbers: Collection[str], sent_by_local_unit: bool
    ) -> frozenset[str]:
        """Return those of the numbers whose conferences belong to the platform of this transaction.

        `sent_by_local_unit`: a media unit of this site has sent the numbers; then one that fits no platform belongs
        to the site's own. If this site has the data of its own platform alone, all numbers belong to that.
        """
        if len(possible_platforms()) == 1:
            return frozenset(numbers)
        platforms, own = platforms_of_numbers(numbers), self._uow.platform
        default = own if sent_by_local_unit and own == self.own_site else ""
        return frozenset(number for number in numbers if platforms.get(number, default) == own)

    def list_page(self, domain: str, start: int, count: int) -> ListPage | None:
        """Return one page of a domain's live conferences; `None` means no such domain."""
        return queries.list_page(self._database, domain, start, count)

    def control_request_key(self, e164: str, correlation_id: str, reqid: str) -> str | None:
        """Return the key in the inbox (table of requests) of the control order that a media unit answers, or `None`."""
        request = self._uow.inbox.find_forwarded_request(e164, correlation_id, reqid)
        return request.key if request else None

    def is_room_abnormal(self, unit: Unit) -> bool:
        """Return whether a unit's machine room is abnormal (taken for out of order); False if this site cannot know."""
        site = unit.site or self.own_site
        if site not in self._units_in_abnormal_rooms:
            self._units_in_abnormal_rooms[site] = queries.units_in_abnormal_rooms(site)
        return (unit.ip, unit.pid) in self._units_in_abnormal_rooms[site]

    # ---- writing ----------------------------------------------------------------------------

    def save(self, before: Conference | None, after: Conference) -> None:
        """Stage the next value of a conference, which `flush` writes.

        Its licence counts, and whether its number is taken, are changed by the difference to `before`.
        """
        after = msgspec.structs.replace(after, revision=after.revision + 1)
        self._seats.change(
            after.user_domain,
            licence_counts.amounts_in_use(before),
            licence_counts.amounts_in_use(after),
        )
        # Views of HTTP requests learn by this which conference is created for them.
        for asker in after.askers[len(before.askers) if before else 0 :]:
            self._uow.created_conferences[asker.request] = (after.e164, after.confid)
        if before and before.live and not after.live:
            self._numbers.release(after.e164, after.incarnation)
        if has_outcome(before, after):
            self.reservations.stage_outcome(after)
        self._locked_conferences[after.e164] = after
        self._changed[after.confid] = after
        self._transitions.append((before, after))

    def save_record(self, ended: Conference) -> None:
        """Write the call record of a conference of another site at the end; one that is saved already stays."""
        self._records[ended.confid] = ended

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message, which is sent once the transaction has committed."""
        self._uow.send(outgoing)

    def publish_event(self, event: Event) -> None:
        """Stage an event, which listening client applications get once the transaction has committed."""
        self._uow.publish_event(event)

    def log_decision(self, decision: Decision) -> None:
        """Log the conference's state after a decision, and the reason of the decision."""
        conference = decision.after or decision.before
        if conference is None:
            log.info("%s", decision.reason)
            return
        was = decision.before.state if decision.before else "new"
        log.info("%s %s -> %s: %s", conference.e164, was, conference.state, decision.reason)

    def flush(self) -> None:
        """Write the staged conferences, licence counts and numbers, each table in one or two statements."""
        changed = sorted(self._changed.items())
        new_ids = {after.confid for before, after in self._transitions if before is None}
        old_rows = [row_mapper.to_row(value) for confid, value in changed if confid not in new_ids]
        sql.insert(
            self._database, _TABLE, row_mapper.COLUMNS, old_rows, update=row_mapper.CHANGING_COLUMNS
        )
        # Without `update`: a number that another conference has must fail, not overwrite that one.
        new_rows = [row_mapper.to_row(value) for confid, value in changed if confid in new_ids]
        sql.insert(self._database, _TABLE, row_mapper.COLUMNS, new_rows)
        # A record that is there already is left as it is: its key is set to the same value.
        records = [row_mapper.to_row(self._records[confid]) for confid in sorted(self._records)]
        sql.insert(
            self._database, _TABLE, row_mapper.COLUMNS, records, update=row_mapper.COLUMNS[:1]
        )
        add_called(self._database, self._uow.platform, self._transitions)
        self.registry.flush()
        self.reservations.flush(self._uow.platform)
        self._seats.flush()
        self._numbers.flush()

    def after_commit(self) -> None:
        """Count the changes of state for Prometheus, and write the changed conferences to Redis."""
        for before, after in self._transitions:
            metrics.observe_conference(before, after)
        self.reservations.after_commit()
        redis_projection.write_conferences(self._uow.platform, self._changed.values())
