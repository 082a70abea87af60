"""An upload, from its announcement to its last byte (IM §9.5; the words are those of tus 1.0.0).

POST `begin`: a row and an empty file in the spool. PATCH `take`: bytes; after the last one the file is
looked at, kept, ready. HEAD `state`: how many have come; it finishes what a broken request has left.
DELETE `drop`: forgotten, unless a message carries it.
"""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID, uuid4

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal
from im.data.files import queries, spool, storage
from im.data.files.media_info import inspected
from im.data.metrics import UPLOADED, UPLOADED_BYTES
from im.models import File
from im.rules.tus_headers import TransferRefused, clean_file_name

A_MINUTE = 60
"""Uploads that one person may begin in a minute."""


def begin(store: PlatformStore, person: str, name: str, size: int) -> File:
    """Announce a file; it is written down with the person's platform. Raises Refused."""
    if not 0 < size <= settings.IM_FILE_MAX_BYTES:
        raise TransferRefused(
            413, "too_large", f"1 to {settings.IM_FILE_MAX_BYTES} bytes are taken"
        )
    _slow_down(person)
    file = File(id=uuid4(), owner=person, name=clean_file_name(name), size=size)
    spool.create(str(file.id), size)
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        file.save(using=store.database, force_insert=True)
    # Asked afterwards: of two that come at once, neither is overlooked.
    if queries.used_bytes(store.database, person) > settings.IM_FILES_QUOTA_BYTES:
        _forget(store, file)
        raise TransferRefused(
            413, "quota", "your files take as much as they may; nothing more is taken"
        )
    return file


def _slow_down(person: str) -> None:
    name = f"im:uploads:{person}"
    cache.add(name, 0, 60)
    try:
        begun = cache.incr(name) or 0
    except ValueError:
        begun = 1
    if begun > A_MINUTE:
        raise TransferRefused(429, "rate", "too many uploads; try again in a minute")


def take(person: str, number: UUID, offset: int, source: spool.Source, length: int) -> int:
    """Take bytes that belong at `offset`; how many there are then. Raises Refused."""
    store, file = _own(person, number)
    if file.ready:
        raise TransferRefused(409, "complete", "this upload is complete")
    with spool.lock_upload(str(number)) as there:
        here = spool.received_bytes(there)
        if here != offset:
            raise TransferRefused(409, "offset", f"{here} bytes are here")
        if offset + length > file.size:
            raise TransferRefused(413, "too_large", f"only {file.size} bytes were announced")
        here = spool.append(there, source, length)
        if here == file.size:
            _finish(store, file)
    return here


def state(person: str, number: UUID) -> tuple[File, int]:
    """An upload, and how many of its bytes are here. Raises Refused."""
    store, file = _own(person, number)
    if file.ready:
        return file, file.size
    with spool.lock_upload(str(number)) as there:
        here = spool.received_bytes(there)
        if here == file.size:
            _finish(store, file)
    return file, here


def _finish(store: PlatformStore, file: File) -> None:
    """All is here: see what it is, keep it, say so. Until it was said, the spool has it still."""
    number = str(file.id)
    with inspected(spool.path_of(number)) as (what, thumbnail):
        if what.has_thumbnail:
            storage.save(number, thumbnail, storage.THUMBNAIL)
    storage.save(number, spool.path_of(number))
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        known = {**asdict(what), "received": file.size, "ready": True}
        File.objects.using(store.database).filter(pk=file.pk).update(**known)
    spool.delete(number)
    UPLOADED.inc()
    UPLOADED_BYTES.inc(file.size)


def drop(person: str, number: UUID) -> None:
    """Forget an upload that no message carries. Raises Refused."""
    store, file = _own(person, number)
    if not _forget(store, file):
        raise TransferRefused(409, "used", "a message carries this file")


def _forget(store: PlatformStore, file: File) -> bool:
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        unused = File.objects.using(store.database).filter(pk=file.pk, used=False)
        if not unused.select_for_update().exists():
            return False
        unused.delete()
    spool.delete(str(file.id))
    storage.delete(str(file.id))
    return True


def _own(person: str, number: UUID) -> queries.StoredFile:
    found = queries.own_upload(person, number)
    if found is None:
        raise TransferRefused(404, "not_found", "there is no such upload")
    return found
