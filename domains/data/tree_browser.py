"""The tree browser reads the domain tree for the admin pages, one page of one domain's children at a time.

Each function needs a handful of statements, whatever the size of the tree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domains.data.tree_rows import GROUPS
from domains.rules.tree import CORE, DEEPEST, PLATFORM, SERVICE, USER
from foundation.cells import sql

PAGE = 50
"""The number of domains directly below a domain that are shown on one page."""

MOST_COUNTED = 10_000
Path = list["PathStep"]
"""The domains from the root down to a domain, itself last."""

_ORDER_OF_LEVELS = (CORE, SERVICE, PLATFORM, USER)


class PathStep(NamedTuple):
    """Represent a domain on the path from the root to another domain. `used`: it is enabled."""

    moid: str
    level: int
    name: str
    used: bool


@dataclass(slots=True)
class TreeEntry:
    """An entry is a domain as the tree's page shows it.

    `used`: it is enabled. `below`: level -> how many domains of that level lie directly below it. `disabled_by` is the
    name of the nearest disabled domain above. `above` are the domains from the root down to its parent.
    """

    moid: str
    level: int
    parent: str | None
    name: str
    used: bool
    platform: str = ""
    room: str = ""
    disabled_by: str = ""
    below: dict[int, int] = field(default_factory=dict)
    above: Sequence[PathStep] = ()

    @property
    def has_children(self) -> bool:
        """Return whether there is any domain below this one."""
        return any(self.below.values())


_ENTRY = "d.moid, d.level, d.parent_id, d.name, d.used"
_SELECT_BINDINGS = (
    "SELECT u.domain_ptr_id, p.name, r.name FROM domains_userdomain u"
    " JOIN domains_domain p ON p.moid = u.platform_id"
    " LEFT JOIN domains_machineroom r ON r.moid = u.room_id WHERE u.domain_ptr_id IN ({marks})"
)
_SELECT_PATHS = (
    "WITH RECURSIVE up (start, moid, parent_id, steps) AS ("
    " SELECT moid, moid, parent_id, 0 FROM domains_domain WHERE moid IN ({marks})"
    " UNION ALL SELECT up.start, d.moid, d.parent_id, up.steps + 1"
    f" FROM up JOIN domains_domain d ON d.moid = up.parent_id WHERE up.steps < {DEEPEST})"
    " SELECT up.start, d.moid, d.level, d.name, d.used FROM up"
    " JOIN domains_domain d ON d.moid = up.moid ORDER BY up.start, up.steps DESC"
)
_COUNT_BELOW = (
    f"{GROUPS} SELECT d.level, COUNT(*) FROM groups_below g"
    " JOIN domains_domain d ON d.parent_id = g.moid GROUP BY d.level"
)


def children(database: str, parent: str, page: int = 1) -> tuple[list[TreeEntry], bool]:
    """Return one page of the domains directly below a domain, and whether there are more.

    Service domains come first, then platforms, then user domains, each by name.
    """
    entries: list[TreeEntry] = []
    skip = (max(1, page) - 1) * PAGE
    limit = PAGE + 1  # One entry more than is shown tells whether there are more.
    counts = _count_children(database, [parent]).get(parent, {})
    for level in _ORDER_OF_LEVELS:
        count_of_level = counts.get(level, 0)
        if skip < count_of_level and len(entries) < limit:
            entries += _children_of_level(database, parent, level, skip, limit - len(entries))
        skip = max(0, skip - count_of_level)
    path = paths_from_root(database, [parent])[parent]
    paths = {
        entry.moid: [*path, PathStep(entry.moid, entry.level, entry.name, entry.used)]
        for entry in entries[:PAGE]
    }
    return _add_missing_fields(database, entries[:PAGE], paths), len(entries) > PAGE


def _children_of_level(
    database: str, parent: str, level: int, skip: int, count: int
) -> list[TreeEntry]:
    """Return `count` domains of one level directly below a domain, by name, without the first `skip` ones."""
    query = (
        f"SELECT {_ENTRY} FROM domains_domain d WHERE d.parent_id = %s AND d.level = %s"
        " ORDER BY d.name, d.moid LIMIT %s OFFSET %s"
    )
    return [_entry_of_row(row) for row in sql.select(database, query, [parent, level, count, skip])]


def _entry_of_row(row: Sequence[Any]) -> TreeEntry:
    """Return the tree entry of a domain from a row with the columns `_ENTRY`."""
    moid, level, parent, name, used = row
    return TreeEntry(moid, level, parent, name, bool(used))


def load_entries(database: str, moids: Sequence[str]) -> list[TreeEntry]:
    """Return the tree entries of these domains, in this order. Domains that no longer exist are left out."""
    if not moids:
        return []
    query = f"SELECT {_ENTRY} FROM domains_domain d WHERE d.moid IN ({sql.marks(moids)})"
    entry_of = {row[0]: _entry_of_row(row) for row in sql.select(database, query, list(moids))}
    entries = [entry_of[moid] for moid in moids if moid in entry_of]
    return _add_missing_fields(database, entries, paths_from_root(database, list(entry_of)))


def _add_missing_fields(
    database: str, entries: list[TreeEntry], paths: Mapping[str, Path]
) -> list[TreeEntry]:
    """Fill the fields of entries that are not in their own rows, and return the entries.

    They are bindings, domains above and counts below; this takes two statements for all entries. `paths`: MOID of an
    entry -> the domains from the root down to it.
    """
    bindings = _bindings(database, [entry.moid for entry in entries if entry.level == USER])
    with_children = [entry.moid for entry in entries if entry.level in (CORE, SERVICE)]
    counts = _count_children(database, with_children)
    for entry in entries:
        entry.platform, entry.room = bindings.get(entry.moid, ("", ""))
        entry.above = paths[entry.moid][:-1]
        entry.disabled_by = _nearest_disabled(entry.above)
        entry.below = counts.get(entry.moid, {})
    return entries


def _bindings(database: str, tenants: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return for each user domain the names of the platform and the machine room that it is bound to."""
    if not tenants:
        return {}
    rows = sql.select(database, _SELECT_BINDINGS.format(marks=sql.marks(tenants)), list(tenants))
    return {tenant: (platform, room or "") for tenant, platform, room in rows}


def _count_children(database: str, parents: Sequence[str]) -> dict[str, dict[int, int]]:
    """Return how many domains of each level lie directly below each domain: MOID -> level -> count.

    The database answers this from an index alone.
    """
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    if parents:
        query = (
            "SELECT parent_id, level, COUNT(*) FROM domains_domain"
            f" WHERE parent_id IN ({sql.marks(parents)}) GROUP BY parent_id, level"
        )
        for parent, level, count in sql.select(database, query, list(parents)):
            counts[parent][level] = count
    return counts


def paths_from_root(database: str, moids: Collection[str]) -> dict[str, Path]:
    """Return for each domain the path of domains from the root down to it, in one statement."""
    paths: dict[str, Path] = {moid: [] for moid in moids}
    if moids:
        query = _SELECT_PATHS.format(marks=sql.marks(list(moids)))
        for start, moid, level, name, used in sql.select(database, query, list(moids)):
            paths[start].append(PathStep(moid, level, name, bool(used)))
    return paths


def _nearest_disabled(path: Sequence[PathStep]) -> str:
    """Return the name of the last disabled domain of a path from the root; "" if none is disabled."""
    return next((step.name for step in reversed(path) if not step.used), "")


def disabled_above(database: str, moids: Collection[str]) -> dict[str, str]:
    """Return for each domain the name of the nearest disabled domain above it, or ""."""
    return {
        moid: _nearest_disabled(path[:-1])
        for moid, path in paths_from_root(database, moids).items()
    }


def counts_below(database: str, moid: str) -> dict[int, int]:
    """Return how many domains of each level lie anywhere below a domain: level -> count."""
    return dict(sql.select(database, _COUNT_BELOW, [moid]))
