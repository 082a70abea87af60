"""The tables of shared recordings: with whom a person shares a recording. They lie in the cell, as recordings do."""

from __future__ import annotations

from django.db import models


class RecordingGuest(models.Model):
    """A row says that a recording is shared with a person of its user domain (`account`: the person's MOID)."""

    pk = models.CompositePrimaryKey("recording", "account")
    recording = models.CharField(max_length=32)
    account = models.CharField("MOID", max_length=40, db_index=True)
    shared_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.recording} for {self.account}"


class RecordingLink(models.Model):
    """A row is a link by which anybody watches a recording until `expires_at`.

    `id` is the SHA-256 of the secret in the link, so whoever reads the table cannot open it. `password` is hashed with
    Argon2; "" means that none is asked for. `creator` is the MOID of the account that shares, `opened` counts browsers.
    """

    id = models.CharField(max_length=64, primary_key=True)
    recording = models.CharField(max_length=32, db_index=True)
    creator = models.CharField("MOID", max_length=40)
    password = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    opened = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"link to {self.recording}"
