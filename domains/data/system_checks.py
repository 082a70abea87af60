"""System checks of what the core and its platforms share."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from domains.data import sealing


def accounts_can_be_sealed(**_: Any) -> list[CheckMessage]:
    """`domains.W001`: people could not sign in at the sites."""
    shared = settings.CORE_MOID or "bmc" in settings.ROLES
    wrong = sealing.find_key_problem() if shared else ""
    hint = (
        "Set ACCOUNT_SEALING_KEY (or ACCOUNT_SEALING_KEY_FILE): the same at the core and all sites."
    )
    return [Warning(wrong, hint=hint, id="domains.W001")] if wrong else []


def install() -> None:
    """Let Django ask."""
    register(accounts_can_be_sealed)
