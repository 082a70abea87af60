"""Define the unit of work of licences: all that a flow may read, write and send in one transaction."""

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
from licensing.rules.decisions import Standing, StoredLicence, limits_at, standing
from licensing.rules.limits import sum_site_limits
from wire.licences import LicenceInForce

_PUBLISHED = "licensing_published"


class LicensingUnitOfWork:
    """The licences at this site in one transaction: the own platform's, and those it may have to serve."""

    def __init__(self, uow: UnitOfWork) -> None:
        """Join the transaction `uow`; no row is read yet."""
        self._uow, self._database = uow, uow.database
        self._newest: dict[str, StoredLicence | None] = {}
        """Platform -> its newest issue, which is locked; `None` if it has none."""
        self._changed: set[str] = set()
        """The platforms whose licence in Redis must be written after the commit."""
        self._published_limits: bytes | None = None
        """The last published message with this platform's limits (LicenceInForce, JSON); `None` until it is read."""
        self._latest_time = uow.now
        """The latest time that the database has shown, so that setting its clock back revives no expired licence."""
        self.platform, self.is_open = uow.platform, uow.is_open
        self.is_core, self.has_scheduler = "bmc" in settings.ROLES, "css" in settings.ROLES
        self.other_platforms = tuple(
            platform for platform in possible_platforms() if platform != uow.platform
        )

    @property
    def now(self) -> datetime:
        """Return the time at which licences are valid or not: the database's, or a later one seen before."""
        self._lock_published()
        return self._latest_time

    @property
    def platforms_here(self) -> tuple[str, ...]:
        """Return our own platform, then those that this site may have to serve."""
        return (self.platform, *self.other_platforms)

    @cached_property
    def licensed_platforms(self) -> tuple[str, ...]:
        """Return the platforms whose licences are stored here; at the central site (the core) all there are."""
        all_platforms = platforms(self._database) if self.is_core else ()
        return tuple(dict.fromkeys((*self.platforms_here, *all_platforms)))

    def sites_of_licence(self, platform: str) -> tuple[str, ...]:
        """Return the other sites to which a platform's licence is sent: the platform's own site, then its backups."""
        sites = (platform, *backups_of(self._database, platform))
        return tuple(site for site in sites if site != self.platform)

    def prepare(self, messages: Sequence[Message]) -> None:
        """Do nothing before a batch of messages: those about licences are rare, and take their locks when handled."""

    # ---- reading ----------------------------------------------------------------------------

    def _lock_published(self) -> bytes:
        """Lock the own platform's row of published limits, and return the message that was published last.

        Until the transaction ends no other one changes or publishes licences here.
        """
        if self._published_limits is None:
            columns, row = (
                ("platform", "body", "at"),
                (self.platform, b"", to_db_datetime(self._uow.now)),
            )
            sql.insert(self._database, _PUBLISHED, columns, [row], update=("platform",))
            query = f"SELECT body, seen_at FROM {_PUBLISHED} WHERE platform=%s FOR UPDATE"
            body, seen_at = sql.select(self._database, query, [self.platform])[0]
            self._published_limits = bytes(body)
            if seen_at:
                self._latest_time = max(self._latest_time, seen_at.replace(tzinfo=UTC))
        return self._published_limits

    def newest(self, platform: str) -> StoredLicence | None:
        """Lock and return the newest issue (edition) of a platform's licence; `None` if it has none."""
        self._lock_published()
        if platform not in self._newest:
            self._newest[platform] = licence_rows.newest(self._database, platform, lock=True)
        return self._newest[platform]

    def licence_in_force(self) -> LicenceInForce:
        """Return the message with the present limits of this platform; all are 0 without a valid licence."""
        licence = self.newest(self.platform)
        others = [limits_at(self.newest(platform), self.now) for platform in self.other_platforms]
        limits = sum_site_limits(limits_at(licence, self.now), others)
        is_valid = standing(licence, self.now) is Standing.VALID
        return _limits_message(self.platform, licence if is_valid else None, limits)

    def was_published(self, message: LicenceInForce) -> bool:
        """Return whether these are the limits that were published last."""
        return self._lock_published() == dumps(to_body(message))

    # ---- writing ----------------------------------------------------------------------------

    def save(self, licence: StoredLicence) -> None:
        """Save an issue (edition) of a licence; it replaces a row of the same issue, which may have been altered."""
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

    def revoke(self, licence: StoredLicence) -> StoredLicence:
        """Revoke an issue (edition) of a licence, and return it revoked. Older ones do not come into force again."""
        sql.execute(
            self._database,
            f"UPDATE {licence_rows.TABLE} SET revoked_at=%s WHERE platform=%s AND issue=%s",
            [to_db_datetime(self.now), licence.platform, licence.issue],
        )
        self._newest[licence.platform] = revoked = replace(licence, revoked_at=self.now)
        self._changed.add(licence.platform)
        return revoked

    def save_published(self, message: LicenceInForce) -> None:
        """Save the limits that are published now, to see later whether they changed."""
        self._published_limits = dumps(to_body(message))
        query = f"UPDATE {_PUBLISHED} SET body=%s, at=%s WHERE platform=%s"
        sql.execute(
            self._database, query, [self._published_limits, to_db_datetime(self.now), self.platform]
        )
        self._changed.add(self.platform)

    def save_time_seen(self) -> None:
        """Save the present time, so that a clock that is set back later makes no licence longer."""
        query = f"UPDATE {_PUBLISHED} SET seen_at=%s WHERE platform=%s"
        sql.execute(self._database, query, [to_db_datetime(self.now), self.platform])

    def send(self, outgoing: Outgoing) -> None:
        """Add a message to the transaction; it is sent once that has committed."""
        self._uow.send(outgoing)

    def flush(self) -> None:
        """Do nothing at the end of the transaction: each change was written at once."""

    def after_commit(self) -> None:
        """Write the licences that the transaction has changed to the Redis of their platforms at this site."""
        for platform in self._changed.intersection(self.platforms_here):
            redis_projection.write(platform, self._newest.get(platform), self.now)


def _limits_message(
    platform: str, licence: StoredLicence | None, limits: Amounts
) -> LicenceInForce:
    """Return the message with a platform's limits; `licence` is `None` if it has no valid one."""
    if licence is None:
        return LicenceInForce(platform=platform, **asdict(limits))
    return LicenceInForce(
        platform=platform,
        valid_from=_wire_time(licence.valid_from),
        valid_to=_wire_time(licence.valid_to) if licence.valid_to else None,
        issue=licence.issue,
        evaluation=licence.evaluation,
        **asdict(limits),
    )


def _wire_time(moment: datetime) -> str:
    """Return a time as messages write it: ISO 8601, UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
