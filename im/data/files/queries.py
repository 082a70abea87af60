"""Queries about files, and about who may read them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from foundation.cells.directory import PlatformStore, own_platform, possible_platforms, store_of
from im.data import hooks
from im.models import File, FileUse, Member
from im.rules.vocabulary import Membership

log = logging.getLogger("im.files")
RELEASED_AT = datetime(2000, 1, 1, tzinfo=UTC)
"""The upload time of files that are to be deleted at once."""

StoredFile = tuple[PlatformStore, File]


def own_upload(person: str, number: UUID) -> StoredFile | None:
    """Return the upload with the id `number` if it is this person's, and the store whose database holds its row.

    `None` if this site has no such upload.
    """
    for store in _stores():
        for file in _rows(store, lambda: File.objects.filter(pk=number, owner=person)):
            return store, file
    return None


def readable_files(person: str, numbers: Collection[UUID]) -> list[File]:
    """Return those of the files with the ids `numbers` that a person may read.

    These are the uploads of this person, and the files in conversations of which the person is a
    member.
    """
    files: dict[UUID, File] = {}
    for store in _stores():
        missing = set(numbers) - files.keys()
        if missing:
            files |= {
                file.id: file
                for file in _rows(store, partial(_readable_query, store.database, person, missing))
            }
    return list(files.values())


def _readable_query(database: str, person: str, numbers: Collection[UUID]) -> QuerySet[File]:
    """Return the query, on one platform's data, for those of the files `numbers` (ids) that a person may read."""
    others = set[UUID]().union(*hooks.FILE_READERS.call(database, person, numbers))
    memberships = Member.objects.filter(
        conversation=OuterRef("conversation"), user=person, state=Membership.ACTIVE
    )
    shared = FileUse.objects.filter(file=OuterRef("pk")).filter(Exists(memberships))
    may_read = Q(owner=person) | Q(Exists(shared)) | Q(pk__in=others)
    return File.objects.filter(may_read, pk__in=numbers, ready=True)


def own_files(database: str, person: str, numbers: Collection[UUID]) -> dict[UUID, File]:
    """Return those of the files with the ids `numbers` that are complete uploads of a person: id -> file.

    Their rows are locked, so that they are not deleted before the caller's transaction ends.
    """
    rows = File.objects.using(database).filter(pk__in=numbers, owner=person, ready=True)
    return {file.id: file for file in rows.select_for_update()}


def set_used(database: str, numbers: Collection[UUID]) -> None:
    """Mark files as used, so that they are not deleted as forgotten uploads."""
    File.objects.using(database).filter(pk__in=numbers).update(used=True)


def release_files(database: str, numbers: Collection[UUID]) -> None:
    """Mark files that nothing uses any more as forgotten uploads, unless a message carries them.

    The timer of `flows.forget_files` deletes them, with their rows, in its next run.
    """
    rows = File.objects.using(database).filter(pk__in=numbers)
    rows.exclude(Exists(FileUse.objects.filter(file=OuterRef("pk")))).update(
        used=False, created_at=RELEASED_AT
    )


def _stores() -> Iterator[PlatformStore]:
    """Return the databases ("stores") of all platforms whose data this site may have."""
    return map(store_of, possible_platforms())


def _rows(store: PlatformStore, query: Callable[[], QuerySet[File]]) -> list[File]:
    """Return the rows of the query that `query` returns, run on one platform's data.

    If this site's copy of another platform's data cannot be reached, return none: the other platforms'
    files must not wait for it.
    """
    try:
        return list(query().using(store.database))
    except (DatabaseError, InterfaceError) as error:
        _raise_unless_foreign(store, error)
        return []


def _raise_unless_foreign(store: PlatformStore, error: Exception) -> None:
    """Raise the error again if it is about our own platform's data; log it otherwise."""
    if store.platform == own_platform():
        raise error
    log.warning("the data of %s is away: %s", store.platform, error)


def used_bytes(database: str, person: str) -> int:
    """Return the number of bytes that a person has uploaded or announced."""
    files = File.objects.using(database).filter(owner=person)
    return files.aggregate(all=Sum("size"))["all"] or 0


def lock_unused(database: str, before: datetime, most: int) -> list[UUID]:
    """Lock the rows of at most `most` files, announced before `before`, that no message has ever carried.

    Return their ids, the oldest first. Must run inside a transaction.
    """
    old = File.objects.using(database).filter(used=False, created_at__lt=before)
    locked = old.select_for_update(skip_locked=True).order_by("created_at")
    return list(locked.values_list("pk", flat=True)[:most])
