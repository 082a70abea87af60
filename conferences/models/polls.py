"""Define the tables of polls that people in a call hold, and of their votes; they stay with the conference."""

from __future__ import annotations

from django.db import models

from foundation.clock import next_id


class Poll(models.Model):
    """A row is a poll: a question with answers to choose from. `version` rises with each change, also with each vote.

    `asker`: the MOID of the account, or the id of the guest's browser, that has asked. `key`: the page's own id of
    the question, by which a repeated request stores no second one.
    """

    id = models.BigIntegerField(primary_key=True, default=next_id, editable=False)
    confid = models.CharField("meeting id", max_length=40)
    key = models.CharField(max_length=64, db_collation="utf8mb4_bin")
    question = models.CharField(max_length=200)
    answers = models.JSONField()
    multiple = models.BooleanField(default=False)
    anonymous = models.BooleanField(default=False)
    asker = models.CharField(max_length=40)
    asked_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["confid", "key"], name="poll_once")]
        indexes = [models.Index(fields=["confid", "version"], name="poll_news")]

    def __str__(self) -> str:
        return self.question


class PollVote(models.Model):
    """A row says which answers (by index) somebody has chosen. In an anonymous poll `voter` is a hash, `name` empty."""

    pk = models.CompositePrimaryKey("poll_id", "voter")
    poll = models.ForeignKey(Poll, on_delete=models.CASCADE, db_index=False)
    voter = models.CharField(max_length=40)
    name = models.CharField(max_length=64, blank=True)
    choices = models.JSONField()

    def __str__(self) -> str:
        return f"{self.poll_id}: {self.choices}"
