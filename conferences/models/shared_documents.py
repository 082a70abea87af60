"""The tables of what people in a call write together, as updates of Yjs documents; they stay with the conference."""

from __future__ import annotations

from django.db import models

from foundation.clock import next_id


class SharedDocument(models.Model):
    """A row is the shared notes or the whiteboard of a conference (`kind`, see `rules/shared_documents.py`).

    `last_seq` rises with each change. `generation` rises when the document is cleared: it is a new one then.
    `size`: bytes of all its updates. `compacted_seq`: up to this one, updates were replaced by a single one.
    """

    id = models.BigIntegerField(primary_key=True, default=next_id, editable=False)
    confid = models.CharField("meeting id", max_length=40)
    kind = models.CharField(max_length=8)
    generation = models.PositiveIntegerField(default=0)
    last_seq = models.PositiveIntegerField(default=0)
    compacted_seq = models.PositiveIntegerField(default=0)
    size = models.PositiveIntegerField(default=0)
    is_read_only = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["confid", "kind"], name="shared_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.confid}"


class SharedUpdate(models.Model):
    """A row is an update of a document, in version 1 of the Yjs format; `seq` counts them in a document."""

    pk = models.CompositePrimaryKey("document_id", "seq")
    document = models.ForeignKey(SharedDocument, on_delete=models.CASCADE, db_index=False)
    seq = models.PositiveIntegerField()
    generation = models.PositiveIntegerField()
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.document_id}: {self.seq}"
