"""The admin pages of people and administrators."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.forms import UserChangeForm

from domains.data import lockout, queries
from domains.data.permission_backend import level_of
from domains.flows import people
from domains.models import Account, Level, SignInName
from domains.pages.admin_widgets import show_refusals
from domains.pages.forms import NewAccountForm, PasswordForm
from domains.pages.table_import import AccountTables
from domains.rules.accounts import normalize_number
from domains.rules.sign_in_names import normalize
from foundation.web.admin_base import BaseAdmin, badge

MOST_FOUND, MOST_ROUNDS, _SOME = 500, 20, 1000
FEW_DOMAINS = 2000
SHORTEST_MOID = 32
"""A search term of this length is taken for a MOID."""

_LAST = "\U0010ffff"
_PERSON_FIELDS = (("first_name", "last_name"), ("email", "phone", "e164"), ("domain", "moid"))


@admin.register(Account)
class AccountAdmin(AccountTables, DjangoUserAdmin, BaseAdmin):  # type: ignore[type-arg, misc]  # only the stub of this class takes a type
    """The page of accounts. A password can be set, but never seen."""

    scope = ("domain",)
    for_superusers = Q(is_superuser=True)

    form = UserChangeForm
    add_form = NewAccountForm
    change_password_form = PasswordForm
    list_display = ["username", "full_name", "domain", "e164", "rights", "sign_in", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    list_select_related = ["domain"]
    search_fields = ["username"]
    search_help_text = _("beginning of account name, e-mail, phone or number, or the MOID")
    ordering = ["username"]
    autocomplete_fields = ["domain"]
    filter_horizontal = []
    actions = ["unlock", "reset_second_factor"]
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": _PERSON_FIELDS}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Dates"), {"fields": (("last_login", "date_joined"), "sign_in")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", ("password1", "password2"))}),
        (_("Person"), {"fields": (*_PERSON_FIELDS[:2], "domain")}),
        (_("Rights"), {"fields": ("is_staff", "is_superuser")}),
    )

    def in_scope(self, user: Any) -> Q:
        """Limit the accounts to the administrator's domains.

        If these are few, they are named one by one. Then the database begins with their accounts, and not with all accounts.
        """
        domains = None if user.is_superuser else _domains_if_few(user)
        if domains is None:
            return super().in_scope(user)
        return Q(domain__in=domains) & ~self.for_superusers

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return the MOID, which never changes, and the dates."""
        return ["last_login", "date_joined", "moid", "sign_in"]

    def find(self, request: HttpRequest, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Search by the beginning of any sign-in name, or by MOID. One index holds all names."""
        if len(term) >= SHORTEST_MOID and "@" not in term:
            return queryset.filter(moid=term)
        digits = normalize_number(term) or ""
        start = digits if digits.lstrip("+").isdigit() else normalize(term)
        names = SignInName.objects.filter(name__gte=start, name__lt=start + _LAST)
        if _domains_if_few(request.user) is not None:
            return queryset.filter(Exists(names.filter(account=OuterRef("pk"))))
        return queryset.filter(pk__in=_first_accounts(names, queryset))

    # ---- by the flow ------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Save by the flow, which asks the rules again, ends sessions, and records the change."""
        changed = {*form.changed_data} if change else None
        people.save_account(obj, changed=changed, by=_moid(request))

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        """Delete by the flow."""
        people.delete(obj.moid, by=_moid(request))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what the flow refuses, for instance because somebody else was faster."""
        return show_refusals(request, partial(super().changeform_view, request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what the flow refuses."""
        return show_refusals(request, partial(super().delete_view, request, *args, **kwargs))

    # ---- actions ----------------------------------------------------------------------------

    @admin.action(description=_("Unlock"), permissions=["operate"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Delete the wrong tries of accounts, after a question."""
        chosen = self.chosen(queryset)
        warning = _("Five more wrong passwords will count for each of them.")
        page = self.confirm(request, chosen, "unlock", _("Unlock these accounts?"), warning)
        if page is None:
            self.carry_out(
                request, chosen, _("Unlocked"), lambda a: bool(lockout.delete_tries(a.username))
            )
        return page

    @admin.action(description=_("Reset the second factor"), permissions=["operate"])
    def reset_second_factor(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Delete the second factors of accounts that have lost them, after a question."""
        chosen = self.chosen(queryset)
        warning = _(
            "Make sure that it is the right person who asks. Whoever knows the password sets up a"
            " new second factor at the next sign-in."
        )
        title = _("Reset the second factor of these administrators?")
        page = self.confirm(request, chosen, "reset_second_factor", title, warning)
        if page is None:
            text = _("Second factor reset")
            self.carry_out(request, chosen, text, lambda a: people.reset_second_factor(a.moid))
        return page

    # ---- columns ----------------------------------------------------------------------------

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add to each row whether the account has a second factor and is locked out."""
        _add_sign_in_state(rows)

    @admin.display(description=_("name"))
    def full_name(self, account: Account) -> str:
        """Return first and last name."""
        return account.get_full_name() or "–"

    @admin.display(description=_("rights"))
    def rights(self, account: Account) -> SafeString:
        """Return a badge: operator, administrator of a domain, or person."""
        if account.is_superuser:
            return badge(_("operator"), "red")
        return (
            badge(_("administrator"), "blue") if account.is_staff else badge(_("person"), "green")
        )

    @admin.display(description=_("sign-in"))
    def sign_in(self, account: Account) -> SafeString:
        """Return a badge: whether the person can sign in, and with a second factor."""
        if not account.is_active:
            return badge(_("disabled"), "grey")
        if _sign_in_state(account, "is_out"):
            return badge(_("locked out"), "red")
        if not account.is_staff:
            return badge(_("enabled"), "green")
        if _sign_in_state(account, "has_factor"):
            return badge(_("second factor"), "green")
        return badge(_("password only"), "amber")


def _domains_if_few(user: Any) -> list[str] | None:
    """Return the MOIDs of the domains that a user or service administrator sees.

    `None` means that they are too many, or that the administrator is of another level.
    """
    if level_of(user) not in (Level.USER, Level.SERVICE):
        return None
    if not hasattr(user, "few_domains"):
        user.few_domains = queries.subtree_if_small("default", user.domain_id, FEW_DOMAINS)
    domains: list[str] | None = user.few_domains
    return domains


def _first_accounts(names: QuerySet[SignInName], visible: QuerySet[Any]) -> list[int]:
    """Return the primary keys of the first accounts with such a name among the visible ones.

    Names are read in their order, some at a time. In a join the database would begin with all accounts of a large scope.
    """
    accounts: dict[int, None] = {}
    last = ""
    for _round in range(MOST_ROUNDS):
        batch = list(
            names.filter(name__gt=last).order_by("name").values_list("name", "account")[:_SOME]
        )
        in_sight = set(
            visible.filter(pk__in=[pk for _, pk in batch]).order_by().values_list("pk", flat=True)
        )
        accounts |= dict.fromkeys(pk for _, pk in batch if pk in in_sight)
        if len(accounts) >= MOST_FOUND or len(batch) < _SOME:
            break
        last = batch[-1][0]
    return list(accounts)[:MOST_FOUND]


def _add_sign_in_state(rows: Sequence[Any]) -> None:
    """Add `has_factor` and `is_out` to accounts, with two queries for all."""
    staff = [row.pk for row in rows if row.is_staff]
    devices = TOTPDevice.objects.filter(user__in=staff, confirmed=True) if staff else ()
    with_factor, locked = (
        {device.user_id for device in devices},
        lockout.locked_usernames([r.username for r in rows]),
    )
    for row in rows:
        row.has_factor, row.is_out = row.pk in with_factor, row.username in locked


def _sign_in_state(account: Any, attribute: str) -> bool:
    """Return one of the values of `_add_sign_in_state`, which are read if they are missing."""
    if not hasattr(account, attribute):
        _add_sign_in_state([account])
    return bool(getattr(account, attribute))


def _moid(request: HttpRequest) -> str:
    user: Any = request.user
    return str(user.moid)


admin.site.unregister(Group)  # Rights follow from the account's domain (see `rules.rights`).
