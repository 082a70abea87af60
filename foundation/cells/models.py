"""Define the model that says, in each platform's database, which site serves the platform and may write."""

from __future__ import annotations

from django.db import models


class Cell(models.Model):
    """A cell is one platform's data. This row of it is read at the start of every transaction.

    `owner` is the platform of the site that serves the data now. A site that reads another owner than itself refuses
    every request and changes nothing. `epoch` grows by one with each new owner.
    """

    platform = models.CharField(max_length=40, primary_key=True)
    owner = models.CharField(max_length=40)
    epoch = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.platform} served by {self.owner} (epoch {self.epoch})"
