"""The benchmark kills a unit with N conferences, and counts how many run again per second."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.bench_site import bench_site, cost, sql
from benchmarks.load import AmqpLoad
from deploy.stand.site import Site

SIZES = (10, 100, 1000)


def _running(site: Site, where: str) -> int:
    """Return how many conferences run on units that a condition in SQL selects."""
    query = f"SELECT COUNT(*) FROM conferences_conference WHERE state='running' AND {where}"
    return int(sql(site, query).split()[-1])


def _row(site: Site, load: AmqpLoad, size: int) -> dict[str, Any]:
    """Fill one media unit with `size` conferences, let it die, and return how fast they run on other units."""
    sql(site, "UPDATE conferences_resourceunit SET draining = (pid <> 's1') WHERE restype='mcu'")
    time.sleep(6)  # the pool learns it with the next heartbeats
    created = load.closed(size, 64)
    sql(site, "UPDATE conferences_resourceunit SET draining = 0")
    time.sleep(6)
    before = cost(site)
    dead = time.monotonic()
    site.manage("cmu_simulator", "--set", "die:s1:seconds=40")
    while _running(site, "unit_pid = 's1'") == size:
        time.sleep(0.02)
    noticed, elsewhere = time.monotonic(), "unit_pid <> 's1'"
    while _running(site, elsewhere) < size and time.monotonic() - noticed < 120:
        time.sleep(0.05)
    seconds = time.monotonic() - noticed
    row = {
        "what": f"{size} conferences of a dead unit",
        "noticed_s": round(noticed - dead, 1),
        "restored": _running(site, elsewhere),
        "seconds": round(seconds, 2),
        "per_second": round(size / seconds, 1),
        **cost(site).since(before, size),
    }
    load.release(created.numbers)
    return row


def run() -> list[dict[str, Any]]:
    """Measure with all SIZES on one site; the dead unit comes back empty in between. Return the results."""
    with bench_site(units=4, conferences=2000) as site:
        load = AmqpLoad(site)
        rows = []
        for size in SIZES:
            rows.append(_row(site, load, size))
            time.sleep(30)
        return rows
