"""Licence rows are believed as far as their sealed text goes. The columns beside it are for people to read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql
from licensing.data import trusted_keys
from licensing.rules.amounts import EVALUATION, WIRE_NAMES
from licensing.rules.decisions import HeldLicence
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
  FROM (SELECT GREATEST(UTC_TIMESTAMP(6), COALESCE(MAX(seen_at), UTC_TIMESTAMP(6))) AS now
          FROM licensing_published) clock
  LEFT JOIN {TABLE} l ON l.platform IN ({{marks}})
   AND l.issue = (SELECT MAX(m.issue) FROM {TABLE} m WHERE m.platform = l.platform)
"""
"""The time of licences is the database's, and never earlier than one that was seen there before."""


def newest_of(
    database: str, platforms: Collection[str], *, lock: bool = False
) -> tuple[dict[str, HeldLicence], datetime]:
    """Return the verified newest issue of each platform that has one, and the time of licences, in one query."""
    wanted = sorted(set(platforms))
    query = _NEWEST.format(marks=sql.marks(wanted)) + ("FOR UPDATE" if lock else "")
    rows = sql.select(database, query, wanted)
    return {row[0]: from_row(row) for row in rows if row[0] is not None}, _aware(rows[0][-1])


def newest(database: str, platform: str, *, lock: bool = False) -> HeldLicence | None:
    """Return the newest issue of a platform, or `None`."""
    return newest_of(database, [platform], lock=lock)[0].get(platform)


def newest_and_now(database: str, platform: str) -> tuple[HeldLicence | None, datetime]:
    """Return the newest issue of a platform, or `None`, and the time of licences."""
    licences, now = newest_of(database, [platform])
    return licences.get(platform), now


def from_row(row: tuple[Any, ...]) -> HeldLicence:
    """Return the licence of a row. `wrong` says why its text cannot be believed."""
    platform, issue, text, start, evaluation, revoked = row[:6]
    begins, revoked_at = _aware(start), _aware(revoked) if revoked else None
    if evaluation and issue == 0:
        return HeldLicence(
            platform=platform,
            issue=0,
            amounts=EVALUATION,
            valid_from=begins,
            evaluation=True,
            revoked_at=revoked_at,
        )
    try:
        licence = trusted_keys.verify_again(text)
        if (licence.platform, licence.issue) != (platform, issue):
            raise BadLicence(f"its text is issue {licence.issue} of platform {licence.platform}")
    except BadLicence as error:
        return HeldLicence(
            platform=platform,
            issue=issue,
            text=text,
            valid_from=begins,
            revoked_at=revoked_at,
            wrong=str(error),
        )
    return to_held(licence, text, revoked_at)


def to_held(licence: Licence, text: str, revoked_at: datetime | None = None) -> HeldLicence:
    """Return a licence as it is kept."""
    return HeldLicence(
        platform=licence.platform,
        issue=licence.issue,
        text=text,
        amounts=licence.amounts,
        valid_from=licence.valid_from,
        valid_to=licence.valid_to,
        revoked_at=revoked_at,
    )


def to_row(licence: HeldLicence) -> tuple[Any, ...]:
    """Return the row of a licence."""
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


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
