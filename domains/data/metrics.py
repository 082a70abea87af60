"""The metrics count how changes of the domain tree propagate. They are summed over all processes of a site.

They go from the core, the deployment where the tree is edited, to the platforms that copy it (followers).
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily

from domains.data import queries

APPLIED = Counter("domains_changes_applied", "Changes of the core that were applied here.")
SEEN = Counter("domains_changes_seen", "Changes of the core that had been applied before.")
GAPS = Counter("domains_changes_gaps", "Changes that came before others that were missing.")


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield for Prometheus up to which change this platform, and each follower of it, has received the tree.

    A follower is a platform that copies the domain tree.
    """
    state = queries.follow_state()
    yield GaugeMetricFamily(
        "domains_cursor", "The last version of the core's changes applied here", state.version
    )
    yield GaugeMetricFamily(
        "domains_stuck",
        "Whether a change of the core cannot be applied (1 or 0)",
        bool(state.wrong),
    )
    versions = _gauge_per_follower(
        "domains_follower_versions", "Changes not sent yet to a follower"
    )
    seconds = _gauge_per_follower(
        "domains_follower_seconds", "Age of the oldest change not sent yet"
    )
    snapshots = _gauge_per_follower(
        "domains_follower_whole", "Whether a full snapshot is being sent (1 or 0)"
    )
    for follower in queries.follower_lags():
        versions.add_metric([follower.platform], follower.versions)
        seconds.add_metric([follower.platform], round(follower.seconds, 1))
        snapshots.add_metric([follower.platform], int(follower.whole))
    yield from (versions, seconds, snapshots)


def _gauge_per_follower(name: str, documentation: str) -> GaugeMetricFamily:
    """Return an empty metric with one value for each platform that copies the tree."""
    return GaugeMetricFamily(name, documentation, labels=["platform"])
