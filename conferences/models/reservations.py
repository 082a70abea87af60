"""The tables of reservations. There are columns for the fields that queries need; all other fields are in `detail`."""

from __future__ import annotations

from django.db import models

from foundation import clock


class Reservation(models.Model):
    """A row is a reservation: a conference that is booked, once or repeatedly. Only the unit of work writes it.

    `live_e164` is unique, and NULL once the reservation is over or cancelled.
    """

    bookid = models.CharField("reservation id", max_length=40, primary_key=True)
    e164 = models.CharField("number", max_length=16)
    live_e164 = models.CharField(max_length=16, null=True, unique=True, editable=False)
    name = models.CharField(max_length=64)
    state = models.CharField(max_length=10)
    source_platform = models.CharField(max_length=40)
    user_domain = models.CharField(max_length=40)
    creator_moid = models.CharField(max_length=40, blank=True)
    starts_at = models.DateTimeField("first start")
    timezone = models.CharField("time zone", max_length=40)
    repeat = models.CharField(max_length=255, blank=True)
    detail = models.JSONField()

    class Meta:
        indexes = [
            models.Index(fields=["user_domain", "live_e164"], name="book_tenant"),
            models.Index(fields=["creator_moid", "starts_at"], name="book_creator"),
        ]

    def __str__(self) -> str:
        return f"{self.e164} {self.name}"


class InvitedAccount(models.Model):
    """A row says that a person with an account in the tenant is invited to a booked conference."""

    pk = models.CompositePrimaryKey("account", "bookid")
    account = models.CharField("MOID", max_length=40)
    bookid = models.CharField("reservation id", max_length=40, db_index=True)

    def __str__(self) -> str:
        return f"{self.account} is invited to {self.bookid}"


class CalendarFeed(models.Model):
    """A row says whether a person has a calendar feed (an address for calendar programs), and which address is valid.

    `generation` counts the addresses that it has had. `changed_at`: when a conference in it changed last.
    """

    account = models.CharField("MOID", max_length=40, primary_key=True)
    generation = models.PositiveIntegerField(default=0)
    is_on = models.BooleanField(default=True)
    language = models.CharField(max_length=16, blank=True, default="")
    changed_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"feed of {self.account}"


class Occurrence(models.Model):
    """A row is one occurrence (single meeting) of a reservation. They are planned some months ahead by a timer.

    The timer finds occurrences to start or to close by `due_at`. `is_long` marks the few long occurrences, so that a
    query for the places booked at a time reads few rows.
    """

    id = models.CharField(max_length=64, primary_key=True)
    bookid = models.CharField("reservation id", max_length=40)
    user_domain = models.CharField(max_length=40)
    creator_moid = models.CharField(max_length=40, blank=True)
    starts_at = models.DateTimeField("start")
    ends_at = models.DateTimeField("end")
    places = models.PositiveSmallIntegerField()
    is_long = models.BooleanField(default=False, editable=False)
    state = models.CharField(max_length=10)
    due_at = models.DateTimeField(null=True, editable=False)
    detail = models.JSONField()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="occurrence_due"),
            models.Index(fields=["bookid", "starts_at"], name="occurrence_book"),
            models.Index(fields=["state", "starts_at"], name="occurrence_start"),
            models.Index(fields=["user_domain", "state", "starts_at"], name="occurrence_tenant"),
            models.Index(fields=["creator_moid", "state", "starts_at"], name="occurrence_creator"),
            models.Index(
                fields=["is_long", "starts_at", "ends_at", "places", "state"],
                name="occurrence_places",
            ),
        ]

    def __str__(self) -> str:
        return self.id


class UsualLoad(models.Model):
    """A row says how many places conferences without a reservation usually use in one hour of the week, in UTC.

    `peak`: the highest number in the hour that began at `peak_hour`. `usual`: the moving average of the weeks' peaks.
    """

    hour = models.PositiveSmallIntegerField(primary_key=True)
    usual = models.FloatField(default=0)
    peak = models.PositiveIntegerField(default=0)
    peak_hour = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.usual:.0f} places in hour {self.hour} of the week"
