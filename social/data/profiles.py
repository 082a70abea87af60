"""The rows of people's privacy choices and limits: one for a person, created when it is first needed."""

from __future__ import annotations

from collections.abc import Collection

from foundation.cells import sql
from social.models import Profile

_COLUMNS = ("user", "found_by", "matching", "suggested", "seen_id", "book_new")


def profiles(database: str, users: Collection[str]) -> dict[str, Profile]:
    """Return the privacy choices of people: id -> profile; those who have chosen nothing have the defaults."""
    rows = {row.user: row for row in Profile.objects.using(database).filter(pk__in=users)}
    return {user: rows.get(user) or Profile(user=user) for user in users}


def lock_profile(database: str, user: str) -> Profile:
    """Return a person's row of privacy choices and limits, created if there is none, locked until the transaction ends.

    The statement locks the row for writing at once. A lock for reading first, as by INSERT IGNORE,
    would let two transactions wait for each other.
    """
    new = Profile(user=user)
    values = [getattr(new, name) for name in _COLUMNS]
    sql.insert(database, "social_profile", _COLUMNS, [values], update=("user",))
    return Profile.objects.using(database).select_for_update().get(pk=user)
