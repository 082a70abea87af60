"""The stored licence counts (how much conferences use) are compared with the live conferences, and corrected."""

from __future__ import annotations

import logging
from dataclasses import fields

from django.db import transaction

from conferences.data import row_mapper
from conferences.rules.licence_counts import amounts_in_use
from foundation.cells import sql
from foundation.cells.directory import store_of
from licensing.data.seats import ALL_COUNTS, COLUMNS, lock_counts, write_counts
from licensing.rules.amounts import NONE, Amounts

log = logging.getLogger("conferences.recount")


_COUNTS_AND_CONFERENCES = f"""
{ALL_COUNTS.format(more=", NULL")}
UNION ALL
SELECT NULL, {", ".join(["0"] * len(COLUMNS))}, {row_mapper.DETAIL_COLUMN}
  FROM conferences_conference WHERE live_e164 IS NOT NULL
"""
"""Selects the stored counts and all live conferences in one statement, so that both are of the same moment."""


def find_wrong_counts(platform: str) -> list[str]:
    """Return a sentence for each owner (the platform, or a user domain) whose stored licence counts are wrong.

    Licence counts say how many licensed conferences, terminals and ports are in use by the owner's live conferences.
    """
    stored, expected = _read_counts(platform)
    owners = sorted(_differing_owners(stored, expected))
    return [
        _describe_difference(owner, stored.get(owner, NONE), expected.get(owner, NONE))
        for owner in owners
    ]


def correct_counts(platform: str) -> int:
    """Replace wrong licence counts by those of the live conferences, and return how many were wrong.

    The platform and each user domain has a row of counts. The platform's row is locked, so that no other transaction
    can change a count meanwhile.
    """
    database = store_of(platform).database
    with transaction.atomic(using=database):
        lock_counts(database, platform)
        stored, expected = _read_counts(platform)
        owners = _differing_owners(stored, expected)
        write_counts(database, {owner: expected.get(owner, NONE) for owner in owners})
    for owner in sorted(owners):
        difference = _describe_difference(owner, stored.get(owner, NONE), expected.get(owner, NONE))
        log.warning("counted again: %s", difference)
    return len(owners)


def _differing_owners(stored: dict[str, Amounts], expected: dict[str, Amounts]) -> set[str]:
    """Return the MOIDs of the platform and user domains whose stored licence counts differ from the expected ones."""
    owners = {*stored, *expected}
    return {owner for owner in owners if stored.get(owner, NONE) != expected.get(owner, NONE)}


def _read_counts(platform: str) -> tuple[dict[str, Amounts], dict[str, Amounts]]:
    """Return the stored licence counts, and those expected from live conferences: MOID of owner -> counts.

    An owner is the platform or a user domain; a user domain has counts of conferences only, not of terminals or ports.
    """
    stored: dict[str, Amounts] = {}
    expected: dict[str, Amounts] = {}
    for row in sql.select(store_of(platform).database, _COUNTS_AND_CONFERENCES):
        if row[0] is not None:
            stored[row[0]] = Amounts(*row[1:-1])
            continue
        conference = row_mapper.from_row(row[-1:])
        used = amounts_in_use(conference)
        conferences = Amounts(used.small_conferences, used.large_conferences)
        for owner, amounts in (
            (conference.source_platform, used),
            (conference.user_domain, conferences),
        ):
            expected[owner] = expected.get(owner, NONE) + amounts
    return stored, expected


def _describe_difference(owner: str, stored: Amounts, expected: Amounts) -> str:
    """Return a sentence that says how the stored licence counts of an owner differ from the expected ones.

    `owner`: the MOID of the platform or user domain.
    """
    names = (field.name for field in fields(Amounts))
    differing = (name for name in names if getattr(stored, name) != getattr(expected, name))
    differences = ", ".join(
        f"{getattr(stored, name)} {name.replace('_', ' ')} instead of {getattr(expected, name)}"
        for name in differing
    )
    return f"{owner}: {differences}"
