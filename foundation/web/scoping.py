"""The scope of an account limits which rows every admin page shows to that account.

The library knows no domains: the app that does installs a `Scope`. A page says by `scope` which fields of its
rows name the domain that they belong to; a page without `scope` is for superusers alone. A row outside of an
account's scope does not exist for that account: its page answers 404, and it is in no list, choice or file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any, NoReturn, Protocol

from django.apps import apps
from django.contrib import messages
from django.db.models import Field, Model, Q, QuerySet
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse

SITE = ""
"""The path that stands for the platform of this site, to which the row belongs."""

Paths = Sequence[str]


class Scope(Protocol):
    """The interface through which admin pages learn what they have to know of domains and administrators."""

    def rows(self, user: Any, paths: Paths, paths_at: Mapping[int, Paths]) -> Q:
        """Return the condition for rows in an account's scope.

        `paths_at` holds other paths, for administrators of a level.
        """

    def more_offered(self, user: Any, field: Field[Any, Any]) -> Q:
        """Return what a relation may point to beyond an account's scope; `Q(pk__in=[])` is nothing."""

    def fixed(self, user: Any, model: type[Model], obj: Model | None) -> Collection[str]:
        """Return the fields of an object that this user may not change; `None` stands for a new object."""

    def allows(self, user: Any, verb: str, obj: Model) -> bool:
        """Tell whether nothing forbids this verb on this very object, which is in scope."""

    def closed(self, model: type[Model]) -> str:
        """Return, as a sentence for the page, why objects of this kind are not edited here; "" means that they are."""


_installed: list[Scope] = []


def install(scope: Scope) -> None:
    """Install the scope; the app that knows the domains calls this."""
    _installed[:] = [scope]


def scope() -> Scope:
    """Return the installed scope."""
    return _installed[0]


def nothing() -> Q:
    """Return the condition that no row meets."""
    return Q(pk__in=[])


def everything() -> Q:
    """Return the condition that all rows meet. An empty `Q()` does not do: joined by "or", it is dropped."""
    return ~nothing()


class ScopedChoices:
    """Relations in the forms of these pages and inlines offer only objects in the user's scope."""

    admin_site: Any

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the field with the choices of this user; values typed in by hand are refused alike."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]  # the mixin stands before an admin class
        return self._narrowed(field, db_field, request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the field with the choices of this user; values typed in by hand are refused alike."""
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]  # the mixin stands before an admin class
        return self._narrowed(field, db_field, request)

    def _narrowed(self, field: Any, db_field: Any, request: HttpRequest) -> Any:
        user: Any = request.user
        if field is None or user.is_superuser:
            return field
        page = self.admin_site._registry.get(db_field.remote_field.model)
        visible = page.in_scope(user) if isinstance(page, ScopedPages) else nothing()
        field.queryset = field.queryset.filter(visible | scope().more_offered(user, db_field))
        return field


class ScopedPages(ScopedChoices):
    """These pages show the rows in the user's scope, and allow what the user's rights allow."""

    model: Any
    opts: Any

    scope: Paths = ()
    """Lookups of the MOIDs of the domains that a row belongs to; any of them will do."""

    scope_at: Mapping[int, Paths] = {}
    """Other lookups for administrators of a level, by level."""

    for_superusers: Q | None = None
    """The condition for rows that only superusers see; `None` means that there are none."""

    # ---- rows -------------------------------------------------------------------------------

    def in_scope(self, user: Any) -> Q:
        """Return the rows of this page that a user sees."""
        if user.is_superuser:
            return everything()
        if not self.scope:
            return nothing()
        visible = scope().rows(user, self.scope, self.scope_at)
        return visible if self.for_superusers is None else visible & ~self.for_superusers

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows from which every view starts: list, object, history, actions, completion."""
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # the mixin stands before an admin class
        user: Any = request.user
        if user.is_superuser:
            return rows
        return rows.filter(self.in_scope(user) | _offered_in(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Return one of the rows; `None` for an unknown id, also for an id of a wrong form."""
        return super().get_object(request, object_id, from_field)  # type: ignore[misc]  # the mixin stands before an admin class

    def _get_obj_does_not_exist_redirect(self, *args: Any) -> NoReturn:
        raise Http404

    # ---- rights -----------------------------------------------------------------------------

    def may(self, request: HttpRequest, verb: str, obj: Any = None) -> bool:
        """Return whether the user may do this to objects of this kind, and to `obj`: an object, or its id."""
        user: Any = request.user
        if verb in ("add", "change", "delete") and scope().closed(self.model):
            return False
        if not user.has_perm(f"{self.opts.app_label}.{verb}_{self.opts.model_name}"):
            return False
        if obj is None:
            return bool(self.scope) or bool(user.is_superuser)
        row = obj if isinstance(obj, Model) else self.get_object(request, str(obj))
        return row is not None and self._sees(user, row) and scope().allows(user, verb, row)

    def _sees(self, user: Any, row: Any) -> bool:
        """Return whether a row is in scope; the database is asked once for each row that was read."""
        if user.is_superuser:
            return True
        if getattr(row, "_seen_by", None) != user.pk:
            rows = self.model._base_manager.filter(pk=row.pk).filter(self.in_scope(user))
            row._seen_by = user.pk if rows.exists() else None
        return bool(row._seen_by == user.pk)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may view objects of this kind, or this one."""
        return self.may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may add objects of this kind."""
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may change objects of this kind, or this one."""
        return self.may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may delete objects of this kind, or this one."""
        return self.may(request, "delete", obj)

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may run actions on objects of this kind, or this one."""
        return self.may(request, "operate", obj)

    # ---- forms ------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Show the fields that this user may not change; values sent for them are ignored."""
        form = super().get_form(request, obj, **kwargs)  # type: ignore[misc]  # the mixin stands before an admin class
        fixed = scope().fixed(request.user, self.model, obj)
        for name in [name for name in form.base_fields if name in fixed]:
            field = deepcopy(form.base_fields[name])
            field.disabled = True
            if isinstance(field, ModelChoiceField):
                target: Any = field.queryset
                field.queryset = target.model._default_manager.all()
            form.base_fields[name] = field
        return form

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Return the list, with a remark where the rows are not edited here."""
        self._say_closed(request)
        page: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]  # the mixin stands before an admin class
        return page

    def render_change_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the page of one object, with a remark where it is not edited here."""
        self._say_closed(request)
        page: HttpResponse = super().render_change_form(request, *args, **kwargs)  # type: ignore[misc]  # the mixin stands before an admin class
        return page

    def _say_closed(self, request: HttpRequest) -> None:
        why = scope().closed(self.model)
        if why and request.method == "GET":
            messages.info(request, why)


def _offered_in(request: HttpRequest) -> Q:
    """Return what a relation may point to beyond the scope, while a form completes that relation."""
    match = request.resolver_match
    if match is None or match.url_name != "autocomplete":
        return nothing()
    query = request.GET
    model = apps.get_model(query["app_label"], query["model_name"])
    return scope().more_offered(request.user, model._meta.get_field(query["field_name"]))
