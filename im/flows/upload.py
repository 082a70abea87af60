"""The flow of an upload from its announcement to its last byte (IM §9.5), as in tus 1.0.0.

POST calls `begin_upload`, which creates a row and an empty file in the spool. PATCH calls `append_bytes`; after the
last byte the file is inspected, stored and ready. HEAD calls `find_upload`, which returns how many bytes have come,
and finishes what a broken request has left. DELETE calls `delete_upload`, which fails if a message carries the file.
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
from im.data.files.media_info import inspect_file
from im.data.metrics import UPLOADED, UPLOADED_BYTES
from im.models import File
from im.rules.tus_headers import TransferRefused, clean_file_name

MAX_PER_MINUTE = 60
"""A person may begin this many uploads a minute."""


def begin_upload(store: PlatformStore, person: str, name: str, size: int) -> File:
    """Begin the upload of a file of `size` bytes, and return its new row in the data of the person's platform.

    The bytes come later. Raises TransferRefused, such as for a quota that is used up.
    """
    if not 0 < size <= settings.IM_FILE_MAX_BYTES:
        raise TransferRefused(
            413, "too_large", f"1 to {settings.IM_FILE_MAX_BYTES} bytes are accepted"
        )
    _check_rate(person)
    file = File(id=uuid4(), owner=person, name=clean_file_name(name), size=size)
    spool.create(str(file.id), size)
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        file.save(using=store.database, force_insert=True)
    # The quota is checked after the row is written, so that two uploads at once count each other.
    if queries.used_bytes(store.database, person) > settings.IM_FILES_QUOTA_BYTES:
        _delete_unused(store, file)
        raise TransferRefused(
            413, "quota", "your files have reached the quota; no more are accepted"
        )
    return file


def _check_rate(person: str) -> None:
    """Check that the person does not begin too many uploads. Raises TransferRefused 429."""
    name = f"im:uploads:{person}"
    cache.add(name, 0, 60)
    try:
        count = cache.incr(name) or 0
    except ValueError:
        count = 1
    if count > MAX_PER_MINUTE:
        raise TransferRefused(429, "rate", "too many uploads; try again in a minute")


def append_bytes(person: str, number: UUID, offset: int, source: spool.Source, length: int) -> int:
    """Append `length` bytes of `source` to a person's upload, at `offset`; return how many bytes the upload has then.

    With the last byte it is finished. Raises TransferRefused.
    """
    store, file = _upload_of(person, number)
    if file.ready:
        raise TransferRefused(409, "complete", "this upload is complete")
    with spool.lock_upload(str(number)) as spooled:
        received = spool.received_bytes(spooled)
        if received != offset:
            raise TransferRefused(409, "offset", f"{received} bytes are here")
        if offset + length > file.size:
            raise TransferRefused(413, "too_large", f"only {file.size} bytes were announced")
        received = spool.append(spooled, source, length)
        if received == file.size:
            _finish(store, file)
    return received


def find_upload(person: str, number: UUID) -> tuple[File, int]:
    """Return the row of a person's upload and the number of its received bytes; finish it if all have come.

    Raises TransferRefused.
    """
    store, file = _upload_of(person, number)
    if file.ready:
        return file, file.size
    with spool.lock_upload(str(number)) as spooled:
        received = spool.received_bytes(spooled)
        if received == file.size:
            _finish(store, file)
    return file, received


def _finish(store: PlatformStore, file: File) -> None:
    """Inspect a completely received file, store it, and mark it as ready to be sent in a message.

    Only then it is deleted from the spool, where its bytes were collected. Raises ReadOnly while another site serves
    the platform.
    """
    number = str(file.id)
    with inspect_file(spool.path_of(number)) as (info, thumbnail):
        if info.has_thumbnail:
            storage.save(number, thumbnail, storage.THUMBNAIL)
    storage.save(number, spool.path_of(number))
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        columns = {**asdict(info), "received": file.size, "ready": True}
        File.objects.using(store.database).filter(pk=file.pk).update(**columns)
    spool.delete(number)
    UPLOADED.inc()
    UPLOADED_BYTES.inc(file.size)


def delete_upload(person: str, number: UUID) -> None:
    """Delete a person's upload. Raises TransferRefused if a message carries the file."""
    store, file = _upload_of(person, number)
    if not _delete_unused(store, file):
        raise TransferRefused(409, "used", "a message carries this file")


def _delete_unused(store: PlatformStore, file: File) -> bool:
    """Delete an upload that no message carries; return False if a message does.

    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        unused = File.objects.using(store.database).filter(pk=file.pk, used=False)
        if not unused.select_for_update().exists():
            return False
        unused.delete()
    spool.delete(str(file.id))
    storage.delete(str(file.id))
    return True


def _upload_of(person: str, number: UUID) -> queries.StoredFile:
    """Return a person's upload and the store (of a platform's data) that holds its row. Raises TransferRefused 404."""
    upload = queries.own_upload(person, number)
    if upload is None:
        raise TransferRefused(404, "not_found", "there is no such upload")
    return upload
