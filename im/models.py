"""The tables of instant messaging lie in the data of the platform that owns the conversations.

A conversation is a log. Whatever is written or done in it is an `Entry` with the next `seq`, which
is assigned under the lock of the conversation's row, in the transaction that stores the entry (see
`data/journal.py`).
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from domains.models import Account, Domain
from foundation.clock import next_id
from im.rules.vocabulary import Joining, Kind, Membership, Role


def choices_of(words: type[StrEnum]) -> list[tuple[str, str]]:
    """Return the values of an enumeration as choices of a column."""
    return [(word.value, word.value) for word in words]


class Conversation(models.Model):
    """Represent a chat conversation of people, and how far its log of messages and events has come."""

    id = models.BigIntegerField(primary_key=True, default=next_id, editable=False)
    kind = models.CharField(max_length=10, choices=choices_of(Kind))
    name = models.CharField(max_length=128, blank=True, default="")
    notice = models.TextField(max_length=2000, blank=True, default="")
    domain = models.CharField(max_length=40, db_index=True, help_text="Its creator's user domain.")
    creator = models.CharField(max_length=40)
    pair = models.CharField(
        max_length=81, null=True, unique=True, help_text="One-to-one: both ids, the lesser first."
    )
    confid = models.CharField(
        max_length=64, null=True, unique=True, help_text="The conference whose conversation it is."
    )
    joining = models.CharField(max_length=8, choices=choices_of(Joining), default=Joining.INVITE)
    mute_all = models.BooleanField(default=False, help_text="Only owner and administrators speak.")
    closed = models.BooleanField(default=False)
    pins = models.JSONField(default=list, help_text="seq of pinned messages")
    last_seq = models.BigIntegerField(default=0)
    messages = models.BigIntegerField(default=0, help_text="How many of its entries are messages.")
    latest_at = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="The time of its latest entry, in microseconds since 1970.",
    )
    members = models.PositiveIntegerField(default=0)
    members_version = models.BigIntegerField(default=0, help_text="Grows with each change of them.")
    created_at = models.DateTimeField(auto_now_add=True)
    searched_seq = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="The search index has what is up to it."
    )
    to_index = models.GeneratedField(
        expression=models.Case(
            models.When(last_seq__gt=models.F("searched_seq"), then=models.Value(1)),
            default=models.Value(None),
        ),
        output_field=models.PositiveSmallIntegerField(null=True),
        db_persist=False,
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["to_index"], name="im_to_index"),
            models.Index(fields=["kind", "closed"], name="im_conversation_open"),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.pk}"


class Member(models.Model):
    """Represent a person in a conversation, and what that person has read."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="people")
    user = models.CharField(max_length=40)
    name = models.CharField(max_length=64, help_text="As others see it.")
    role = models.CharField(max_length=8, choices=choices_of(Role), default=Role.MEMBER)
    state = models.CharField(
        max_length=8, choices=choices_of(Membership), default=Membership.ACTIVE
    )
    since_seq = models.BigIntegerField(default=0, help_text="Sees what came after it.")
    until_seq = models.BigIntegerField(null=True, help_text="Left: sees nothing after it.")
    read_seq = models.BigIntegerField(default=0)
    read_messages = models.BigIntegerField(default=0, help_text="Messages up to `read_seq`.")
    cleared_seq = models.BigIntegerField(default=0, help_text="Deleted for oneself up to it.")
    muted_until = models.DateTimeField(null=True)
    quiet = models.BooleanField(default=False, help_text="Do not disturb.")
    pinned = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "user"], name="im_member_once")
        ]
        indexes: ClassVar = [models.Index(fields=["user", "state"], name="im_member_of")]

    def __str__(self) -> str:
        return f"{self.user} in {self.conversation_id}"


class Entry(models.Model):
    """Represent an entry of a conversation's log, such as a message or an edit; `seq` is its number in the log.

    `msg_id` on the wire is `<conversation>.<seq>`.
    """

    pk = models.CompositePrimaryKey("conversation_id", "seq")
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, db_constraint=False, db_index=False
    )
    seq = models.BigIntegerField()
    cmd = models.CharField(max_length=12)
    sender = models.CharField(max_length=40)
    sender_name = models.CharField(max_length=64)
    client_msg_id = models.CharField(max_length=64, null=True, db_collation="utf8mb4_bin")
    type = models.CharField(max_length=8, default="")
    body = models.TextField(default="")
    data = models.JSONField(null=True, help_text="What else belongs to it, by `cmd`.")
    number = models.BigIntegerField(default=0, help_text="Which message of the conversation.")
    edited_seq = models.BigIntegerField(null=True, help_text="`body` is as this entry left it.")
    recalled_seq = models.BigIntegerField(null=True, help_text="Taken back by this entry.")
    sent_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation", "sender", "client_msg_id"], name="im_entry_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}.{self.seq}"


class Hidden(models.Model):
    """Represent a message that a person has deleted from the own view."""

    pk = models.CompositePrimaryKey("user", "conversation_id", "seq")
    user = models.CharField(max_length=40)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, db_constraint=False)
    seq = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.conversation_id}.{self.seq} for {self.user}"


class Gram(models.Model):
    """Represent a row of the search index: the text of this message of a conversation contains this gram.

    A gram is a word or a pair of characters (`rules/bigrams.py`).
    """

    pk = models.CompositePrimaryKey("conversation_id", "gram", "place")
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, db_constraint=False, db_index=False
    )
    gram = models.CharField(max_length=24, db_collation="utf8mb4_bin")
    place = models.BigIntegerField(help_text="Its time and its seq.")

    def __str__(self) -> str:
        return f"{self.gram} in {self.conversation_id}"


class File(models.Model):
    """Represent an uploaded file, which the members of the conversations that use it may fetch (IM §9.5)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.CharField(max_length=40)
    name = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text="bytes")
    received = models.BigIntegerField(default=0, help_text="bytes that are here")
    content_type = models.CharField(max_length=100, default="", help_text="By its content.")
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    has_thumbnail = models.BooleanField(default=False)
    ready = models.BooleanField(default=False)
    used = models.BooleanField(default=False, help_text="Some message carries it.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["used", "created_at"], name="im_file_unused"),
            models.Index(fields=["owner", "size"], name="im_file_owner"),
        ]

    def __str__(self) -> str:
        return self.name


class FileUse(models.Model):
    """Represent the use of a file in a conversation, and how many messages carry it there."""

    pk = models.CompositePrimaryKey("file_id", "conversation_id")
    file = models.ForeignKey(File, on_delete=models.CASCADE)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, db_constraint=False)
    messages = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.file_id} in {self.conversation_id}"


class Contact(models.Model):
    """A person in another's list of contacts; both sides have a row."""

    owner = models.CharField(max_length=40)
    other = models.CharField(max_length=40)
    name = models.CharField(max_length=64, blank=True, default="", help_text="The owner's word.")
    note = models.CharField(
        max_length=2000, blank=True, default="", db_default="", help_text="For the owner alone."
    )
    state = models.CharField(
        max_length=8,
        choices=[(s, s) for s in ("asking", "asked", "friend", "blocked")],
    )
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "other"], name="im_contact_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner", "state"], name="im_contact_by"),
            models.Index(fields=["other", "state"], name="im_contact_in"),
        ]

    def __str__(self) -> str:
        return f"{self.owner} {self.state} {self.other}"


class Preference(models.Model):
    """Represent the settings of one person for all of instant messaging."""

    user = models.CharField(max_length=40, primary_key=True)
    hides_presence = models.BooleanField(
        default=False,
        help_text="Contacts see this person as offline, and are told of nothing else.",
    )

    def __str__(self) -> str:
        return self.user


class Revocation(models.Model):
    """Represent a revocation of one token by its id, or of all tokens that a person got up to `at`."""

    user = models.CharField(max_length=40)
    token = models.CharField(max_length=32, blank=True, default="", help_text="Empty: all of them.")
    at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField(db_index=True, help_text="None of them lives longer.")

    def __str__(self) -> str:
        return f"{self.user} {self.token or 'all'}"


_PORT = [MinValueValidator(1), MaxValueValidator(65535)]


class _ConfiguredServer(models.Model):
    """Represent the fields that load balancers and media servers have in common (IM §10.3)."""

    server_id = models.CharField(max_length=32, unique=True)
    local_host1 = models.GenericIPAddressField("first local address")
    local_host2 = models.GenericIPAddressField("second local address", null=True, blank=True)
    http_listen_port = models.PositiveIntegerField(default=80, validators=_PORT)
    rtsp_listen_port = models.PositiveIntegerField(default=554, validators=_PORT)
    log_save_days = models.PositiveIntegerField(default=7)
    log_level = models.PositiveSmallIntegerField(
        default=3, help_text="1 to 5", validators=[MinValueValidator(1), MaxValueValidator(5)]
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.server_id


class BalanceServer(_ConfiguredServer):
    """Define the configuration of a load balancer, which the message center sends to it."""

    virtual_host1 = models.GenericIPAddressField("first virtual address")
    virtual_host2 = models.GenericIPAddressField("second virtual address", null=True, blank=True)


class MediaServer(_ConfiguredServer):
    """Define the configuration of a media server, which the message center sends to it."""

    rtc_tcp_listen_port = models.PositiveIntegerField(default=8000, validators=_PORT)
    rtc_udp_listen_port = models.PositiveIntegerField(default=8000, validators=_PORT)


class Broadcast(models.Model):
    """Represent a message of an administrator to everybody in a domain and the domains below it."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, db_constraint=False)
    by = models.CharField(max_length=150, help_text="The administrator's name.")
    text = models.TextField(max_length=2000)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.text[:40]


class Plugin(models.Model):
    """Represent a plugin that a process of this site has used, and whether it is switched on."""

    name = models.CharField(max_length=20, primary_key=True)
    place = models.CharField(max_length=40, help_text="The group of its entry point.")
    version = models.CharField(max_length=40, blank=True, default="")
    is_on = models.BooleanField("switched on", default=True)
    fault = models.CharField(
        max_length=300, blank=True, default="", help_text="Why it was put out; empty: it was not."
    )
    changed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Listener(Account):  # type: ignore[django-manager-missing]  # of relations of the OAuth2 toolkit, which has no types
    """An account whose owner is online, for the pages of administrators."""

    class Meta:
        proxy = True
        verbose_name = "person online"
        verbose_name_plural = "people online"
