"""Define the table of areas, into which a user domain sorts its meeting rooms (HTTP API §2.2)."""

from __future__ import annotations

from django.db import models


class MeetingRoomArea(models.Model):
    """A row is an area, such as a floor or a town, for a user domain's meeting rooms. Its name is unique there."""

    user_domain = models.CharField(max_length=40)
    area = models.CharField(max_length=60)

    class Meta:
        verbose_name = "meeting room area"
        constraints = [models.UniqueConstraint(fields=["user_domain", "area"], name="area_once")]

    def __str__(self) -> str:
        return self.area
