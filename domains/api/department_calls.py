"""The calls `amc/departments` and `amc/public_groups`: the tree of departments of a user domain, with its people.

Departments are changed by administrators, at the deployment that keeps the tree of domains. The address book of a user
domain is a public group of the API, whose groups are the departments.
"""

from __future__ import annotations

import hashlib

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from domains.api import account_shapes as shapes
from domains.api.account_calls import (
    DONE,
    LONGEST_MOID,
    NOT_ALLOWED,
    PAGING,
    AccountCall,
    account_fields,
    save_or_refuse,
)
from domains.data import department_rows
from domains.data.admin_scope import rows_in_scope
from domains.data.queries import visible_to
from domains.flows import departments
from domains.models import Account, Department, Domain, Level
from domains.rules.departments import nested
from foundation.web.arguments import malformed, words
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers

NO_GROUP, NO_DEPARTMENT = 19903, 19903
_DATABASE = "default"


class DepartmentCall(AccountCall):
    """Define the base of calls about the departments of user domains."""

    def changeable_department(self, request: Request, moid: str, verb: str) -> Department:
        """Return a department that the caller may change or delete (`verb`). Raises Refusal."""
        self.refuse_without_right(request, verb, "department")
        scope = rows_in_scope(self.session(request).account, ("domain",))
        department = Department.objects.filter(scope, moid=moid[:LONGEST_MOID]).first()
        if department is None:
            raise Refusal(NO_DEPARTMENT, "moid: is no department that you administer")
        return department

    def new_name(self, request: Request) -> str:
        """Return the name for a department in the arguments of a call. Raises Refusal if it is missing."""
        name = words(self.params(request).get("department_name"), "department_name").strip()
        if not name:
            raise malformed("department_name: is missing")
        return name


class Departments(DepartmentCall):
    """The call `amc/departments` shows the departments of the caller's domain, and adds one."""

    @extend_schema(
        operation_id="amc_departments_list", responses={200: answers(shapes.Departments)}
    )
    def get(self, request: Request) -> Response:
        """Answer the tree of departments of the caller's domain, which is its root. Without a domain it is empty."""
        domain = self.session(request).account.domain
        moid, name = (domain.moid, domain.name) if domain else ("", "")
        rows = department_rows.load_departments(_DATABASE, moid)
        tree = nested(None, list(rows.values()))
        return ack(seqencing=0, department_moid=moid, department_name=name, departments=tree)

    @extend_schema(request=shapes.NewDepartment, responses={200: answers(shapes.DepartmentCreated)})
    def post(self, request: Request) -> Response:
        """Create a department below another one, or directly below a user domain; answer with its MOID.

        Raises Refusal.
        """
        self.refuse_without_right(request, "add", "department")
        moid = words(self.params(request).get("parent_department_moid"), "parent_department_moid")
        scope = rows_in_scope(self.session(request).account, ("domain",))
        parent = Department.objects.filter(scope, moid=moid[:LONGEST_MOID]).first()
        domain = parent.domain_id if parent else moid[:LONGEST_MOID]
        in_scope = rows_in_scope(self.session(request).account, ("moid",))
        if not Domain.objects.filter(in_scope, moid=domain, level=Level.USER).exists():
            sentence = "is no department and no user domain that you administer"
            raise Refusal(NOT_ALLOWED, f"parent_department_moid: {sentence}")
        department = Department(domain_id=domain, parent=parent, name=self.new_name(request))
        save_or_refuse(lambda: departments.save(department))
        return ack(department_moid=department.moid)


class OneDepartment(DepartmentCall):
    """The call `amc/departments/{moid}` renames and deletes a department."""

    @extend_schema(request=shapes.ChangedDepartment, responses=DONE)
    def put(self, request: Request, moid: str) -> Response:
        """Give a department another name."""
        department = self.changeable_department(request, moid, "change")
        name = self.new_name(request)
        save_or_refuse(lambda: departments.rename(department.moid, name))
        return ack()

    @extend_schema(request=None, responses=DONE)
    def delete(self, request: Request, moid: str) -> Response:
        """Delete a department that has neither people nor departments below it."""
        department = self.changeable_department(request, moid, "delete")
        save_or_refuse(lambda: departments.delete(department.moid))
        return ack()


class DepartmentAccounts(DepartmentCall):
    """The call `amc/departments/{moid}/accounts` lists the people of a department."""

    @extend_schema(parameters=PAGING, responses={200: answers(shapes.Accounts)})
    def get(self, request: Request, moid: str) -> Response:
        """List the people of a department, or of a whole domain: `moid` is the id of either."""
        rows = Account.objects.select_related("domain", "department").filter(
            self.visible_accounts(request)
        )
        of_domain = rows.filter(domain=moid[:LONGEST_MOID])
        people = of_domain if of_domain.exists() else rows.filter(department=moid[:LONGEST_MOID])
        start, count = self.wanted_rows(request)
        page = people.order_by("username")[start : start + count]
        return ack(total=people.count(), accounts=[account_fields(account) for account in page])


# ---- the address book ---------------------------------------------------------------------------


class PublicGroupCall(AccountCall):
    """The base of the calls about the address books of user domains."""

    def group(self, request: Request, moid: str) -> Domain:
        """Return the user domain whose address book (public group) this is, if the caller sees it. Raises Refusal."""
        visible = visible_to(self.session(request).account)
        rows = Domain.objects.filter(visible, level=Level.USER, moid=moid[:LONGEST_MOID])
        if (domain := rows.first()) is None:
            raise Refusal(NO_GROUP, "moid: there is no such group")
        return domain


def _address_book_version(domain: str) -> str:
    """Return the version of a domain's address book: a hash that changes with each department and person."""
    people = Account.objects.filter(domain=domain, is_superuser=False).order_by("pk")
    fields = ("moid", "username", "first_name", "last_name", "email", "phone", "e164", "department")
    rows = [
        *department_rows.load_departments(_DATABASE, domain).values(),
        *people.values_list(*fields),
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


class PublicGroups(PublicGroupCall):
    """The call `amc/public_groups` lists the address books that the caller sees."""

    @extend_schema(
        operation_id="amc_public_groups_list",
        parameters=PAGING,
        responses={200: answers(shapes.PublicGroups)},
    )
    def get(self, request: Request) -> Response:
        """List the address books that the caller sees: one for each user domain."""
        start, count = self.wanted_rows(request)
        visible = visible_to(self.session(request).account)
        rows = Domain.objects.filter(visible, level=Level.USER).order_by("name")
        listed = [
            {
                "public_group_moid": row.moid,
                "name": row.name,
                "version": _address_book_version(row.moid),
            }
            for row in rows[start : start + count]
        ]
        return ack(total=rows.count(), public_groups=listed)


class OnePublicGroup(PublicGroupCall):
    """The call `amc/public_groups/{moid}` shows the groups (departments) of an address book."""

    @extend_schema(
        operation_id="amc_public_group", responses={200: answers(shapes.GroupsOfPublicGroup)}
    )
    def get(self, request: Request, moid: str) -> Response:
        """Answer the groups of an address book: the departments. The topmost have no parent."""
        domain = self.group(request, moid)
        groups = [
            {"moid": node.moid, "name": node.name, "parent_moid": node.parent or ""}
            for node in department_rows.load_departments(_DATABASE, domain.moid).values()
        ]
        return ack(public_group_moid=domain.moid, groups=groups)


class PublicGroupUsers(PublicGroupCall):
    """The call `amc/public_groups/{moid}/users` lists the people of an address book."""

    @extend_schema(
        operation_id="amc_public_group_users",
        parameters=PAGING,
        responses={200: answers(shapes.UsersOfPublicGroup)},
    )
    def get(self, request: Request, moid: str) -> Response:
        """List the people of an address book, by login name."""
        domain = self.group(request, moid)
        start, count = self.wanted_rows(request)
        people = Account.objects.filter(domain=domain, is_superuser=False).order_by("username")
        users = [_user_fields(account) for account in people[start : start + count]]
        return ack(total=people.count(), users=users)


def _user_fields(account: Account) -> dict[str, object]:
    """Return a person of an address book in the form of the API. Fields that we do not store are empty."""
    unstored_fields = ("ext_num", "brief", "portrait40", "portrait64", "portrait128")
    return {
        "moid": account.moid,
        "jid": account.username,
        "account": account.username,
        "email": account.email or "",
        "e164": account.e164 or "",
        "mobile": account.phone or "",
        "name": str(account),
        "group_moid": account.department_id or "",
        "seat": account.position,
        **dict.fromkeys(unstored_fields, ""),
    }
