"""The flow saves changes of the domain tree, each in one transaction in which the rules check it.

Every change locks the root's row first, so changes wait for one another: two changes that are each allowed could
together break a rule, and operators make few of them. After the commit the changed domains are written to Redis.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from domains.data import change_log, hooks, queries, redis_projection, tokens, tree_rows
from domains.data.tree_rows import DatabaseTree
from domains.models import (
    ApiKey,
    Application,
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

_MODEL_OF_LEVEL: dict[int, type[Domain]] = {
    Level.CORE: CoreDomain,
    Level.SERVICE: ServiceDomain,
    Level.PLATFORM: PlatformDomain,
    Level.USER: UserDomain,
}
D = TypeVar("D", bound=Domain)
_CHECKED_BY_RULES = frozenset({"moid", "domain_ptr", "parent", "platform", "room"})
"""Fields that the rules have checked, so that Django's own check, with a query for each, is not needed."""
ENABLED = "The domain is enabled: disable it first, so that nothing new begins there."


@contextmanager
def _tree_locked(database: str) -> Iterator[DatabaseTree]:
    """Open a transaction that locks the domain tree against other changes, and yield the tree for the rules."""
    with transaction.atomic(using=database):
        # The root's row (level 3) stands for the whole tree: every change locks it first.
        sql.select(database, "SELECT moid FROM domains_domain WHERE level = 3 FOR UPDATE")
        yield DatabaseTree(database)


def save_domain(domain: D, database: str = "default", changed: Collection[str] | None = None) -> D:
    """Save a domain, new or changed, and return it. Raises RuleBroken.

    `changed` names the fields that differ from the saved ones. `None` means that any may differ.
    """
    with _tree_locked(database) as tree:
        before = _check_and_save(domain, tree, changed)
        _publish_saved(database, {domain.moid: before})
    return domain


@contextmanager
def saving_domains(database: str = "default") -> Iterator[Callable[[Domain], None]]:
    """Open one transaction for many changes, and yield a function that saves a domain.

    Each domain may be given to that function only once. User domains do not affect one another, so the domains that
    the rules look at are read only once for them. For service and platform domains they are read anew each time.
    """
    states_before: dict[str, Node | None] = {}
    with _tree_locked(database) as tree:

        def save(domain: Domain) -> None:
            """Check and save one domain. Raises RuleBroken."""
            current_tree = tree if domain.LEVEL is Level.USER else DatabaseTree(database)
            states_before[domain.moid] = _check_and_save(domain, current_tree, None)

        yield save
        _publish_saved(database, states_before)


def _check_and_save(
    domain: Domain, tree: DatabaseTree, changed: Collection[str] | None
) -> Node | None:
    """Save a domain if the rules allow it. Return its state before, or `None` if it is new. Raises RuleBroken.

    `changed` names the fields to check, `None` all. Disabling a domain revokes the tokens of all accounts below it.
    """
    before = tree.node(domain.moid)
    raise_if_refused(rules.refusals_to_place(domain.node(), tree))
    raise_if_refused(find_field_errors(domain, changed, _CHECKED_BY_RULES))
    domain.save(using=tree.database)
    if before is not None and before.used and not domain.used:
        hooks.REVOKE_CREDENTIALS.call(
            tree.database, queries.accounts_below(tree.database, domain.moid)
        )
    return before


def _publish_saved(database: str, states_before: Mapping[str, Node | None]) -> None:
    """Have the saved domains written to Redis after the commit, and record their changes in the change log.

    The log brings the changes to the platforms that copy the tree. `states_before`: MOID of a saved domain -> its
    state before, `None` for a new one.
    """
    if not states_before:
        return
    redis_projection.mark_changed(database, *states_before)
    change_log.record_changes(
        database, "domain", [moid for moid, before in states_before.items() if not before], "add"
    )
    for moid, before in states_before.items():
        if before is not None:
            change_log.record_change(database, "domain", moid, "mod", before.parent)


def create(level: int, database: str = "default", **fields: Any) -> Domain:
    """Create a domain of a level (see `Level`) with these fields, and return it. Raises RuleBroken."""
    return save_domain(_MODEL_OF_LEVEL[level](**fields), database)


def change(moid: str, database: str = "default", **fields: Any) -> Domain:
    """Change fields of a domain (name -> new value), and return the saved domain. Raises RuleBroken."""
    with _tree_locked(database):
        domain = _load_domain(moid, database)
        for name, value in fields.items():
            setattr(domain, name, value)
        return save_domain(domain, database, fields)


def move(moid: str, parent: str, database: str = "default", **binding: Any) -> Domain:
    """Move a domain below another parent, and return it. Raises RuleBroken.

    `binding` holds the new `platform_id` and `room_id` of a user domain, if they change with the parent.
    """
    return change(moid, database, parent_id=parent, **binding)


def disable(moid: str, database: str = "default") -> Domain:
    """Disable a domain, and return it: there and below it nobody can sign in and no conference can start."""
    return change(moid, database, used=False)


def end_running(moid: str, database: str = "default") -> tuple[int, frozenset[str]]:
    """End the conferences that run in a disabled domain and below it, at every platform that has the domain.

    Returns how many have ended at this site, and the ids of the other platforms, which are told to end theirs. Raises
    RuleBroken if the domain is enabled.
    """
    with _tree_locked(database):
        if _load_domain(moid, database).used:
            raise RuleBroken([Refusal("used", ENABLED)])
        notified = change_log.record_end_of_running(database, moid)
    return sum(hooks.END_RUNNING.call(moid)), notified


def delete(moid: str, database: str = "default") -> None:
    """Delete a domain (MOID), unless something still uses it. Raises RuleBroken."""
    with _tree_locked(database):
        domain = _load_domain(moid, database)
        raise_if_refused(rules.refusals_to_delete(domain.name, domain_uses(moid, database)))
        change_log.record_change(database, "domain", moid, "del")
        domain.delete(using=database)
        redis_projection.mark_changed(database, moid)


def save_room(room: MachineRoom, database: str = "default") -> None:
    """Save a machine room, which counts as a change of its platform domain. Raises RuleBroken."""
    with _tree_locked(database) as tree:
        before = tree.platform_of_room(room.moid)
        tenants = sum(tree_rows.count_uses_of_room(database, room.moid).values())
        raise_if_refused(rules.refusals_to_name("name", room.name))
        raise_if_refused(rules.refusals_to_move_room(room.platform_id, before, tenants))
        room.save(using=database)
        for platform in sorted({room.platform_id, before or room.platform_id}):
            change_log.record_change(database, "domain", platform, "mod")


def delete_room(moid: str, database: str = "default") -> None:
    """Delete a machine room that nothing uses. It counts as a change of its platform domain. Raises RuleBroken."""
    with _tree_locked(database):
        room = MachineRoom.objects.using(database).get(moid=moid)
        raise_if_refused(rules.refusals_to_delete(room.name, room_uses(moid, database)))
        room.delete(using=database)
        change_log.record_change(database, "domain", room.platform_id, "mod")


def save_backups(platform: str, backups: Sequence[str], database: str = "default") -> None:
    """Replace the backups of a platform: the platforms that take over its conferences, best first."""
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
    """Save an API key (a client application's key pair), and record it as a change of the key's domain.

    The tokens of a disabled key are revoked.
    """
    with _tree_locked(database):
        key.save(using=database)
        if not key.enabled:
            tokens.revoke_by_keys([key.pk], database)
        change_log.record_change(database, "domain", key.domain_id, "mod")


def delete_key(key: ApiKey, database: str = "default") -> None:
    """Delete an API key (a client application's key pair), revoke its tokens, and record a change of its domain."""
    with _tree_locked(database):
        tokens.revoke_by_keys([key.pk], database)
        key.delete(using=database)
        change_log.record_change(database, "domain", key.domain_id, "mod")


def delete_application(application: Application, database: str = "default") -> None:
    """Delete an application, and make void all tokens that people got through it."""
    with transaction.atomic(using=database):
        tokens.revoke_by_application(application, database)
        application.delete(using=database)


def domain_uses(moid: str, database: str = "default") -> dict[str, int]:
    """Return how many rows of each kind, in all apps, refer to a domain: kind in words -> count."""
    return tree_rows.count_uses(database, moid) | hooks.uses_by_kind(
        hooks.DOMAIN_USES, database, moid
    )


def room_uses(moid: str, database: str = "default") -> dict[str, int]:
    """Return how many rows of each kind, in all apps, refer to a machine room: kind in words -> count."""
    return tree_rows.count_uses_of_room(database, moid) | hooks.uses_by_kind(
        hooks.ROOM_USES, database, moid
    )


def _load_domain(moid: str, database: str) -> Domain:
    """Return a domain as an object of the model class of its level. Raises RuleBroken if there is none."""
    domain = Domain.objects.using(database).filter(moid=moid).first()
    if domain is None:
        text = "There is no domain %(moid)s any more: look for it in the list."
        raise RuleBroken([Refusal("moid", text, {"moid": moid})])
    return _MODEL_OF_LEVEL[domain.level]._default_manager.using(database).get(moid=moid)


def find_field_errors(
    row: Model, changed: Collection[str] | None, checked: Collection[str] = ()
) -> list[Refusal]:
    """Return refusals of the values that Django's fields do not accept, for instance too long or not unique.

    `changed` names the fields to check; `None` means all (a new row). The fields in `checked` are left out.
    """
    fields = row._meta.get_fields()
    excluded = {
        field.name
        for field in fields
        if changed is not None and not {field.name, f"{field.name}_id"} & {*changed}
    } | {*checked}
    try:
        row.clean_fields(exclude=excluded)
        row.validate_unique(exclude=excluded)
    except ValidationError as error:
        texts_by_field = error.message_dict.items()
        return [
            Refusal(field, text.replace("%", "%%"))
            for field, texts in texts_by_field
            for text in texts
        ]
    return []


def raise_if_refused(refusals: list[Refusal]) -> None:
    """Raise RuleBroken with these refusals of the rules, if there are any."""
    if refusals:
        raise RuleBroken(refusals)
