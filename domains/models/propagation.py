"""The models of propagation: a core's log and followers, and a platform's progress (ARCH §3.5)."""

from __future__ import annotations

from django.db import models


class Unprojected(models.Model):
    """A row marks a changed domain that is still to be written to Redis (see `data.redis_projection`)."""

    moid = models.CharField(max_length=40, primary_key=True)

    def __str__(self) -> str:
        return self.moid


# ---- propagation (ARCH §3.5): at the core ---------------------------------------------------------


class Counter(models.Model):
    """The counter holds the version that the core gave last, in its one row.

    The row is locked until a change commits, so that versions become visible in their order.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"version {self.version}"


class Change(models.Model):
    """A change of a domain or an account, with its content at that time. The changes are the core's log."""

    version = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=8)
    moid = models.CharField(max_length=40, db_index=True)
    op = models.CharField(max_length=3)
    content = models.JSONField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.version}: {self.op} {self.kind} {self.moid}"


class ChangeFor(models.Model):
    """A row says that a change concerns a platform."""

    pk = models.CompositePrimaryKey("platform", "version")
    platform = models.CharField(max_length=40)
    version = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.version} for {self.platform}"


class Follower(models.Model):
    """A follower is a platform that copies the tree of this core.

    `sent` is the last version that its broker has confirmed. The log holds all of the follower's changes above `base`.
    Without a `base` a full snapshot is sent to it, whose versions begin with `first` once sending has begun.
    """

    platform = models.CharField(max_length=40, primary_key=True)
    sent = models.BigIntegerField(default=0)
    base = models.BigIntegerField(null=True)
    first = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.platform} at {self.sent}"


# ---- propagation: at a platform -------------------------------------------------------------------


class Followed(models.Model):
    """The one row says how far this platform has come in following its core.

    `gap` says that changes are missing, which were asked for at `asked_at`. `wrong` is the reason why a change could
    not be applied, and "" if there is none.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    gap = models.BooleanField(default=False)
    wrong = models.CharField(max_length=400, default="", blank=True)

    def __str__(self) -> str:
        return f"at {self.version}"


class Applied(models.Model):
    """The version of a domain or an account that was applied last. It stays when the thing is deleted."""

    moid = models.CharField(max_length=40, primary_key=True)
    version = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.moid} at {self.version}"
