"""People in a call write shared notes and draw on a whiteboard: each change in one transaction of the platform's data.

page of the call -> its pass is checked (conferences/pages/shared_in_call.py)
  -> rules/shared_updates.py checks the update -> row, with a number by which the other pages fetch it
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from conferences.data import shared_document_rows
from conferences.data.yjs_updates import is_applicable
from conferences.models import SharedDocument
from conferences.rules import shared_documents
from conferences.rules.shared_documents import COMPACT_AFTER, DocumentRefused, Kind, may_write
from conferences.rules.shared_updates import BadUpdate, check_update
from foundation.cells.directory import PlatformStore
from foundation.cells.serving import is_served_here


def write(
    store: PlatformStore,
    confid: str,
    kind: Kind,
    generation: int,
    update: bytes,
    *,
    may_direct: bool,
) -> None:
    """Store an update that a page has made of this generation of a document.

    The same update again is stored again, which changes nothing in the document. Raises DocumentRefused.
    """
    try:
        check_update(update, kind)
    except BadUpdate as fault:
        raise DocumentRefused("update", f"update: {fault}") from None
    if not is_applicable(update):
        raise DocumentRefused("update", "update: is no update of a Yjs document in version 1")
    with _locked_document(store, confid, kind) as document:
        if not may_write(is_read_only=document.is_read_only, may_direct=may_direct):
            raise DocumentRefused("read_only")
        if generation != document.generation:
            raise DocumentRefused("cleared")
        # What was compacted stays so, also if there is no room then.
        if has_room := _make_room(store.database, document, len(update)):
            shared_document_rows.add_update(store.database, document, update)
    if not has_room:
        raise DocumentRefused("full", f"update: the {kind} has {document.size} bytes and is full")


def _make_room(database: str, document: SharedDocument, size: int) -> bool:
    """Return whether a document has room for `size` bytes; compact it before if it has not, or has many updates."""
    has_room = document.size + size <= shared_documents.MAX_DOCUMENT
    new_updates = document.last_seq - document.compacted_seq
    if new_updates >= (COMPACT_AFTER if has_room else 1):
        shared_document_rows.compact(database, document)
    return document.size + size <= shared_documents.MAX_DOCUMENT


def clear(store: PlatformStore, confid: str, kind: Kind) -> None:
    """Delete all that was written into a document; what pages send later of what was there is refused."""
    with _locked_document(store, confid, kind) as document:
        shared_document_rows.delete_updates(store.database, document)
        document.generation += 1
        document.last_seq += 1
        document.compacted_seq = document.last_seq


def set_read_only(store: PlatformStore, confid: str, kind: Kind, *, is_read_only: bool) -> None:
    """Let only those write into a document who steer the conference, or let all write again."""
    with _locked_document(store, confid, kind) as document:
        document.is_read_only = is_read_only
        document.last_seq += 1


@contextmanager
def _locked_document(store: PlatformStore, confid: str, kind: Kind) -> Iterator[SharedDocument]:
    """Open a transaction, lock the row of a document, which is made if it is new, and save it at the end.

    No other site takes over before. Raises DocumentRefused if one has.
    """
    with transaction.atomic(using=store.database):
        if not is_served_here(store.platform, lock=True):
            raise DocumentRefused("elsewhere")
        rows = SharedDocument.objects.using(store.database).select_for_update()
        document, _ = rows.get_or_create(confid=confid, kind=kind)
        yield document
        document.save(using=store.database)
