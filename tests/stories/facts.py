"""What a site's database says, for the checks of stories."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.stand.site import Site
from tests import licences


def number_of(site: Site, query: str) -> int:
    """The one number that a query gives."""
    return int(str(site.mariadb.sql(query, schema=site.name)).split()[-1])


def live(site: Site) -> int:
    """Conferences that are not ended."""
    return number_of(
        site, "SELECT COUNT(*) FROM conferences_conference WHERE live_e164 IS NOT NULL"
    )


def seats(site: Site) -> int:
    """Seats taken on the platform."""
    query = (
        "SELECT COALESCE(SUM(small_used + large_used), 0) FROM licensing_quota"
        f" WHERE owner='{site.vault.platform_moid}'"
    )
    return number_of(site, query)


def license_for(site: Site, small: int, large: int) -> None:
    """Load a licence of the test's own; the newest issue counts."""
    licences.put_into(site, small, large)


def until(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until it is so; the seconds it took."""
    start = time.monotonic()
    while not true():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)
    return time.monotonic() - start
