"""The tables of conferences. There are columns for the fields that queries need; all other fields are in `detail`."""

from __future__ import annotations

from django.db import models

from conferences.rules.states import ConferenceState
from domains.models import Level

PATHS = ("user_domain", "source_platform", "hosting_platform")
"""The columns that name the domains to which a conference belongs."""
PATHS_AT: dict[int, tuple[str, ...]] = {Level.USER: PATHS[:1], Level.PLATFORM: PATHS[1:]}
"""The columns by which administrators of a user domain, or of a platform, find their conferences."""


class Conference(models.Model):
    """A row is a conference, live or ended; ended conferences are the call records.

    Only the unit of work writes it. `live_e164` and `live_shortnum` are unique, and NULL after the end, so that the
    database itself prevents two live conferences from having one number.
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
            models.Index(fields=["creator_moid"], name="conf_creator"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[s.value for s in ConferenceState]), name="conf_state"
            )
        ]

    def __str__(self) -> str:
        return f"{self.e164} {self.name}"


class CallRecord(Conference):
    """A call record is an ended conference."""

    class Meta:
        proxy = True
        verbose_name = "call record"


class Attendee(models.Model):
    """A row says that an account has entered a conference, or was called into it.

    `visitor`: the id of the browser with which it entered by the join page, the same as in a stay of the call record,
    which so tells accounts from guests; "" means that it was called.
    """

    pk = models.CompositePrimaryKey("moid", "confid", "visitor")
    moid = models.CharField("MOID", max_length=40)
    confid = models.CharField("meeting id", max_length=40, db_index=True)
    visitor = models.CharField(max_length=16, blank=True)

    def __str__(self) -> str:
        return f"{self.moid} in {self.confid}"


class LobbyVisitor(models.Model):
    """A row is a visitor who waits to be let into a conference, or who was let in or refused within the last day.

    `since`: when the state began, `asked_at`: when the page asked last, both in seconds since 1970. `address_hash`
    tells which visitors come from one IP address.
    """

    pk = models.CompositePrimaryKey("confid", "visitor")
    confid = models.CharField("meeting id", max_length=40)
    visitor = models.CharField(max_length=16)
    name = models.CharField(max_length=48, blank=True)
    state = models.CharField(max_length=8)
    since = models.BigIntegerField()
    asked_at = models.BigIntegerField(db_index=True)
    address_hash = models.CharField(max_length=16, default="", db_default="")

    def __str__(self) -> str:
        return f"{self.name} before {self.confid}"


class Number(models.Model):
    """A row is a conference number that was ever used. `incarnation` counts its uses, and never restarts.

    `held_by` names the holder for which the number is reserved, such as `book:<id>` for a reservation; "" means none.
    """

    e164 = models.CharField("number", max_length=16, primary_key=True)
    incarnation = models.PositiveIntegerField(default=0)
    taken = models.BooleanField(default=False)
    held_by = models.CharField("kept for", max_length=48, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return self.e164


class NumberCursor(models.Model):
    """A row holds the next number that a platform allocates.

    Numbers are allocated in turn, so that a number is used again as late as possible. `held` counts the numbers that
    are reserved for templates, virtual rooms and reservations.
    """

    platform = models.CharField(max_length=40, primary_key=True)
    next_serial = models.PositiveIntegerField(default=0)
    next_short = models.PositiveIntegerField(default=100_000)
    held = models.PositiveIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"next {self.next_serial:05d} of {self.platform}"
