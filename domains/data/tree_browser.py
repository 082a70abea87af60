"""The tree browser reads one level of the tree at a time for the pages, each in a handful of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domains.data.tree_rows import GROUPS
from domains.rules.tree import CORE, DEEPEST, PLATFORM, SERVICE, USER
from foundation.cells import sql

PAGE = 50
"""Domains on one page of a level."""

MOST_COUNTED = 10_000
Path = list[tuple[str, int, str, bool]]
"""From the root down: `(moid, level, name, used)`."""

_PLACES = (CORE, SERVICE, PLATFORM, USER)


@dataclass(slots=True)
class TreeEntry:
    """An entry is a domain as the tree's page shows it.

    `below` counts the domains directly below it, by level. `disabled_by` names the nearest disabled domain above.
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
    line: Sequence[tuple[str, int, str]] = ()

    @property
    def opens(self) -> bool:
        """Return whether there is anything below the domain."""
        return any(self.below.values())


_ENTRY = "d.moid, d.level, d.parent_id, d.name, d.used"
_BOUND = (
    "SELECT u.domain_ptr_id, p.name, r.name FROM domains_userdomain u"
    " JOIN domains_domain p ON p.moid = u.platform_id"
    " LEFT JOIN domains_machineroom r ON r.moid = u.room_id WHERE u.domain_ptr_id IN ({marks})"
)
_LINES = (
    "WITH RECURSIVE up (start, moid, parent_id, steps) AS ("
    " SELECT moid, moid, parent_id, 0 FROM domains_domain WHERE moid IN ({marks})"
    " UNION ALL SELECT up.start, d.moid, d.parent_id, up.steps + 1"
    f" FROM up JOIN domains_domain d ON d.moid = up.parent_id WHERE up.steps < {DEEPEST})"
    " SELECT up.start, d.moid, d.level, d.name, d.used FROM up"
    " JOIN domains_domain d ON d.moid = up.moid ORDER BY up.start, up.steps DESC"
)
_BELOW = (
    f"{GROUPS} SELECT d.level, COUNT(*) FROM groups_below g"
    " JOIN domains_domain d ON d.parent_id = g.moid GROUP BY d.level"
)


def children(database: str, parent: str, page: int = 1) -> tuple[list[TreeEntry], bool]:
    """Return one page of the domains directly below a domain, and whether there are more.

    Service domains come first, then platforms, then user domains, each by name.
    """
    entries: list[TreeEntry] = []
    skip, wanted = (max(1, page) - 1) * PAGE, PAGE + 1
    counts = _counts(database, [parent]).get(parent, {})
    for level in _PLACES:
        count_of_level = counts.get(level, 0)
        if skip < count_of_level and len(entries) < wanted:
            entries += _of_level(database, parent, level, skip, wanted - len(entries))
        skip = max(0, skip - count_of_level)
    path = paths_from_root(database, [parent])[parent]
    above = {
        entry.moid: [*path, (entry.moid, entry.level, entry.name, entry.used)]
        for entry in entries[:PAGE]
    }
    return _complete(database, entries[:PAGE], above), len(entries) > PAGE


def _of_level(database: str, parent: str, level: int, skip: int, count: int) -> list[TreeEntry]:
    query = (
        f"SELECT {_ENTRY} FROM domains_domain d WHERE d.parent_id = %s AND d.level = %s"
        " ORDER BY d.name, d.moid LIMIT %s OFFSET %s"
    )
    rows = sql.select(database, query, [parent, level, count, skip])
    return [TreeEntry(r[0], r[1], r[2], r[3], bool(r[4])) for r in rows]


def load_entries(database: str, moids: Sequence[str]) -> list[TreeEntry]:
    """Return these domains in this order. Domains that are gone are left out."""
    if not moids:
        return []
    query = f"SELECT {_ENTRY} FROM domains_domain d WHERE d.moid IN ({sql.marks(moids)})"
    by_moid = {
        r[0]: TreeEntry(r[0], r[1], r[2], r[3], bool(r[4]))
        for r in sql.select(database, query, list(moids))
    }
    entries = [by_moid[moid] for moid in moids if moid in by_moid]
    return _complete(database, entries, paths_from_root(database, list(by_moid)))


def _complete(
    database: str, entries: list[TreeEntry], above: Mapping[str, Path]
) -> list[TreeEntry]:
    """Add binding, path, disabled domain above, and counts below to entries: two statements for all."""
    bound = _bindings(database, [entry.moid for entry in entries if entry.level == USER])
    below = _counts(database, [entry.moid for entry in entries if entry.level in (CORE, SERVICE)])
    for entry in entries:
        entry.platform, entry.room = bound.get(entry.moid, ("", ""))
        entry.line = [(moid, level, name) for moid, level, name, _ in above[entry.moid][:-1]]
        entry.disabled_by = _nearest_disabled(above[entry.moid][:-1])
        entry.below = below.get(entry.moid, {})
    return entries


def _bindings(database: str, tenants: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the names of platform and room of each of these user domains."""
    if not tenants:
        return {}
    rows = sql.select(database, _BOUND.format(marks=sql.marks(tenants)), list(tenants))
    return {r[0]: (r[1], r[2] or "") for r in rows}


def _counts(database: str, parents: Sequence[str]) -> dict[str, dict[int, int]]:
    """Return how many domains hang directly below each domain, by level. The index alone answers it."""
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
    """Return for each domain `(moid, level, name, used)` from the root down to it, in one statement."""
    paths: dict[str, Path] = {moid: [] for moid in moids}
    if moids:
        query = _LINES.format(marks=sql.marks(list(moids)))
        for start, moid, level, name, used in sql.select(database, query, list(moids)):
            paths[start].append((moid, level, name, bool(used)))
    return paths


def _nearest_disabled(line: Path) -> str:
    return next((name for _moid, _level, name, used in reversed(line) if not used), "")


def disabled_above(database: str, moids: Collection[str]) -> dict[str, str]:
    """Return for each domain the name of the nearest disabled domain above it, or ""."""
    return {
        moid: _nearest_disabled(path[:-1])
        for moid, path in paths_from_root(database, moids).items()
    }


def counts_below(database: str, moid: str) -> dict[int, int]:
    """Return how many domains hang anywhere below a domain, by level."""
    return dict(sql.select(database, _BELOW, [moid]))
