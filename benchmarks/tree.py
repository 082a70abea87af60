"""The benchmark reads subtrees and ancestors in trees of 1,000, 10,000 and 100,000 domains."""

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
from domains.data.queries import all_above, subtree

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
made = []
def flat():
    "A service domain right above as many tenants as there are."
    if not made:
        made.append(top)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE domains_domain SET parent_id = %s WHERE level = 0", [top])
    return top
client = Client(SERVER_NAME="127.0.0.1")
client.force_login(Account.objects.get(username="admin"))
page = lambda url: client.get(url).status_code == 200 or print("no page", url)
def brought():
    "A table of 10,000 tenants: its trial, and the import itself, in seconds."
    from django.core.files.uploadedfile import SimpleUploadedFile
    from domains.models import UserDomain
    like = UserDomain.objects.get(pk=tenants[0])
    rows = "".join(f"Brought {{n}},{{like.parent_id}},{{like.platform_id}}\\n" for n in range(10_000))
    file = SimpleUploadedFile("t.csv", f"name,parent,platform\\n{{rows}}".encode())
    begin = time.perf_counter()
    form = {{"resource": "0", "format": "0", "import_file": file}}
    answer = client.post("/admin/domains/userdomain/import/", form)
    between = time.perf_counter()
    initial = (answer.context_data if hasattr(answer, "context_data") else answer.context)["confirm_form"].initial
    done = client.post("/admin/domains/userdomain/process_import/", initial)
    assert done.status_code == 302
    return [round(between - begin, 1), round(time.perf_counter() - between, 1)]
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
    "admin_tenant_form_ms": median(lambda: page(f"/admin/domains/userdomain/{{tenants[0]}}/change/"), 7),
    "admin_top_form_ms": median(lambda: page(f"/admin/domains/servicedomain/{{top}}/change/"), 7),
    "admin_tree_opened_ms": median(lambda: page(f"/admin/domains/domain/tree/?open={{deepest}}"), 7),
    "admin_tree_search_ms": median(lambda: page("/admin/domains/domain/tree/?q=Tenant"), 7),
    "admin_branch_ms": median(lambda: page(f"/admin/domains/domain/tree/{{line[1]}}/"), 7),
    "import_10000_s": brought(),
    "admin_flat_ms": median(lambda: page(f"/admin/domains/domain/tree/{{flat()}}/?page=1000"), 7),
    "admin_disable_ms": median(lambda: page(f"/admin/domains/servicedomain/{{top}}/disable/"), 7),
    "admin_choose_ms": median(lambda: page("/admin/autocomplete/?term=Load&app_label=domains"
        "&model_name=userdomain&field_name=parent"), 7),
}}))
"""


def _row(site: Site, number: int, size: int) -> dict[str, Any]:
    """Load one more domain tree onto the site, measure it, and return the figures.

    Earlier trees only make it harder.
    """
    site.manage("load_tree", "--users", str(size), "--accounts", "0", "--seed", str(number))
    figures = json.loads(python(site, _PROBE.format(seed=number)).splitlines()[-1])
    return {"what": f"{size:,} user domains", "goal_ms": GOAL_MS, **figures}


def run() -> list[dict[str, Any]]:
    """Measure with all SIZES on one site, and return the results."""
    with bench_site(units=1, media="none") as site:
        for name in ("beat", "worker1", "worker2"):
            site.processes[name].stop()
        return [_row(site, number, size) for number, size in enumerate(SIZES, 1)]
