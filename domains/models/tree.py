"""Define the models of the domain tree and of machine rooms (ARCH §3, CSS §3.2)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from domains.data import tree_rows
from domains.rules import tree as rules
from domains.rules.refusal_texts import translated


def new_moid() -> str:
    """Return a new MOID, the id of a domain, account or machine room, which is unique over the whole system."""
    return str(uuid.uuid4())


class Level(models.IntegerChoices):
    """The levels of the domain tree, numbered as in the protocol. A user domain is a tenant; the core is the root."""

    USER = 0, _("user domain")
    PLATFORM = 1, _("platform domain")
    SERVICE = 2, _("service domain")
    CORE = 3, _("core domain")


class RecoveryMode(models.TextChoices):
    """The mode says who decides that another platform takes over a failed platform (CSS §1.2, §2.3)."""

    AUTO = "auto", _("automatic")
    MANUAL = "manual", _("taken over by hand")
    OFF = "off", _("never taken over")


def raise_validation_error(refusals: list[rules.Refusal]) -> None:
    """Raise ValidationError, which Django's forms show, with the refusals of the rules in the reader's language."""
    if refusals:
        raise ValidationError(
            {(refusal.field or NON_FIELD_ERRORS): translated(refusal) for refusal in refusals}
        )


class Domain(models.Model):
    """Represent a domain of the tree. Platform and user domains have more fields in models of their own."""

    moid = models.CharField("MOID", max_length=40, primary_key=True, default=new_moid)
    level = models.PositiveSmallIntegerField(choices=Level, editable=False, db_index=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    name = models.CharField(max_length=64, db_index=True)
    used = models.BooleanField("enabled", default=True)
    enable_h265 = models.BooleanField("H.265 allowed", default=True)
    enable_hd = models.BooleanField("full HD allowed", default=True)

    LEVEL: ClassVar[Level | None] = None

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["parent", "level", "name"], name="domain_below")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(level=3, parent__isnull=True)
                | models.Q(level__lt=3, parent__isnull=False),
                name="domain_only_core_is_root",
            ),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True) | ~models.Q(parent=models.F("moid")),
                name="domain_not_above_itself",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the domain, with the level of its class."""
        self._set_level_of_class()
        super().save(*args, **kwargs)

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        """Set the level of the domain's class, then check all fields and rules. Raises ValidationError."""
        self._set_level_of_class()
        super().full_clean(*args, **kwargs)

    def clean(self) -> None:
        """Raise ValidationError if the rules of the tree refuse the domain; the text says what to do instead."""
        super().clean()
        tree = tree_rows.DatabaseTree(self._state.db or "default")
        raise_validation_error(rules.refusals_to_place(self.node(), tree))

    def node(self) -> rules.Node:
        """Return the values of the domain that the rules check."""
        self._set_level_of_class()
        return rules.Node(self.moid, int(self.level), self.parent_id, self.name, self.used)

    def _set_level_of_class(self) -> None:
        """Set the domain's level to that of its model class; the base class has none, and changes nothing."""
        if self.LEVEL is not None:
            self.level = self.LEVEL


class _LevelManager(models.Manager["Domain"]):
    """The model manager limits queries to domains of the given levels."""

    def __init__(self, *levels: Level) -> None:
        """Limit the manager's queries to domains of these levels of the tree."""
        super().__init__()
        self._levels = levels

    def get_queryset(self) -> models.QuerySet[Domain]:
        """Return the query set of the domains of this manager's levels."""
        return super().get_queryset().filter(level__in=self._levels)


class CoreDomain(Domain):
    """The core domain is the root of the tree."""

    LEVEL = Level.CORE
    objects: ClassVar[Any] = _LevelManager(Level.CORE)

    class Meta:
        proxy = True


class ServiceDomain(Domain):
    """A service domain groups platform and user domains. Service domains may nest."""

    LEVEL = Level.SERVICE
    objects: ClassVar[Any] = _LevelManager(Level.SERVICE)

    class Meta:
        proxy = True


class PlatformDomain(Domain):
    """A platform domain is a set of machines at a site that runs conferences. One site is one platform domain."""

    LEVEL = Level.PLATFORM
    e164_prefix = models.CharField(
        "number prefix",
        max_length=8,
        unique=True,
        validators=[RegexValidator(r"^[0-9]{1,8}$", "Use 1 to 8 digits.")],
    )
    http_url = models.CharField("HTTP address", max_length=200, blank=True)
    broker_url = models.CharField("broker", max_length=200, blank=True)
    redis_url = models.CharField("Redis", max_length=200, blank=True)
    database_url = models.CharField("database", max_length=200, blank=True)
    dr_mode = models.CharField(
        "disaster recovery", max_length=8, choices=RecoveryMode, default=RecoveryMode.AUTO
    )

    class Meta:
        verbose_name = "platform domain"

    def node(self) -> rules.Node:
        """Return the values of the domain that the rules check, its number prefix among them."""
        return replace(super().node(), prefix=self.e164_prefix)


class BackupPlatform(models.Model):
    """A backup is a platform that can take over the conferences of another platform. Backups have an order."""

    platform = models.ForeignKey(PlatformDomain, on_delete=models.CASCADE, related_name="backups")
    backup = models.ForeignKey(PlatformDomain, on_delete=models.PROTECT, related_name="backup_for")
    order = models.PositiveSmallIntegerField("order of preference", default=0)

    class Meta:
        ordering = ["platform", "order"]
        verbose_name = "backup platform"
        constraints = [
            models.UniqueConstraint(fields=["platform", "backup"], name="backup_once"),
            models.CheckConstraint(
                condition=~models.Q(platform=models.F("backup")), name="backup_is_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backup} for {self.platform}"


class MachineRoom(models.Model):
    """A machine room belongs to a platform domain. The media units, which run conferences, stand in machine rooms."""

    moid = models.CharField("MOID", max_length=40, primary_key=True, default=new_moid)
    platform = models.ForeignKey(PlatformDomain, on_delete=models.PROTECT, related_name="rooms")
    name = models.CharField(max_length=64)
    order = models.PositiveSmallIntegerField("order of backup", default=0)
    is_default = models.BooleanField("default room", default=False)
    abnormal = models.BooleanField(default=False)

    class Meta:
        ordering = ["platform", "order", "moid"]

    def __str__(self) -> str:
        return f"{self.name} ({self.platform})"

    def clean(self) -> None:
        """Raise ValidationError for a bad name, or a new platform while user domains are bound to this machine room."""
        super().clean()
        database = self._state.db or "default"
        before = tree_rows.DatabaseTree(database).platform_of_room(self.moid)
        tenants = sum(tree_rows.count_uses_of_room(database, self.moid).values())
        refusals = rules.refusals_to_name("name", self.name)
        refusals += rules.refusals_to_move_room(self.platform_id, before, tenants)
        raise_validation_error(refusals)


class UserDomain(Domain):
    """A user domain is a tenant. It is bound to a platform domain, and to a machine room of it or the default room."""

    LEVEL = Level.USER
    platform = models.ForeignKey(PlatformDomain, on_delete=models.PROTECT, related_name="tenants")
    room = models.ForeignKey(MachineRoom, null=True, blank=True, on_delete=models.PROTECT)
    small_limit = models.PositiveIntegerField(
        "small conferences at once", null=True, blank=True, help_text="Empty: the platform's limit."
    )
    large_limit = models.PositiveIntegerField(
        "large conferences at once", null=True, blank=True, help_text="Empty: the platform's limit."
    )
    findable = models.BooleanField(
        "people can be found from other user domains",
        default=False,
        db_default=False,
        help_text="By their exact sign-in name, by people of domains that can be found as well.",
    )

    class Meta:
        verbose_name = "user domain"

    def node(self) -> rules.Node:
        """Return the values of this user domain that the rules check, with its platform and machine room."""
        return replace(super().node(), platform=self.platform_id, room=self.room_id)
