"""Whether the tree is edited at this deployment, or follows what the core says."""

from __future__ import annotations

from django.conf import settings


def tree_is_ours() -> bool:
    """Are domains and accounts changed here? Otherwise at the core, and they come by message."""
    return not settings.CORE_MOID or "bmc" in settings.ROLES
