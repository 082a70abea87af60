"""The rules of departments say where a department may lie, and when it may be deleted. They are pure functions.

The departments of a user domain form a tree below the domain. A refusal is a sentence that says what to do instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domains.rules.tree import Refusal, refusals_to_name

MAX_DEPARTMENTS = 500
"""A user domain has at most so many: all of them travel to its platforms in one message."""
DEEPEST = 8
"""Departments may lie so many levels deep."""


class DepartmentNode(NamedTuple):
    """Represent a department with the values that the rules need. `parent` is `None` directly below the user domain."""

    moid: str
    parent: str | None
    name: str


def refusals_to_save(
    department: DepartmentNode, others: Mapping[str, DepartmentNode]
) -> list[Refusal]:
    """Return why a department cannot be saved. `others`: MOID -> each department of its user domain."""
    refusals = refusals_to_name("name", department.name)
    is_new = department.moid not in others
    if is_new and len(others) >= MAX_DEPARTMENTS:
        text = "A user domain has at most %(count)s departments: delete one first."
        refusals.append(Refusal("name", text, {"count": MAX_DEPARTMENTS}))
    if any(_is_same_place(department, other) for other in others.values()):
        text = "There is a department of this name here already: choose another name."
        refusals.append(Refusal("name", text))
    return refusals + _parent_refusals(department, others)


def _is_same_place(department: DepartmentNode, other: DepartmentNode) -> bool:
    """Return whether another department has the same parent and the same name, in upper or lower case, as this one."""
    has_same_name = department.name.strip().casefold() == other.name.strip().casefold()
    return has_same_name and department.parent == other.parent and department.moid != other.moid


def _parent_refusals(
    department: DepartmentNode, others: Mapping[str, DepartmentNode]
) -> list[Refusal]:
    """Return refusals of a parent of another user domain, or below the department itself, or too deep.

    `others`: MOID -> each department of the user domain. [] if it is allowed.
    """
    if department.parent is None:
        return []
    if department.parent not in others:
        text = "Choose a department of the same user domain."
        return [Refusal("parent", text)]
    above = ancestors(department.parent, others)
    if department.moid in above:
        text = "A department cannot lie below itself: choose another one."
        return [Refusal("parent", text)]
    if len(above) + height(department.moid, others) > DEEPEST:
        text = "Departments lie at most %(levels)s levels deep: choose one further up."
        return [Refusal("parent", text, {"levels": DEEPEST})]
    return []


def ancestors(moid: str, departments: Mapping[str, DepartmentNode]) -> list[str]:
    """Return the MOIDs of a department and of those above it, itself first."""
    above: list[str] = []
    current: str | None = moid
    while current is not None and current not in above:
        above.append(current)
        node = departments.get(current)
        current = node.parent if node else None
    return above


def height(moid: str, departments: Mapping[str, DepartmentNode]) -> int:
    """Return how many levels a department and all below it take together; 1 for one that has none below it."""
    paths_up = (ancestors(other, departments) for other in departments)
    return max((path.index(moid) + 1 for path in paths_up if moid in path), default=1)


def refusals_to_delete(name: str, children: int, people: int) -> list[Refusal]:
    """Return why a department cannot be deleted: departments lie below it, or people belong to it. [] if it can."""
    if not children and not people:
        return []
    text = "%(name)s still has departments below it, or people: move or delete these first."
    return [Refusal("", text, {"name": name})]


def refusals_to_belong(domain: str | None, department_domain: str | None) -> list[Refusal]:
    """Return why a person of a domain cannot belong to a department of `department_domain` (`None`: to none)."""
    if department_domain is None or department_domain == domain:
        return []
    text = "Choose a department of the account's own domain, or none."
    return [Refusal("department", text)]


def parents_first(departments: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return received departments, each after its parent.

    One whose parent is missing gets none: it lies below the domain.
    """
    remaining = {row["departmentmoid"]: row for row in departments}
    ordered: dict[str, dict[str, str]] = {}

    def add_after_parent(moid: str) -> None:
        """Add a department (MOID) to the result, after its parent, unless it is there already."""
        row = remaining.pop(moid, None)
        if row is None:
            return
        parent = row.get("parent") or ""
        add_after_parent(parent)
        ordered[moid] = {**row, "parent": parent if parent in ordered else ""}

    for moid in list(remaining):
        add_after_parent(moid)
    return list(ordered.values())


def nested(root: str | None, departments: Sequence[DepartmentNode]) -> list[dict[str, object]]:
    """Return the departments below a department, or below the user domain (`None`), as nested JSON objects, by name."""
    below: dict[str | None, list[DepartmentNode]] = {}
    for department in sorted(departments, key=lambda node: node.name.casefold()):
        below.setdefault(department.parent, []).append(department)

    def nest_below(moid: str | None) -> list[dict[str, object]]:
        """Return the departments directly below this one (`None`: the top ones), each with those below it."""
        return [
            {
                "seqencing": 0,  # The interface spells it so. Departments have no order here.
                "department_moid": node.moid,
                "department_name": node.name,
                "departments": nest_below(node.moid),
            }
            for node in below.get(moid, [])
        ]

    return nest_below(root)
