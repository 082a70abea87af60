"""The table of how long tenants keep their recordings."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

MOST_DAYS = 3650


class RecordingRule(models.Model):
    """A row says for how many days a user domain keeps its recordings; without one they are kept until deleted.

    Then they go into the wastebasket, from which they are deleted for good 30 days later.
    """

    user_domain = models.CharField(max_length=40, unique=True)
    kept_days = models.PositiveSmallIntegerField(
        "days", validators=[MinValueValidator(1), MaxValueValidator(MOST_DAYS)]
    )

    class Meta:
        verbose_name = "retention of recordings"
        verbose_name_plural = "retention of recordings"

    def __str__(self) -> str:
        return f"{self.kept_days} days"
