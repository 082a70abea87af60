"""The tree of domains is either edited at this deployment, or copied from another one, the core."""

from __future__ import annotations

from django.conf import settings

from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of


def is_tree_edited_here() -> bool:
    """Return whether domains and accounts are edited at this deployment. If not, another one (the core) sends them."""
    return not settings.CORE_MOID or "bmc" in settings.ROLES


def why_own_domain_is_missing() -> str:
    """Return the reason why this platform's own domain is missing from the domain tree, or "" if it is there."""
    query = "SELECT 1 FROM domains_domain WHERE moid=%s"
    if sql.select(store_of(own_platform()).database, query, [own_platform()]):
        return ""
    if is_tree_edited_here():
        return f"there is no platform domain {own_platform()}: make it in the admin, or load_demo"
    return "waits for the core to send the tree"
