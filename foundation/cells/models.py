"""The register of a platform's data: who may write here, and under which epoch."""

from __future__ import annotations

from django.db import models


class Cell(models.Model):
    """A cell is one platform's data in this database. It is read at the start of every transaction.

    `owner` is the platform of the site that serves it now; a site that reads another owner than
    itself refuses every request and changes nothing.
    """

    platform = models.CharField(max_length=40, primary_key=True)
    owner = models.CharField(max_length=40)
    epoch = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.platform} served by {self.owner} (epoch {self.epoch})"
