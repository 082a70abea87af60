"""The tree changes in one transaction: the rules are asked in it, and Redis follows after its commit.

Changes wait for one another at the root's row. Two changes that are each allowed could together break a rule, and
operators make few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from domains.data import change_log, hooks, queries, redis_projection, tree_rows
from domains.data.tree_rows import DatabaseTree
from domains.models import (
    ApiKey,
    BackupPlatform,
    CoreDomain,
    Domain,
    Level,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
)
from domains.rules import tree as rules
from domains.rules.tree import Node, Refusal, RuleBroken
from foundation.cells import sql

_CLASS: dict[int, type[Domain]] = {
    Level.CORE: CoreDomain,
    Level.SERVICE: ServiceDomain,
    Level.PLATFORM: PlatformDomain,
    Level.USER: UserDomain,
}
D = TypeVar("D", bound=Domain)
_CHECKED_BY_RULES = frozenset({"moid", "domain_ptr", "parent", "platform", "room"})
"""Fields that the rules have checked, so that they need not ask the database again."""


@contextmanager
def _tree_locked(database: str) -> Iterator[DatabaseTree]:
    """Open a transaction in which nobody else changes the tree."""
    with transaction.atomic(using=database):
        sql.select(database, "SELECT moid FROM domains_domain WHERE level = 3 FOR UPDATE")
        yield DatabaseTree(database)


def save_domain(domain: D, database: str = "default", changed: Collection[str] | None = None) -> D:
    """Save a domain, new or changed. Raises RuleBroken.

    `changed` names the fields that differ from the saved ones. `None` means that any may.
    """
    with _tree_locked(database) as tree:
        before = _check_and_save(domain, tree, changed)
        _publish_saved(database, {domain.moid: before})
    return domain


@contextmanager
def saving_domains(database: str = "default") -> Iterator[Callable[[Domain], None]]:
    """Open one transaction for many changes, and yield a function that saves a domain.

    Each domain may be given to it only once. User domains do not affect one another, so what the rules ask about is read
    only once for them. For service and platform domains it is read anew each time.
    """
    written: dict[str, Node | None] = {}
    with _tree_locked(database) as tree:

        def save_one(domain: Domain) -> None:
            current_tree = tree if domain.LEVEL is Level.USER else DatabaseTree(database)
            written[domain.moid] = _check_and_save(domain, current_tree, None)

        yield save_one
        _publish_saved(database, written)


def _check_and_save(
    domain: Domain, tree: DatabaseTree, changed: Collection[str] | None
) -> Node | None:
    """Save a domain if the rules allow it. Return what it was before, or `None` if it is new."""
    before = tree.node(domain.moid)
    raise_if_refused(rules.refusals_to_place(domain.node(), tree))
    raise_if_refused(find_field_errors(domain, changed, _CHECKED_BY_RULES))
    domain.save(using=tree.database)
    if before is not None and before.used and not domain.used:
        hooks.REVOKE_CREDENTIALS.call(
            tree.database, queries.accounts_below(tree.database, domain.moid)
        )
    return before


def _publish_saved(database: str, written: Mapping[str, Node | None]) -> None:
    """Mark saved domains for Redis, and record the changes for the platforms that follow."""
    if not written:
        return
    redis_projection.mark_changed(database, *written)
    change_log.record_changes(
        database, "domain", [moid for moid, before in written.items() if not before], "add"
    )
    for moid, before in written.items():
        if before is not None:
            change_log.record_change(database, "domain", moid, "mod", before.parent)


def create(level: int, database: str = "default", **fields: Any) -> Domain:
    """Create a domain. Raises RuleBroken."""
    return save_domain(_CLASS[level](**fields), database)


def change(moid: str, database: str = "default", **fields: Any) -> Domain:
    """Change some fields of a domain. Raises RuleBroken."""
    with _tree_locked(database):
        domain = _load(moid, database)
        for name, value in fields.items():
            setattr(domain, name, value)
        return save_domain(domain, database, fields)


def move(moid: str, parent: str, database: str = "default", **binding: Any) -> Domain:
    """Hang a domain below another one. A user domain may change its binding at the same time. Raises RuleBroken."""
    return change(moid, database, parent_id=parent, **binding)


def disable(moid: str, database: str = "default") -> Domain:
    """Disable a domain, so that nothing new starts in it and in all domains below it."""
    return change(moid, database, used=False)


def delete(moid: str, database: str = "default") -> None:
    """Delete a domain that nothing uses. Raises RuleBroken."""
    with _tree_locked(database):
        domain = _load(moid, database)
        raise_if_refused(rules.refusals_to_delete(domain.name, domain_uses(moid, database)))
        change_log.record_change(database, "domain", moid, "del")
        domain.delete(using=database)
        redis_projection.mark_changed(database, moid)


def save_room(room: MachineRoom, database: str = "default") -> None:
    """Save a machine room, which counts as a change of its platform domain. Raises RuleBroken."""
    with _tree_locked(database) as tree:
        before = tree.platform_of_room(room.moid)
        tenants = sum(tree_rows.count_uses_of_room(database, room.moid).values())
        raise_if_refused(rules.refusals_to_move_room(room.platform_id, before, tenants))
        room.save(using=database)
        for platform in sorted({room.platform_id, before or room.platform_id}):
            change_log.record_change(database, "domain", platform, "mod")


def delete_room(moid: str, database: str = "default") -> None:
    """Delete a machine room that nothing uses. Raises RuleBroken."""
    with _tree_locked(database):
        room = MachineRoom.objects.using(database).get(moid=moid)
        raise_if_refused(rules.refusals_to_delete(room.name, room_uses(moid, database)))
        room.delete(using=database)
        change_log.record_change(database, "domain", room.platform_id, "mod")


def save_backups(platform: str, backups: Sequence[str], database: str = "default") -> None:
    """Replace the backups of a platform: where its conferences can end up, in this order."""
    with _tree_locked(database):
        rows = BackupPlatform.objects.using(database).filter(platform_id=platform)
        saved = {row.backup_id: row for row in rows}
        for moid in saved.keys() - {*backups}:
            saved[moid].delete(using=database)
        for order, moid in enumerate(dict.fromkeys(backups)):
            row = saved.get(moid) or BackupPlatform(platform_id=platform, backup_id=moid)
            row.order = order
            row.save(using=database)
        change_log.record_change(database, "domain", platform, "mod")


def save_key(key: ApiKey, database: str = "default") -> None:
    """Save the key pair of a program, which counts as a change of its domain."""
    with _tree_locked(database):
        key.save(using=database)
        change_log.record_change(database, "domain", key.domain_id, "mod")


def delete_key(key: ApiKey, database: str = "default") -> None:
    """Delete the key pair of a program, which counts as a change of its domain."""
    with _tree_locked(database):
        key.delete(using=database)
        change_log.record_change(database, "domain", key.domain_id, "mod")


def domain_uses(moid: str, database: str = "default") -> dict[str, int]:
    """Return what uses a domain, by kind, in this app and the apps above."""
    return tree_rows.count_uses(database, moid) | hooks.uses_by_kind(
        hooks.DOMAIN_USES, database, moid
    )


def room_uses(moid: str, database: str = "default") -> dict[str, int]:
    """Return what uses a machine room, by kind, in this app and the apps above."""
    return tree_rows.count_uses_of_room(database, moid) | hooks.uses_by_kind(
        hooks.ROOM_USES, database, moid
    )


def _load(moid: str, database: str) -> Domain:
    domain = Domain.objects.using(database).filter(moid=moid).first()
    if domain is None:
        text = "There is no domain %(moid)s any more: look for it in the list."
        raise RuleBroken([Refusal("moid", text, {"moid": moid})])
    return _CLASS[domain.level]._default_manager.using(database).get(moid=moid)


def find_field_errors(
    row: Model, changed: Collection[str] | None, checked: Collection[str] = ()
) -> list[Refusal]:
    """Return what the fields themselves refuse, for instance a value that is too long or not unique.

    Fields that did not change, and those of `checked`, pass. `changed` is `None` for a new row.
    """
    fields = row._meta.get_fields()
    excluded = {
        field.name
        for field in fields
        if changed is not None and not {field.name, _id(field.name)} & {*changed}
    } | {*checked}
    try:
        row.clean_fields(exclude=excluded)
        row.validate_unique(exclude=excluded)
    except ValidationError as error:
        messages = error.message_dict.items()
        return [
            Refusal(field, text.replace("%", "%%")) for field, texts in messages for text in texts
        ]
    return []


def _id(field: str) -> str:
    return f"{field}_id"


def raise_if_refused(refusals: list[Refusal]) -> None:
    """Raise RuleBroken if there is a refusal."""
    if refusals:
        raise RuleBroken(refusals)
