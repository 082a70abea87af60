"""Define the admin pages of accounts: people and administrators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Exists, Field, OuterRef, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.forms import UserChangeForm

from domains.data import lockout, queries
from domains.data.permission_backend import level_of
from domains.flows import people
from domains.models import Account, Level, SignInName
from domains.pages.admin_widgets import RulesAdmin
from domains.pages.forms import NewAccountForm, PasswordForm
from domains.pages.table_import import AccountTables
from domains.rules.accounts import normalize_number
from domains.rules.sign_in_names import normalize
from foundation.web.admin_base import badge
from foundation.web.scoping import PageUser

MAX_FOUND = 500
"""A search returns at most this many accounts."""
_MAX_BATCHES, _BATCH = 20, 1000
"""A search reads at most so many batches of so many sign-in names."""
FEW_DOMAINS = 2000
"""A query lists up to this many domains by their ids."""
SHORTEST_MOID = 32
"""A search term of at least this length is taken for a MOID, the id of an account."""

_AFTER_ANY_CHARACTER = "\U0010ffff"
_RIGHTS = {
    "is_active": (_("enabled"), _("The person can sign in.")),
    "is_staff": (_("administrator"), _("Administers the domain and all below it, in this admin.")),
    "is_superuser": (_("operator"), _("Sees and does everything in this deployment.")),
}
"""The label and the help text of the fields whose names are Django's."""

_PERSON_FIELDS = (
    *(("first_name", "last_name"), ("email", "phone"), ("e164", "domain")),
    *(("department", "position"), "moid"),
)


@admin.register(Account)
class AccountAdmin(AccountTables, DjangoUserAdmin, RulesAdmin[Account]):  # type: ignore[type-arg, misc]  # only the stub of this class takes a type
    """Define the page of accounts. A password can be set, but never seen."""

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
    autocomplete_fields = ["domain", "department"]
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
        (_("Person"), {"fields": _PERSON_FIELDS[:4]}),
        (_("Rights"), {"fields": ("is_staff", "is_superuser")}),
    )

    def in_scope(self, user: PageUser) -> Q:
        """Return the condition for the accounts of the administrator's domains.

        If these are few, the condition lists them. Then the database begins with their accounts, not with all accounts.
        """
        domains = None if user.is_superuser else _domains_to_list(user)
        if domains is None:
            return super().in_scope(user)
        return Q(domain__in=domains) & ~self.for_superusers

    def formfield_for_dbfield(self, db_field: Field[Any, Any], *more: Any, **kwargs: Any) -> Any:
        """Return the form field of a model field; the three fields of rights get the labels that the list has, too."""
        form_field = super().formfield_for_dbfield(db_field, *more, **kwargs)
        if form_field and (words := _RIGHTS.get(db_field.name)):
            form_field.label, form_field.help_text = words
        return form_field

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        """Return the fields that nobody edits: dates, the id (MOID), and the badge of the sign-in state."""
        return ["last_login", "date_joined", "moid", "sign_in"]

    def find(
        self, request: HttpRequest, queryset: QuerySet[Account], term: str
    ) -> QuerySet[Account]:
        """Return the accounts whose MOID is the search term, or of which a sign-in name begins with it."""
        if len(term) >= SHORTEST_MOID and "@" not in term:
            return queryset.filter(moid=term)
        digits = normalize_number(term) or ""
        start = digits if digits.lstrip("+").isdigit() else normalize(term)
        names = SignInName.objects.filter(name__gte=start, name__lt=start + _AFTER_ANY_CHARACTER)
        if _domains_to_list(request.user) is not None:
            # Few accounts are in scope: the database tests the names of each.
            return queryset.filter(Exists(names.filter(account=OuterRef("pk"))))
        # Many accounts are in scope: the first matching names are read from the index.
        return queryset.filter(pk__in=_accounts_with_names(names, queryset))

    # ---- saving and deleting, by the flow ---------------------------------------------------

    def save_model(
        self, request: HttpRequest, obj: Account, form: ModelForm[Account], change: bool
    ) -> None:
        """Save an account by `flows.people`, which checks the rules, ends sessions and records the change."""
        changed = {*form.changed_data} if change else None
        people.save_account(obj, changed=changed, changed_by=_own_moid(request))

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        """Delete an account by `flows.people`, which checks the rules and records the change."""
        people.delete(obj.moid, changed_by=_own_moid(request))

    # ---- actions ----------------------------------------------------------------------------

    @admin.action(description=_("Unlock"), permissions=["operate"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse | None:
        """Ask the operator to confirm, and then unlock accounts, by deleting their wrong sign-in tries.

        Returns the page that asks; `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _("Five more wrong passwords will count for each of them.")
        page = self.confirm(request, chosen, "unlock", _("Unlock these accounts?"), warning)
        if page is None:
            self.carry_out(
                request,
                chosen,
                _("Unlocked"),
                lambda account: bool(lockout.delete_tries(account.username)),
            )
        return page

    @admin.action(description=_("Reset the second factor"), permissions=["operate"])
    def reset_second_factor(
        self, request: HttpRequest, queryset: QuerySet[Account]
    ) -> HttpResponse | None:
        """Ask the operator to confirm, and then delete the second factors of accounts whose people have lost them.

        Returns the page that asks; `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _(
            "Make sure that it is the right person who asks. Whoever knows the password sets up a"
            " new second factor at the next sign-in."
        )
        title = _("Reset the second factor of these administrators?")
        page = self.confirm(request, chosen, "reset_second_factor", title, warning)
        if page is None:
            text = _("Second factor reset")
            self.carry_out(
                request, chosen, text, lambda account: people.reset_second_factor(account.moid)
            )
        return page

    # ---- columns ----------------------------------------------------------------------------

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add to each listed account whether it has a second factor, and whether it is locked out."""
        _add_sign_in_state(rows)

    @admin.display(description=_("name"))
    def full_name(self, account: Account) -> str:
        """Return first and last name of a person, "–" if there is none."""
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
        """Return a badge that says whether the person can sign in, and whether there is a second factor."""
        if not account.is_active:
            return badge(_("disabled"), "grey")
        if _sign_in_state(account, "is_locked_out"):
            return badge(_("locked out"), "red")
        if not account.is_staff:
            return badge(_("enabled"), "green")
        if _sign_in_state(account, "has_second_factor"):
            return badge(_("second factor"), "green")
        return badge(_("password only"), "amber")


def _domains_to_list(user: Any) -> list[str] | None:
    """Return the ids of the domains that an administrator of a user or service domain sees, if they are few.

    `None` means that they are too many to list in a query, or that the administrator's domain is of another level.
    """
    if level_of(user) not in (Level.USER, Level.SERVICE):
        return None
    if not hasattr(user, "few_domains"):
        user.few_domains = queries.subtree_if_small("default", user.domain_id, FEW_DOMAINS)
    domains: list[str] | None = user.few_domains
    return domains


def _accounts_with_names(names: QuerySet[SignInName], visible: QuerySet[Account]) -> list[int]:
    """Return the primary keys of visible accounts with one of these sign-in names, at most MAX_FOUND.

    The names are read in alphabetical order, in at most _MAX_BATCHES batches. A join would be slow:
    the database would begin with all visible accounts.
    """
    accounts: dict[int, None] = {}
    last = ""
    for _batch_number in range(_MAX_BATCHES):
        batch = list(
            names.filter(name__gt=last).order_by("name").values_list("name", "account")[:_BATCH]
        )
        visible_keys = set(
            visible.filter(pk__in=[pk for _, pk in batch]).order_by().values_list("pk", flat=True)
        )
        accounts |= dict.fromkeys(pk for _, pk in batch if pk in visible_keys)
        if len(accounts) >= MAX_FOUND or len(batch) < _BATCH:
            break
        last = batch[-1][0]
    return list(accounts)[:MAX_FOUND]


def _add_sign_in_state(rows: Sequence[Any]) -> None:
    """Set the attributes `has_second_factor` and `is_locked_out` of accounts, with two queries for all."""
    administrators = [row.pk for row in rows if row.is_staff]
    devices = (
        TOTPDevice.objects.filter(user__in=administrators, confirmed=True) if administrators else ()
    )
    with_second_factor = {device.user_id for device in devices}
    locked_out = lockout.locked_usernames([row.username for row in rows])
    for row in rows:
        row.has_second_factor = row.pk in with_second_factor
        row.is_locked_out = row.username in locked_out


def _sign_in_state(account: Any, attribute: str) -> bool:
    """Return an attribute that `_add_sign_in_state` sets, after setting it if it is missing."""
    if not hasattr(account, attribute):
        _add_sign_in_state([account])
    return bool(getattr(account, attribute))


def _own_moid(request: HttpRequest) -> str:
    """Return the MOID of the signed-in administrator."""
    user: Any = request.user
    return str(user.moid)


admin.site.unregister(Group)  # Rights follow from the account's domain (see `rules.rights`).
