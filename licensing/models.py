"""Licences, and the count of what they limit (CSS §4)."""

from __future__ import annotations

from django.db import models


class Licence(models.Model):
    """How much a platform domain may do, from when till when. Only the newest issue counts."""

    platform = models.CharField("platform MOID", max_length=40)
    issue = models.PositiveIntegerField(default=1)
    small_conferences = models.PositiveIntegerField()
    large_conferences = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    evaluation = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "issue"], name="one_licence_per_issue")
        ]

    def __str__(self) -> str:
        kind = "evaluation licence" if self.evaluation else "licence"
        return f"{kind} {self.issue} of {self.platform}"


class Quota(models.Model):
    """Seats taken by the conferences of a platform or user domain that are not ended.

    Changed only in the transaction that creates or ends a conference.
    """

    owner = models.CharField("domain MOID", max_length=40, primary_key=True)
    small_used = models.IntegerField(default=0)
    large_used = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(small_used__gte=0, large_used__gte=0), name="seats_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"{self.owner}: {self.small_used} small, {self.large_used} large"
