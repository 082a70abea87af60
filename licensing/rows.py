"""Licence rows and what they are worth: the text counts, the columns beside it are for looking at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from confplatform.bus.outbox import naive
from confplatform.stores import sql
from licensing import trust
from licensing.amounts import EVALUATION, WIRE_NAMES
from licensing.decisions import Held
from licensing.licence_text import BadLicence, Licence

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
_READ = "platform, issue, sealed, valid_from, evaluation, revoked_at, UTC_TIMESTAMP(6)"


def newest(database: str, platform: str, *, lock: bool = False) -> Held | None:
    """The newest issue of a platform, verified; None: there is none. One query."""
    found = _read(database, platform, lock)
    return from_row(found) if found else None


def newest_and_now(database: str, platform: str) -> tuple[Held | None, datetime]:
    """The newest issue of a platform, and the database's time."""
    if found := _read(database, platform):
        return from_row(found), _aware(found[-1])
    return None, _aware(sql.select(database, "SELECT UTC_TIMESTAMP(6)")[0][0])


def _read(database: str, platform: str, lock: bool = False) -> tuple[Any, ...] | None:
    query = f"SELECT {_READ} FROM {TABLE} WHERE platform=%s ORDER BY issue DESC LIMIT 1"
    found = sql.select(database, query + (" FOR UPDATE" if lock else ""), [platform])
    return found[0] if found else None


def from_row(row: tuple[Any, ...]) -> Held:
    """A row, believed as far as its text goes."""
    platform, issue, text, start, evaluation, revoked = row[:6]
    begins, revoked_at = _aware(start), _aware(revoked) if revoked else None
    if evaluation and issue == 0:
        return Held(
            platform=platform,
            issue=0,
            amounts=EVALUATION,
            valid_from=begins,
            evaluation=True,
            revoked_at=revoked_at,
        )
    try:
        licence = trust.verify_again(text)
        if (licence.platform, licence.issue) != (platform, issue):
            raise BadLicence(f"its text is issue {licence.issue} of platform {licence.platform}")
    except BadLicence as wrong:
        return Held(
            platform=platform,
            issue=issue,
            text=text,
            valid_from=begins,
            revoked_at=revoked_at,
            wrong=str(wrong),
        )
    return held(licence, text, revoked_at)


def held(licence: Licence, text: str, revoked_at: datetime | None = None) -> Held:
    """A licence as it is kept."""
    return Held(
        platform=licence.platform,
        issue=licence.issue,
        text=text,
        amounts=licence.amounts,
        valid_from=licence.valid_from,
        valid_to=licence.valid_to,
        revoked_at=revoked_at,
    )


def to_row(one: Held) -> tuple[Any, ...]:
    """The row of a licence."""
    return (
        one.platform,
        one.issue,
        one.text,
        *(getattr(one.amounts, name) for name in WIRE_NAMES),
        naive(one.valid_from),
        one.valid_to and naive(one.valid_to),
        one.evaluation,
        one.revoked_at and naive(one.revoked_at),
    )


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
