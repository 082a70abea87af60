"""Define the model of departments, into which a user domain groups its people (HTTP API §2.5)."""

from __future__ import annotations

from django.db import models

from domains.data import department_rows
from domains.models.tree import UserDomain, new_moid, raise_validation_error
from domains.rules import departments as rules


class Department(models.Model):
    """Represent a department of a user domain. Departments form a tree below the domain, which is its root."""

    moid = models.CharField("MOID", max_length=40, primary_key=True, default=new_moid)
    domain = models.ForeignKey(UserDomain, on_delete=models.CASCADE, related_name="departments")
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="children",
        help_text="Empty: directly below the user domain.",
    )
    name = models.CharField(max_length=64)

    class Meta:
        ordering = ["domain", "name"]
        indexes = [models.Index(fields=["domain", "parent", "name"], name="department_below")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raise ValidationError if the rules refuse the department; the text says what to do instead."""
        super().clean()
        others = department_rows.load_departments(self._state.db or "default", self.domain_id)
        raise_validation_error(rules.refusals_to_save(self.node(), others))

    def node(self) -> rules.DepartmentNode:
        """Return the values of the department that the rules check."""
        return rules.DepartmentNode(self.moid, self.parent_id, self.name)
