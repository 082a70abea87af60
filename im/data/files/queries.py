"""What is known of files, and who may have them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from foundation.cells.directory import PlatformStore, own_platform, possible_platforms, store_of
from im.models import File, FileUse, Member
from im.rules.vocabulary import Membership

log = logging.getLogger("im.files")

Found = tuple[PlatformStore, File]


def own(person: str, number: UUID) -> Found | None:
    """An upload of this person, wherever it was written down."""
    for store in _stores():
        for file in _asked(store, File.objects.filter(pk=number, owner=person)):
            return store, file
    return None


def readable(person: str, numbers: Collection[UUID]) -> list[File]:
    """Those of these files that this person may have: his own, and what is in his conversations."""
    found: dict[UUID, File] = {}
    for store in _stores():
        left = set(numbers) - found.keys()
        if left:
            found |= {file.id: file for file in _asked(store, _readable(person, left))}
    return list(found.values())


def _readable(person: str, numbers: Collection[UUID]) -> QuerySet[File]:
    his = Member.objects.filter(
        conversation=OuterRef("conversation"), user=person, state=Membership.ACTIVE
    )
    shared = FileUse.objects.filter(file=OuterRef("pk")).filter(Exists(his))
    return File.objects.filter(Q(owner=person) | Q(Exists(shared)), pk__in=numbers, ready=True)


def _stores() -> Iterator[PlatformStore]:
    return map(store_of, possible_platforms())


def _asked(store: PlatformStore, wish: QuerySet[File]) -> list[File]:
    """None where a copy is away: that must not hold up the others."""
    try:
        return list(wish.using(store.database))
    except (DatabaseError, InterfaceError) as wrong:
        if store.platform == own_platform():
            raise
        log.warning("the data of %s is away: %s", store.platform, wrong)
        return []


def taken_by(database: str, person: str) -> int:
    """Bytes of all that he has uploaded, or has announced."""
    his = File.objects.using(database).filter(owner=person)
    return his.aggregate(all=Sum("size"))["all"] or 0


def unused(database: str, before: datetime, most: int) -> list[UUID]:
    """Inside a transaction: what no message carries since then, the oldest first, locked."""
    old = File.objects.using(database).filter(used=False, created_at__lt=before)
    locked = old.select_for_update(skip_locked=True).order_by("created_at")
    return list(locked.values_list("pk", flat=True)[:most])
