"""Define the table of virtual rooms."""

from __future__ import annotations

from django.db import models

from conferences.models.templates import StoredConference


class VirtualRoom(StoredConference):
    """A row is a virtual room: a permanent number, whose conference begins when the first person enters."""

    class Meta:
        verbose_name = "virtual room"
        indexes = [models.Index(fields=["user_domain", "created_at"], name="room_of_tenant")]
        constraints = [models.UniqueConstraint(fields=["name"], name="virtual_room_name")]
