"""The flow saves and deletes departments, each in one transaction in which the rules check it.

save / delete
  -> lock the row of the user domain, so that two changes of its departments wait for one another
  -> check departments.refusals_to_save, refusals_to_delete; RuleBroken: nothing is written
  -> write the department
  -> change_log.record_change: to platforms that copy the tree it is a change of the user domain
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from domains.data import change_log, department_rows
from domains.flows.change import find_field_errors, raise_if_refused
from domains.models import Department
from domains.rules import departments as rules
from domains.rules.tree import Refusal, RuleBroken
from foundation.cells import sql

GONE = "There is no department %(moid)s any more: look for it in the list."
NO_DOMAIN = "Choose a user domain: only these have departments."


@contextmanager
def _departments_locked(database: str, domain: str | None) -> Iterator[None]:
    """Open a transaction that holds the lock on the departments of a user domain. Raises RuleBroken."""
    with transaction.atomic(using=database):
        query = "SELECT domain_ptr_id FROM domains_userdomain WHERE domain_ptr_id = %s FOR UPDATE"
        if not sql.select(database, query, [domain]):
            raise RuleBroken([Refusal("domain", NO_DOMAIN)])
        yield


def save(department: Department, database: str = "default") -> Department:
    """Save a department, new or changed, and return it. Raises RuleBroken."""
    with _departments_locked(database, department.domain_id):
        others = department_rows.load_departments(database, department.domain_id)
        raise_if_refused(rules.refusals_to_save(department.node(), others))
        raise_if_refused(find_field_errors(department, None, {"domain", "parent"}))
        department.save(using=database)
        change_log.record_change(database, "domain", department.domain_id, "mod")
    return department


def rename(moid: str, name: str, database: str = "default") -> Department:
    """Give a department another name. Raises RuleBroken."""
    department = _load_department(moid, database)
    department.name = name
    return save(department, database)


def delete(moid: str, database: str = "default") -> None:
    """Delete a department that has neither people nor departments below it. Raises RuleBroken."""
    department = _load_department(moid, database)
    with _departments_locked(database, department.domain_id):
        uses = department_rows.count_uses(database, moid)
        raise_if_refused(rules.refusals_to_delete(department.name, *uses))
        department_rows.delete(database, [moid])
        change_log.record_change(database, "domain", department.domain_id, "mod")


def _load_department(moid: str, database: str) -> Department:
    """Read and return the department with this MOID. Raises RuleBroken if there is none."""
    department = Department.objects.using(database).filter(moid=moid).first()
    if department is None:
        raise RuleBroken([Refusal("moid", GONE, {"moid": moid})])
    return department
