"""Define the base of admin pages of what a user domain (tenant) keeps: templates, virtual rooms, areas."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TypeVar

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from domains.models import Domain, UserDomain
from foundation.cells.directory import own_platform
from foundation.web.admin_base import FlowAdmin
from foundation.web.scoping import ScopedPages

T = TypeVar("T", bound=Model)


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """Define the form of a row that belongs to a user domain (tenant), which is chosen once."""

    tenant = forms.ModelChoiceField(UserDomain.objects.none(), label=_("tenant"))


class TenantAdmin(FlowAdmin[T]):
    """The base of pages of rows whose column `user_domain` has the MOID of a user domain of this site's platform."""

    form_only: Sequence[str] = ("tenant",)
    """The form's fields that are no columns. All requests share the form's class, so these are copied."""

    def enrich(self, rows: Sequence[T]) -> None:
        """Add to each row the name of its user domain (tenant), in one query."""
        moids = {vars(row)["user_domain"] for row in rows}
        names = dict(Domain.objects.filter(pk__in=moids).values_list("pk", "name"))
        for row in rows:
            moid = vars(row)["user_domain"]
            vars(row)["tenant_name"] = names.get(moid, moid)

    @admin.display(description=_("tenant"))
    def tenant_name(self, row: T) -> str:
        """Return the name of the user domain (tenant) to which the row belongs."""
        return str(vars(row)["tenant_name"])

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> T | None:
        """Return a row with its tenant as an attribute, which the page shows to people who may not change it.

        `None` if there is none.
        """
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            vars(row)["tenant"] = vars(row)["user_domain"]
        return row

    def get_form(
        self, request: HttpRequest, obj: T | None = None, **kwargs: object
    ) -> type[TenantForm]:
        """Return the form with the tenants that the user may choose; a saved row stays in its tenant."""
        form: type[TenantForm] = super().get_form(request, obj, **kwargs)
        form.base_fields |= {name: deepcopy(form.base_fields[name]) for name in self.form_only}
        tenants = form.base_fields["tenant"]
        assert isinstance(tenants, forms.ModelChoiceField)
        if obj is None:
            page = self.admin_site._registry[UserDomain]
            assert isinstance(page, ScopedPages)
            visible = UserDomain.objects.filter(page.in_scope(request.user))
            tenants.queryset = visible.filter(platform=own_platform())
            return form
        tenants.queryset = UserDomain.objects.filter(pk=vars(obj)["user_domain"])
        tenants.disabled, tenants.initial = True, vars(obj)["user_domain"]
        return form
