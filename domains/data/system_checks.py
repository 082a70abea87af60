"""These Django system checks look at the settings that a core and the sites which copy its tree share.

The core is the deployment where the tree of domains and accounts is edited.
"""

from __future__ import annotations

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from domains.data import sealing


def accounts_can_be_sealed(**_: object) -> list[CheckMessage]:
    """Return a warning (`domains.W001`) if the key that encrypts accounts on their way to sites is unusable; else [].

    Then nobody could sign in at the sites.
    """
    is_shared = settings.CORE_MOID or "bmc" in settings.ROLES
    problem = sealing.find_key_problem() if is_shared else ""
    hint = (
        "Set ACCOUNT_SEALING_KEY (or ACCOUNT_SEALING_KEY_FILE): the same at the core and all sites."
    )
    return [Warning(problem, hint=hint, id="domains.W001")] if problem else []


def install() -> None:
    """Register this module's system checks with Django."""
    register(accounts_can_be_sealed)
