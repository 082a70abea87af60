"""What is in use counted again from the conferences themselves, and put right where it has drifted."""

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
{ALL_COUNTS.format(more=", NULL, NULL")}
UNION ALL
SELECT NULL, {", ".join(["0"] * len(COLUMNS))}, {row_mapper.READ}
  FROM conferences_conference WHERE live_e164 IS NOT NULL
"""
"""In one statement, and so of one moment: what commits meanwhile is in neither."""


def drift(platform: str) -> list[str]:
    """In words, what is counted otherwise than the live conferences say; [] while all is right."""
    said, true = _both(platform)
    owners = sorted(_wrong(said, true))
    return [_words(one, said.get(one, NONE), true.get(one, NONE)) for one in owners]


def put_counts_right(platform: str) -> int:
    """Write what the live conferences say; how many owners were counted wrong. Meanwhile no
    conference begins or ends: their counts wait for the platform's row."""
    database = store_of(platform).database
    with transaction.atomic(using=database):
        lock_counts(database, platform)
        said, true = _both(platform)
        wrong = _wrong(said, true)
        write_counts(database, {one: true.get(one, NONE) for one in wrong})
    for one in sorted(wrong):
        log.warning("counted again: %s", _words(one, said.get(one, NONE), true.get(one, NONE)))
    return len(wrong)


def _wrong(said: dict[str, Amounts], true: dict[str, Amounts]) -> set[str]:
    return {one for one in {*said, *true} if said.get(one, NONE) != true.get(one, NONE)}


def _both(platform: str) -> tuple[dict[str, Amounts], dict[str, Amounts]]:
    """What is counted, and what is true; by platform and user domain, which has seats alone."""
    said: dict[str, Amounts] = {}
    true: dict[str, Amounts] = {}
    for row in sql.select(store_of(platform).database, _BOTH):
        if row[0] is not None:
            said[row[0]] = Amounts(*row[1:-2])
            continue
        c = row_mapper.from_row(row[-2:])
        used = in_use(c)
        seats = Amounts(used.small_conferences, used.large_conferences)
        for owner, more in ((c.source_platform, used), (c.user_domain, seats)):
            true[owner] = true.get(owner, NONE) + more
    return said, true


def _words(owner: str, said: Amounts, true: Amounts) -> str:
    apart = (f.name for f in fields(Amounts) if getattr(said, f.name) != getattr(true, f.name))
    told = ", ".join(
        f"{getattr(said, name)} {name.replace('_', ' ')} instead of {getattr(true, name)}"
        for name in apart
    )
    return f"{owner}: {told}"
