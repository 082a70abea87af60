"""The tables of templates, from which conferences are begun (CSS §6), and the base of the table of virtual rooms."""

from __future__ import annotations

from django.db import models

STORED_PATHS = ("user_domain", "source_platform")
"""The columns that name the domains to which a template or virtual room belongs."""


class StoredConference(models.Model):
    """A row is a template or a virtual room. Only the unit of work writes it.

    `e164`: the number that is kept for its conference; NULL means none. `owner`: the MOID of the account that made it.
    """

    id = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=64)
    e164 = models.CharField("number", max_length=16, null=True, blank=True, unique=True)
    user_domain = models.CharField(max_length=40)
    source_platform = models.CharField(max_length=40)
    owner = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    detail = models.JSONField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.e164 or ''} {self.name}".strip()


class PublicTemplate(StoredConference):
    """A row is a template for everybody of a user domain. Its name is unique on the platform."""

    class Meta:
        verbose_name = "public template"
        indexes = [models.Index(fields=["user_domain", "created_at"], name="public_of_tenant")]
        constraints = [models.UniqueConstraint(fields=["name"], name="public_name")]


class PersonalTemplate(StoredConference):
    """A row is a template of one person, among whose templates its name is unique."""

    class Meta:
        verbose_name = "personal template"
        indexes = [
            models.Index(fields=["owner", "changed_at"], name="personal_of_owner"),
            models.Index(fields=["user_domain", "created_at"], name="personal_of_tenant"),
        ]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="personal_name")]
