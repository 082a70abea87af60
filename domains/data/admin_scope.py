"""The module says which rows an administrator of a domain sees and may change (see `rights` for actions)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import Field, Model, Q
from django.utils.html import format_html
from django.utils.translation import gettext as _

from domains.data.permission_backend import level_of
from domains.data.queries import all_above, visible_to
from domains.data.tree_rows import DatabaseTree
from domains.data.tree_source import is_tree_edited_here
from domains.models import (
    Account,
    ApiKey,
    BackupPlatform,
    Department,
    Domain,
    Level,
    MachineRoom,
    UserDomain,
)
from domains.rules import rights, tree
from foundation.cells.directory import own_platform
from foundation.web.scoping import SITE, PageUser, Paths, all_rows, no_rows

_MODELS_OF_THE_TREE = (Domain, BackupPlatform, MachineRoom, Department, Account, ApiKey)
_DATABASE = "default"


def rows_in_scope(user: PageUser, paths: Paths, paths_at: Mapping[int, Paths] | None = None) -> Q:
    """Return the condition for the rows that belong to an administrator's domain or to a domain below it.

    Superusers and administrators of the core domain (the root) have all rows, people who administer nothing have none.
    `paths` name the fields that hold the domain of a row, as lookups (`account__domain`). `paths_at` names other fields
    for administrators of a level: the level of a domain -> fields.
    """
    if user.is_superuser:
        return all_rows()
    level = level_of(user)
    if level is None or not isinstance(user, Account):
        return no_rows()
    if level is Level.CORE:
        return all_rows()
    conditions = [_rows_by_path(user, level, path) for path in (paths_at or {}).get(level, paths)]
    return reduce(or_, conditions, no_rows())


def _rows_by_path(user: Account, level: Level, path: str) -> Q:
    """Return the condition for rows whose domain, in the field `path`, is one that the administrator may see.

    `SITE` as path stands for the platform that this site runs. `level`: that of the administrator's domain.
    """
    if path == SITE:
        return all_rows() if administers_this_site(user) else no_rows()
    if level is Level.SERVICE:
        return visible_to(user, path)
    return Q(**{path: user.domain_id})  # No domain lies below it, and the column has an index.


def administers_this_site(user: PageUser) -> bool:
    """Return whether the platform of this site is the administrator's own domain or lies below it."""
    if user.is_superuser or level_of(user) is Level.CORE:
        return True
    if level_of(user) is None or not isinstance(user, Account):
        return False
    return user.domain_id in all_above(_DATABASE, own_platform())


def _bindable_platforms(user: Account) -> list[str]:
    """Return the ids of the platforms that tenants of the administrator's domain may be bound to."""
    return [
        platform.moid
        for platform in tree.bindable_platforms(user.domain_id, DatabaseTree(_DATABASE))
    ]


class DomainScope:
    """The scope limits admin pages to rows of the domains that an administrator administers (see `Scope`)."""

    def rows(self, user: PageUser, paths: Paths, paths_at: Mapping[int, Paths]) -> Q:
        """Return the condition for the rows in the administrator's scope (see `rows_in_scope`)."""
        return rows_in_scope(user, paths, paths_at)

    def extra_choices(self, user: PageUser, field: Field[Any, Any]) -> Q:
        """Return the condition for rows that a foreign key may point to although the user does not see them.

        The administrator of a service domain may bind a tenant to platforms, and their machine rooms, of the
        domains above.
        """
        binding = {"platform": "pk__in", "room": "platform__in"}.get(field.name)
        if field.model is not UserDomain or binding is None or level_of(user) is not Level.SERVICE:
            return no_rows()
        assert isinstance(user, Account)
        return Q(**{binding: _bindable_platforms(user)})

    def fixed_fields(
        self, user: PageUser, model: type[Model], obj: Model | None
    ) -> Collection[str]:
        """Return the names of the fields of `obj` that this user may not change. `None` is a new object.

        - The user's own domain: the fields that administrators of the domains above set.
        - The user's own account: its rights, its domain and whether it is active.
        - Every account: the fields that only superusers set.
        """
        fixed: frozenset[str] = frozenset()
        if issubclass(model, Account):
            fixed |= frozenset() if user.is_superuser else rights.SET_BY_SUPERUSERS
            fixed |= rights.OWN_RIGHTS if obj is not None and obj.pk == user.pk else frozenset()
        if _is_own_domain(user, obj):
            fixed |= rights.SET_BY_DOMAINS_ABOVE
        return fixed

    def allows(self, user: PageUser, verb: str, obj: Model) -> bool:
        """Return whether the administrator may do this to the object: not if it deletes the own account or domain."""
        if verb != "delete":
            return True
        return not (_is_own_domain(user, obj) or (isinstance(obj, Account) and obj.pk == user.pk))

    def read_only_reason(self, model: type[Model]) -> str:
        """Return why objects of a model are read-only at this site, as HTML. "" means that they can be edited.

        A site that copies its tree of domains from a core (the deployment that owns the tree) edits it there.
        """
        if is_tree_edited_here() or not issubclass(model, _MODELS_OF_THE_TREE):
            return ""
        text = _("This site follows a core: what you see here is changed there.")
        if not settings.CORE_URL:
            return text
        return format_html('{} <a href="{}/admin/">{}</a>', text, settings.CORE_URL, _("Open it"))


def _is_own_domain(user: PageUser, obj: Model | None) -> bool:
    """Return whether an object is the domain to which the administrator belongs; superusers have none."""
    domain = user.domain_id if isinstance(user, Account) else None
    return isinstance(obj, Domain) and not user.is_superuser and obj.pk == domain
