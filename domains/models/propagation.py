"""Define the models of propagation: the core's change log and followers, and a follower's progress (ARCH §3.5).

The core is the deployment where the domain tree is edited; a follower is a platform that copies it.
"""

from __future__ import annotations

from django.db import models


class Unprojected(models.Model):
    """A row marks a changed domain that is still to be written to Redis (see `data.redis_projection`)."""

    moid = models.CharField(max_length=40, primary_key=True)

    def __str__(self) -> str:
        return self.moid


# ---- propagation (ARCH §3.5): at the core ---------------------------------------------------------


class Counter(models.Model):
    """The counter holds, in its one row, the version that the core (which owns the domain tree) gave to a change last.

    The row is locked until a change commits, so that versions become visible in their order.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"version {self.version}"


class Change(models.Model):
    """A change of a domain or an account, with its content at that time. All changes together are the change log."""

    version = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=8)
    moid = models.CharField(max_length=40, db_index=True)
    op = models.CharField(max_length=3)
    content = models.JSONField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.version}: {self.op} {self.kind} {self.moid}"


class ChangeFor(models.Model):
    """A row says that a change is to be sent to a follower (a platform that copies the domain tree)."""

    pk = models.CompositePrimaryKey("platform", "version")
    platform = models.CharField(max_length=40)
    version = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.version} for {self.platform}"


class Follower(models.Model):
    """A follower is a platform that copies the domain tree of this deployment.

    `sent` is the last version that its broker has confirmed. The change log holds all changes above version `base`
    that concern the follower. While `base` is null it receives a full snapshot of the domain tree, whose versions
    begin with `first` (0: sending has not begun). `first` is -1 while the whole tree is sent again under versions up to
    `base`.
    """

    platform = models.CharField(max_length=40, primary_key=True)
    sent = models.BigIntegerField(default=0)
    base = models.BigIntegerField(null=True)
    first = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.platform} at {self.sent}"


# ---- propagation: at a platform -------------------------------------------------------------------


class Followed(models.Model):
    """The one row says up to which `version` this platform has applied all changes of the core's tree.

    `gap`: changes are missing, which were requested at `asked_at`. `wrong` is the reason why a change could not be
    applied, and "" if there is none.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    gap = models.BooleanField(default=False)
    wrong = models.CharField(max_length=400, default="", blank=True)

    def __str__(self) -> str:
        return f"at {self.version}"


class Applied(models.Model):
    """A row has the version of the last applied change of a domain or account. It stays after a deletion."""

    moid = models.CharField(max_length=40, primary_key=True)
    version = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.moid} at {self.version}"
