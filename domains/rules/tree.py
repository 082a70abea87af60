"""The rules of the tree say below which parent a domain may lie, and to what it may be bound (ARCH §3).

The tree has a core domain as its root, then service domains, which may nest, then platform domains (machines at a site)
and user domains (tenants). A user domain is bound to a platform domain and one of its machine rooms. Model, admin
pages, API and messages all check these rules. They are pure: the present tree comes in as a `Tree`. A refusal is a
sentence that says what to do instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as given
from typing import NamedTuple, Protocol

from foundation.plain_text import fault_of

USER, PLATFORM, SERVICE, CORE = range(4)
NAMES = {
    USER: "user domain",
    PLATFORM: "platform domain",
    SERVICE: "service domain",
    CORE: "core domain",
}
DEEPEST = 16
"""The tree may have this many levels from the root down."""

_LEVELS_OF_PARENT = {
    CORE: frozenset[int](),
    SERVICE: frozenset({CORE, SERVICE}),
    PLATFORM: frozenset({SERVICE}),
    USER: frozenset({SERVICE}),
}
_MAX_NAMES = 5
"""A sentence lists at most this many names to choose from."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node is a domain with the values that the rules need.

    `used`: it is enabled. `platform` and `room` are the platform domain and machine room that a user domain is bound
    to. `prefix` is the number prefix of a platform domain that is to be saved; "" for domains read from the tree.
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
        """Return the values that the rules check: level, parent, platform, machine room.

        Other changes break no rule.
        """
        return self.level, self.parent, self.platform, self.room


class OverlappingPrefix(NamedTuple):
    """Represent the number prefix of a platform domain, with the domain's name."""

    domain_name: str
    prefix: str


class Tree(Protocol):
    """The tree answers what the rules need to know of the stored domains."""

    def node(self, moid: str) -> Node | None:
        """Return a domain by its id (MOID), or `None` if it does not exist."""

    def core(self) -> Node | None:
        """Return the core domain, the root of the tree, or `None` if the tree is empty."""

    def platforms_of(self, service: str) -> Sequence[Node]:
        """Return the platform domains directly below a service domain."""

    def representatives_below(self, moid: str) -> Iterable[Node]:
        """Return one user domain for each pair (parent, platform) that user domains below `moid` have.

        The rules compare only these two, so one user domain represents all with the same pair.
        """

    def height(self, moid: str) -> int:
        """Return how many domains lie on the longest path from a domain down, itself included: 1 for a leaf."""

    def platform_of_room(self, room: str) -> str | None:
        """Return the platform domain that a machine room belongs to, or `None` if there is no such room."""

    def overlapping(self, moid: str, prefix: str) -> OverlappingPrefix | None:
        """Return another platform domain's number prefix that overlaps with `prefix`.

        Two prefixes overlap if one begins with the other. `None` means that no other does, or that the domain `moid`
        has this prefix already.
        """


class Term(str):
    """A term is a value of a refusal's sentence that is translated, as "user domain" is; a name is not."""


class Counts(dict[str, int]):
    """Counts are a value in a refusal's sentence: kind of rows (a term to translate) -> how many there are."""

    def __str__(self) -> str:
        return ", ".join(f"{kind}: {count}" for kind, count in self.items())


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal says which field of a domain or account is wrong, and why.

    `field` is "" if the domain or account as a whole is refused. `text` is the sentence, with placeholders for
    `values`, so that it can be translated.
    """

    field: str
    text: str
    values: Mapping[str, object] = given(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Return the sentence that says why, in English, with its values filled in."""
        return self.text % self.values


class RuleBroken(Exception):
    """The error says why a change of the tree or of an account is refused."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        """Refuse a change for these reasons, of which there is at least one."""
        self.refusals = tuple(refusals)
        super().__init__(" ".join(refusal.sentence for refusal in refusals))

    @property
    def field(self) -> str:
        """Return the name of the field that the first refusal is about."""
        return self.refusals[0].field

    @property
    def sentence(self) -> str:
        """Return the sentence in which the first refusal says why."""
        return self.refusals[0].sentence


# ---- a domain is created, changed or moved ------------------------------------------------------


def refusals_to_place(node: Node, tree: Tree) -> list[Refusal]:
    """Return why a domain cannot be saved as it is. An empty list means that it can.

    A domain whose name, parent and bindings do not change is not checked again, so disabling a domain is never refused.
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
    if (before is None or before.name != node.name) and (
        refusals := refusals_to_name("name", node.name)
    ):
        return refusals
    if refusals := _prefix_refusals(node, tree):
        return refusals
    if before is not None and before.place == node.place:
        return []
    refusals = _root_refusals(node, tree) if node.level == CORE else _parent_refusals(node, tree)
    if not refusals and node.level == USER:
        refusals = _binding_refusals(node, tree)
    return refusals or _out_of_reach_refusals(before, node, tree)


def refusals_to_name(field: str, name: str) -> list[Refusal]:
    """Return why a name is refused: it shows nothing, changes the writing direction or has control characters; or [].

    `field` is the field that holds the name, for the refusal.
    """
    if fault_of(name, may_be_empty=True):
        text = "Leave out control characters, line ends, and marks that turn the line."
        return [Refusal(field, text)]
    if fault_of(name):
        text = "Write a name in which something is to be seen."
        return [Refusal(field, text)]
    return []


def _prefix_refusals(node: Node, tree: Tree) -> list[Refusal]:
    """Return the refusal of a number prefix that overlaps with another one, as a number must belong to one platform.

    Else [].
    """
    other = tree.overlapping(node.moid, node.prefix) if node.prefix else None
    if other is None:
        return []
    text = (
        "The number prefix %(prefix)s overlaps with %(other)s of “%(name)s”:"
        " choose one that neither begins with the other nor is its beginning."
    )
    values = {"prefix": node.prefix, "name": other.domain_name, "other": other.prefix}
    return [Refusal("e164_prefix", text, values)]


def _root_refusals(node: Node, tree: Tree) -> list[Refusal]:
    """Return refusals of a second root of the tree, and of a root below another domain. Else []."""
    core = tree.core()
    if core is not None and core.moid != node.moid:
        text = "There is one core domain, “%(name)s”: create a service domain below it instead."
        return [Refusal("", text, {"name": core.name})]
    if node.parent is not None:
        return [Refusal("", "The core domain is the root: leave out what is above it.")]
    return []


def _parent_refusals(node: Node, tree: Tree) -> list[Refusal]:
    """Return refusals of a parent that is missing, of a wrong level, too deep, or below the domain itself."""
    allowed = Term(" or ".join(NAMES[level] for level in sorted(_LEVELS_OF_PARENT[node.level])))
    if node.parent is None:
        return [Refusal("parent", "Choose a %(names)s above it.", {"names": allowed})]
    parent = tree.node(node.parent)
    if parent is None:
        text = "The domain above it does not exist any more: choose a %(names)s that does."
        return [Refusal("parent", text, {"names": allowed})]
    if parent.level not in _LEVELS_OF_PARENT[node.level]:
        text = "A %(kind)s cannot hang below the %(above)s “%(name)s”. Choose a %(names)s above it."
        values = {"kind": Term(NAMES[node.level]), "above": Term(NAMES[parent.level])}
        return [Refusal("parent", text, {**values, "name": parent.name, "names": allowed})]
    return _depth_refusals(node, parent, tree)


def _depth_refusals(node: Node, parent: Node, tree: Tree) -> list[Refusal]:
    """Return refusals of a parent that lies below the domain itself, or would make the tree too deep. Else []."""
    ancestors = path_to_root(parent, tree)
    if any(ancestor.moid == node.moid for ancestor in ancestors):
        text = (
            "“%(name)s” is this domain or lies below it, and a domain cannot stand above itself:"
            " choose one that does not lie below it."
        )
        return [Refusal("parent", text, {"name": parent.name})]
    # Below a service domain hang others, which come down with it.
    height = tree.height(node.moid) if node.level == SERVICE else 1
    if len(ancestors) + height > DEEPEST:
        text = "The tree may be %(most)d levels deep: choose a domain further up."
        return [Refusal("parent", text, {"most": DEEPEST})]
    return []


def _binding_refusals(node: Node, tree: Tree) -> list[Refusal]:
    """Return refusals of a platform that a user domain may not be bound to, or of another platform's machine room.

    Else [].
    """
    platforms = bindable_platforms(node.parent, tree)
    if node.platform not in {platform.moid for platform in platforms}:
        if not platforms:
            text = "No platform domain is within its reach: create one below “%(name)s” first."
            parent = tree.node(node.parent or "")
            return [Refusal("platform", text, {"name": parent.name if parent else ""})]
        text = "Bind it to a platform domain within its reach: %(names)s."
        return [Refusal("platform", text, {"names": _list_names(platforms)})]
    if node.room is not None and tree.platform_of_room(node.room) != node.platform:
        text = (
            "This room belongs to another platform domain: choose a room of the bound one, or none."
        )
        return [Refusal("room", text)]
    return []


def _list_names(nodes: Sequence[Node]) -> str:
    """Return the names of domains for a sentence, the first few if there are many."""
    names = [node.name for node in nodes[:_MAX_NAMES]]
    return ", ".join(names) + (" …" if len(nodes) > _MAX_NAMES else "")


def _out_of_reach_refusals(before: Node | None, node: Node, tree: Tree) -> list[Refusal]:
    """Return the refusal of a change after which a user domain would be bound to a platform that it may not have.

    A service domain moves with the user domains below it. A platform domain that moves leaves its tenants behind; at
    its new parent, if that had no platform so far, tenants would lose the platform of a domain further up.
    """
    if node.level == SERVICE:
        # A new service domain has nothing below it yet.
        roots = {node.moid} if before is not None else set()
    elif node.level == PLATFORM:
        roots = {parent for parent in (before and before.parent, node.parent) if parent}
    else:
        return []
    changed_tree = _TreeWithChange(tree, node)
    platforms_of: dict[str | None, set[str]] = {}
    for tenant in (tenant for root in sorted(roots) for tenant in tree.representatives_below(root)):
        if tenant.parent not in platforms_of:
            platforms = bindable_platforms(tenant.parent, changed_tree)
            platforms_of[tenant.parent] = {platform.moid for platform in platforms}
        if tenant.platform not in platforms_of[tenant.parent]:
            text = (
                "“%(tenant)s” is bound to “%(platform)s”, which would be out of its reach:"
                " bind it to another platform domain, or move it, first."
            )
            bound = tree.node(tenant.platform or "")
            values = {"tenant": tenant.name, "platform": bound.name if bound else "?"}
            return [Refusal("parent", text, values)]
    return []


class _TreeWithChange:
    """The tree as it would be after a change: one domain has its new values, all others the stored ones."""

    def __init__(self, tree: Tree, node: Node) -> None:
        self._tree, self._node = tree, node

    def node(self, moid: str) -> Node | None:
        """Return a domain as it will be after the change, or `None` if it does not exist."""
        return self._node if moid == self._node.moid else self._tree.node(moid)

    def platforms_of(self, service: str) -> Sequence[Node]:
        """Return the platform domains directly below a service domain, as they will be after the change."""
        platforms = self._tree.platforms_of(service)
        unchanged = [platform for platform in platforms if platform.moid != self._node.moid]
        is_below_service = self._node.level == PLATFORM and self._node.parent == service
        return [*unchanged, self._node] if is_below_service else unchanged


class _AncestorReader(Protocol):
    """The part of `Tree` that is needed to walk from a domain up to the root."""

    def node(self, moid: str) -> Node | None: ...

    def platforms_of(self, service: str) -> Sequence[Node]: ...


def path_to_root(node: Node, tree: _AncestorReader) -> list[Node]:
    """Return a domain and all domains above it, itself first and the root last.

    If a faulty tree has a domain below itself, the list ends before it repeats.
    """
    path, visited = [node], {node.moid}
    while (parent_moid := path[-1].parent) is not None and parent_moid not in visited:
        parent = tree.node(parent_moid)
        if parent is None:
            break
        path.append(parent)
        visited.add(parent_moid)
    return path


def bindable_platforms(service: str | None, tree: _AncestorReader) -> list[Node]:
    """Return the platform domains that the tenants of a service domain may be bound to.

    These are the platforms of the service domain itself, or of the nearest service domain above that has any. [] if
    there are none.
    """
    start = tree.node(service) if service is not None else None
    for domain in path_to_root(start, tree) if start else []:
        if platforms := tree.platforms_of(domain.moid):
            return list(platforms)
    return []


# ---- a domain or machine room is deleted, or a room moves ---------------------------------------


def refusals_to_delete(name: str, uses: Mapping[str, int]) -> list[Refusal]:
    """Return why a domain or a machine room cannot be deleted. `uses`: kind of rows that refer to it -> count.

    [] if it can.
    """
    if not any(uses.values()):
        return []
    text = "“%(name)s” is in use (%(uses)s): disable it instead, or remove what uses it first."
    counts = Counts({kind: count for kind, count in uses.items() if count})
    return [Refusal("", text, {"name": name, "uses": counts})]


def refusals_to_move_room(platform: str, before: str | None, tenants: int) -> list[Refusal]:
    """Return why a machine room cannot be given to the platform domain `platform`.

    `before` is its platform so far, `None` for a new room. `tenants` counts the user domains bound to the room.
    """
    if before in (None, platform) or not tenants:
        return []
    text = "%(count)d user domains are bound to this room: bind them to another one first."
    return [Refusal("platform", text, {"count": tenants})]
