"""The benchmark times changes at a core until a site has committed them, and counts them per second."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench_site import python
from deploy.stand.ports import claimed_ports, ports_for
from deploy.stand.site import Site
from deploy.stand.stand import Stand, has_tree_of

OUTSTANDING = int(os.environ.get("BENCH_CHANGES", "10000"))
TREE = int(os.environ.get("BENCH_DOMAINS", "100000"))
PEOPLE = int(os.environ.get("BENCH_ACCOUNTS", "100000"))
GOAL = 1000
"""A site that catches up should apply at least so many changes per second."""

_NOTE = """
import django
django.setup()
from django.db import transaction
from domains.data import change_log
from domains.models import UserDomain
moids = list(UserDomain.objects.order_by("moid").values_list("moid", flat=True)[:500])
left = {count}
while left > 0:
    with transaction.atomic():
        chunk = (moids * (1 + left // len(moids)))[: min(left, 500)]
        change_log.record_changes("default", "domain", chunk, "mod")
    left -= len(chunk)
"""
_CHANGE = """
import time, django
django.setup()
from django.db import connection
from domains.flows import change
from domains.models import UserDomain
tenant = UserDomain.objects.order_by("moid").first().moid
for number in range({count}):
    began = time.time()
    change.change(tenant, name="bench %d" % number)
    print(began)
    time.sleep(0.2)
"""


@contextmanager
def _pair() -> Iterator[tuple[Site, Site]]:
    """Yield a core (the site where accounts are changed) and a site that copies its changes; both stop at the end."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=memory) as directory,
        claimed_ports(ports_for(0, core=True)) as base,
        Stand(Path(directory), base, media="none", units=0, core=True) as stand,
    ):
        yield stand.sites["core"], stand.sites["east"]


def _until(is_done: Callable[[], bool], seconds: float = 900.0) -> float:
    """Wait until a condition is true, and return how many seconds that took. Raises TimeoutError."""
    began = time.monotonic()
    while not is_done():
        if time.monotonic() - began > seconds:
            raise TimeoutError("the site does not catch up")
        time.sleep(0.02)
    return time.monotonic() - began


def _newest(core: Site, east: Site) -> int:
    query = "SELECT COALESCE(MAX(version), 0) FROM domains_changefor WHERE platform="
    return int(core.mariadb.sql(f"{query}'{east.vault.platform_moid}'", core.name))


def _applied_version(east: Site) -> int:
    return int(east.mariadb.sql("SELECT version FROM domains_followed", east.name))


def _one_by_one(core: Site, east: Site, count: int = 20) -> dict[str, Any]:
    """Return how long `count` single changes at the core take until the site has applied them."""
    before = _applied_version(east)
    applied_at: dict[int, float] = {}

    def watch() -> None:
        """Note the time at which each new change becomes visible at the site, until all are."""
        while len(applied_at) < count:
            applied_at.setdefault(_applied_version(east), time.time())
            applied_at.pop(before, None)
            time.sleep(0.002)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began = [float(t) for t in python(core, _CHANGE.format(count=count)).split()]
    watcher.join(30)
    delays = sorted(b - a for a, b in zip(began, sorted(applied_at.values()), strict=False))
    median = round(1000 * delays[len(delays) // 2], 1)
    return {"what": "one change at a time", "median_ms": median, "changes": len(delays)}


def _catching_up(core: Site, east: Site) -> dict[str, Any]:
    """Record changes while the site's workers are stopped; return how fast the workers catch up once they run."""
    for name in ("worker1", "worker2"):
        east.processes[name].stop()
    python(core, _NOTE.format(count=OUTSTANDING))
    last = _newest(core, east)
    for name in ("worker1", "worker2"):
        east.processes[name].start()
    first = _applied_version(east)
    _until(lambda: _applied_version(east) > first)
    seconds = _until(lambda: _applied_version(east) >= last)
    rate = round(OUTSTANDING / max(seconds, 0.001))
    label = f"{OUTSTANDING:,} outstanding"
    return {"what": label, "per_second": rate, "goal": GOAL, "seconds": round(seconds, 1)}


def _whole(core: Site, east: Site) -> dict[str, Any]:
    """Load a large tree of domains at the core, and return how fast the site receives all of it."""
    core.manage("load_tree", "--users", str(TREE), "--accounts", str(PEOPLE), "--seed", "1")
    cursor = _applied_version(east)
    count = "SELECT (SELECT COUNT(*) FROM domains_domain) + COUNT(*) FROM domains_account"
    _until(lambda: _applied_version(east) > cursor)
    seconds = _until(lambda: has_tree_of(east, core) and _applied_version(east) > TREE)
    rows = int(east.mariadb.sql(count, east.name))
    label = f"the whole: {TREE:,} user domains, {PEOPLE:,} accounts"
    return {"what": label, "per_second": round(rows / seconds), "seconds": round(seconds, 1)}


def run() -> list[dict[str, Any]]:
    """Measure in all ways how fast changes reach a site, on one pair of core and site, and return the results."""
    with _pair() as (core, east):
        return [work(core, east) for work in (_one_by_one, _catching_up, _whole)]
