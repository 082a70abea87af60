"""These system checks look at settings that a core and its platforms share."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from domains.data import sealing


def accounts_can_be_sealed(**_: Any) -> list[CheckMessage]:
    """Warn (`domains.W001`) that people of the core's tree could not sign in at the sites."""
    shared = settings.CORE_MOID or "bmc" in settings.ROLES
    problem = sealing.find_key_problem() if shared else ""
    hint = (
        "Set ACCOUNT_SEALING_KEY (or ACCOUNT_SEALING_KEY_FILE): the same at the core and all sites."
    )
    return [Warning(problem, hint=hint, id="domains.W001")] if problem else []


def install() -> None:
    """Register the checks with Django."""
    register(accounts_can_be_sealed)
