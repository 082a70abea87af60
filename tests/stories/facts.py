"""The checks of stories read these facts from a site's database."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.stand.site import Site
from tests import licences


def number_of(site: Site, query: str) -> int:
    """Return the number that a query gives."""
    return int(str(site.mariadb.sql(query, schema=site.name)).split()[-1])


def live(site: Site) -> int:
    """Return how many conferences are not ended."""
    return number_of(
        site, "SELECT COUNT(*) FROM conferences_conference WHERE live_e164 IS NOT NULL"
    )


def seats(site: Site) -> int:
    """Return how many seats of the platform are in use."""
    query = (
        "SELECT COALESCE(SUM(small_used + large_used), 0) FROM licensing_quota"
        f" WHERE owner='{site.vault.platform_moid}'"
    )
    return number_of(site, query)


def license_for(site: Site, small: int, large: int) -> None:
    """Load a licence of the test's own; the newest issue counts."""
    licences.put_into(site, small, large)


def until(is_true: Callable[[], bool], seconds: float, expected: str) -> float:
    """Wait until a condition is true; return the seconds that it took."""
    start = time.monotonic()
    while not is_true():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"not within {seconds} s: {expected}")
        time.sleep(0.1)
    return time.monotonic() - start
