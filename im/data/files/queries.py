"""Queries about files, and about who may read them."""

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

StoredFile = tuple[PlatformStore, File]


def own_upload(person: str, number: UUID) -> StoredFile | None:
    """Return an upload of this person, and the store whose database holds its row.

    `None` if this site has no such upload.
    """
    for store in _stores():
        for file in _rows(store, File.objects.filter(pk=number, owner=person)):
            return store, file
    return None


def readable(person: str, numbers: Collection[UUID]) -> list[File]:
    """Return those of these files that a person may read.

    These are the uploads of this person, and the files in conversations of which the person is a
    member.
    """
    files: dict[UUID, File] = {}
    for store in _stores():
        missing = set(numbers) - files.keys()
        if missing:
            files |= {file.id: file for file in _rows(store, _readable(person, missing))}
    return list(files.values())


def _readable(person: str, numbers: Collection[UUID]) -> QuerySet[File]:
    """Return the query, on one platform's data, for those of these files that a person may read."""
    memberships = Member.objects.filter(
        conversation=OuterRef("conversation"), user=person, state=Membership.ACTIVE
    )
    shared = FileUse.objects.filter(file=OuterRef("pk")).filter(Exists(memberships))
    return File.objects.filter(Q(owner=person) | Q(Exists(shared)), pk__in=numbers, ready=True)


def _stores() -> Iterator[PlatformStore]:
    return map(store_of, possible_platforms())


def _rows(store: PlatformStore, query: QuerySet[File]) -> list[File]:
    """Return the rows of a query on one platform's data.

    If this site's copy of another platform's data cannot be reached, return none: the other platforms'
    files must not wait for it.
    """
    try:
        return list(query.using(store.database))
    except (DatabaseError, InterfaceError) as error:
        if store.platform == own_platform():
            raise
        log.warning("the data of %s is away: %s", store.platform, error)
        return []


def used_bytes(database: str, person: str) -> int:
    """Return the number of bytes that a person has uploaded or announced."""
    files = File.objects.using(database).filter(owner=person)
    return files.aggregate(all=Sum("size"))["all"] or 0


def unused(database: str, before: datetime, most: int) -> list[UUID]:
    """Return at most `most` files, announced before `before`, that no message has ever carried.

    The oldest come first. Their rows are locked; must run inside a transaction.
    """
    old = File.objects.using(database).filter(used=False, created_at__lt=before)
    locked = old.select_for_update(skip_locked=True).order_by("created_at")
    return list(locked.values_list("pk", flat=True)[:most])
