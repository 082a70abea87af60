"""The functions here read and write licence rows. Only the sealed text counts; other columns are for people."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from foundation import clock
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql
from licensing.data import trusted_keys
from licensing.rules.amounts import EVALUATION, WIRE_NAMES
from licensing.rules.decisions import StoredLicence
from licensing.rules.licence_text import BadLicence, Licence

TABLE = "licensing_licence"
COLUMNS = (
    "platform",
    "issue",
    "sealed",
    *WIRE_NAMES,
    "valid_from",
    "valid_to",
    "evaluation",
    "revoked_at",
)
_NEWEST = f"""
SELECT l.platform, l.issue, l.sealed, l.valid_from, l.evaluation, l.revoked_at, clock.now
  FROM (SELECT GREATEST(t.at, COALESCE(MAX(seen_at), t.at)) AS now
          FROM (SELECT UTC_TIMESTAMP(6) - INTERVAL %s MICROSECOND AS at) t
          LEFT JOIN licensing_published ON TRUE) clock
  LEFT JOIN {TABLE} l ON l.platform IN ({{marks}})
   AND l.issue = (SELECT MAX(m.issue) FROM {TABLE} m WHERE m.platform = l.platform)
"""
"""Select the newest issues, and the time by which licences are judged.

That is the database's time, or the latest time seen before if that is later: so a clock that is set back makes no
licence longer."""


def newest_of(
    database: str, platforms: Collection[str], *, lock: bool = False
) -> tuple[dict[str, StoredLicence], datetime]:
    """Return the newest issue (edition) of each platform's licence, and the time now, in one query.

    The time is the database's, or the latest that was seen before, if that is later: a licence is
    valid or not at this time. With `lock` the rows are locked until the transaction ends.
    """
    moids = sorted(set(platforms))
    query = _NEWEST.format(marks=sql.marks(moids)) + ("FOR UPDATE" if lock else "")
    rows = sql.select(database, query, [clock.step_microseconds(database), *moids])
    return {row[0]: from_row(row) for row in rows if row[0] is not None}, _in_utc(rows[0][-1])


def newest(database: str, platform: str, *, lock: bool = False) -> StoredLicence | None:
    """Return the newest issue (edition) of a platform's licence, or `None`; `lock` locks its row."""
    return newest_of(database, [platform], lock=lock)[0].get(platform)


def newest_with_time(database: str, platform: str) -> tuple[StoredLicence | None, datetime]:
    """Return the newest issue (edition) of a platform's licence, or `None`, and the database's time."""
    licences, now = newest_of(database, [platform])
    return licences.get(platform), now


def from_row(row: tuple[Any, ...]) -> StoredLicence:
    """Return the licence of a database row: (platform, issue, sealed text, valid from, evaluation, revoked at).

    If its sealed (signed and encrypted) text is not valid, the licence has no limits, and `text_error` says why. The
    limits of the evaluation licence (issue 0) are in the code.
    """
    platform, issue, text, valid_from, evaluation, revoked_at = row[:6]
    valid_from, revoked_at = _in_utc(valid_from), _in_utc(revoked_at) if revoked_at else None
    if evaluation and issue == 0:
        return StoredLicence(
            platform=platform,
            issue=0,
            amounts=EVALUATION,
            valid_from=valid_from,
            evaluation=True,
            revoked_at=revoked_at,
        )
    try:
        licence = trusted_keys.verify_cached(text)
        if (licence.platform, licence.issue) != (platform, issue):
            raise BadLicence(f"its text is issue {licence.issue} of platform {licence.platform}")
    except BadLicence as error:
        return StoredLicence(
            platform=platform,
            issue=issue,
            text=text,
            valid_from=valid_from,
            revoked_at=revoked_at,
            text_error=str(error),
        )
    return to_stored(licence, text, revoked_at)


def to_stored(licence: Licence, text: str, revoked_at: datetime | None = None) -> StoredLicence:
    """Return a verified licence and its sealed text as a StoredLicence, the form that a site saves."""
    return StoredLicence(
        platform=licence.platform,
        issue=licence.issue,
        text=text,
        amounts=licence.amounts,
        valid_from=licence.valid_from,
        valid_to=licence.valid_to,
        revoked_at=revoked_at,
    )


def to_row(licence: StoredLicence) -> tuple[Any, ...]:
    """Return the values of a licence's database row, in the order of COLUMNS."""
    return (
        licence.platform,
        licence.issue,
        licence.text,
        *(getattr(licence.amounts, name) for name in WIRE_NAMES),
        to_db_datetime(licence.valid_from),
        licence.valid_to and to_db_datetime(licence.valid_to),
        licence.evaluation,
        licence.revoked_at and to_db_datetime(licence.revoked_at),
    )


def _in_utc(moment: datetime) -> datetime:
    """Return a time from the database, where none has a zone, as a time in UTC."""
    return moment.replace(tzinfo=UTC)
