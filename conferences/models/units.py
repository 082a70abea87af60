"""Define the table of media units, recorders and mixers."""

from __future__ import annotations

from django.db import models


class ResourceUnit(models.Model):
    """A row is a media unit, recorder or mixer (resource) that has registered.

    Decisions of operators about it (`draining`) are stored here, because they must outlive Redis.
    """

    id = models.BigAutoField(primary_key=True)
    restype = models.CharField("type", max_length=3)
    ip = models.CharField("address", max_length=64)
    pid = models.CharField("instance", max_length=16, blank=True)
    room = models.CharField("room MOID", max_length=40, blank=True)
    platform = models.CharField("platform MOID", max_length=40, blank=True)
    capacity = models.JSONField(default=dict)
    labels = models.JSONField(null=True, blank=True)
    draining = models.BooleanField(default=False)
    online = models.BooleanField(default=True)
    registered_at = models.DateTimeField()

    class Meta:
        verbose_name = "media unit"
        constraints = [
            models.UniqueConstraint(fields=["restype", "ip", "pid"], name="one_row_per_unit")
        ]

    def __str__(self) -> str:
        return f"{self.restype} {self.ip}{':' + self.pid if self.pid else ''}"
