"""The departments of user domains are read here for the rules, and written here where they come from the core."""

from __future__ import annotations

from collections.abc import Sequence

from domains.data.serializers import WireObject
from domains.rules.departments import DepartmentNode, parents_first
from foundation.cells import sql

_COLUMNS = ("moid", "domain_id", "parent_id", "name")


def load_departments(database: str, domain: str | None) -> dict[str, DepartmentNode]:
    """Return the departments of a user domain, as the rules need them: MOID -> department."""
    query = "SELECT moid, parent_id, name FROM domains_department WHERE domain_id = %s"
    return {row[0]: DepartmentNode(*row) for row in sql.select(database, query, [domain])}


def count_uses(database: str, moid: str) -> tuple[int, int]:
    """Return how many departments lie directly below a department, and how many people belong to it."""
    query = (
        "SELECT (SELECT COUNT(*) FROM domains_department WHERE parent_id = %s),"
        " (SELECT COUNT(*) FROM domains_account WHERE department_id = %s)"
    )
    children, people = sql.select(database, query, [moid, moid])[0]
    return int(children), int(people)


def write_departments(database: str, domains: Sequence[WireObject]) -> None:
    """Write the departments of user domains as the core sent them, and delete those that a domain no longer names.

    A domain without the field `departments` keeps its own.
    """
    for domain in domains:
        if "departments" in domain:
            _write_departments_of(database, domain["moid"], parents_first(domain["departments"]))


def _write_departments_of(database: str, domain: str, departments: Sequence[WireObject]) -> None:
    """Insert or change the departments of one user domain, of which each comes after its parent."""
    for row in departments:
        values = (row["departmentmoid"], domain, row.get("parent") or None, row["name"])
        sql.insert(database, "domains_department", _COLUMNS, [values], update=_COLUMNS[1:])
    named = {row["departmentmoid"] for row in departments}
    delete(database, [moid for moid in load_departments(database, domain) if moid not in named])


def delete(database: str, moids: Sequence[str]) -> None:
    """Delete departments (MOIDs); people who belonged to them belong to their domain alone."""
    if not moids:
        return
    marks = f"({sql.marks(list(moids))})"
    people = "UPDATE domains_account SET department_id = NULL, position = ''"
    sql.execute(database, f"{people} WHERE department_id IN {marks}", moids)
    sql.execute(
        database, f"UPDATE domains_department SET parent_id = NULL WHERE moid IN {marks}", moids
    )
    sql.execute(database, f"DELETE FROM domains_department WHERE moid IN {marks}", moids)


def delete_of_domains(database: str, domains: Sequence[str]) -> None:
    """Delete all departments of these user domains."""
    if domains:
        query = (
            f"SELECT moid FROM domains_department WHERE domain_id IN ({sql.marks(list(domains))})"
        )
        delete(database, [row[0] for row in sql.select(database, query, domains)])


def existing_departments(database: str, moids: Sequence[str]) -> set[str]:
    """Return which of these departments (MOIDs) exist in the database."""
    if not moids:
        return set()
    query = f"SELECT moid FROM domains_department WHERE moid IN ({sql.marks(list(moids))})"
    return {row[0] for row in sql.select(database, query, list(moids))}
