"""The tree of domains: whole subtrees and all above a domain, at 1,000, 10,000 and 100,000 domains."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.bench_site import bench_site, python
from deploy.stand.site import Site

SIZES = (1_000, 10_000, 100_000)
GOAL_MS = 50

_PROBE = """
import json, statistics, time, django
django.setup()
from django.db import connection
from django.test import Client
from domains.models import Account
from domains.queries import all_above, subtree

def median(work, rounds):
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter(); work(); times.append(time.perf_counter() - start)
    return round(statistics.median(times) * 1e3, 2)

with connection.cursor() as cursor:
    cursor.execute("ANALYZE TABLE domains_domain"); cursor.fetchall()
    cursor.execute("SELECT moid FROM domains_domain WHERE name = 'Load {seed}'")
    top = cursor.fetchone()[0]
    cursor.execute("SELECT moid FROM domains_domain WHERE name LIKE 'Tenant {seed}-%%' LIMIT 500")
    tenants = [row[0] for row in cursor.fetchall()]
deepest = max(tenants, key=lambda one: len(all_above("default", one)))
line = all_above("default", deepest)

def by_hand(moid):
    with connection.cursor() as cursor:
        level = [moid]
        while level:
            found = []
            for one in level:
                cursor.execute("SELECT moid FROM domains_domain WHERE parent_id = %s", [one])
                found += [row[0] for row in cursor.fetchall()]
            level = found
fourth = line[-4]
client = Client(SERVER_NAME="127.0.0.1")
client.force_login(Account.objects.get(username="admin"))
page = lambda url: client.get(url).status_code == 200 or print("no page", url)
print(json.dumps({{
    "depth": len(line),
    "subtree_domains": len(subtree("default", top)),
    "subtree_ms": median(lambda: subtree("default", top), 15),
    "part_domains": len(subtree("default", fourth)),
    "part_ms": median(lambda: subtree("default", fourth), 30),
    "part_by_hand_ms": median(lambda: by_hand(fourth), 1),
    "all_above_ms": median(lambda: all_above("default", deepest), 200),
    "admin_tree_ms": median(lambda: page("/admin/domains/domain/"), 7),
    "admin_tenants_ms": median(lambda: page("/admin/domains/userdomain/?q=Tenant"), 7),
}}))
"""


def _row(site: Site, number: int, size: int) -> dict[str, Any]:
    """One more tree on the site; what is in it already only makes it harder."""
    site.manage("load_tree", "--users", str(size), "--accounts", "0", "--seed", str(number))
    found = json.loads(python(site, _PROBE.format(seed=number)).splitlines()[-1])
    return {"what": f"{size:,} user domains", "goal_ms": GOAL_MS, **found}


def run() -> list[dict[str, Any]]:
    """All sizes on one site."""
    with bench_site(units=1, media="none") as site:
        for name in ("beat", "worker1", "worker2"):
            site.processes[name].stop()
        return [_row(site, number, size) for number, size in enumerate(SIZES, 1)]


if __name__ == "__main__":
    for row in run():
        print(row)
