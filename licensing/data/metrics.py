"""The metrics of licences for Prometheus, read from the database at each scrape."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from prometheus_client.core import GaugeMetricFamily

from domains.data.queries import platforms
from foundation.cells.directory import own_platform, store_of
from licensing.data import licence_rows
from licensing.data.queries import state_of, usage_and_limits_of_site
from licensing.rules.amounts import NONE, RESOURCES
from licensing.rules.decisions import Standing, days_left


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield the licence metrics of this site, by its roles `css` (scheduler) and `bmc` (central site)."""
    if "css" in settings.ROLES:
        yield from _gauges_of_own_platform()
    if "bmc" in settings.ROLES:
        yield _gauge_of_all_platforms()


def _gauges_of_own_platform() -> Iterator[GaugeMetricFamily]:
    """Yield the metrics of our platform's licence: validity, days left, and the amounts used and licensed.

    A licence without end has no metric of its days left.
    """
    state, site = state_of(), usage_and_limits_of_site()
    is_valid = int(state.standing is Standing.VALID)
    yield GaugeMetricFamily("licence_valid", "Whether the licence is valid (1 or 0)", is_valid)
    if state.days_left is not None:
        days = round(state.days_left, 3)
        yield GaugeMetricFamily("licence_days_left", "Days until the licence ends", days)
    seats = GaugeMetricFamily("seats_used", "Conferences that take a seat", labels=["size"])
    seats.add_metric(["small"], site.used.small_conferences)
    seats.add_metric(["large"], site.used.large_conferences)
    yield seats
    for name, amounts in (("used", site.used), ("licensed", site.limits or NONE)):
        description = f"Counted resources that are {name}"
        family = GaugeMetricFamily(f"resources_{name}", description, labels=["kind"])
        for resource in RESOURCES:
            family.add_metric([resource], getattr(amounts, resource))
        yield family


def _gauge_of_all_platforms() -> GaugeMetricFamily:
    """Return the metric of the central site (the core): the days left of each platform's licence that ends."""
    database = store_of(own_platform()).database
    newest, now = licence_rows.newest_of(database, platforms(database) or [""])
    family = GaugeMetricFamily(
        "licence_of_platform_days_left", "Days until a platform's licence ends", labels=["platform"]
    )
    for platform, licence in newest.items():
        days = days_left(licence, now)
        if days is not None:
            family.add_metric([platform], round(days, 3))
    return family
