"""A tree in memory, which the rules and a naive reader see alike; and what must hold of it always."""

from __future__ import annotations

from collections.abc import Sequence

from domains.rules.tree import CORE, DEEPEST, PLATFORM, SERVICE, USER, Node


class MemoryTree(dict[str, Node]):
    """Nodes by MOID, and rooms by MOID with their platform: a `rules.Tree`."""

    def __init__(self, *nodes: Node, rooms: dict[str, str] | None = None) -> None:
        super().__init__({one.moid: one for one in nodes})
        self.rooms = rooms or {}

    def node(self, moid: str) -> Node | None:
        return self.get(moid)

    def core(self) -> Node | None:
        return next((one for one in self.values() if one.level == CORE), None)

    def platforms_of(self, service: str) -> Sequence[Node]:
        return [n for n in self.values() if n.level == PLATFORM and n.parent == service]

    def bound_below(self, moid: str) -> list[Node]:
        return [n for n in self.values() if n.level == USER and moid in self.line(n.moid)[1:]]

    def height(self, moid: str) -> int:
        return 1 + max((self.height(n.moid) for n in self.values() if n.parent == moid), default=0)

    def platform_of_room(self, room: str) -> str | None:
        return self.rooms.get(room)

    def overlapping(self, moid: str, prefix: str) -> tuple[str, str] | None:
        if moid in self and self[moid].prefix == prefix:
            return None
        others = (n for n in self.values() if n.prefix not in ("", prefix) and n.moid != moid)
        found = (n for n in others if n.prefix.startswith(prefix) or prefix.startswith(n.prefix))
        return next(((n.name, n.prefix) for n in found), None)

    def line(self, moid: str) -> list[str]:
        """A MOID and all above it; longer than any tree when there is a ring."""
        found = [moid]
        while (up := self[found[-1]].parent) is not None and len(found) < 99:
            found.append(up)
        return found

    def below(self, moid: str) -> set[str]:
        """A MOID and all below it, the slow way."""
        return {one for one in self if moid in self.line(one)}

    def uses(self, moid: str) -> dict[str, int]:
        """What hangs on a domain."""
        return {
            "domains below": sum(n.parent == moid for n in self.values()),
            "user domains bound": sum(n.platform == moid for n in self.values()),
            "rooms": sum(platform == moid for platform in self.rooms.values()),
        }


ABOVE = {SERVICE: (CORE, SERVICE), PLATFORM: (SERVICE,), USER: (SERVICE,)}


def check(tree: MemoryTree) -> None:
    """One root, no ring, no orphan, right levels, not too deep, no binding out of reach."""
    assert sum(n.level == CORE for n in tree.values()) == 1
    for one in tree.values():
        line = tree.line(one.moid)  # a KeyError here is an orphan
        assert len(line) <= DEEPEST
        assert tree[line[-1]].level == CORE
        if one.parent is None:
            assert one.level == CORE
            continue
        assert tree[one.parent].level in ABOVE[one.level]
        if one.level == USER:
            lenders = (tree.platforms_of(up) for up in line[1:])
            assert one.platform in {p.moid for p in next(some for some in lenders if some)}
            assert one.room is None or tree.rooms[one.room] == one.platform
