"""The module reads the domain tree for the rules that check a change, in few statements whatever its size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from domains.rules.tree import CORE, DEEPEST, PLATFORM, SERVICE, USER, Node, OverlappingPrefix
from foundation.cells import sql

_NODE = (
    "d.moid, d.level, d.parent_id, d.name, d.used, u.platform_id, u.room_id"
    " FROM {source} LEFT JOIN domains_userdomain u ON u.domain_ptr_id = d.moid"
)
_LINE = (
    "WITH RECURSIVE up (moid, parent_id) AS ("
    " SELECT moid, parent_id FROM domains_domain WHERE moid = %s"
    " UNION SELECT d.moid, d.parent_id FROM up JOIN domains_domain d ON d.moid = up.parent_id)"
    " SELECT " + _NODE.format(source="up JOIN domains_domain d ON d.moid = up.moid")
)
GROUPS = (
    "WITH RECURSIVE groups_below (moid) AS ("
    " SELECT moid FROM domains_domain WHERE moid = %s"
    " UNION SELECT d.moid FROM groups_below g"
    " JOIN domains_domain d ON d.parent_id = g.moid AND d.level = 2)"
)
"""A WITH clause whose `groups_below` are a domain and the service domains below it.

Only service domains have anything below them, and they are few. A join by `parent_id`, which is indexed, then
reads the domains below them."""

_UP = (
    "WITH RECURSIVE up (moid, parent_id, name, used, steps) AS ("
    " SELECT moid, parent_id, name, used, 0 FROM domains_domain WHERE moid = %s UNION ALL"
    " SELECT d.moid, d.parent_id, d.name, d.used, up.steps + 1 FROM up JOIN domains_domain d"
    f" ON d.moid = up.parent_id WHERE up.steps < {DEEPEST})"
)
LINE_UP = f"{_UP} SELECT moid FROM up ORDER BY steps"
"""Reads a domain and all domains above it, itself first and the root last."""

STATES_UP = f"{_UP} SELECT moid, name, used FROM up ORDER BY steps"
"""Reads the same domains with their names, and whether each is enabled."""

_BOUND = (
    f"{GROUPS} SELECT MIN(d.moid), d.parent_id, MIN(d.name), u.platform_id"
    " FROM groups_below g JOIN domains_domain d ON d.parent_id = g.moid AND d.level = 0"
    " JOIN domains_userdomain u ON u.domain_ptr_id = d.moid GROUP BY d.parent_id, u.platform_id"
)
_HEIGHT = (
    "WITH RECURSIVE below (moid, deep) AS ("
    " SELECT moid, 1 FROM domains_domain WHERE moid = %s"
    " UNION SELECT d.moid, below.deep + 1 FROM below JOIN domains_domain d"
    " ON d.parent_id = below.moid WHERE below.deep < 99 AND d.level = 2)"
    " SELECT below.deep, EXISTS (SELECT 1 FROM domains_domain d"
    " WHERE d.parent_id = below.moid AND d.level < 2) FROM below"
)

_OVERLAPPING = """
SELECT d.name, p.e164_prefix
  FROM domains_platformdomain p JOIN domains_domain d ON d.moid = p.domain_ptr_id
 WHERE p.domain_ptr_id <> %s AND p.e164_prefix <> %s
   AND (p.e164_prefix LIKE CONCAT(%s, '%%') OR %s LIKE CONCAT(p.e164_prefix, '%%'))
   AND NOT EXISTS (SELECT 1 FROM domains_platformdomain m
                    WHERE m.domain_ptr_id = %s AND m.e164_prefix = %s)
 ORDER BY p.e164_prefix LIMIT 1
"""
"""Finds another prefix that overlaps. The same prefix twice is refused by the column's unique index."""


def _node_of_row(row: Sequence[Any]) -> Node:
    """Return the domain of a row, with the values that the rules need."""
    return Node(row[0], row[1], row[2], row[3], bool(row[4]), row[5], row[6])


class DatabaseTree:
    """The tree, as the rules see it (`rules.tree.Tree`), reads the domains from a database, each only once."""

    def __init__(self, database: str) -> None:
        """Begin with no domain read; each is read from this database when it is first asked for."""
        self.database = database
        self._nodes_by_moid: dict[str, Node | None] = {}
        """MOID -> the domain; `None` means that it was looked up and does not exist."""
        self._platforms_by_service: dict[str, list[Node]] = {}
        """MOID of a service domain -> the platform domains directly below it."""
        self._upper_levels_read = False
        """Whether all core, service and platform domains have been read."""

    def node(self, moid: str) -> Node | None:
        """Return a domain, or `None` if it does not exist. The domains above it are read with it."""
        if moid not in self._nodes_by_moid:
            self._nodes_by_moid[moid] = None
            for row in sql.select(self.database, _LINE, [moid]):
                self._nodes_by_moid[row[0]] = _node_of_row(row)
        return self._nodes_by_moid[moid]

    def core(self) -> Node | None:
        """Return the root of the tree, the core domain, or `None` if the tree is empty."""
        return self._core

    @cached_property
    def _core(self) -> Node | None:
        """Return the core domain, which is read once; `None` if the tree is empty."""
        query = f"SELECT {_NODE.format(source='domains_domain d')} WHERE d.level = %s"
        rows = sql.select(self.database, query, [CORE])
        return _node_of_row(rows[0]) if rows else None

    def platforms_of(self, service: str) -> Sequence[Node]:
        """Return the platform domains directly below a service domain."""
        if service not in self._platforms_by_service and not self._upper_levels_read:
            query = (
                f"SELECT {_NODE.format(source='domains_domain d')}"
                " WHERE d.parent_id = %s AND d.level = %s ORDER BY d.name, d.moid"
            )
            rows = sql.select(self.database, query, [service, PLATFORM])
            self._platforms_by_service[service] = [_node_of_row(row) for row in rows]
        return self._platforms_by_service.get(service, [])

    def representatives_below(self, moid: str) -> Iterable[Node]:
        """Yield one user domain for each pair (parent, platform) that user domains below `moid` have.

        The rules compare only these two, so one user domain represents all with the same pair.
        """
        self._read_upper_levels()
        for tenant, parent, name, platform in sql.select(self.database, _BOUND, [moid]):
            yield Node(tenant, USER, parent, name, True, platform)

    def _read_upper_levels(self) -> None:
        """Read all core, service and platform domains at once; one by one they would be thousands of queries."""
        if self._upper_levels_read:
            return
        query = (
            f"SELECT {_NODE.format(source='domains_domain d')}"
            " WHERE d.level IN (%s, %s, %s) ORDER BY d.name, d.moid"
        )
        self._platforms_by_service, self._upper_levels_read = {}, True
        for row in sql.select(self.database, query, [PLATFORM, SERVICE, CORE]):
            node = self._nodes_by_moid[row[0]] = _node_of_row(row)
            if node.level == PLATFORM:
                self._platforms_by_service.setdefault(node.parent or "", []).append(node)

    def height(self, moid: str) -> int:
        """Return how many domains lie on the longest path from a domain down to one below, itself included."""
        rows = sql.select(self.database, _HEIGHT, [moid])
        return max((deep + leaves for deep, leaves in rows), default=1)

    def platform_of_room(self, room: str) -> str | None:
        """Return the MOID of the platform domain of a machine room, or `None` if there is no such room."""
        query = "SELECT platform_id FROM domains_machineroom WHERE moid = %s"
        rows = sql.select(self.database, query, [room])
        return str(rows[0][0]) if rows else None

    def overlapping(self, moid: str, prefix: str) -> OverlappingPrefix | None:
        """Return another platform domain's number prefix that overlaps with `prefix`; `None` if none does.

        `moid` is the platform domain that is to have `prefix`; if it has it already, the result is `None`.
        """
        values = [moid, prefix, prefix, prefix, moid, prefix]
        rows = sql.select(self.database, _OVERLAPPING, values)
        return OverlappingPrefix(*rows[0]) if rows else None


# ---- what uses a domain or a machine room -------------------------------------------------------

_USES = {
    "domains below": "domains_domain WHERE parent_id",
    "user domains bound": "domains_userdomain WHERE platform_id",
    "rooms": "domains_machineroom WHERE platform_id",
    "accounts": "domains_account WHERE domain_id",
    "API keys": "domains_apikey WHERE domain_id",
}
_ROOM_USES = {"user domains bound": "domains_userdomain WHERE room_id"}


def count_uses(database: str, moid: str) -> dict[str, int]:
    """Return how many rows of each kind refer to a domain: kind in words -> count."""
    return _count_references(database, moid, _USES)


def count_uses_of_room(database: str, moid: str) -> dict[str, int]:
    """Return how many rows of each kind refer to a machine room: kind in words -> count."""
    return _count_references(database, moid, _ROOM_USES)


def _count_references(database: str, moid: str, tables: Mapping[str, str]) -> dict[str, int]:
    """Return how many rows refer to `moid`, counted in one query: kind -> count.

    `tables`: kind -> "table WHERE column".
    """
    counts = ", ".join(
        f"(SELECT COUNT(*) FROM {table_and_column} = %s)" for table_and_column in tables.values()
    )
    row = sql.select(database, f"SELECT {counts}", [moid] * len(tables))[0]
    return dict(zip(tables, row, strict=True))
