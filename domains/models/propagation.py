"""The models of propagation: what the core keeps of its followers, and what a platform keeps of its core (ARCH §3.5)."""

from __future__ import annotations

from django.db import models


class Unprojected(models.Model):
    """A domain whose change has committed and is still to be written to Redis (see `projection`)."""

    moid = models.CharField(max_length=40, primary_key=True)

    def __str__(self) -> str:
        return self.moid


# ---- propagation (ARCH §3.5): at the core ---------------------------------------------------------


class Counter(models.Model):
    """The version given last. Its one row is locked until a change commits: versions become
    visible in their order."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"version {self.version}"


class Change(models.Model):
    """One change of a domain or an account, and what it was then: the log that platforms follow."""

    version = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=8)
    moid = models.CharField(max_length=40, db_index=True)
    op = models.CharField(max_length=3)
    content = models.JSONField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.version}: {self.op} {self.kind} {self.moid}"


class ChangeFor(models.Model):
    """A platform that a change concerns."""

    pk = models.CompositePrimaryKey("platform", "version")
    platform = models.CharField(max_length=40)
    version = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.version} for {self.platform}"


class Follower(models.Model):
    """A platform that follows: `sent` is the last version that its broker has confirmed.

    The log is complete for it above `base`; without a `base` it is told the whole again, which
    bears versions from `first` on once that has begun.
    """

    platform = models.CharField(max_length=40, primary_key=True)
    sent = models.BigIntegerField(default=0)
    base = models.BigIntegerField(null=True)
    first = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.platform} at {self.sent}"


# ---- propagation: at a platform -------------------------------------------------------------------


class Followed(models.Model):
    """How far this platform is. `gap`: something is missing, and was asked for at `asked_at`;
    `wrong`: why what came cannot be applied."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    gap = models.BooleanField(default=False)
    wrong = models.CharField(max_length=400, default="", blank=True)

    def __str__(self) -> str:
        return f"at {self.version}"


class Applied(models.Model):
    """The version of a domain or an account that was applied; it stays when the thing is deleted."""

    moid = models.CharField(max_length=40, primary_key=True)
    version = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.moid} at {self.version}"
