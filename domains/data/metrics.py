"""What propagation counts; pages and timers of all processes of a site are summed."""

from __future__ import annotations

from prometheus_client import Counter

from domains.data import queries

APPLIED = Counter("domains_changes_applied", "Changes of the core that were applied here.")
SEEN = Counter("domains_changes_seen", "Changes of the core that had been applied before.")
GAPS = Counter("domains_changes_gaps", "Changes that came before others that were missing.")


def lines() -> list[str]:
    """For Prometheus: how far behind each follower is, and how far we are."""
    found = ["# TYPE domains_cursor gauge", "# TYPE domains_stuck gauge"]
    here = queries.followed()
    found += [f"domains_cursor {here.version}", f"domains_stuck {int(bool(here.wrong))}"]
    found += [f"# TYPE domains_follower_{name} gauge" for name in ("versions", "seconds", "whole")]
    for one in queries.followers():
        label = f'{{platform="{one.platform}"}}'
        found.append(f"domains_follower_versions{label} {one.versions}")
        found.append(f"domains_follower_seconds{label} {one.seconds:.1f}")
        found.append(f"domains_follower_whole{label} {int(one.whole)}")
    return found
