"""Tables of the conferences: what is searched has a column, the rest of a conference lies in `detail`."""

from __future__ import annotations

from django.db import models

from conferences.rules.states import ConferenceState
from domains.models import Level

PATHS = ("user_domain", "source_platform", "hosting_platform")
"""Whose a conference is; and for administrators of one tenant, and of one platform:"""
PATHS_AT: dict[int, tuple[str, ...]] = {Level.USER: PATHS[:1], Level.PLATFORM: PATHS[1:]}


class Conference(models.Model):
    """One conference, running or ended; the ended ones are the call records.

    Only the unit of work writes it. `live_e164` and `live_shortnum` hold the numbers while the conference
    lives, so that the database itself refuses to give one twice.
    """

    confid = models.CharField("meeting id", max_length=40, primary_key=True)
    e164 = models.CharField("number", max_length=16)
    live_e164 = models.CharField(max_length=16, null=True, unique=True, editable=False)
    shortnum = models.CharField("short number", max_length=6, blank=True)
    live_shortnum = models.CharField(max_length=6, null=True, unique=True, editable=False)
    name = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=[(s.value, s.name) for s in ConferenceState])
    incarnation = models.PositiveIntegerField(default=1)
    revision = models.PositiveIntegerField(default=0)
    source_platform = models.CharField(max_length=40)
    hosting_platform = models.CharField(max_length=40, blank=True)
    user_domain = models.CharField(max_length=40)
    creator_moid = models.CharField(max_length=40, blank=True)
    places = models.PositiveSmallIntegerField(default=8)
    unit_ip = models.CharField(max_length=64, blank=True)
    unit_pid = models.CharField(max_length=16, blank=True)
    live_unit = models.CharField(max_length=82, null=True, editable=False)
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=16, blank=True)
    due_at = models.DateTimeField(null=True)
    detail = models.JSONField()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="conf_due"),
            models.Index(fields=["live_unit"], name="conf_unit"),
            models.Index(fields=["user_domain", "live_e164"], name="conf_tenant"),
            models.Index(fields=["e164", "created_at"], name="conf_number"),
            models.Index(fields=["ended_at"], name="conf_ended"),
            models.Index(fields=["state", "created_at"], name="conf_state_age"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[s.value for s in ConferenceState]), name="conf_state"
            )
        ]

    def __str__(self) -> str:
        return f"{self.e164} {self.name}"


class CallRecord(Conference):
    """An ended conference, as the record of its call."""

    class Meta:
        proxy = True
        verbose_name = "call record"


class Number(models.Model):
    """A number that was ever used: its incarnation never starts again."""

    e164 = models.CharField("number", max_length=16, primary_key=True)
    incarnation = models.PositiveIntegerField(default=0)
    taken = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.e164


class NumberCursor(models.Model):
    """The number that a platform allocates next: in turn, the least recently used last."""

    platform = models.CharField(max_length=40, primary_key=True)
    next_serial = models.PositiveIntegerField(default=0)
    next_short = models.PositiveIntegerField(default=100_000)

    def __str__(self) -> str:
        return f"next {self.next_serial:05d} of {self.platform}"


class ResourceUnit(models.Model):
    """A resource that has registered: what the operator decides about it outlives Redis."""

    id = models.BigAutoField(primary_key=True)
    restype = models.CharField("type", max_length=3)
    ip = models.CharField("address", max_length=64)
    pid = models.CharField("instance", max_length=16, blank=True)
    room = models.CharField("room MOID", max_length=40, blank=True)
    platform = models.CharField("platform MOID", max_length=40, blank=True)
    capacity = models.JSONField(default=dict)
    labels = models.JSONField(null=True, blank=True)
    draining = models.BooleanField(default=False)
    online = models.BooleanField(default=True)
    registered_at = models.DateTimeField()

    class Meta:
        verbose_name = "media unit"
        constraints = [
            models.UniqueConstraint(fields=["restype", "ip", "pid"], name="one_row_per_unit")
        ]

    def __str__(self) -> str:
        return f"{self.restype} {self.ip}{':' + self.pid if self.pid else ''}"
