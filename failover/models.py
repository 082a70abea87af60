"""Define the tables of failover: the register of owners with its events and reports; pulses, machine rooms, notices.

The register says which site serves each platform. It, its events and the agents' reports are read and
written in the core domain's database alone: by `data/cells/register.py` (by compare-and-set, in one
transaction with the event that says why), and by the pages and commands that show it or add an operator's
request. The other tables lie in the database of each platform, and are copied with it to the backup site.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Register(models.Model):
    """A register row says which site owns a platform's data, that is, serves the platform and may write.

    `(epoch, owner, solo)` is changed by compare-and-set only.
    """

    platform = models.CharField(max_length=40, primary_key=True)
    home = models.CharField(max_length=40, help_text="The site whose platform it is.")
    backup = models.CharField(max_length=40, help_text="The site that holds the copy.")
    epoch = models.PositiveBigIntegerField(default=1)
    owner = models.CharField(max_length=40, help_text="The site that serves it now.")
    solo = models.BooleanField(
        default=True, help_text="The owner commits alone: the other copy may lack the last writes."
    )
    forced = models.BooleanField(
        default=False, help_text="The last takeover may have left acknowledged writes behind."
    )
    mode = models.CharField(
        max_length=8,
        default="auto",
        choices=[("auto", "automatic"), ("manual", "manual, on: backup serves"), ("off", "off")],
    )
    wish = models.CharField(max_length=40, default="", blank=True, help_text="Who shall own it.")
    wish_by = models.CharField(max_length=64, default="", blank=True)
    wish_force = models.BooleanField(default=False, help_text="Even if writes may be lost.")
    wish_fence = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The owner's database is killed, and stays down until then.",
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(mode__in=["auto", "manual", "off"]), name="register_mode"
            ),
            models.CheckConstraint(
                condition=models.Q(owner=models.F("home")) | models.Q(owner=models.F("backup")),
                name="register_owner_is_home_or_backup",
            ),
        ]

    def __str__(self) -> str:
        alone = ", solo" if self.solo else ""
        return f"{self.platform} served by {self.owner} (epoch {self.epoch}{alone})"


class FailoverEvent(models.Model):
    """A row is one change of the register of owners, written with time and reason in the same transaction."""

    platform = models.CharField(max_length=40)
    at = models.DateTimeField(help_text="By the register's clock.")
    site = models.CharField(max_length=40, help_text="Whose agent did it.")
    kind = models.CharField(max_length=16)
    epoch = models.PositiveBigIntegerField()
    owner = models.CharField(max_length=40)
    solo = models.BooleanField()
    automatic = models.BooleanField(default=False, help_text="Counts against the hourly limit.")
    because = models.CharField(max_length=255)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["platform", "at"])]

    def __str__(self) -> str:
        return f"{self.platform} epoch {self.epoch}: {self.because}"


class CellReport(models.Model):
    """A cell report is the last report of a site's agent about its database of a platform.

    An old report means that the agent is dead or cut off from the register.
    """

    platform = models.CharField(max_length=40)
    site = models.CharField(max_length=40)
    at = models.DateTimeField(help_text="By the register's clock.")
    role = models.CharField(max_length=16)
    well = models.BooleanField(help_text="The site could serve it.")
    lag = models.PositiveBigIntegerField(null=True, help_text="Transactions behind the owner.")
    sentence = models.CharField(max_length=255)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["platform", "site"], name="report_of_a_cell_at_a_site")
        ]

    def __str__(self) -> str:
        return f"{self.site}, {self.platform}: {self.sentence}"


class Pulse(models.Model):
    """The pulse is a counter per platform that grows while the workers of the serving site are alive."""

    platform = models.CharField(max_length=40, primary_key=True)
    beats = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.platform}: {self.beats}"


class RoomWatch(models.Model):
    """A row is the state of a machine room as the platform management (PMS) sees it.

    `mode` is the operator's choice: "on" declares the room abnormal (not to be used), "off" keeps it normal.
    """

    room = models.CharField("room MOID", max_length=40, primary_key=True)
    mode = models.CharField(
        max_length=4,
        default="auto",
        choices=[("auto", "automatic"), ("on", "abnormal"), ("off", "never abnormal")],
    )
    abnormal = models.BooleanField(default=False)
    since = models.DateTimeField(null=True, help_text="When its units began to say the opposite.")
    number = models.PositiveBigIntegerField(default=0, help_text="Of its last notice.")
    changed_at = models.DateTimeField(null=True)
    because = models.CharField(max_length=255, default="", blank=True)

    def __str__(self) -> str:
        return f"{self.room}: {'abnormal' if self.abnormal else 'normal'}"


class Heard(models.Model):
    """A row holds the newest notice about a machine room or a platform that CSS, the scheduler, has received.

    Older notices are dropped.
    """

    subject = models.CharField(max_length=48, primary_key=True)
    epoch = models.PositiveBigIntegerField(default=0)
    number = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=8, default="normal")
    serving = models.CharField(max_length=40, default="", blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.subject} is {self.state} ({self.epoch}, {self.number})"
