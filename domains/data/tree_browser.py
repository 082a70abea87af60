"""What operators look at in the tree: one level at a time, each page in a handful of statements."""

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
    """A domain as the tree shows it. `below`: how many hang directly below it, by level."""

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
        """Is there anything below it?"""
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
    """One page of what hangs directly below a domain, and whether there are more.

    Service domains first, then platforms, then tenants, each by name.
    """
    found: list[TreeEntry] = []
    skip, wanted = (max(1, page) - 1) * PAGE, PAGE + 1
    counts = _counts(database, [parent]).get(parent, {})
    for level in _PLACES:
        there = counts.get(level, 0)
        if skip < there and len(found) < wanted:
            found += _of_level(database, parent, level, skip, wanted - len(found))
        skip = max(0, skip - there)
    up = paths_from_root(database, [parent])[parent]
    above = {one.moid: [*up, (one.moid, one.level, one.name, one.used)] for one in found[:PAGE]}
    return _complete(database, found[:PAGE], above), len(found) > PAGE


def _of_level(database: str, parent: str, level: int, skip: int, count: int) -> list[TreeEntry]:
    query = (
        f"SELECT {_ENTRY} FROM domains_domain d WHERE d.parent_id = %s AND d.level = %s"
        " ORDER BY d.name, d.moid LIMIT %s OFFSET %s"
    )
    rows = sql.select(database, query, [parent, level, count, skip])
    return [TreeEntry(r[0], r[1], r[2], r[3], bool(r[4])) for r in rows]


def load_entries(database: str, moids: Sequence[str]) -> list[TreeEntry]:
    """These domains, in this order; those that are gone are left out."""
    if not moids:
        return []
    query = f"SELECT {_ENTRY} FROM domains_domain d WHERE d.moid IN ({sql.marks(moids)})"
    known = {
        r[0]: TreeEntry(r[0], r[1], r[2], r[3], bool(r[4]))
        for r in sql.select(database, query, list(moids))
    }
    found = [known[moid] for moid in moids if moid in known]
    return _complete(database, found, paths_from_root(database, list(known)))


def _complete(database: str, found: list[TreeEntry], above: Mapping[str, Path]) -> list[TreeEntry]:
    """With what is bound, disabled above, and below: two statements for all."""
    bound = _bindings(database, [one.moid for one in found if one.level == USER])
    below = _counts(database, [one.moid for one in found if one.level in (CORE, SERVICE)])
    for one in found:
        one.platform, one.room = bound.get(one.moid, ("", ""))
        one.line = [(moid, level, name) for moid, level, name, _ in above[one.moid][:-1]]
        one.disabled_by = _nearest_disabled(above[one.moid][:-1])
        one.below = below.get(one.moid, {})
    return found


def _bindings(database: str, tenants: Sequence[str]) -> dict[str, tuple[str, str]]:
    if not tenants:
        return {}
    rows = sql.select(database, _BOUND.format(marks=sql.marks(tenants)), list(tenants))
    return {r[0]: (r[1], r[2] or "") for r in rows}


def _counts(database: str, parents: Sequence[str]) -> dict[str, dict[int, int]]:
    """How many hang directly below each, by level; from the index alone."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    if parents:
        query = (
            "SELECT parent_id, level, COUNT(*) FROM domains_domain"
            f" WHERE parent_id IN ({sql.marks(parents)}) GROUP BY parent_id, level"
        )
        for parent, level, count in sql.select(database, query, list(parents)):
            found[parent][level] = count
    return found


def paths_from_root(database: str, moids: Collection[str]) -> dict[str, Path]:
    """`(moid, level, name, used)` from the root down to each of these domains, in one statement."""
    found: dict[str, Path] = {moid: [] for moid in moids}
    if moids:
        query = _LINES.format(marks=sql.marks(list(moids)))
        for start, moid, level, name, used in sql.select(database, query, list(moids)):
            found[start].append((moid, level, name, bool(used)))
    return found


def _nearest_disabled(line: Path) -> str:
    return next((name for _moid, _level, name, used in reversed(line) if not used), "")


def disabled_above(database: str, moids: Collection[str]) -> dict[str, str]:
    """Of each domain the nearest one above it that is disabled, by name; "" where there is none."""
    return {
        moid: _nearest_disabled(up[:-1]) for moid, up in paths_from_root(database, moids).items()
    }


def counts_below(database: str, moid: str) -> dict[int, int]:
    """How many domains hang anywhere below one, by level."""
    return dict(sql.select(database, _BELOW, [moid]))
