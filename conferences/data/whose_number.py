"""The site that knows a number which the registry of this site knows nothing of."""

from __future__ import annotations

from conferences.data.platform_resolver import platforms_of_numbers, served_elsewhere
from domains.data import lookups
from foundation.cells.directory import own_platform, possible_platforms


def site_to_ask(e164: str) -> str:
    """Return the address of the site that serves the platform of a number; "" if that is this site, or unknown.

    Where the tree names no address it is the platform's MOID.
    """
    platform = platforms_of_numbers({e164}).get(e164, "")
    if not platform or platform == own_platform():
        return ""
    if platform in possible_platforms():
        elsewhere = served_elsewhere(platform)
        return (elsewhere.url or elsewhere.platform) if elsewhere else ""
    return lookups.http_url(platform) or platform
