"""The rows of shared notes and whiteboards, in the data of the conference's platform."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import QuerySet

from conferences.data.yjs_updates import compacted, text_of
from conferences.models import SharedDocument, SharedUpdate
from conferences.rules.shared_documents import Kind


class DocumentNews(NamedTuple):
    """The object holds the updates of a document that a page lacks, and after which `last` it asks next time."""

    generation: int
    last: int
    is_read_only: bool
    updates: list[bytes]


def last_seqs(database: str, confid: str) -> dict[str, int]:
    """Return for each document of a conference, by its kind, the number that rises with each change; {} without any."""
    rows = SharedDocument.objects.using(database).filter(confid=confid)
    return dict(rows.values_list("kind", "last_seq"))


def news_of(
    database: str, confid: str, kind: Kind, generation: int, after: int, own_update: bytes = b""
) -> DocumentNews:
    """Return what a page lacks that has all updates of this `generation` up to `after`.

    All updates are returned if the document was cleared since. `own_update`: what the page has just sent, and has.
    """
    documents = SharedDocument.objects.using(database).filter(confid=confid, kind=kind)
    document = documents.first() or SharedDocument(confid=confid, kind=kind)
    known = after if generation == document.generation else 0
    rows = _updates(database, document).filter(seq__gt=known).order_by("seq")
    newer = [(seq, bytes(data)) for seq, data in rows.values_list("seq", "data")]
    return DocumentNews(
        document.generation,
        # More may have been stored since the document's row was read; numbers are given without gaps.
        max([document.last_seq, *(seq for seq, _ in newer)]),
        document.is_read_only,
        [data for _, data in newer if data != own_update],
    )


def add_update(database: str, document: SharedDocument, update: bytes) -> None:
    """Store an update of a document, whose row the caller has locked and saves afterwards."""
    document.last_seq += 1
    _store(database, document, update)


def compact(database: str, document: SharedDocument) -> None:
    """Replace all updates of a document by one, whose row the caller has locked and saves afterwards.

    It has the number of the last of them, so that pages which know that one fetch nothing.
    """
    rows = _updates(database, document)
    snapshot = compacted(
        bytes(data) for data in rows.order_by("seq").values_list("data", flat=True)
    )
    delete_updates(database, document)
    _store(database, document, snapshot)
    document.compacted_seq = document.last_seq


def _store(database: str, document: SharedDocument, update: bytes) -> None:
    """Store an update under the last number of a document."""
    document.size += len(update)
    SharedUpdate.objects.using(database).create(
        document_id=document.pk,
        seq=document.last_seq,
        generation=document.generation,
        data=update,
    )


def delete_updates(database: str, document: SharedDocument) -> None:
    """Delete all updates of a document, whose row the caller has locked and saves afterwards."""
    SharedUpdate.objects.using(database).filter(document_id=document.pk).delete()
    document.size = 0


def notes_text(database: str, confid: str) -> str:
    """Return the text of a conference's shared notes; "" if nobody has written any."""
    updates = news_of(database, confid, Kind.NOTES, 0, 0).updates
    return text_of(updates, Kind.NOTES) if updates else ""


def _updates(database: str, document: SharedDocument) -> QuerySet[SharedUpdate]:
    """Return the rows of what a document consists of now."""
    rows = SharedUpdate.objects.using(database)
    return rows.filter(document_id=document.pk, generation=document.generation)
