"""Every rule of the tree is a test named after it; then random trees and random operations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domains.rules import tree as rules
from domains.rules.tree import (
    CORE,
    DEEPEST,
    PLATFORM,
    SERVICE,
    USER,
    Node,
    RuleBroken,
    refusals_to_place,
)
from tests.memory_tree import MemoryTree, check

ROOT = Node("core", CORE, None, "Core")
NORTH = Node("north", SERVICE, "core", "North")
CITY = Node("city", SERVICE, "north", "City")
SOUTH = Node("south", SERVICE, "core", "South")
EAST = Node("east", PLATFORM, "north", "East")
WEST = Node("west", PLATFORM, "south", "West")
SHOP = Node("shop", USER, "north", "Shop", platform="east")
BANK = Node("bank", USER, "city", "Bank", platform="east")


@pytest.fixture
def tree() -> MemoryTree:
    """Return a tree of two service domains with a platform each, and one nested that borrows."""
    nodes = (ROOT, NORTH, CITY, SOUTH, EAST, WEST, SHOP, BANK)
    return MemoryTree(*nodes, rooms={"room-e": "east", "room-w": "west"})


def refusal_of(tree: MemoryTree, node: Node, **changes: Any) -> tuple[str, str]:
    """Return field and sentence of the refusal; empty texts if it is allowed."""
    refusals = refusals_to_place(replace(node, **changes), tree)
    return (refusals[0].field, refusals[0].sentence) if refusals else ("", "")


ALLOWED = ("", "")


def test_there_is_one_core_domain(tree: MemoryTree) -> None:
    field, sentence = refusal_of(tree, Node("second", CORE, None, "Second"))
    assert field == ""
    assert "one core domain, “Core”: create a service domain below it" in sentence
    assert refusal_of(MemoryTree(), ROOT) == ALLOWED


def test_the_core_domain_is_the_root(tree: MemoryTree) -> None:
    assert "leave out what is above it" in refusal_of(tree, ROOT, parent="north")[1]


@pytest.mark.parametrize("level", [SERVICE, PLATFORM, USER])
def test_nothing_else_is_a_root(tree: MemoryTree, level: int) -> None:
    field, sentence = refusal_of(tree, Node("new", level, None, "New", platform="east"))
    assert field == "parent"
    assert sentence.startswith("Choose a service domain")


@pytest.mark.parametrize("level", [SERVICE, PLATFORM, USER])
def test_there_are_no_orphans(tree: MemoryTree, level: int) -> None:
    field, sentence = refusal_of(tree, Node("new", level, "gone", "New", platform="east"))
    assert (field, "does not exist any more: choose" in sentence) == ("parent", True)


@pytest.mark.parametrize("parent", ["core", "north", "city"])
def test_a_service_domain_hangs_below_the_core_or_a_service_domain(
    tree: MemoryTree, parent: str
) -> None:
    assert refusal_of(tree, Node("new", SERVICE, parent, "New")) == ALLOWED


@pytest.mark.parametrize(
    ("level", "parent"),
    [
        *((SERVICE, parent) for parent in ("east", "shop")),
        *((level, parent) for level in (PLATFORM, USER) for parent in ("core", "east", "shop")),
    ],
)
def test_levels_fit(tree: MemoryTree, level: int, parent: str) -> None:
    field, sentence = refusal_of(tree, Node("new", level, parent, "New", platform="east"))
    assert field == "parent"
    assert "cannot hang below" in sentence
    assert "Choose a service domain" in sentence


@pytest.mark.parametrize("below", ["north", "city"])
def test_there_are_no_cycles(tree: MemoryTree, below: str) -> None:
    field, sentence = refusal_of(tree, NORTH, parent=below)
    assert (field, "cannot stand above itself" in sentence) == ("parent", True)


def test_the_tree_is_at_most_sixteen_levels_deep() -> None:
    line = [ROOT] + [
        Node(f"s{n}", SERVICE, "core" if n == 2 else f"s{n - 1}", f"S{n}")
        for n in range(2, DEEPEST + 1)
    ]
    tree = MemoryTree(*line)
    assert refusal_of(tree, Node("new", SERVICE, f"s{DEEPEST - 1}", "New")) == ALLOWED
    assert (
        "16 levels deep: choose a domain further up"
        in (refusal_of(tree, Node("new", SERVICE, f"s{DEEPEST}", "New"))[1])
    )


def test_what_hangs_below_a_moved_domain_counts_for_the_depth() -> None:
    line = [ROOT, Node("a", SERVICE, "core", "A"), Node("b", SERVICE, "a", "B")]
    line += [
        Node(f"s{n}", SERVICE, "core" if n == 2 else f"s{n - 1}", f"S{n}")
        for n in range(2, DEEPEST)
    ]
    tree = MemoryTree(*line)
    assert refusal_of(tree, tree["a"], parent=f"s{DEEPEST - 2}") == ALLOWED
    assert "levels deep" in refusal_of(tree, tree["a"], parent=f"s{DEEPEST - 1}")[1]


def test_a_user_domain_is_bound_to_a_platform_domain_of_its_service_domain(
    tree: MemoryTree,
) -> None:
    assert refusal_of(tree, Node("new", USER, "north", "New", platform="east")) == ALLOWED
    for parent in ("west", "shop", "gone", None):
        field, sentence = refusal_of(tree, Node("new", USER, "north", "New", platform=parent))
        assert field == "platform"
        assert sentence == "Bind it to a platform domain within its reach: East."


def test_a_service_domain_without_platforms_borrows_those_of_the_nearest_above(
    tree: MemoryTree,
) -> None:
    assert refusal_of(tree, Node("new", USER, "city", "New", platform="east")) == ALLOWED
    own = MemoryTree(ROOT, NORTH, CITY, EAST, Node("own", PLATFORM, "city", "Own"))
    assert refusal_of(own, Node("new", USER, "city", "New", platform="own")) == ALLOWED
    assert (
        "within its reach: Own" in refusal_of(own, Node("n", USER, "city", "N", platform="east"))[1]
    )


def test_without_any_platform_domain_one_is_created_first() -> None:
    refusals = refusal_of(
        MemoryTree(ROOT, NORTH), Node("new", USER, "north", "New", platform="east")
    )
    assert refusals == (
        "platform",
        "No platform domain is within its reach: create one below “North” first.",
    )


def test_a_room_belongs_to_the_bound_platform(tree: MemoryTree) -> None:
    assert refusal_of(tree, SHOP, room="room-e") == ALLOWED
    for room in ("room-w", "gone"):
        field, sentence = refusal_of(tree, SHOP, room=room)
        assert (field, "choose a room of the bound one" in sentence) == ("room", True)


def test_moving_a_service_domain_leaves_no_binding_below_it_out_of_reach(tree: MemoryTree) -> None:
    field, sentence = refusal_of(tree, CITY, parent="south")
    assert field == "parent"
    assert sentence == (
        "“Bank” is bound to “East”, which would be out of its reach:"
        " bind it to another platform domain, or move it, first."
    )
    assert refusal_of(tree, NORTH, parent="south") == ALLOWED  # it takes its platform along


def test_moving_a_platform_domain_leaves_none_of_its_tenants_behind(tree: MemoryTree) -> None:
    assert "“Shop” is bound to “East”" in "".join(refusal_of(tree, EAST, parent="south"))
    assert refusal_of(tree, WEST, parent="core")[1]


def test_a_first_platform_domain_cuts_off_nobody_who_borrows(tree: MemoryTree) -> None:
    new = Node("new", PLATFORM, "city", "New")
    assert "“Bank” is bound to “East”" in refusal_of(tree, new)[1]
    assert "“Bank” is bound to “East”" in refusal_of(tree, WEST, parent="city")[1]
    del tree["bank"]
    assert refusal_of(tree, new) == ALLOWED


@pytest.mark.parametrize("prefix", ["88", "8", "88001", "880012"])
def test_number_prefixes_do_not_overlap(prefix: str) -> None:
    tree = MemoryTree(ROOT, NORTH, replace(EAST, prefix="8800"))
    field, sentence = refusal_of(tree, Node("new", PLATFORM, "north", "New", prefix=prefix))
    assert field == "e164_prefix"
    assert f"The number prefix {prefix} overlaps with 8800 of “East”: choose one" in sentence


def test_number_prefixes_that_stand_beside_each_other_are_fine_and_old_ones_stay() -> None:
    old = replace(EAST, prefix="8800"), replace(EAST, moid="odd", name="Odd", prefix="88")
    tree = MemoryTree(ROOT, NORTH, *old)
    assert refusal_of(tree, Node("new", PLATFORM, "north", "New", prefix="89")) == ALLOWED
    assert refusal_of(tree, old[1], used=False) == ALLOWED
    assert refusal_of(tree, old[1], prefix="7") == ALLOWED


def test_a_moid_is_taken_once(tree: MemoryTree) -> None:
    field, sentence = refusal_of(tree, Node("shop", PLATFORM, "north", "New"))
    assert field == "moid"
    assert "taken by the user domain “Shop”: choose another one" in sentence


def test_disabling_and_renaming_are_never_refused(tree: MemoryTree) -> None:
    del tree["east"]  # whatever a mistake has made of the tree
    for node in tree.values():
        assert refusal_of(tree, node, used=False, name="Other") == ALLOWED


@pytest.mark.parametrize(
    "kind",
    ["domains below", "user domains bound", "rooms", "accounts", "conferences", "media units"],
)
def test_what_is_in_use_is_disabled_not_deleted(kind: str) -> None:
    refusals = rules.refusals_to_delete("Shop", {"rooms": 0, kind: 3})
    assert refusals[0].sentence == (
        f"“Shop” is in use ({kind}: 3): disable it instead, or remove what uses it first."
    )
    assert rules.refusals_to_delete("Shop", {kind: 0}) == []


def test_a_room_with_tenants_stays_with_its_platform() -> None:
    assert (
        "bind them to another one first"
        in rules.refusals_to_move_room("west", "east", 2)[0].sentence
    )
    assert rules.refusals_to_move_room("west", "east", 0) == []
    assert rules.refusals_to_move_room("east", "east", 2) == []
    assert rules.refusals_to_move_room("east", None, 0) == []


def test_a_broken_rule_carries_field_and_sentence(tree: MemoryTree) -> None:
    broken = RuleBroken(refusals_to_place(replace(NORTH, parent="city"), tree))
    assert broken.field == "parent"
    assert broken.sentence == str(broken)


# ---- random trees, random operations ------------------------------------------------------------

DEEP = [Node(f"deep{n}", SERVICE, f"deep{n - 1}" if n else "core", f"Deep{n}") for n in range(13)]
NAMES = st.sampled_from(["core", "north", "city", "south", "east", "west", "shop", "bank"])
MOIDS = NAMES | st.sampled_from([*(f"n{n}" for n in range(6)), "deep0", "deep7", "deep12", "gone"])
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["create", "move", "bind", "disable", "delete"]),
        MOIDS,
        MOIDS,
        MOIDS,
        st.sampled_from([SERVICE, SERVICE, PLATFORM, USER, CORE]),
    ),
    max_size=25,
)


def wanted(tree: MemoryTree, operation: tuple[str, str, str, str, int]) -> Node | None:
    """Return the domain as the operation would make it; `None`: there is nothing to do."""
    verb, moid, other, platform, level = operation
    existing = tree.get(moid)
    if verb == "create":
        bound = platform if level == USER else None
        return None if existing else Node(moid, level, other, moid, platform=bound)
    if existing is None:
        return None
    if verb == "move":
        return replace(existing, parent=other)
    if verb == "bind" and existing.level == USER:
        return replace(existing, platform=platform)
    return replace(existing, used=False) if verb == "disable" else None


@settings(max_examples=300, deadline=None)
@given(OPERATIONS)
def test_whatever_is_accepted_the_tree_stays_sound(
    operations: list[tuple[str, str, str, str, int]],
) -> None:
    tree = MemoryTree(ROOT, NORTH, CITY, SOUTH, EAST, WEST, SHOP, BANK, *DEEP)
    check(tree)
    for operation in operations:
        verb, moid = operation[:2]
        if verb == "delete" and moid in tree:
            if not rules.refusals_to_delete(moid, tree.uses(moid)) and moid != "core":
                del tree[moid]
        elif (node := wanted(tree, operation)) is not None:
            refusals = refusals_to_place(node, tree)
            assert verb != "disable" or not refusals
            if not refusals:
                tree[moid] = node
        check(tree)
