"""The table of the number registry (UPU, CSS §7)."""

from __future__ import annotations

from django.db import models

from conferences.rules.registry_entries import ConfType


class RegisteredNumber(models.Model):
    """A row is what a number is, and where, as the scheduler of any site has told this site's registry.

    What runs under a number and what the number is kept for are two rows. `version` grows with each notice, so that
    one that comes late changes nothing; a row that is `gone` is kept for an hour for the same reason.
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
    """A row is another platform of whose numbers this site has told its registry, to withdraw them when it is handed back."""

    platform = models.CharField(max_length=40, primary_key=True)

    def __str__(self) -> str:
        return self.platform
