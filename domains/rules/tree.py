"""The rules of the tree (ARCH §3), over plain values: where a domain may hang, and what it may be bound to.

Model, admin pages, API and messages ask these rules, so all of them refuse alike. A refusal is a sentence that says
what to do. The facts about the present tree come in as a `Tree`.
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
"""A sentence lists at most this many names to choose from."""


@dataclass(frozen=True, slots=True)
class Node:
    """The facts about a domain that its rules need.

    `platform` and `room` are the bindings of a user domain. `prefix` is the number prefix of a platform domain that is
    to be saved. It is "" for domains that were read from the tree.
    """

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
        """Return the values that the rules are about. A change of other values breaks no rule."""
        return self.level, self.parent, self.platform, self.room


class Tree(Protocol):
    """The facts about the present tree that the rules need."""

    def node(self, moid: str) -> Node | None:
        """Return a domain by its MOID, or `None`."""

    def core(self) -> Node | None:
        """Return the root, or `None` if there is none yet."""

    def platforms_of(self, service: str) -> Sequence[Node]:
        """Return the platform domains directly below a service domain."""

    def bound_below(self, moid: str) -> Iterable[Node]:
        """Return user domains anywhere below a domain.

        One stands for all that hang below the same service domain and are bound to the same platform.
        """

    def height(self, moid: str) -> int:
        """Return how many levels a domain takes together with the domains below it: 1 for a leaf."""

    def platform_of_room(self, room: str) -> str | None:
        """Return the platform domain that a machine room belongs to, or `None`."""

    def overlapping(self, moid: str, prefix: str) -> tuple[str, str] | None:
        """Return name and number prefix of another platform domain whose prefix overlaps with this one.

        Two prefixes overlap if one begins with the other. `None` means that none does, or that the domain has this
        prefix already.
        """


class Term(str):
    """A term is a word of this program among the values of a sentence. It is translated, a name is not."""


class Counts(dict[str, int]):
    """Counts say how many there are of each kind. The kinds are words of this program."""

    def __str__(self) -> str:
        return ", ".join(f"{kind}: {count}" for kind, count in self.items())


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal says which field is wrong, and why.

    The field is "" if it is the domain or account as a whole. The values are kept apart from the sentence, so that it can be
    translated.
    """

    field: str
    text: str
    values: Mapping[str, object] = given(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Return the sentence in English."""
        return self.text % self.values


class RuleBroken(Exception):
    """The error says why a change of the tree or of an account is refused."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(" ".join(refusal.sentence for refusal in refusals))

    @property
    def field(self) -> str:
        """Return the field of the first refusal."""
        return self.refusals[0].field

    @property
    def sentence(self) -> str:
        """Return the sentence of the first refusal."""
        return self.refusals[0].sentence


# ---- a domain is created, changed or moved ------------------------------------------------------


def refusals_to_place(node: Node, tree: Tree) -> list[Refusal]:
    """Return why a domain cannot be saved as it is. An empty list means that it can.

    A domain that stays in its place is not judged again, so disabling a domain is never refused.
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
    if refusals := _prefix_refusals(node, tree):
        return refusals
    if before is not None and before.place == node.place:
        return []
    refusals = _root_refusals(node, tree) if node.level == CORE else _parent_refusals(node, tree)
    if not refusals and node.level == USER:
        refusals = _binding_refusals(node, tree)
    return refusals or _out_of_reach_refusals(before, node, tree)


def _prefix_refusals(node: Node, tree: Tree) -> list[Refusal]:
    """Refuse a number prefix that overlaps with another: a number has to tell its platform."""
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
    """Refuse a second root, and a root below another domain."""
    core = tree.core()
    if core is not None and core.moid != node.moid:
        text = "There is one core domain, “%(name)s”: create a service domain below it instead."
        return [Refusal("", text, {"name": core.name})]
    if node.parent is not None:
        return [Refusal("", "The core domain is the root: leave out what is above it.")]
    return []


def _parent_refusals(node: Node, tree: Tree) -> list[Refusal]:
    """Refuse a place without a domain of a fitting level above it, or below the domain itself."""
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
    """Refuse a place below the domain itself, and one that makes the tree too deep."""
    line = above(parent, tree)
    if any(ancestor.moid == node.moid for ancestor in line):
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
    """Refuse a platform out of reach, and a room of another platform."""
    reach = reachable(node.parent, tree)
    if node.platform not in {platform.moid for platform in reach}:
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
    names = [node.name for node in nodes[:_NAMED]]
    return ", ".join(names) + (" …" if len(nodes) > _NAMED else "")


def _out_of_reach_refusals(before: Node | None, node: Node, tree: Tree) -> list[Refusal]:
    """Refuse a change that would put the platform of some user domain out of that domain's reach.

    A service domain takes along those below it. A platform domain that leaves a place leaves its tenants behind. One
    that comes to a place without platforms cuts off the tenants there who borrowed one from further up.
    """
    if node.level == SERVICE:
        roots = {node.moid} if before is not None else set()
    elif node.level == PLATFORM:
        roots = {tenant for tenant in (before and before.parent, node.parent) if tenant}
    else:
        return []
    changed_tree = _TreeWithChange(tree, node)
    reach: dict[str | None, set[str]] = {}
    for tenant in (tenant for root in sorted(roots) for tenant in tree.bound_below(root)):
        if tenant.parent not in reach:
            reach[tenant.parent] = {p.moid for p in reachable(tenant.parent, changed_tree)}
        if tenant.platform not in reach[tenant.parent]:
            text = (
                "“%(tenant)s” is bound to “%(platform)s”, which would be out of its reach:"
                " bind it to another platform domain, or move it, first."
            )
            bound = tree.node(tenant.platform or "")
            values = {"tenant": tenant.name, "platform": bound.name if bound else "?"}
            return [Refusal("parent", text, values)]
    return []


class _TreeWithChange:
    """The tree as it would be with one domain changed."""

    def __init__(self, tree: Tree, node: Node) -> None:
        self._tree, self._node = tree, node

    def node(self, moid: str) -> Node | None:
        return self._node if moid == self._node.moid else self._tree.node(moid)

    def platforms_of(self, service: str) -> Sequence[Node]:
        others = [p for p in self._tree.platforms_of(service) if p.moid != self._node.moid]
        comes = self._node.level == PLATFORM and self._node.parent == service
        return [*others, self._node] if comes else others


class _AncestorReader(Protocol):
    """The part of a tree that is needed to look up from a domain."""

    def node(self, moid: str) -> Node | None: ...

    def platforms_of(self, service: str) -> Sequence[Node]: ...


def above(node: Node, tree: _AncestorReader) -> list[Node]:
    """Return a domain and all domains above it, itself first.

    It ends where a domain hangs below itself by mistake.
    """
    line, visited = [node], {node.moid}
    while (parent_moid := line[-1].parent) is not None and parent_moid not in visited:
        parent = tree.node(parent_moid)
        if parent is None:
            break
        line.append(parent)
        visited.add(parent_moid)
    return line


def reachable(service: str | None, tree: _AncestorReader) -> list[Node]:
    """Return the platform domains that tenants of a service domain may be bound to.

    These are its own, or those of the nearest service domain above that has any.
    """
    start = tree.node(service) if service is not None else None
    for domain in above(start, tree) if start else []:
        if platforms := tree.platforms_of(domain.moid):
            return list(platforms)
    return []


# ---- something goes, or its room moves ----------------------------------------------------------


def refusals_to_delete(name: str, uses: Mapping[str, int]) -> list[Refusal]:
    """Return why a domain or a room cannot be deleted. `uses` counts what uses it, by kind."""
    if not any(uses.values()):
        return []
    text = "“%(name)s” is in use (%(uses)s): disable it instead, or remove what uses it first."
    counts = Counts({kind: count for kind, count in uses.items() if count})
    return [Refusal("", text, {"name": name, "uses": counts})]


def refusals_to_move_room(platform: str, before: str | None, tenants: int) -> list[Refusal]:
    """Return why a machine room cannot be given to another platform domain."""
    if before in (None, platform) or not tenants:
        return []
    text = "%(count)d user domains are bound to this room: bind them to another one first."
    return [Refusal("platform", text, {"count": tenants})]
