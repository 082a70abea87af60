"""The calls under `/api/v1/amc`: people of a domain, and changes of them by administrators (HTTP API §2.5).

People see those of their own domain; administrators also those of the domains below. Accounts are changed at the
deployment that keeps the tree of domains: elsewhere a change is refused, with the address of that deployment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db.models import Q
from django_otp import user_has_device
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from domains.api import account_shapes as shapes
from domains.api.call import SessionCall
from domains.data.admin_scope import rows_in_scope
from domains.data.queries import visible_to
from domains.data.tree_source import is_tree_edited_here
from domains.flows import people
from domains.models import Account, Department, Domain, Level
from domains.rules.tree import RuleBroken
from foundation.web.arguments import items, malformed, switch, words
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import Accepted, answers

T = TypeVar("T")
NO_USER, NOT_ALLOWED = 19005, 19008
_CODES = {"username": 52003, "email": 52006, "phone": 52007}
"""The code of a refused value, by the field of the account."""
_FIELDS = {
    "account": "username",
    "name": "first_name",
    "email": "email",
    "mobile": "phone",
    "e164": "e164",
}
"""The arguments that are stored, each with the field of the account."""
LONGEST_MOID = 40
"""No id (MOID) of an account, department or domain is longer: what follows in an argument is ignored."""
_LONGEST_FIELD, _LONGEST_POSITION = 254, 64
"""Longer values of an account's fields and of a position in a department are cut."""
PAGING = [OpenApiParameter("start", int), OpenApiParameter("count", int)]
DONE = {200: answers(Accepted)}


def account_fields(account: Account) -> dict[str, object]:
    """Return an account in the form of the API. Without a department, its domain stands as the one department.

    Fields that this platform does not store, such as `sex` and `fax`, have the same value for everybody.
    """
    department_or_domain: Department | Domain | None = account.department or account.domain
    department = {
        "department_moid": department_or_domain.moid if department_or_domain else "",
        "department_name": department_or_domain.name if department_or_domain else "",
        "department_position": account.position,
    }
    unstored_fields = ("password", "date_of_birth", "ext_num", "fax", "office_location", "job_num")
    return {
        "account": account.username,
        "account_moid": account.moid,
        "account_jid": account.username,
        "name": str(account),
        "e164": account.e164 or "",
        "email": account.email or "",
        "mobile": account.phone or "",
        "enable": int(account.is_active),
        "binded": int(bool(account.e164)),
        "limited": 0,
        "sex": 1,
        **dict.fromkeys(unstored_fields, ""),
        "departments": [department],
    }


class AccountCall(SessionCall):
    """Define the base of calls about accounts: which the caller sees, and which the caller may change."""

    def visible_accounts(self, request: Request) -> Q:
        """Return the query condition for the accounts that the caller sees, without superusers."""
        return visible_to(self.session(request).account, "domain") & Q(is_superuser=False)

    def visible_account(self, request: Request, moid: str) -> Account:
        """Return the account with this id (MOID), if the caller sees it. Raises Refusal."""
        rows = Account.objects.select_related("domain", "department").filter(
            self.visible_accounts(request), moid=moid[:LONGEST_MOID]
        )
        if (account := rows.first()) is None:
            raise Refusal(NO_USER, "account_moid: there is no such account")
        return account

    def refuse_without_right(self, request: Request, verb: str, kind: str = "account") -> None:
        """Raise Refusal unless the caller may "add", "change" or "delete" (`verb`) objects of a model (`kind`) here.

        The API cannot ask for a second factor. An administrator who has one is refused, so that a stolen password
        alone changes no accounts. Where the central site (the core) keeps the accounts, all other sites refuse.
        """
        if not self.session(request).account.has_perm(f"domains.{verb}_{kind}"):
            raise Refusal(NOT_ALLOWED, f"only administrators change {kind}s")
        if user_has_device(self.session(request).account):
            sentence = (
                "your account has a second factor, which this API cannot ask for: use the pages"
            )
            raise Refusal(NOT_ALLOWED, sentence)
        if not is_tree_edited_here():
            at = f" at {settings.CORE_URL}" if settings.CORE_URL else ""
            raise Refusal(NOT_ALLOWED, f"{kind}s are kept at the core: change them{at}")

    def changeable_account(self, request: Request, moid: str, verb: str) -> Account:
        """Return the account with this MOID if the caller may change or delete it (`verb`).

        Raises Refusal otherwise.
        """
        self.refuse_without_right(request, verb)
        account = self.visible_account(request, moid)
        scope = rows_in_scope(self.session(request).account, ("domain",))
        if not Account.objects.filter(scope, pk=account.pk).exists():
            raise Refusal(NOT_ALLOWED, "account_moid: is no account that you administer")
        return account


def save_or_refuse(save: Callable[[], T]) -> T:
    """Save a change by calling `save`, and return its result. Raises Refusal if the rules of accounts forbid it."""
    try:
        return save()
    except RuleBroken as error:
        names = {field: name for name, field in _FIELDS.items()}
        name = names.get(error.field, error.field) or "account"
        code = _CODES.get(error.field)
        raise (
            Refusal(code, f"{name}: {error.sentence}")
            if code
            else malformed(f"{name}: {error.sentence}")
        ) from None


class Accounts(AccountCall):
    """The call `amc/accounts` lists the accounts of a user domain, and adds one."""

    @extend_schema(
        operation_id="amc_accounts_list",
        parameters=[
            *PAGING,
            OpenApiParameter("cursor", str, description="In place of `start`: `next_cursor`."),
            OpenApiParameter("account", str, description="A login name."),
        ],
        responses={200: answers(shapes.Accounts)},
    )
    def get(self, request: Request) -> Response:
        """List the people whom the caller sees, by login name."""
        rows = Account.objects.select_related("domain", "department").filter(
            self.visible_accounts(request)
        )
        if name := words(self.params(request).get("account"), "account"):
            rows = rows.filter(username=name)
        start, count = self.wanted_rows(request)
        cursor = self.cursor(request)
        ordered = rows.order_by("username").filter(username__gt=cursor or "")
        page = list(ordered[start : start + count])
        answer = ack(total=rows.count(), accounts=[account_fields(account) for account in page])
        if cursor is not None:
            last = page[-1].username if len(page) == count else ""
            self.add_next_page(request, answer, last)
        return answer

    @extend_schema(request=shapes.NewAccount, responses={200: answers(shapes.Created)})
    def post(self, request: Request) -> Response:
        """Create an account, in the caller's domain or a domain below it, and answer with its MOID. Raises Refusal."""
        self.refuse_without_right(request, "add")
        params, caller = self.params(request), self.session(request).account
        domain = words(params.get("user_domain_moid"), "user_domain_moid") or caller.domain_id
        scope = rows_in_scope(caller, ("moid",))
        if not Domain.objects.filter(scope, pk=domain).exists():
            raise Refusal(NOT_ALLOWED, "user_domain_moid: is no domain that you administer")
        fields = _read_account_fields(params)
        if not fields.get("username"):
            raise malformed("account: is missing")
        password = words(params.get("password"), "password")
        if not password:
            raise malformed("password: is missing")
        values: dict[str, object] = {
            "domain_id": domain,
            **fields,
            **_read_department(params, domain),
        }
        account = save_or_refuse(
            lambda: people.create(password, "default", changed_by=caller.moid, **values)
        )
        return ack(account_moid=account.moid)


def _read_account_fields(params: dict[str, object]) -> dict[str, str | None]:
    """Return the fields of an account (name in the model -> value) that a call's arguments give. Raises Refusal."""
    fields = {
        field: words(params[name], name).strip()[:_LONGEST_FIELD]
        for name, field in _FIELDS.items()
        if params.get(name) is not None
    }
    optional = ("email", "phone", "e164")
    return {field: value or (None if field in optional else "") for field, value in fields.items()}


def _read_department(params: dict[str, object], domain: str | None) -> dict[str, object]:
    """Return department and position that a call gives an account of this domain; {} if it names none. Raises Refusal.

    The domain itself, or an empty list, means that the person belongs to no department.
    """
    if params.get("departments") is None:
        return {}
    rows = items(params["departments"], "departments", 1)
    moid = words(rows[0].get("department_moid"), "departments.department_moid") if rows else ""
    position = words(rows[0].get("department_position"), "departments.position") if rows else ""
    if moid in ("", domain):
        return {"department_id": None, "position": position[:_LONGEST_POSITION]}
    if not Department.objects.filter(moid=moid[:LONGEST_MOID], domain=domain).exists():
        raise malformed("departments.department_moid: is no department of the account's domain")
    return {"department_id": moid, "position": position[:_LONGEST_POSITION]}


class OneAccount(AccountCall):
    """Define the call `amc/accounts/{account_moid}`, which shows, changes and deletes an account."""

    @extend_schema(operation_id="amc_accounts_of_one", responses={200: answers(shapes.OneAccount)})
    def get(self, request: Request, moid: str) -> Response:
        """Answer one account."""
        return ack(**account_fields(self.visible_account(request, moid)))

    @extend_schema(request=shapes.ChangedAccount, responses=DONE)
    def put(self, request: Request, moid: str) -> Response:
        """Change the fields of an account that the arguments contain; the others stay. Raises Refusal."""
        account, params = self.changeable_account(request, moid, "change"), self.params(request)
        fields: dict[str, object] = {
            **_read_account_fields(params),
            **_read_department(params, account.domain_id),
        }
        if params.get("enable") is not None:
            fields["is_active"] = switch(params["enable"], "enable")
        for name, value in fields.items():
            setattr(account, name, value)
        by = self.session(request).account.moid
        save_or_refuse(lambda: people.save_account(account, changed=list(fields), changed_by=by))
        return ack()

    @extend_schema(request=None, responses=DONE)
    def delete(self, request: Request, moid: str) -> Response:
        """Delete an account."""
        account = self.changeable_account(request, moid, "delete")
        by = self.session(request).account.moid
        save_or_refuse(lambda: people.delete(account.moid, changed_by=by))
        return ack()


class Disable(AccountCall):
    """The call `amc/accounts/{account_moid}/disable`, which disables an account."""

    @extend_schema(request=shapes.Disable, responses=DONE)
    def put(self, request: Request, moid: str) -> Response:
        """Disable an account, and sign its person out."""
        account = self.changeable_account(request, moid, "change")
        by = self.session(request).account.moid
        save_or_refuse(lambda: people.disable(account.moid, changed_by=by))
        return ack()


class Password(AccountCall):
    """The call `amc/accounts/{account_moid}/password` changes the password of an account."""

    @extend_schema(request=shapes.NewPassword, responses=DONE)
    def put(self, request: Request, moid: str) -> Response:
        """Set the password of an account."""
        account = self.changeable_account(request, moid, "change")
        password = words(self.params(request).get("value"), "value")
        if not password:
            raise malformed("value: is missing")
        save_or_refuse(lambda: people.set_password(account.moid, password))
        return ack()


class Approvals(AccountCall):
    """Define the call `amc/approval_infos`: conferences need no approval."""

    @extend_schema(responses={200: answers(shapes.Approvals)})
    def get(self, request: Request) -> Response:
        """Answer that neither real nor video conferences need approval."""
        return ack(real_approval=0, video_approval=0)

    @extend_schema(request=shapes.Approval, responses=DONE)
    def put(self, request: Request) -> Response:
        """Accept that no approval is needed, and refuse to ask for one."""
        params = self.params(request)
        if any(switch(params.get(name), name) for name in ("real_approval", "video_approval")):
            raise Refusal(NOT_ALLOWED, "conferences need no approval here; use 0")
        return ack()


class UserDomains(AccountCall):
    """The call `amc/userdomains` lists user domains."""

    @extend_schema(responses={200: answers(shapes.UserDomains)})
    def get(self, request: Request) -> Response:
        """List the user domains that the caller sees."""
        start, count = self.wanted_rows(request)
        visible = visible_to(self.session(request).account)
        rows = Domain.objects.filter(visible, level=Level.USER).order_by("name")
        listed = [
            {"moid": row.moid, "name": row.name, "parent_moid": row.parent_id or ""}
            for row in rows[start : start + count]
        ]
        return ack(total=rows.count(), userDomains=listed)


class AnyAccount(AccountCall):
    """Define the call `/api5/ams/accounts`, of another generation of the API: one account, by any of its names."""

    @extend_schema(
        parameters=[OpenApiParameter("username", str)], responses={200: answers(shapes.AnyAccount)}
    )
    def get(self, request: Request) -> Response:
        """Answer the account with this id, number, login name, e-mail address or phone number."""
        name = words(self.params(request).get("username"), "username")[:_LONGEST_FIELD]
        is_named = Q(moid=name) | Q(username=name) | Q(email=name) | Q(phone=name) | Q(e164=name)
        rows = Account.objects.select_related("domain", "department").filter(
            self.visible_accounts(request), is_named
        )
        if not name or (account := rows.first()) is None:
            raise Refusal(NO_USER, "username: there is no such account")
        return ack(user=account_fields(account))
