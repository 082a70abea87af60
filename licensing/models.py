"""Licences, and the count of what they limit (CSS §4)."""

from __future__ import annotations

from django.db import models


class Licence(models.Model):
    """How much a platform domain may do, from when till when. Only the newest issue counts.

    The sealed text is the licence; the columns of limits and validity are read by people alone, so
    that altering them alters nothing. Of the evaluation licence (issue 0) the limits lie in the code.
    """

    platform = models.CharField("platform MOID", max_length=40)
    issue = models.PositiveIntegerField(default=1)
    sealed = models.TextField("sealed text", blank=True, default="")
    small_conferences = models.PositiveIntegerField()
    large_conferences = models.PositiveIntegerField()
    software_terminals = models.PositiveIntegerField(default=0)
    hardware_terminals = models.PositiveIntegerField(default=0)
    monitors = models.PositiveIntegerField(default=0)
    media_ports = models.PositiveIntegerField(default=0)
    access_ports = models.PositiveIntegerField(default=0)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    evaluation = models.BooleanField(default=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "issue"], name="one_licence_per_issue")
        ]

    def __str__(self) -> str:
        kind = "evaluation licence" if self.evaluation else "licence"
        return f"{kind} {self.issue} of {self.platform}"


class Published(models.Model):
    """The licence in force as a platform was told it last: it is told each change once."""

    platform = models.CharField("platform MOID", max_length=40, primary_key=True)
    body = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "published"

    def __str__(self) -> str:
        return f"what {self.platform} was told at {self.at}"


class ResourceCount(models.Model):
    """Terminals, monitors and ports in use at a site; changed only in the transaction that takes or
    gives back. The limit is the licence in force, summed over possible platforms."""

    platform = models.CharField("platform MOID", max_length=40)
    resource = models.CharField(max_length=24)
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "resource"], name="one_count_per_resource")
        ]

    def __str__(self) -> str:
        return f"{self.platform}: {self.used} {self.resource}"


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
