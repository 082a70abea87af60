"""The module says which rows an administrator sees and may change (see `rights` for actions)."""

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
from domains.models import Account, ApiKey, BackupPlatform, Domain, Level, MachineRoom, UserDomain
from domains.rules import rights, tree
from foundation.cells.directory import own_platform
from foundation.web.scoping import SITE, Paths, everything, nothing

_OF_THE_TREE = (Domain, BackupPlatform, MachineRoom, Account, ApiKey)
_DATABASE = "default"


def rows_in_scope(user: Any, paths: Paths, paths_at: Mapping[int, Paths] | None = None) -> Q:
    """Return the condition for the rows that belong to an administrator's domain or to a domain below it.

    `paths` name the fields that hold the domain of a row. `paths_at` names other fields for administrators of a level.
    """
    if user.is_superuser:
        return everything()
    level = level_of(user)
    if level is None:
        return nothing()
    if level is Level.CORE:
        return everything()
    conditions = [_by(user, level, path) for path in (paths_at or {}).get(level, paths)]
    return reduce(or_, conditions, nothing())


def _by(user: Account, level: Level, path: str) -> Q:
    if path == SITE:
        return everything() if administers_this_site(user) else nothing()
    if level is Level.SERVICE:
        return visible_to(user, path)
    return Q(**{path: user.domain_id})  # nothing lies below it; and it is found by an index


def administers_this_site(user: Any) -> bool:
    """Return whether the platform of this site is the administrator's own domain or lies below it."""
    if user.is_superuser or level_of(user) is Level.CORE:
        return True
    return level_of(user) is not None and user.domain_id in all_above(_DATABASE, own_platform())


def _reachable(user: Account) -> list[str]:
    """Return the MOIDs of the platforms that tenants of the administrator's domain may be bound to."""
    return [platform.moid for platform in tree.reachable(user.domain_id, DatabaseTree(_DATABASE))]


class DomainScope:
    """The scope limits the pages to the administrator's part of the tree (see `foundation.web.scoping.Scope`)."""

    def rows(self, user: Any, paths: Paths, paths_at: Mapping[int, Paths]) -> Q:
        """Return the condition for the rows in the administrator's scope (see `rows_in_scope`)."""
        return rows_in_scope(user, paths, paths_at)

    def more_offered(self, user: Any, field: Field[Any, Any]) -> Q:
        """Offer the platforms that a service domain borrows from above when a tenant is bound to one."""
        binding = {"platform": "pk__in", "room": "platform__in"}.get(field.name)
        if field.model is not UserDomain or binding is None or level_of(user) is not Level.SERVICE:
            return nothing()
        return Q(**{binding: _reachable(user)})

    def fixed(self, user: Any, model: type[Model], obj: Model | None) -> Collection[str]:
        """Return the fields that this user may not change.

        These are: of the own domain what is decided above it, what people may not change of themselves, and what only
        superusers give.
        """
        fixed_fields: frozenset[str] = frozenset()
        if issubclass(model, Account):
            fixed_fields |= frozenset() if user.is_superuser else rights.GIVEN_BY_SUPERUSERS
            fixed_fields |= (
                rights.OWN_STANDING if obj is not None and obj.pk == user.pk else frozenset()
            )
        if _is_own_domain(user, obj):
            fixed_fields |= rights.FROM_ABOVE
        return fixed_fields

    def allows(self, user: Any, verb: str, obj: Model) -> bool:
        """Refuse to delete the administrator's own account and own domain."""
        if verb != "delete":
            return True
        return not (_is_own_domain(user, obj) or (isinstance(obj, Account) and obj.pk == user.pk))

    def closed(self, model: type[Model]) -> str:
        """Return why things of a model are read-only on this site. "" means that they are not.

        A site that follows a core changes its tree at the core.
        """
        if is_tree_edited_here() or not issubclass(model, _OF_THE_TREE):
            return ""
        text = _("This site follows a core: what you see here is changed there.")
        if not settings.CORE_URL:
            return text
        return format_html('{} <a href="{}/admin/">{}</a>', text, settings.CORE_URL, _("Open it"))


def _is_own_domain(user: Any, obj: Model | None) -> bool:
    return isinstance(obj, Domain) and not user.is_superuser and obj.pk == user.domain_id
