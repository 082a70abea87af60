"""Whose things an admin page shows, and to whom: asked on every page, for every object.

The library knows no domains: the app that does installs a `Scope`. A page says by `scope` where its
rows name the domain that they belong to; one that does not is for superusers alone. What lies
outside of somebody's scope does not exist for him: 404, and it is in no list, choice or file.
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
"""As a path: the row belongs to the platform of this site."""

Paths = Sequence[str]


class Scope(Protocol):
    """What the pages have to know of domains and administrators."""

    def rows(self, user: Any, paths: Paths, paths_at: Mapping[int, Paths]) -> Q:
        """Which rows lie in somebody's scope; `paths_at`: other paths for administrators of a level."""

    def more_offered(self, user: Any, field: Field[Any, Any]) -> Q:
        """Return what a relation may point to beyond an account's scope; `Q(pk__in=[])` is nothing."""

    def fixed(self, user: Any, model: type[Model], obj: Model | None) -> Collection[str]:
        """Fields of an object (None: a new one) that this user does not change."""

    def allows(self, user: Any, verb: str, obj: Model) -> bool:
        """Tell whether nothing forbids this verb on this very object, which is in scope."""

    def closed(self, model: type[Model]) -> str:
        """Why nobody edits this kind of thing here, as a sentence for the page; "": it is edited."""


_installed: list[Scope] = []


def install(scope: Scope) -> None:
    """Install the scope; the app that knows the domains calls this."""
    _installed[:] = [scope]


def scope() -> Scope:
    """Return the installed scope."""
    return _installed[0]


def nothing() -> Q:
    """No row."""
    return Q(pk__in=[])


def everything() -> Q:
    """All rows; an empty `Q()` is no such thing: with "or" it gives way to whatever stands beside it."""
    return ~nothing()


class ScopedChoices:
    """For pages and the inlines in them: a relation offers what lies in scope."""

    admin_site: Any

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the field with the choices of this user; values typed in by hand are refused alike."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        return self._narrowed(field, db_field, request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """As above."""
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        return self._narrowed(field, db_field, request)

    def _narrowed(self, field: Any, db_field: Any, request: HttpRequest) -> Any:
        user: Any = request.user
        if field is None or user.is_superuser:
            return field
        page = self.admin_site._registry.get(db_field.remote_field.model)
        seen = page.in_scope(user) if isinstance(page, ScopedPages) else nothing()
        field.queryset = field.queryset.filter(seen | scope().more_offered(user, db_field))
        return field


class ScopedPages(ScopedChoices):
    """For pages: which rows they show, and what may be done with one."""

    model: Any
    opts: Any

    scope: Paths = ()
    """Lookups of the MOIDs of the domains that a row belongs to; any of them will do."""

    scope_at: Mapping[int, Paths] = {}
    """The same, where it is others for administrators of that level."""

    for_superusers: Q | None = None
    """Rows that nobody else gets to see."""

    # ---- rows -------------------------------------------------------------------------------

    def in_scope(self, user: Any) -> Q:
        """Return the rows of this page that a user sees."""
        if user.is_superuser:
            return everything()
        if not self.scope:
            return nothing()
        seen = scope().rows(user, self.scope, self.scope_at)
        return seen if self.for_superusers is None else seen & ~self.for_superusers

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows from which every view starts: list, object, history, actions, completion."""
        found: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        user: Any = request.user
        if user.is_superuser:
            return found
        return found.filter(self.in_scope(user) | _offered_in(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """One of the rows; an id that cannot be one is as unknown as any other."""
        return super().get_object(request, object_id, from_field)  # type: ignore[misc]

    def _get_obj_does_not_exist_redirect(self, *args: Any) -> NoReturn:
        raise Http404

    # ---- rights -----------------------------------------------------------------------------

    def may(self, request: HttpRequest, verb: str, obj: Any = None) -> bool:
        """May the user do it to this kind of thing, and to this one? `obj`: an object, or its id."""
        user: Any = request.user
        if verb in ("add", "change", "delete") and scope().closed(self.model):
            return False
        if not user.has_perm(f"{self.opts.app_label}.{verb}_{self.opts.model_name}"):
            return False
        if obj is None:
            return bool(self.scope) or bool(user.is_superuser)
        one = obj if isinstance(obj, Model) else self.get_object(request, str(obj))
        return one is not None and self._sees(user, one) and scope().allows(user, verb, one)

    def _sees(self, user: Any, one: Any) -> bool:
        """Is it in scope? Asked once for each object that was read."""
        if user.is_superuser:
            return True
        if getattr(one, "_seen_by", None) != user.pk:
            rows = self.model._base_manager.filter(pk=one.pk).filter(self.in_scope(user))
            one._seen_by = user.pk if rows.exists() else None
        return bool(one._seen_by == user.pk)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By the table of rights, in scope."""
        return self.may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """By the table of rights."""
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By the table of rights, in scope."""
        return self.may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By the table of rights, in scope."""
        return self.may(request, "delete", obj)

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For actions: by the table of rights, in scope."""
        return self.may(request, "operate", obj)

    # ---- forms ------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Show the fields that this user may not change; values sent for them are ignored."""
        form = super().get_form(request, obj, **kwargs)  # type: ignore[misc]
        kept = scope().fixed(request.user, self.model, obj)
        for name in [one for one in form.base_fields if one in kept]:
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
        found: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
        return found

    def render_change_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """One object, with a word where nobody edits here."""
        self._say_closed(request)
        found: HttpResponse = super().render_change_form(request, *args, **kwargs)  # type: ignore[misc]
        return found

    def _say_closed(self, request: HttpRequest) -> None:
        why = scope().closed(self.model)
        if why and request.method == "GET":
            messages.info(request, why)


def _offered_in(request: HttpRequest) -> Q:
    """While a relation of a form is completed, what it may point to beyond the scope."""
    match = request.resolver_match
    if match is None or match.url_name != "autocomplete":
        return nothing()
    asked = request.GET
    model = apps.get_model(asked["app_label"], asked["model_name"])
    return scope().more_offered(request.user, model._meta.get_field(asked["field_name"]))
