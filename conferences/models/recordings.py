"""Define the tables of recordings.

They are in the platform's database, which is copied to the site that takes over (ARCH §4.2).
"""

from __future__ import annotations

from math import ceil

from django.db import models

from conferences.rules.recordings import RecordingState, SegmentState


class Recording(models.Model):
    """A row is the recording of one conference: the film (one video file) that people watch, and how far it is made.

    `film_bytes` and `film_ms` are 0 until there is a film; `film_segments`: how many segments were moved when it was
    begun, so that a recording that went on since is made anew.
    """

    id = models.CharField(max_length=32, primary_key=True)
    confid = models.CharField("meeting id", max_length=40, unique=True)
    e164 = models.CharField("number", max_length=16)
    name = models.CharField(max_length=64)
    user_domain = models.CharField(max_length=40)
    source_platform = models.CharField(max_length=40, default="", db_default="")
    begun_at = models.DateTimeField()
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.name) for state in RecordingState],
        default=RecordingState.COLLECTING,
    )
    progress = models.PositiveSmallIntegerField("progress in percent", default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    working_at = models.DateTimeField("sign of life of the job", null=True)
    error = models.CharField(max_length=200, blank=True)
    film_segments = models.PositiveSmallIntegerField(default=0)
    film_bytes = models.PositiveBigIntegerField(default=0)
    film_ms = models.PositiveBigIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["user_domain", "begun_at"], name="recording_tenant"),
            models.Index(fields=["state"], name="recording_state"),
            models.Index(fields=["deleted_at"], name="recording_deleted"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def film_minutes(self) -> int:
        """Return the length of the film in minutes, rounded up."""
        return ceil(self.film_ms / 60_000)


class RecordingSegment(models.Model):
    """A row is a recorded segment: what one media unit recorded between a start and a stop.

    `files`: name, size, sha256 of each file, and whether the store has received it.
    """

    pk = models.CompositePrimaryKey("recording", "incarnation", "segment")
    recording = models.CharField(max_length=32)
    incarnation = models.PositiveIntegerField()
    segment = models.PositiveSmallIntegerField()
    unit_ip = models.CharField(max_length=64, blank=True)
    unit_pid = models.CharField(max_length=16, blank=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=[(s.value, s.name) for s in SegmentState])
    files = models.JSONField(default=list)
    told_at = models.DateTimeField("when the unit last told of it")

    class Meta:
        indexes = [models.Index(fields=["state", "told_at"], name="segment_state")]

    def __str__(self) -> str:
        return f"{self.incarnation}-{self.segment} of {self.recording}"
