"""Operators' pages of people and of the programs that act for them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from confplatform.admin import BaseAdmin, badge
from domains.keys import new_pair
from domains.models import Account, ApiKey


@admin.register(Account)
class AccountAdmin(DjangoUserAdmin, BaseAdmin):  # type: ignore[type-arg]
    """Accounts. A password can be set, never seen."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "full_name", "domain", "e164", "rights", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    list_select_related = ["domain"]
    search_fields = ["^username", "=e164", "=moid"]
    search_help_text = _("beginning of the account name, the number, or the MOID")
    ordering = ["username"]
    autocomplete_fields = ["domain"]
    filter_horizontal = ["groups"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": (("first_name", "last_name"), "email", "e164", "domain", "moid")}),
        (_("Rights"), {"fields": (("is_active", "is_staff", "is_superuser"), "groups")}),
        (_("Dates"), {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "domain", "e164", "usable_password", "password1", "password2")},
        ),
    )

    @admin.display(description=_("name"))
    def full_name(self, account: Account) -> str:
        """First and last name."""
        return account.get_full_name() or "–"

    @admin.display(description=_("rights"))
    def rights(self, account: Account) -> SafeString:
        """Operator, person, or switched off."""
        if not account.is_active:
            return badge(_("disabled"), "grey")
        return badge(_("operator"), "blue") if account.is_staff else badge(_("person"), "green")


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, BaseAdmin):
    """Sets of rights for operators."""


# ---- programs -----------------------------------------------------------------------------------


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name and tenant; the pair itself is made by us."""

    class Meta:
        model = ApiKey
        fields = ["name", "domain", "enabled"]


@admin.register(ApiKey)
class ApiKeyAdmin(BaseAdmin):
    """Keys of integrators' software. The secret is shown once, when it is made; only its hash is kept."""

    form = ApiKeyForm
    list_display = ["name", "key", "domain", "working"]
    list_filter = ["enabled"]
    list_select_related = ["domain"]
    search_fields = ["^name", "=key"]
    autocomplete_fields = ["domain"]
    ordering = ["key"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The key once there is one."""
        return ["name", "domain", "enabled"] + (["key"] if obj else [])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A key does not change; it is disabled, and another one made."""
        return ["key", "domain"] if obj else []

    @admin.display(description=_("state"))
    def working(self, key: ApiKey) -> SafeString:
        """Enabled or disabled."""
        return badge(_("enabled"), "green") if key.enabled else badge(_("disabled"), "grey")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """A new key gets its pair, and its secret is shown this once."""
        secret = "" if change else new_pair(obj)
        super().save_model(request, obj, form, change)
        if secret:
            text = _("Write it down now, it is not kept: key {key}, secret {secret}")
            messages.warning(request, str(text).format(key=obj.key, secret=secret))
