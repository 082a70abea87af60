"""The rules of the tree (ARCH §3), over plain values: where a domain may hang, and what it may be bound to.

Model, admin, API and messages ask here, so all of them refuse alike. A refusal is a sentence that
says what to do. Pure: what is true of the tree comes in as a `Tree`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as given
from typing import Protocol

USER, PLATFORM, SERVICE, CORE = range(4)
NAMES = {
    USER: "user domain",
    PLATFORM: "platform domain",
    SERVICE: "service domain",
    CORE: "core domain",
}
DEEPEST = 16
_ABOVE = {
    CORE: frozenset[int](),
    SERVICE: frozenset({CORE, SERVICE}),
    PLATFORM: frozenset({SERVICE}),
    USER: frozenset({SERVICE}),
}
_NAMED = 5
"""So many names are told where one of many has to be chosen."""


@dataclass(frozen=True, slots=True)
class Node:
    """A domain as the rules see it; `platform` and `room` are a user domain's bindings, `prefix` a
    platform domain's, where it is wanted (it is not read with the others)."""

    moid: str
    level: int
    parent: str | None
    name: str
    used: bool = True
    platform: str | None = None
    room: str | None = None
    prefix: str = ""

    @property
    def place(self) -> tuple[int, str | None, str | None, str | None]:
        """What the rules are about; a change of anything else breaks none of them."""
        return self.level, self.parent, self.platform, self.room


class Tree(Protocol):
    """What the rules have to know of the tree as it is."""

    def node(self, moid: str) -> Node | None:
        """A domain by its MOID."""

    def core(self) -> Node | None:
        """The root, if there is one yet."""

    def platforms_of(self, service: str) -> Sequence[Node]:
        """The platform domains directly below a service domain."""

    def bound_below(self, moid: str) -> Iterable[Node]:
        """User domains anywhere below: one for each service domain and platform bound from there."""

    def height(self, moid: str) -> int:
        """How many levels a domain and what hangs below it take: 1 for a leaf."""

    def platform_of_room(self, room: str) -> str | None:
        """To which platform domain a room belongs."""

    def overlapping(self, moid: str, prefix: str) -> tuple[str, str] | None:
        """Name and number prefix of another platform domain whose prefix begins with this one, or is
        its beginning; None also where the domain has this prefix already."""


class Term(str):
    """A word of ours among the values of a sentence: it is translated with it, a name is not."""


class Counts(dict[str, int]):
    """How many of each kind; the kinds are ours."""

    def __str__(self) -> str:
        return ", ".join(f"{kind}: {count}" for kind, count in self.items())


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong: the field ("" for the whole domain), and the sentence with its values apart,
    so that it can be translated."""

    field: str
    text: str
    values: Mapping[str, object] = given(default_factory=dict)

    @property
    def sentence(self) -> str:
        """In English."""
        return self.text % self.values


class RuleBroken(Exception):
    """A change of the tree that is refused."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(" ".join(one.sentence for one in refusals))

    @property
    def field(self) -> str:
        """What the first refusal is about."""
        return self.refusals[0].field

    @property
    def sentence(self) -> str:
        """What the first refusal says."""
        return self.refusals[0].sentence


# ---- a domain is created, changed or moved ------------------------------------------------------


def refusals_to_place(node: Node, tree: Tree) -> list[Refusal]:
    """Why a domain cannot be as it is wanted; empty: it can.

    What stays where it is is not judged again: disabling a domain is never refused.
    """
    before = tree.node(node.moid)
    if before is not None and before.level != node.level:
        return [
            Refusal(
                "moid",
                "This MOID is taken by the %(kind)s “%(name)s”: choose another one.",
                {"kind": Term(NAMES[before.level]), "name": before.name},
            )
        ]
    if found := _prefix_refusals(node, tree):
        return found
    if before is not None and before.place == node.place:
        return []
    found = _root_refusals(node, tree) if node.level == CORE else _parent_refusals(node, tree)
    if not found and node.level == USER:
        found = _binding_refusals(node, tree)
    return found or _out_of_reach_refusals(before, node, tree)


def _prefix_refusals(node: Node, tree: Tree) -> list[Refusal]:
    """Numbers begin with their platform's prefix: it must tell which platform's they are."""
    other = tree.overlapping(node.moid, node.prefix) if node.prefix else None
    if other is None:
        return []
    text = (
        "The number prefix %(prefix)s overlaps with %(other)s of “%(name)s”:"
        " choose one that neither begins with the other nor is its beginning."
    )
    values = {"prefix": node.prefix, "name": other[0], "other": other[1]}
    return [Refusal("e164_prefix", text, values)]


def _root_refusals(node: Node, tree: Tree) -> list[Refusal]:
    core = tree.core()
    if core is not None and core.moid != node.moid:
        text = "There is one core domain, “%(name)s”: create a service domain below it instead."
        return [Refusal("", text, {"name": core.name})]
    if node.parent is not None:
        return [Refusal("", "The core domain is the root: leave out what is above it.")]
    return []


def _parent_refusals(node: Node, tree: Tree) -> list[Refusal]:
    """Everything but the root hangs below something of a fitting level, and not below itself."""
    allowed = Term(" or ".join(NAMES[level] for level in sorted(_ABOVE[node.level])))
    if node.parent is None:
        return [Refusal("parent", "Choose a %(names)s above it.", {"names": allowed})]
    parent = tree.node(node.parent)
    if parent is None:
        text = "The domain above it does not exist any more: choose a %(names)s that does."
        return [Refusal("parent", text, {"names": allowed})]
    if parent.level not in _ABOVE[node.level]:
        text = "A %(kind)s cannot hang below the %(above)s “%(name)s”. Choose a %(names)s above it."
        values = {"kind": Term(NAMES[node.level]), "above": Term(NAMES[parent.level])}
        return [Refusal("parent", text, {**values, "name": parent.name, "names": allowed})]
    return _depth_refusals(node, parent, tree)


def _depth_refusals(node: Node, parent: Node, tree: Tree) -> list[Refusal]:
    line = above(parent, tree)
    if any(one.moid == node.moid for one in line):
        text = (
            "“%(name)s” is this domain or lies below it, and a domain cannot stand above itself:"
            " choose one that does not lie below it."
        )
        return [Refusal("parent", text, {"name": parent.name})]
    height = tree.height(node.moid) if node.level == SERVICE else 1
    if len(line) + height > DEEPEST:
        text = "The tree may be %(most)d levels deep: choose a domain further up."
        return [Refusal("parent", text, {"most": DEEPEST})]
    return []


def _binding_refusals(node: Node, tree: Tree) -> list[Refusal]:
    reach = reachable(node.parent, tree)
    if node.platform not in {one.moid for one in reach}:
        if not reach:
            text = "No platform domain is within its reach: create one below “%(name)s” first."
            parent = tree.node(node.parent or "")
            return [Refusal("platform", text, {"name": parent.name if parent else ""})]
        text = "Bind it to a platform domain within its reach: %(names)s."
        return [Refusal("platform", text, {"names": _listed(reach)})]
    if node.room is not None and tree.platform_of_room(node.room) != node.platform:
        text = (
            "This room belongs to another platform domain: choose a room of the bound one, or none."
        )
        return [Refusal("room", text)]
    return []


def _listed(nodes: Sequence[Node]) -> str:
    names = [one.name for one in nodes[:_NAMED]]
    return ", ".join(names) + (" …" if len(nodes) > _NAMED else "")


def _out_of_reach_refusals(before: Node | None, node: Node, tree: Tree) -> list[Refusal]:
    """Would a binding of others be out of reach then?

    A service domain takes along those below it. A platform domain that goes leaves its tenants;
    one that comes where there was none cuts off those who borrowed from further up.
    """
    if node.level == SERVICE:
        roots = {node.moid} if before is not None else set()
    elif node.level == PLATFORM:
        roots = {one for one in (before and before.parent, node.parent) if one}
    else:
        return []
    then = _TreeWithChange(tree, node)
    reach: dict[str | None, set[str]] = {}
    for one in (one for root in sorted(roots) for one in tree.bound_below(root)):
        if one.parent not in reach:
            reach[one.parent] = {p.moid for p in reachable(one.parent, then)}
        if one.platform not in reach[one.parent]:
            text = (
                "“%(tenant)s” is bound to “%(platform)s”, which would be out of its reach:"
                " bind it to another platform domain, or move it, first."
            )
            bound = tree.node(one.platform or "")
            values = {"tenant": one.name, "platform": bound.name if bound else "?"}
            return [Refusal("parent", text, values)]
    return []


class _TreeWithChange:
    """The tree as it would be with one domain changed."""

    def __init__(self, tree: Tree, node: Node) -> None:
        self._tree, self._node = tree, node

    def node(self, moid: str) -> Node | None:
        return self._node if moid == self._node.moid else self._tree.node(moid)

    def platforms_of(self, service: str) -> Sequence[Node]:
        there = [p for p in self._tree.platforms_of(service) if p.moid != self._node.moid]
        comes = self._node.level == PLATFORM and self._node.parent == service
        return [*there, self._node] if comes else there


class _AncestorReader(Protocol):
    """As much of a tree as one needs to look up from a domain."""

    def node(self, moid: str) -> Node | None: ...

    def platforms_of(self, service: str) -> Sequence[Node]: ...


def above(node: Node, tree: _AncestorReader) -> list[Node]:
    """A domain and all above it, itself first; one that (by a mistake) hangs in a ring ends."""
    line, seen = [node], {node.moid}
    while (up := line[-1].parent) is not None and up not in seen:
        found = tree.node(up)
        if found is None:
            break
        line.append(found)
        seen.add(up)
    return line


def reachable(service: str | None, tree: _AncestorReader) -> list[Node]:
    """The platform domains of a service domain, or of the nearest above it that has some."""
    start = tree.node(service) if service is not None else None
    for one in above(start, tree) if start else []:
        if found := tree.platforms_of(one.moid):
            return list(found)
    return []


# ---- something goes, or its room moves ----------------------------------------------------------


def refusals_to_delete(name: str, uses: Mapping[str, int]) -> list[Refusal]:
    """Why a domain or a room cannot be deleted: what uses it, by kind, and how many."""
    if not any(uses.values()):
        return []
    text = "“%(name)s” is in use (%(uses)s): disable it instead, or remove what uses it first."
    told = Counts({kind: count for kind, count in uses.items() if count})
    return [Refusal("", text, {"name": name, "uses": told})]


def refusals_to_move_room(platform: str, before: str | None, tenants: int) -> list[Refusal]:
    """Why a room cannot be given to another platform domain."""
    if before in (None, platform) or not tenants:
        return []
    text = "%(count)d user domains are bound to this room: bind them to another one first."
    return [Refusal("platform", text, {"count": tenants})]
