"""The function here finds the site to ask about a number of which the registry of this site knows nothing."""

from __future__ import annotations

from conferences.data.platform_resolver import platforms_of_numbers, served_elsewhere
from domains.data import lookups
from foundation.cells.directory import own_platform, possible_platforms


def site_to_ask(e164: str) -> str:
    """Return the HTTP address of the site whose registry knows a conference's number; "" if this site's does, or none.

    If the domain tree has no address of that site, the MOID (id) of its platform is returned, so that a refusal can
    name it.
    """
    platform = platforms_of_numbers({e164}).get(e164, "")
    if not platform or platform == own_platform():
        return ""
    if platform in possible_platforms():
        elsewhere = served_elsewhere(platform)
        return (elsewhere.url or elsewhere.platform) if elsewhere else ""
    return lookups.http_url(platform) or platform
