"""A tree in memory gives the rules what the database gives, and `check` says what must always hold."""

from __future__ import annotations

from collections.abc import Sequence

from domains.rules.tree import CORE, DEEPEST, PLATFORM, SERVICE, USER, Node, OverlappingPrefix


class MemoryTree(dict[str, Node]):
    """Nodes by MOID, and rooms by MOID with their platform: a `rules.Tree`."""

    def __init__(self, *nodes: Node, rooms: dict[str, str] | None = None) -> None:
        super().__init__({node.moid: node for node in nodes})
        self.rooms = rooms or {}

    def node(self, moid: str) -> Node | None:
        return self.get(moid)

    def core(self) -> Node | None:
        return next((node for node in self.values() if node.level == CORE), None)

    def platforms_of(self, service: str) -> Sequence[Node]:
        return [n for n in self.values() if n.level == PLATFORM and n.parent == service]

    def representatives_below(self, moid: str) -> list[Node]:
        return [n for n in self.values() if n.level == USER and moid in self.line(n.moid)[1:]]

    def height(self, moid: str) -> int:
        return 1 + max((self.height(n.moid) for n in self.values() if n.parent == moid), default=0)

    def platform_of_room(self, room: str) -> str | None:
        return self.rooms.get(room)

    def overlapping(self, moid: str, prefix: str) -> OverlappingPrefix | None:
        if moid in self and self[moid].prefix == prefix:
            return None
        others = (n for n in self.values() if n.prefix not in ("", prefix) and n.moid != moid)
        overlaps = (n for n in others if n.prefix.startswith(prefix) or prefix.startswith(n.prefix))
        return next((OverlappingPrefix(n.name, n.prefix) for n in overlaps), None)

    def line(self, moid: str) -> list[str]:
        """Return a MOID and all above it; a ring makes the line longer than any tree."""
        line = [moid]
        while (up := self[line[-1]].parent) is not None and len(line) < 99:
            line.append(up)
        return line

    def below(self, moid: str) -> set[str]:
        """Return a MOID and all below it, the slow way."""
        return {other for other in self if moid in self.line(other)}

    def uses(self, moid: str) -> dict[str, int]:
        """Return how many rows depend on a domain, by kind."""
        return {
            "domains below": sum(n.parent == moid for n in self.values()),
            "user domains bound": sum(n.platform == moid for n in self.values()),
            "rooms": sum(platform == moid for platform in self.rooms.values()),
        }


ABOVE = {SERVICE: (CORE, SERVICE), PLATFORM: (SERVICE,), USER: (SERVICE,)}


def check(tree: MemoryTree) -> None:
    """Assert one root, no ring, no orphan, right levels, a limited depth and reachable bindings."""
    assert sum(n.level == CORE for n in tree.values()) == 1
    for node in tree.values():
        line = tree.line(node.moid)  # a KeyError here is an orphan
        assert len(line) <= DEEPEST
        assert tree[line[-1]].level == CORE
        if node.parent is None:
            assert node.level == CORE
            continue
        assert tree[node.parent].level in ABOVE[node.level]
        if node.level == USER:
            lenders = (tree.platforms_of(up) for up in line[1:])
            assert node.platform in {
                p.moid for p in next(platforms for platforms in lenders if platforms)
            }
            assert node.room is None or tree.rooms[node.room] == node.platform
