"""Every rule of departments is a test named after it."""

from __future__ import annotations

from domains.rules.departments import (
    DEEPEST,
    MAX_DEPARTMENTS,
    DepartmentNode,
    nested,
    parents_first,
    refusals_to_belong,
    refusals_to_delete,
    refusals_to_save,
)

SALES = DepartmentNode("sales", None, "Sales")
NORTH = DepartmentNode("north", "sales", "North")
SHOPS = DepartmentNode("shops", "north", "Shops")
TREE = {node.moid: node for node in (SALES, NORTH, SHOPS)}


def fields_refused(department: DepartmentNode) -> list[str]:
    """Return the fields that the rules refuse."""
    return [refusal.field for refusal in refusals_to_save(department, TREE)]


def test_a_name_is_free_where_no_sibling_has_it() -> None:
    assert fields_refused(DepartmentNode("new", None, "sales ")) == ["name"]
    assert fields_refused(DepartmentNode("new", "sales", "Sales")) == []
    assert fields_refused(SALES) == []


def test_a_department_lies_below_one_of_its_own_domain_and_not_below_itself() -> None:
    assert fields_refused(DepartmentNode("new", "elsewhere", "New")) == ["parent"]
    assert fields_refused(SALES._replace(parent="shops")) == ["parent"]
    assert fields_refused(SHOPS._replace(parent="sales")) == []


def test_departments_are_neither_too_many_nor_too_deep() -> None:
    line = {
        str(level): DepartmentNode(str(level), str(level - 1) if level > 1 else None, str(level))
        for level in range(1, DEEPEST + 1)
    }
    deepest, above = str(DEEPEST), str(DEEPEST - 1)
    assert refusals_to_save(DepartmentNode("new", deepest, "New"), line)[0].field == "parent"
    assert refusals_to_save(DepartmentNode("new", above, "New"), line) == []
    many = {str(n): DepartmentNode(str(n), None, str(n)) for n in range(MAX_DEPARTMENTS)}
    assert refusals_to_save(DepartmentNode("new", None, "New"), many)[0].field == "name"
    assert refusals_to_save(many["1"], many) == []


def test_a_moved_department_takes_those_below_it_along() -> None:
    line = {
        str(level): DepartmentNode(str(level), str(level - 1) if level > 1 else None, str(level))
        for level in range(1, DEEPEST)
    }
    with_both = {**line, **TREE}
    moved = SALES._replace(parent=str(DEEPEST - 3))
    assert refusals_to_save(moved, with_both) == []
    moved = SALES._replace(parent=str(DEEPEST - 2))
    assert refusals_to_save(moved, with_both)[0].field == "parent"


def test_only_an_empty_department_is_deleted() -> None:
    assert refusals_to_delete("Sales", 0, 0) == []
    assert refusals_to_delete("Sales", 1, 0)
    assert refusals_to_delete("Sales", 0, 1)


def test_a_person_belongs_to_a_department_of_the_own_domain() -> None:
    assert refusals_to_belong("tenant", None) == []
    assert refusals_to_belong("tenant", "tenant") == []
    assert refusals_to_belong("tenant", "other")[0].field == "department"


def test_received_departments_come_after_their_parents_whatever_their_order_or_faults() -> None:
    rows = [
        {"departmentmoid": "c", "parent": "b", "name": "C"},
        {"departmentmoid": "b", "parent": "a", "name": "B"},
        {"departmentmoid": "a", "name": "A"},
        {"departmentmoid": "d", "parent": "gone", "name": "D"},
        {"departmentmoid": "e", "parent": "f", "name": "E"},
        {"departmentmoid": "f", "parent": "e", "name": "F"},
    ]
    ordered = {row["departmentmoid"]: row["parent"] for row in parents_first(rows)}
    assert list(ordered)[:3] == ["a", "b", "c"]
    assert ordered == {"a": "", "b": "a", "c": "b", "d": "", "f": "", "e": "f"}


def test_the_api_nests_departments_down_to_empty_lists() -> None:
    tree = nested(None, [SHOPS, NORTH, SALES])
    assert [row["department_moid"] for row in tree] == ["sales"]
    below = tree[0]["departments"]
    assert isinstance(below, list)
    assert below[0]["department_name"] == "North"
    assert below[0]["departments"][0]["departments"] == []
