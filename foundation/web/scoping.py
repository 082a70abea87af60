"""The scope of an account limits which rows every admin page shows to that account.

A row belongs to a domain, for instance a tenant, and an administrator sees the rows of some domains only. This
library knows no domains: the app that knows them installs a `Scope`. An admin page names, in its attribute `scope`,
the fields that hold the domain of a row; a page without it is for superusers alone. A row outside of an account's
scope does not exist for that account: its page answers 404, and it is in no list, choice or exported file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from django.apps import apps
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models import Field, Model, Q, QuerySet
from django.db.models.options import Options
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse

M = TypeVar("M", bound=Model)

SITE = ""
"""As a path: the row belongs to the platform of this site, and no field of it names a domain."""

Paths = Sequence[str]
"""Django lookups (`account__domain`) of the fields that hold the domain of a row."""


class PageUser(Protocol):
    """The properties of an account that admin pages need."""

    @property
    def pk(self) -> object:
        """Return the primary key; `None` for somebody who is not signed in."""

    @property
    def is_superuser(self) -> bool:
        """Return whether the account may do everything."""

    def has_perm(self, perm: str, /) -> bool:
        """Return whether the account has a right, written as `app.verb_model`."""


class Scope(Protocol):
    """A scope says which rows an account may see and change on admin pages, from the domains that it administers."""

    def rows(self, user: PageUser, paths: Paths, paths_at: Mapping[int, Paths]) -> Q:
        """Return the condition (a Django `Q`) for the rows of the domains that an account administers.

        `paths` are lookups of the fields that hold a row's domain; `paths_at` has others for administrators of domains
        of a level: level -> lookups.
        """

    def extra_choices(self, user: PageUser, field: Field[Any, Any]) -> Q:
        """Return the condition for rows that a foreign key may point to although the user does not see them."""

    def fixed_fields(
        self, user: PageUser, model: type[Model], obj: Model | None
    ) -> Collection[str]:
        """Return the fields of an object that this user may not change; `None` stands for a new object."""

    def allows(self, user: PageUser, verb: str, obj: Model) -> bool:
        """Return whether the user may "view", "change" or "delete" (`verb`) this object, which the user sees."""

    def read_only_reason(self, model: type[Model]) -> str:
        """Return the reason why objects of a model are read-only at this site, or "" if they can be edited."""


_installed: list[Scope] = []


def install(scope: Scope) -> None:
    """Set the object that says which rows an account may see; the app that knows the domains calls this."""
    _installed[:] = [scope]


def scope() -> Scope:
    """Return the installed object that says which rows an account may see on admin pages."""
    return _installed[0]


def no_rows() -> Q:
    """Return the query condition that no row meets."""
    return Q(pk__in=[])


def all_rows() -> Q:
    """Return the condition that all rows meet. It is not `Q()`, which Django drops when it is joined by "or"."""
    return ~no_rows()


def mark_visible(row: Any, user: PageUser) -> None:
    """Mark a row as visible to a user, since it was read from the rows that the user sees: it is not checked again."""
    row._visibility = (user.pk, True)


class ScopedChoices:
    """A mixin for admin pages and inlines, in whose forms foreign keys offer only objects that the user may see."""

    admin_site: AdminSite

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field with the choices of this user. It refuses any other value that is sent."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]  # the mixin stands before an admin class
        return self._limit_choices(field, db_field, request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field with the choices of this user. It refuses any other value that is sent."""
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]  # the mixin stands before an admin class
        return self._limit_choices(field, db_field, request)

    def _limit_choices(self, field: Any, db_field: Any, request: HttpRequest) -> Any:
        """Return the form field, with its choices limited to the rows that the user sees or may choose besides.

        `None` stays `None`; superusers have all choices.
        """
        user: PageUser = request.user
        if field is None or user.is_superuser:
            return field
        page = self.admin_site._registry.get(db_field.remote_field.model)
        visible = page.in_scope(user) if isinstance(page, ScopedPages) else no_rows()
        field.queryset = field.queryset.filter(visible | scope().extra_choices(user, db_field))
        return field


class ScopedPages(ScopedChoices, Generic[M]):
    """A mixin for admin pages, which show only rows in the user's scope, and allow what the user has rights to.

    The scope is the rows of the domains that the user administers.
    """

    model: type[M]
    opts: Options[M]

    scope: Paths = ()
    """The fields that hold the domains of a row, as lookups. A row is in scope if one of its domains is."""

    scope_at: Mapping[int, Paths] = {}
    """Other fields for administrators of a level: the level of a domain -> lookups."""

    for_superusers: Q | None = None
    """The condition for rows that only superusers see; `None` means that there are none."""

    # ---- rows -------------------------------------------------------------------------------

    def in_scope(self, user: PageUser) -> Q:
        """Return the query condition for the rows of this page's model that a user sees: all for a superuser.

        Others see the rows of the domains that they administer, except those that only superusers see.
        """
        if user.is_superuser:
            return all_rows()
        if not self.scope:
            return no_rows()
        visible = scope().rows(user, self.scope, self.scope_at)
        return visible if self.for_superusers is None else visible & ~self.for_superusers

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """Return the rows that the user may see; Django uses it for all views: list, object, history and search."""
        rows: QuerySet[M] = super().get_queryset(request)  # type: ignore[misc]  # the mixin stands before an admin class
        user: PageUser = request.user
        if user.is_superuser:
            return rows
        return rows.filter(self.in_scope(user) | _extra_choices_of(request))

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        """Return a row that the user may see by its primary key, or `None` if there is none or the key is malformed."""
        row: M | None = super().get_object(request, object_id, from_field)  # type: ignore[misc]  # the mixin stands before an admin class
        return row

    def _get_obj_does_not_exist_redirect(self, *args: object) -> NoReturn:
        """Raise Http404 for an object that the user may not see, as for one that does not exist."""
        raise Http404

    # ---- rights -----------------------------------------------------------------------------

    def may(self, request: HttpRequest, verb: str, obj: M | str | None = None) -> bool:
        """Return whether the user may "add", "view", "change", "delete" or "operate" objects of this page.

        `obj` is one object, or its primary key; `None` asks about objects of this kind in general. A page without
        `self.scope`, the fields that name a row's domain, is for superusers only. `scope()` is the installed object
        that knows which rows and actions an administrator's domains allow.
        """
        user: PageUser = request.user
        if verb in ("add", "change", "delete") and scope().read_only_reason(self.model):
            return False
        if not user.has_perm(f"{self.opts.app_label}.{verb}_{self.opts.model_name}"):
            return False
        if obj is None:
            return bool(self.scope) or bool(user.is_superuser)
        row = obj if isinstance(obj, Model) else self.get_object(request, str(obj))
        return row is not None and self._is_visible(user, row) and scope().allows(user, verb, row)

    def _is_visible(self, user: PageUser, row: Any) -> bool:
        """Return whether a user sees a row, by a query of the database; the answer is stored on the row object."""
        if user.is_superuser:
            return True
        checked_user, is_visible = getattr(row, "_visibility", (None, False))
        if checked_user != user.pk:
            rows = self.model._base_manager.filter(pk=row.pk).filter(self.in_scope(user))
            is_visible = rows.exists()
            row._visibility = (user.pk, is_visible)
        return bool(is_visible)

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Return whether the user may view objects of this kind, or this one."""
        return self.may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may add objects of this kind."""
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Return whether the user may change objects of this kind, or this one."""
        return self.may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Return whether the user may delete objects of this kind, or this one."""
        return self.may(request, "delete", obj)

    def has_operate_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Return whether the user may run actions on objects of this kind, or this one."""
        return self.may(request, "operate", obj)

    # ---- forms ------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: M | None = None, **kwargs: Any) -> Any:
        """Return the form with the fields disabled that this user may not change: values sent for them are ignored."""
        form = super().get_form(request, obj, **kwargs)  # type: ignore[misc]  # the mixin stands before an admin class
        fixed = scope().fixed_fields(request.user, self.model, obj)
        for name in [name for name in form.base_fields if name in fixed]:
            field = deepcopy(form.base_fields[name])
            field.disabled = True
            # Its value may be a row that this user does not see: a disabled field has to accept that.
            if isinstance(field, ModelChoiceField):
                target: Any = field.queryset
                field.queryset = target.model._default_manager.all()
            form.base_fields[name] = field
        return form

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Return the list of rows, with a message where they are read-only at this site."""
        self._show_read_only_reason(request)
        page: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]  # the mixin stands before an admin class
        return page

    def render_change_form(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponse:
        """Return the page of one object, with a message where it is read-only at this site."""
        self._show_read_only_reason(request)
        page: HttpResponse = super().render_change_form(request, *args, **kwargs)  # type: ignore[misc]  # the mixin stands before an admin class
        return page

    def _show_read_only_reason(self, request: HttpRequest) -> None:
        """Show a message that says why the objects of this page cannot be edited at this site, if so."""
        reason = scope().read_only_reason(self.model)
        if reason and request.method == "GET":
            messages.info(request, reason)


def _extra_choices_of(request: HttpRequest) -> Q:
    """Return the condition for rows that a request for autocompletion of a foreign key may show besides visible ones.

    Every other request gets the condition that no row meets.
    """
    match = request.resolver_match
    if match is None or match.url_name != "autocomplete":
        return no_rows()
    query = request.GET
    model = apps.get_model(query["app_label"], query["model_name"])
    return scope().extra_choices(request.user, model._meta.get_field(query["field_name"]))
