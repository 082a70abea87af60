"""Define the tables of licences, and of the amounts in use that they limit (CSS §4)."""

from __future__ import annotations

from django.db import models


class Licence(models.Model):
    """A row is one issue (numbered edition) of a platform's licence; only the newest issue counts.

    A licence limits what a platform may do, and from when to when. Only the sealed text is valid:
    the columns of limits and validity are for people, so altering them changes nothing. The limits
    of the evaluation licence (issue 0) are in the code.
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
    """A row holds the limits that were last published to a platform, so that only changes are published.

    `body` is the message. `seen_at` is the latest time of the database that was seen, so that a
    clock that is set back makes no licence valid for longer.
    """

    platform = models.CharField("platform MOID", max_length=40, primary_key=True)
    body = models.BinaryField()
    at = models.DateTimeField()
    seen_at = models.DateTimeField("latest time seen", null=True, blank=True)

    class Meta:
        verbose_name_plural = "published"

    def __str__(self) -> str:
        return f"what {self.platform} was told at {self.at}"


class Quota(models.Model):
    """A row counts what the live conferences of a platform or user domain (`owner`) use of the licence.

    It changes only in the transaction that changes a conference. Terminals, monitors and ports are counted for
    platforms only.
    """

    owner = models.CharField("domain MOID", max_length=40, primary_key=True)
    small_used = models.IntegerField(default=0)
    large_used = models.IntegerField(default=0)
    software_terminals = models.IntegerField(default=0)
    hardware_terminals = models.IntegerField(default=0)
    monitors = models.IntegerField(default=0)
    media_ports = models.IntegerField(default=0)
    access_ports = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(small_used__gte=0, large_used__gte=0), name="seats_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"{self.owner}: {self.small_used} small, {self.large_used} large"
