"""The unit of work of licence flows. It lives within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property

from django.conf import settings

from domains.data.queries import backups_of, platforms
from foundation.bus.message import Message, dumps, to_body
from foundation.bus.outbox import to_db_datetime
from foundation.bus.outgoing import Outgoing
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from foundation.cells.directory import possible_platforms
from licensing.data import licence_rows, redis_projection
from licensing.rules.amounts import Amounts
from licensing.rules.decisions import HeldLicence, Standing, amounts_in, standing
from licensing.rules.limits import in_force
from wire.licences import LicenceInForce

_PUBLISHED = "licensing_published"


class LicensingUnitOfWork:
    """The licences of a platform, and of those that it may have to serve."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow, self._database = uow, uow.database
        self._newest: dict[str, HeldLicence | None] = {}
        self._changed: set[str] = set()
        self._published: bytes | None = None
        self._seen = uow.now
        self.own, self.is_open = uow.platform, uow.is_open
        self.is_core, self.is_licensed = "bmc" in settings.ROLES, "css" in settings.ROLES
        self.possible = tuple(p for p in possible_platforms() if p != uow.platform)

    @property
    def now(self) -> datetime:
        """Return the time of licences: the database's, and never earlier than one seen before."""
        self._lock()
        return self._seen

    @property
    def served(self) -> tuple[str, ...]:
        """Return our own platform first, then those that this site may have to serve."""
        return (self.own, *self.possible)

    @cached_property
    def platforms(self) -> tuple[str, ...]:
        """Return the platforms whose licences are kept here: those served, and at the core all of the tree."""
        tree = platforms(self._database) if self.is_core else ()
        return tuple(dict.fromkeys((*self.served, *tree)))

    def concerned(self, platform: str) -> tuple[str, ...]:
        """Return, at the core, the other sites that a platform's licence counts for, its own first."""
        sites = (platform, *backups_of(self._database, platform))
        return tuple(site for site in sites if site != self.own)

    def prepare(self, messages: Sequence[Message]) -> None:
        """Do nothing: these messages are rare, and take their locks when they are handled."""

    # ---- reading ----------------------------------------------------------------------------

    def _lock(self) -> bytes:
        """Lock licences until the transaction ends, and return what was published last."""
        if self._published is None:
            columns, row = (
                ("platform", "body", "at"),
                (self.own, b"", to_db_datetime(self._uow.now)),
            )
            sql.insert(self._database, _PUBLISHED, columns, [row], update=("platform",))
            query = f"SELECT body, seen_at FROM {_PUBLISHED} WHERE platform=%s FOR UPDATE"
            body, seen = sql.select(self._database, query, [self.own])[0]
            self._published = bytes(body)
            self._seen = max(self._seen, seen.replace(tzinfo=UTC)) if seen else self._seen
        return self._published

    def newest(self, platform: str) -> HeldLicence | None:
        """Return the newest issue of a platform, locked, or `None`."""
        self._lock()
        if platform not in self._newest:
            self._newest[platform] = licence_rows.newest(self._database, platform, lock=True)
        return self._newest[platform]

    def in_force(self) -> LicenceInForce:
        """Return what this site may do now."""
        own = self.newest(self.own)
        possible = [amounts_in(self.newest(p), self.now) for p in self.possible]
        amounts = in_force(amounts_in(own, self.now), possible)
        return _told(self.own, own if standing(own, self.now) is Standing.VALID else None, amounts)

    def was_published(self, in_force: LicenceInForce) -> bool:
        """Return whether this is what was published last."""
        return self._lock() == dumps(to_body(in_force))

    # ---- writing ----------------------------------------------------------------------------

    def save(self, licence: HeldLicence) -> None:
        """Save a new issue, or one whose row was damaged."""
        update = licence_rows.COLUMNS[2:]
        sql.insert(
            self._database,
            licence_rows.TABLE,
            licence_rows.COLUMNS,
            [licence_rows.to_row(licence)],
            update,
        )
        self._newest[licence.platform] = licence
        self._changed.add(licence.platform)

    def revoke(self, licence: HeldLicence) -> HeldLicence:
        """Revoke an issue, which then counts no more, nor does any older one. Return it revoked."""
        sql.execute(
            self._database,
            f"UPDATE {licence_rows.TABLE} SET revoked_at=%s WHERE platform=%s AND issue=%s",
            [to_db_datetime(self.now), licence.platform, licence.issue],
        )
        self._newest[licence.platform] = revoked = replace(licence, revoked_at=self.now)
        self._changed.add(licence.platform)
        return revoked

    def remember_published(self, in_force: LicenceInForce) -> None:
        """Record what is published."""
        self._published = dumps(to_body(in_force))
        query = f"UPDATE {_PUBLISHED} SET body=%s, at=%s WHERE platform=%s"
        sql.execute(self._database, query, [self._published, to_db_datetime(self.now), self.own])
        self._changed.add(self.own)

    def remember_time(self) -> None:
        """Record the present time, in case the clock is set back."""
        query = f"UPDATE {_PUBLISHED} SET seen_at=%s WHERE platform=%s"
        sql.execute(self._database, query, [to_db_datetime(self.now), self.own])

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message."""
        self._uow.send(outgoing)

    def flush(self) -> None:
        """Do nothing: everything is written already."""

    def after_commit(self) -> None:
        """Write the changed licences to Redis."""
        for platform in self._changed.intersection(self.served):
            redis_projection.write(platform, self._newest.get(platform), self.now)


def _told(platform: str, own: HeldLicence | None, amounts: Amounts) -> LicenceInForce:
    if own is None:
        return LicenceInForce(platform=platform, **asdict(amounts))
    return LicenceInForce(
        platform=platform,
        valid_from=_wire_time(own.valid_from),
        valid_to=_wire_time(own.valid_to) if own.valid_to else None,
        issue=own.issue,
        evaluation=own.evaluation,
        **asdict(amounts),
    )


def _wire_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
