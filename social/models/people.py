"""The tables of contacts' labels, cards, privacy choices, numbers, address books and invitations."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from foundation.clock import next_id
from im.models import choices_of
from social.rules.cards import FoundBy, Matching, ShownTo


class Label(models.Model):
    """Represent a label that a person puts on contacts. A row without a name is a deleted label.

    It still excludes the people who had it from the posts (moments) that name it.
    """

    id = models.BigIntegerField(primary_key=True, default=next_id, editable=False)
    owner = models.CharField(max_length=40)
    name = models.CharField(max_length=64, null=True)
    shows_presence = models.BooleanField(
        default=True, help_text="People with this label see whether the owner is online."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="social_label_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.owner}"


class LabelMember(models.Model):
    """Represent a contact who has a label."""

    pk = models.CompositePrimaryKey("label_id", "user")
    label = models.ForeignKey(Label, on_delete=models.CASCADE)
    user = models.CharField(max_length=40, db_index=True)

    def __str__(self) -> str:
        return f"{self.user} has {self.label_id}"


class CardField(models.Model):
    """Represent a field of a person's card (profile), and to whom it is shown."""

    pk = models.CompositePrimaryKey("user", "name")
    user = models.CharField(max_length=40)
    name = models.CharField(max_length=16)
    value = models.CharField(max_length=2000)
    shown_to = models.CharField(max_length=10, choices=choices_of(ShownTo))

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class Profile(models.Model):
    """Represent the privacy choices of a person, the use of the address book, and which notices were seen."""

    user = models.CharField(max_length=40, primary_key=True)
    found_by = models.CharField(
        max_length=10, choices=choices_of(FoundBy), default=FoundBy.EVERYBODY
    )
    matching = models.CharField(
        max_length=10, choices=choices_of(Matching), default=Matching.MUTUAL
    )
    suggested = models.BooleanField(default=True, help_text="Shown to others as an acquaintance.")
    seen_id = models.BigIntegerField(default=0, help_text="Notices up to it were seen.")
    book_started = models.DateField(null=True)
    book_day = models.DateField(null=True)
    book_new = models.PositiveIntegerField(default=0, help_text="New numbers on `book_day`.")

    def __str__(self) -> str:
        return self.user


class ConfirmedNumber(models.Model):
    """Represent a telephone number that a person has confirmed, as HMAC with the server's secret."""

    hmac = models.CharField(max_length=64, primary_key=True)
    user = models.CharField(max_length=40, db_index=True)
    confirmed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"a number of {self.user}"


class NumberCode(models.Model):
    """Represent a code that was sent to a telephone number, with which its owner confirms it."""

    user = models.CharField(max_length=40, primary_key=True)
    hmac = models.CharField(max_length=64)
    code_hash = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    day = models.DateField()
    sent_today = models.PositiveSmallIntegerField(default=1)

    def __str__(self) -> str:
        return f"code for {self.user}"


class BookEntry(models.Model):
    """Represent a telephone number in a person's address book, as HMAC with the server's secret."""

    pk = models.CompositePrimaryKey("owner", "hmac")
    owner = models.CharField(max_length=40)
    hmac = models.CharField(max_length=64, db_index=True)

    def __str__(self) -> str:
        return f"a number in the book of {self.owner}"


class BookDay(models.Model):
    """Represent the number of new telephone numbers that the address books of a tenant took on one day."""

    pk = models.CompositePrimaryKey("domain", "day")
    domain = models.CharField(max_length=40)
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.domain} on {self.day}"


class Invitation(models.Model):
    """Represent an invitation by a link of one use: whoever follows it becomes a contact of the inviting person."""

    code_hash = models.CharField(max_length=64, primary_key=True)
    inviter = models.CharField(max_length=40)
    domain = models.CharField(max_length=40)
    circle = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_by = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["inviter", "created_at"], name="social_invited_by")
        ]

    def __str__(self) -> str:
        return f"invitation by {self.inviter}"


class OutgoingText(models.Model):
    """Represent a text message or an e-mail that is to be sent, or was sent in the last days."""

    id = models.BigIntegerField(primary_key=True, default=next_id, editable=False)
    to = models.CharField("recipient", max_length=254, help_text="A number, or an e-mail address.")
    subject = models.CharField(max_length=128, blank=True, default="")
    text = models.TextField(max_length=2000, blank=True, help_text="Empty once it was sent.")
    calendar = models.TextField(blank=True, default="", help_text="Empty once it was sent.")
    method = models.CharField("method of the calendar", max_length=10, blank=True, default="")
    reply_to = models.CharField(max_length=254, blank=True, default="")
    thread = models.CharField(
        max_length=40, blank=True, default="", help_text="Sent in order to each recipient."
    )
    causer = models.CharField("caused by", max_length=40, blank=True, default="")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, db_index=True, help_text="The next try.")
    sent_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField("last error", max_length=200, blank=True, default="")

    class Meta:
        verbose_name = "outgoing text"
        indexes: ClassVar = [
            models.Index(fields=["thread", "due_at"], name="social_text_thread"),
            models.Index(fields=["causer", "created_at"], name="social_text_causer"),
            models.Index(fields=["created_at"], name="social_text_created"),
        ]

    def __str__(self) -> str:
        return f"text to {self.to}"


class NumberExchange(models.Model):
    """An exchange of telephone numbers of two people: asked for, or agreed, when each sees the other's number."""

    pk = models.CompositePrimaryKey("owner", "other")
    owner = models.CharField(max_length=40)
    other = models.CharField(max_length=40, db_index=True)
    state = models.CharField(
        max_length=8, choices=[(word, word) for word in ("asking", "asked", "agreed")]
    )

    def __str__(self) -> str:
        return f"{self.owner} {self.state} {self.other}"
