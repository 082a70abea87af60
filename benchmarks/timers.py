"""The benchmark compares a timer round over a million rows that are not due with an empty table."""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.bench_site import bench_site, sql
from deploy.stand.site import Site

ROWS = 1_000_000
ROUNDS = 300

_PROBE = """
import time, statistics, django
django.setup()
from foundation.cells.directory import own_platform
from conferences.flows.due import handle_due_conferences, restore_pending
handle_due_conferences(own_platform()); restore_pending(own_platform())
times = []
for _ in range({rounds}):
    start = time.perf_counter()
    handle_due_conferences(own_platform()); restore_pending(own_platform())
    times.append(time.perf_counter() - start)
print(statistics.median(times) * 1e3)
"""

_FILL = (
    "INSERT INTO conferences_conference (confid, e164, shortnum, name, state, incarnation, revision,"
    " source_platform, hosting_platform, user_domain, creator_moid, places, unit_ip, unit_pid,"
    " created_at, ends_at, ended_at, end_reason, detail)"
    " SELECT LPAD(HEX(seq), 32, '0'), LPAD(seq MOD 100000, 9, '8'), '', 'old', 'ended', 1, 1, 'p', 'p',"
    " 'd', '', 8, '127.0.0.1', 's1', UTC_TIMESTAMP(6) - INTERVAL seq SECOND, NULL,"
    " UTC_TIMESTAMP(6) - INTERVAL seq SECOND, 'released', '{}' FROM seq_1_to_%d"
)


def _median_ms(site: Site) -> float:
    """Return the median duration, in milliseconds, of one round of timers at the site."""
    from benchmarks.bench_site import python

    return float(python(site, _PROBE.format(rounds=ROUNDS)).split()[-1])


def _settle(site: Site) -> None:
    """Wait until the database has written what the filling left in memory."""
    sql(site, "SET GLOBAL innodb_max_dirty_pages_pct = 0")
    query = "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'"
    ends = time.monotonic() + 60
    while int(sql(site, query).split()[-1]) > 50 and time.monotonic() < ends:
        time.sleep(0.5)
    time.sleep(2)


def run() -> list[dict[str, Any]]:
    """Return how long a round of timers takes with an empty table, a full one, an empty one: the ratio counts."""
    with bench_site(units=1, media="none") as site:
        for name in ("beat", "worker1", "worker2", "web"):
            site.processes[name].stop()
        _settle(site)
        empty = [_median_ms(site), _median_ms(site)]
        started = time.monotonic()
        sql(site, _FILL % ROWS)
        sql(site, "ANALYZE TABLE conferences_conference")
        filled = time.monotonic() - started
        _settle(site)
        full = [_median_ms(site), _median_ms(site)]
        sql(site, "TRUNCATE TABLE conferences_conference")
        _settle(site)
        empty += [_median_ms(site), _median_ms(site)]
    ratio = statistics.mean(full) / statistics.mean(empty)
    return [
        {
            "what": f"timer round with {ROWS:,} ended rows",
            "empty_ms": [round(t, 3) for t in empty],
            "full_ms": [round(t, 3) for t in full],
            "ratio": round(ratio, 2),
            "filled_in_s": round(filled, 1),
        }
    ]
