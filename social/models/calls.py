"""Define the tables of calls and voicemail."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from foundation.clock import next_id


class Call(models.Model):
    """A call of one person to another, from the first ring to the record of how it ended."""

    id = models.BigIntegerField(primary_key=True, default=next_id, editable=False)
    session = models.BigIntegerField(
        db_index=True, help_text="The call that began the conference which this one is carried by."
    )
    conversation = models.BigIntegerField(default=0, help_text="Of the two people; 0: none.")
    domain = models.CharField(max_length=40, help_text="The caller's user domain.")
    caller = models.CharField(max_length=40)
    caller_name = models.CharField(max_length=64)
    caller_device = models.CharField(max_length=64)
    callee = models.CharField(max_length=40)
    callee_name = models.CharField(max_length=64)
    request_key = models.CharField(
        max_length=64,
        null=True,
        db_collation="utf8mb4_bin",
        help_text="The caller's own id of the request.",
    )
    state = models.CharField(max_length=8)
    reason = models.CharField(max_length=20, blank=True, default="")
    ended_by = models.CharField(max_length=40, blank=True, default="")
    answered_by = models.CharField(max_length=64, blank=True, default="", help_text="A device.")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    ring_until = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="When a timer has to look at it next.")
    live = models.GeneratedField(
        expression=models.Case(
            models.When(state="ended", then=models.Value(None)), default=models.Value(1)
        ),
        output_field=models.PositiveSmallIntegerField(null=True),
        db_persist=False,
    )
    e164 = models.CharField(max_length=16, blank=True, default="")
    confid = models.CharField(max_length=64, blank=True, default="")
    is_released = models.BooleanField(default=False, help_text="Its conference needs no end.")
    left_by = models.CharField(max_length=40, blank=True, default="")
    voicemail_seq = models.BigIntegerField(default=0, help_text="The message's place in the log.")
    heard_seq = models.BigIntegerField(default=0, help_text="The event's place in the log.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["caller", "request_key"], name="social_call_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="social_call_due"),
            models.Index(fields=["live"], name="social_call_live"),
            models.Index(fields=["caller", "id"], name="social_call_caller"),
            models.Index(fields=["callee", "id"], name="social_call_callee"),
        ]

    def __str__(self) -> str:
        return f"{self.caller_name} to {self.callee_name}: {self.state}"


class CallGreeting(models.Model):
    """Represent the greeting that callers hear before they leave a person a voicemail."""

    user = models.CharField(max_length=40, primary_key=True)
    file = models.UUIDField(help_text="An upload of this person.")
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.user
