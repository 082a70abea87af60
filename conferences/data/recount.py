"""The counts of what conferences use are counted again from the conferences, and corrected where they differ."""

from __future__ import annotations

import logging
from dataclasses import fields

from django.db import transaction

from conferences.data import row_mapper
from conferences.rules.licence_counts import in_use
from foundation.cells import sql
from foundation.cells.directory import store_of
from licensing.data.seats import ALL_COUNTS, COLUMNS, lock_counts, write_counts
from licensing.rules.amounts import NONE, Amounts

log = logging.getLogger("conferences.recount")


_BOTH = f"""
{ALL_COUNTS.format(more=", NULL")}
UNION ALL
SELECT NULL, {", ".join(["0"] * len(COLUMNS))}, {row_mapper.DETAIL_COLUMN}
  FROM conferences_conference WHERE live_e164 IS NOT NULL
"""
"""One statement reads both at one moment, so that what commits meanwhile is in neither."""


def drift(platform: str) -> list[str]:
    """Describe each owner whose counts differ from its live conferences; [] while all is right."""
    counted, true = _counted_and_true(platform)
    owners = sorted(_differing(counted, true))
    return [_words(owner, counted.get(owner, NONE), true.get(owner, NONE)) for owner in owners]


def correct_counts(platform: str) -> int:
    """Correct the counts by the live conferences, and return how many owners were counted wrong.

    Meanwhile no conference begins or ends: their counts wait for the platform's row.
    """
    database = store_of(platform).database
    with transaction.atomic(using=database):
        lock_counts(database, platform)
        counted, true = _counted_and_true(platform)
        owners = _differing(counted, true)
        write_counts(database, {owner: true.get(owner, NONE) for owner in owners})
    for owner in sorted(owners):
        log.warning(
            "counted again: %s", _words(owner, counted.get(owner, NONE), true.get(owner, NONE))
        )
    return len(owners)


def _differing(counted: dict[str, Amounts], true: dict[str, Amounts]) -> set[str]:
    """Return the owners whose counts differ."""
    return {
        owner for owner in {*counted, *true} if counted.get(owner, NONE) != true.get(owner, NONE)
    }


def _counted_and_true(platform: str) -> tuple[dict[str, Amounts], dict[str, Amounts]]:
    """Return what is counted and what is true, by platform and user domain.

    A user domain has seats alone.
    """
    counted: dict[str, Amounts] = {}
    true: dict[str, Amounts] = {}
    for row in sql.select(store_of(platform).database, _BOTH):
        if row[0] is not None:
            counted[row[0]] = Amounts(*row[1:-1])
            continue
        c = row_mapper.from_row(row[-1:])
        used = in_use(c)
        seats = Amounts(used.small_conferences, used.large_conferences)
        for owner, more in ((c.source_platform, used), (c.user_domain, seats)):
            true[owner] = true.get(owner, NONE) + more
    return counted, true


def _words(owner: str, counted: Amounts, true: Amounts) -> str:
    """Describe how the counts of an owner differ."""
    differing = (
        f.name for f in fields(Amounts) if getattr(counted, f.name) != getattr(true, f.name)
    )
    differences = ", ".join(
        f"{getattr(counted, name)} {name.replace('_', ' ')} instead of {getattr(true, name)}"
        for name in differing
    )
    return f"{owner}: {differences}"
