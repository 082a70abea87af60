"""The tree changes: one transaction, the rules asked in it, the projection after its commit.

Changes wait for one another (at the root's row): two that are each allowed could together break a
rule. They are an operator's, and few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from confplatform.stores import sql
from domains import projection, rows, rules, uses
from domains.models import (
    CoreDomain,
    Domain,
    Level,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
)
from domains.rows import DatabaseTree
from domains.rules import Refusal, RuleBroken

_CLASS: dict[int, type[Domain]] = {
    Level.CORE: CoreDomain,
    Level.SERVICE: ServiceDomain,
    Level.PLATFORM: PlatformDomain,
    Level.USER: UserDomain,
}
D = TypeVar("D", bound=Domain)


@contextmanager
def _one_by_one(database: str) -> Iterator[DatabaseTree]:
    """A transaction in which nobody else changes the tree."""
    with transaction.atomic(using=database):
        sql.select(database, "SELECT moid FROM domains_domain WHERE level = 3 FOR UPDATE")
        yield DatabaseTree(database)


def keep(domain: D, database: str = "default", changed: Collection[str] | None = None) -> D:
    """Write a domain as it stands, new or changed (in these fields). Raises RuleBroken."""
    with _one_by_one(database) as tree:
        _obey(rules.placing(domain.node(), tree))
        _obey(_unsound(domain, changed))
        domain.save(using=database)
        projection.note(database, domain.moid)
    return domain


def create(level: int, database: str = "default", **fields: Any) -> Domain:
    """A new domain. Raises RuleBroken."""
    return keep(_CLASS[level](**fields), database)


def change(moid: str, database: str = "default", **fields: Any) -> Domain:
    """Change some fields of a domain. Raises RuleBroken."""
    with _one_by_one(database):
        domain = _get(moid, database)
        for name, value in fields.items():
            setattr(domain, name, value)
        return keep(domain, database, fields)


def move(moid: str, parent: str, database: str = "default", **binding: Any) -> Domain:
    """Hang a domain below another one; a user domain may change its binding with it."""
    return change(moid, database, parent_id=parent, **binding)


def disable(moid: str, database: str = "default") -> Domain:
    """It, and all below it, creates nothing from now on."""
    return change(moid, database, used=False)


def delete(moid: str, database: str = "default") -> None:
    """Forget a domain that nothing uses. Raises RuleBroken."""
    with _one_by_one(database):
        domain = _get(moid, database)
        _obey(rules.deleting(domain.name, domain_uses(moid, database)))
        domain.delete(using=database)
        projection.note(database, moid)


def delete_room(moid: str, database: str = "default") -> None:
    """Forget a room that nothing uses. Raises RuleBroken."""
    with _one_by_one(database):
        room = MachineRoom.objects.using(database).get(moid=moid)
        _obey(rules.deleting(room.name, room_uses(moid, database)))
        room.delete(using=database)


def domain_uses(moid: str, database: str = "default") -> dict[str, int]:
    """What uses a domain, here and in the apps above."""
    return rows.uses(database, moid) | uses.gathered(uses.DOMAINS, database, moid)


def room_uses(moid: str, database: str = "default") -> dict[str, int]:
    """What uses a room, here and in the apps above."""
    return rows.uses_of_room(database, moid) | uses.gathered(uses.ROOMS, database, moid)


def _get(moid: str, database: str) -> Domain:
    found = Domain.objects.using(database).filter(moid=moid).first()
    if found is None:
        text = "There is no domain %(moid)s any more: look for it in the list."
        raise RuleBroken([Refusal("moid", text, {"moid": moid})])
    return _CLASS[found.level]._default_manager.using(database).get(moid=moid)


def _unsound(domain: Domain, changed: Collection[str] | None) -> list[Refusal]:
    """What the fields themselves say: too long, taken by another one. What did not change passes."""
    fields = domain._meta.get_fields()
    kept = {
        f.name for f in fields if changed is not None and not {f.name, _id(f.name)} & {*changed}
    }
    try:
        domain.clean_fields(exclude=kept)
        domain.validate_unique(exclude=kept)
    except ValidationError as wrong:
        found = wrong.message_dict.items()
        return [Refusal(f, text.replace("%", "%%")) for f, texts in found for text in texts]
    return []


def _id(field: str) -> str:
    return f"{field}_id"


def _obey(refusals: list[Refusal]) -> None:
    if refusals:
        raise RuleBroken(refusals)
