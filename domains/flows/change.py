"""The tree changes: one transaction, the rules asked in it, the projection after its commit.

Changes wait for one another (at the root's row): two that are each allowed could together break a
rule. They are an operator's, and few.
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
"""What the rules have looked at: the fields need not ask the database for it again."""


@contextmanager
def _tree_locked(database: str) -> Iterator[DatabaseTree]:
    """A transaction in which nobody else changes the tree."""
    with transaction.atomic(using=database):
        sql.select(database, "SELECT moid FROM domains_domain WHERE level = 3 FOR UPDATE")
        yield DatabaseTree(database)


def save_domain(domain: D, database: str = "default", changed: Collection[str] | None = None) -> D:
    """Write a domain as it stands, new or changed (in these fields). Raises RuleBroken."""
    with _tree_locked(database) as tree:
        before = _check_and_save(domain, tree, changed)
        _publish_saved(database, {domain.moid: before})
    return domain


@contextmanager
def saving_domains(database: str = "default") -> Iterator[Callable[[Domain], None]]:
    """Many changes in one transaction: gives a `keep` that reads what the rules ask about only once.

    No domain is given to it twice. Tenants change nothing for one another; service and platform
    domains do, so for them it reads anew.
    """
    written: dict[str, Node | None] = {}
    with _tree_locked(database) as tree:

        def keep_one(domain: Domain) -> None:
            apart = tree if domain.LEVEL is Level.USER else DatabaseTree(database)
            written[domain.moid] = _check_and_save(domain, apart, None)

        yield keep_one
        _publish_saved(database, written)


def _check_and_save(
    domain: Domain, tree: DatabaseTree, changed: Collection[str] | None
) -> Node | None:
    """As the rules allow; what it was before, if it was."""
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
    """For Redis, and for the platforms concerned."""
    if not written:
        return
    redis_projection.mark_changed(database, *written)
    change_log.record_changes(
        database, "domain", [moid for moid, was in written.items() if not was], "add"
    )
    for moid, before in written.items():
        if before is not None:
            change_log.record_change(database, "domain", moid, "mod", before.parent)


def create(level: int, database: str = "default", **fields: Any) -> Domain:
    """A new domain. Raises RuleBroken."""
    return save_domain(_CLASS[level](**fields), database)


def change(moid: str, database: str = "default", **fields: Any) -> Domain:
    """Change some fields of a domain. Raises RuleBroken."""
    with _tree_locked(database):
        domain = _load(moid, database)
        for name, value in fields.items():
            setattr(domain, name, value)
        return save_domain(domain, database, fields)


def move(moid: str, parent: str, database: str = "default", **binding: Any) -> Domain:
    """Hang a domain below another one; a user domain may change its binding with it."""
    return change(moid, database, parent_id=parent, **binding)


def disable(moid: str, database: str = "default") -> Domain:
    """It, and all below it, creates nothing from now on."""
    return change(moid, database, used=False)


def delete(moid: str, database: str = "default") -> None:
    """Forget a domain that nothing uses. Raises RuleBroken."""
    with _tree_locked(database):
        domain = _load(moid, database)
        raise_if_refused(rules.refusals_to_delete(domain.name, domain_uses(moid, database)))
        change_log.record_change(database, "domain", moid, "del")
        domain.delete(using=database)
        redis_projection.mark_changed(database, moid)


def save_room(room: MachineRoom, database: str = "default") -> None:
    """Write a machine room; its platform domain is changed by it. Raises RuleBroken."""
    with _tree_locked(database) as tree:
        before = tree.platform_of_room(room.moid)
        tenants = sum(tree_rows.count_uses_of_room(database, room.moid).values())
        raise_if_refused(rules.refusals_to_move_room(room.platform_id, before, tenants))
        room.save(using=database)
        for platform in sorted({room.platform_id, before or room.platform_id}):
            change_log.record_change(database, "domain", platform, "mod")


def delete_room(moid: str, database: str = "default") -> None:
    """Forget a room that nothing uses. Raises RuleBroken."""
    with _tree_locked(database):
        room = MachineRoom.objects.using(database).get(moid=moid)
        raise_if_refused(rules.refusals_to_delete(room.name, room_uses(moid, database)))
        room.delete(using=database)
        change_log.record_change(database, "domain", room.platform_id, "mod")


def save_backups(platform: str, backups: Sequence[str], database: str = "default") -> None:
    """Where a platform's conferences can end up, in this order."""
    with _tree_locked(database):
        found = BackupPlatform.objects.using(database).filter(platform_id=platform)
        there = {one.backup_id: one for one in found}
        for moid in there.keys() - {*backups}:
            there[moid].delete(using=database)
        for order, moid in enumerate(dict.fromkeys(backups)):
            one = there.get(moid) or BackupPlatform(platform_id=platform, backup_id=moid)
            one.order = order
            one.save(using=database)
        change_log.record_change(database, "domain", platform, "mod")


def save_key(key: ApiKey, database: str = "default") -> None:
    """Write the key pair of a program; its domain is changed by it."""
    with _tree_locked(database):
        key.save(using=database)
        change_log.record_change(database, "domain", key.domain_id, "mod")


def delete_key(key: ApiKey, database: str = "default") -> None:
    """Forget the key pair of a program."""
    with _tree_locked(database):
        key.delete(using=database)
        change_log.record_change(database, "domain", key.domain_id, "mod")


def domain_uses(moid: str, database: str = "default") -> dict[str, int]:
    """What uses a domain, here and in the apps above."""
    return tree_rows.count_uses(database, moid) | hooks.uses_by_kind(
        hooks.DOMAIN_USES, database, moid
    )


def room_uses(moid: str, database: str = "default") -> dict[str, int]:
    """What uses a room, here and in the apps above."""
    return tree_rows.count_uses_of_room(database, moid) | hooks.uses_by_kind(
        hooks.ROOM_USES, database, moid
    )


def _load(moid: str, database: str) -> Domain:
    found = Domain.objects.using(database).filter(moid=moid).first()
    if found is None:
        text = "There is no domain %(moid)s any more: look for it in the list."
        raise RuleBroken([Refusal("moid", text, {"moid": moid})])
    return _CLASS[found.level]._default_manager.using(database).get(moid=moid)


def find_field_errors(
    thing: Model, changed: Collection[str] | None, judged: Collection[str] = ()
) -> list[Refusal]:
    """What the fields themselves say: too long, taken by another one. What did not change passes,
    and so does what was `judged` before."""
    fields = thing._meta.get_fields()
    kept = {
        f.name for f in fields if changed is not None and not {f.name, _id(f.name)} & {*changed}
    } | {*judged}
    try:
        thing.clean_fields(exclude=kept)
        thing.validate_unique(exclude=kept)
    except ValidationError as wrong:
        found = wrong.message_dict.items()
        return [Refusal(f, text.replace("%", "%%")) for f, texts in found for text in texts]
    return []


def _id(field: str) -> str:
    return f"{field}_id"


def raise_if_refused(refusals: list[Refusal]) -> None:
    """Raises RuleBroken where there is one."""
    if refusals:
        raise RuleBroken(refusals)
