"""Define the table of the number registry (UPU, CSS §7)."""

from __future__ import annotations

from django.db import models

from conferences.rules.registry_entries import ConfType


class RegisteredNumber(models.Model):
    """A row is an entry of this site's number registry (UPU), as a scheduler of any site has reported it.

    A number has one row for a running conference, and one for the reservation, template or virtual room for which it
    is reserved. `version` grows with each report, so that a late report changes nothing; for the same reason the row
    of a deleted entry (`gone`) is kept for an hour.
    """

    id = models.BigAutoField(primary_key=True)
    e164 = models.CharField("number", max_length=16)
    running = models.BooleanField()
    conftype = models.PositiveSmallIntegerField(
        "kind", choices=[(kind.value, kind.name.lower()) for kind in ConfType]
    )
    name = models.CharField(max_length=64)
    user_domain = models.CharField(max_length=40)
    platform = models.CharField(max_length=40)
    state = models.CharField(max_length=10)
    version = models.BigIntegerField()
    gone = models.BooleanField(default=False)
    told_at = models.DateTimeField("told")

    class Meta:
        verbose_name = "registered number"
        indexes = [
            models.Index(fields=["user_domain", "e164"], name="registered_of_tenant"),
            models.Index(fields=["platform", "e164"], name="registered_of_platform"),
            models.Index(fields=["gone", "told_at"], name="registered_gone"),
        ]
        constraints = [models.UniqueConstraint(fields=["e164", "running"], name="registered_once")]

    def __str__(self) -> str:
        return f"{self.e164} {self.name}"


class NumberReport(models.Model):
    """A row names another platform that this site serves or served; this site's number registry has its numbers.

    The numbers are withdrawn from the registry when the platform's own site serves it again; then the row is deleted.
    """

    platform = models.CharField(max_length=40, primary_key=True)

    def __str__(self) -> str:
        return self.platform
