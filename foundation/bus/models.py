"""Define the models of messages: those to send (outbox), received requests (inbox), parked messages, and events.

Each platform's database has these tables.
"""

from __future__ import annotations

from django.db import models


class Outbox(models.Model):
    """An outbox row is a message to send. It is written in the transaction that causes it, and deleted once confirmed.

    Until `due_at` only the process that wrote the row sends it; after that any relay thread does.
    """

    id = models.BigIntegerField(primary_key=True)
    destination = models.CharField(max_length=40, default="", blank=True)
    exchange = models.CharField(max_length=64, blank=True)
    routing_key = models.CharField(max_length=255)
    body = models.BinaryField()
    properties = models.JSONField()
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "outbox"
        indexes = [models.Index(fields=["destination", "id"], name="outbox_way")]

    def __str__(self) -> str:
        return f"{self.exchange or 'default'} {self.routing_key}"


class Link(models.Model):
    """A link row stands for a peer (another platform) to whose broker we send. The sending process locks the row."""

    destination = models.CharField(max_length=40, primary_key=True)

    def __str__(self) -> str:
        return self.destination


class Inbox(models.Model):
    """An inbox row is a request that was received, and its one answer. It is stored for 24 hours."""

    key = models.CharField(max_length=64, primary_key=True)
    wire_type = models.CharField(max_length=64)
    digest = models.CharField(max_length=32)
    reqid = models.CharField(max_length=64, blank=True)
    e164 = models.CharField(max_length=16, blank=True)
    reply_to = models.CharField(max_length=255, blank=True)
    correlation_id = models.CharField(max_length=255, blank=True)
    origin = models.CharField(max_length=8, default="mq")
    answer = models.BinaryField(null=True)
    answered = models.BooleanField(default=False)
    taken_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "inbox"
        indexes = [models.Index(fields=["e164", "answered"], name="inbox_open")]

    def __str__(self) -> str:
        return f"{self.wire_type} {self.reqid or self.key[:8]}"


class Parked(models.Model):
    """A parked row is a message that could not be handled. A copy of it is in the queue `mau.dead.q`."""

    id = models.BigIntegerField(primary_key=True)
    queue = models.CharField("source queue", max_length=255)
    reason = models.CharField(max_length=500)
    wire_type = models.CharField("type", max_length=64, blank=True)
    body = models.BinaryField()
    properties = models.JSONField()
    parked_at = models.DateTimeField(db_index=True)
    retried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "parked messages"
        ordering = ["-parked_at"]

    def __str__(self) -> str:
        return f"{self.wire_type or 'unreadable'} from {self.queue}"


class Event(models.Model):
    """A row is an event: a change of which client applications that listen for its user domain are told.

    Kept for a day. `seq` counts the events of a user domain, one by one, in the order in which their transactions
    have committed.
    """

    id = models.BigIntegerField(primary_key=True)
    user_domain = models.CharField(max_length=40)
    seq = models.PositiveBigIntegerField()
    channel = models.CharField(max_length=255)
    body = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_domain", "seq"], name="event_order")]

    def __str__(self) -> str:
        return f"{self.seq} {self.channel}"


class EventCounter(models.Model):
    """A counter row holds the number of the last event of a user domain. It never goes back, and is never deleted."""

    user_domain = models.CharField(max_length=40, primary_key=True)
    seq = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.seq} events of {self.user_domain}"
