"""The benchmark searches a person's conversations among a million messages (see `search_town`)."""

from __future__ import annotations

import json
import os
from typing import Any

from benchmarks.bench_site import bench_site, python

MESSAGES = int(os.environ.get("MESSAGES", "1000000"))
GOAL_MS = 100

_PROBE = (
    "import django; django.setup(); from benchmarks import search_town as town; town.main({}, {})"
)


def run() -> list[dict[str, Any]]:
    """Measure the search in messages on a site whose other processes are stopped, and return the results."""
    with bench_site(units=1, media="none") as site:
        for name in ("beat", "worker1", "worker2"):
            site.processes[name].stop()
        rows = json.loads(python(site, _PROBE.format(MESSAGES, site.mariadb.pid)).splitlines()[-1])
    return [{**row, **({"goal_ms": GOAL_MS} if "p50_ms" in row else {})} for row in rows]
