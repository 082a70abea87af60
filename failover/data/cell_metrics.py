"""The metrics that say which site serves each platform, from the register and the last reports of the sites' agents."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily

from failover.data import register_view
from failover.data.register_view import Failure


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield the metrics of each platform's cell (its database at two sites), where this deployment has a register.

    The register says which site serves (owns) each platform. `register_up` 0: it does not answer; nothing else is
    then known.
    """
    if not register_view.has_register():
        return
    up = GaugeMetricFamily("register_up", "Whether the register of owners answers (1 or 0)")
    try:
        view = register_view.read()
    except Failure:
        up.add_metric([], 0)
        yield up
        return
    up.add_metric([], 1)
    labels = ["platform"]
    solo = GaugeMetricFamily(
        "cell_unprotected", "1: no copy acknowledges what is written", labels=labels
    )
    away = GaugeMetricFamily(
        "cell_away_from_home", "1: another site than its own serves the platform", labels=labels
    )
    epoch = GaugeMetricFamily("cell_epoch", "Counts the changes of the owner", labels=labels)
    labels = ["platform", "site"]
    well = GaugeMetricFamily("cell_well", "Whether a site could serve it (1 or 0)", labels=labels)
    age = GaugeMetricFamily(
        "cell_report_age_seconds", "Age of the last report of a site's agent", labels=labels
    )
    for platform, row in view.rows.items():
        solo.add_metric([platform], row.solo)
        away.add_metric([platform], row.owner != row.home)
        epoch.add_metric([platform], row.epoch)
        for site, report in view.reports.get(platform, {}).items():
            well.add_metric([platform, site], report.well)
            age.add_metric([platform, site], report.age.total_seconds())
    yield from (up, solo, away, epoch, well, age)
