"""A core and a site as they are deployed: what is changed there arrives here, whatever dies between them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from benchmarks.bench_site import TENANT, python
from deploy.stand.site import Site
from deploy.stand.stand import Stand, has_tree_of
from tests.http.program import Program

pytestmark = pytest.mark.xdist_group("with_core")

_CHANGE = """
import django
django.setup()
from domains.flows import change
from domains.models import UserDomain
tenant = UserDomain.objects.order_by("moid").first().moid
for number in range({count}):
    change.change(tenant, name="{name} %d" % number)
print(tenant)
"""


_SWITCH = """
import django
django.setup()
from domains.flows import change
change.change("{moid}", used={used})
if not {used}:
    _, told = change.end_running("{moid}")
    print(*told)
"""


def changes(core: Site, name: str, count: int = 1) -> str:
    """Rename the first tenant at the core `count` times; return its MOID."""
    return python(core, _CHANGE.format(name=name, count=count)).split()[-1]


def name_of(site: Site, moid: str) -> str:
    """Return a domain's name in a site's database."""
    return site.mariadb.sql(f"SELECT name FROM domains_domain WHERE moid='{moid}'", site.name)


def until(is_true: Callable[[], bool], failure: str, seconds: float = 60.0) -> None:
    """Wait until a condition holds; fail with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, failure
        time.sleep(0.1)


def arrives(core: Site, east: Site, moid: str, name: str) -> None:
    """Wait until the site has the name that the core has, and all else that the core has sent."""
    until(lambda: name_of(east, moid).strip() == name, f"{name}: {name_of(east, moid)}")
    assert name_of(core, moid).strip() == name
    until(lambda: has_tree_of(east, core), "all of it is there")


def test_a_change_at_the_core_arrives_at_the_site(with_core: Stand) -> None:
    core, east = with_core.sites["core"], with_core.sites["east"]
    moid = changes(core, "Quick")
    arrives(core, east, moid, "Quick 0")


def test_what_runs_in_a_tenant_that_the_core_disables_ends_at_the_site(with_core: Stand) -> None:
    core, east = with_core.sites["core"], with_core.sites["east"]
    program = Program(east)
    program.log_in("anna")
    number = program.create(conf_type=0)["conf_id"]
    ended = f"SELECT COUNT(*) FROM conferences_conference WHERE e164='{number}' AND end_reason="
    try:
        told = python(core, _SWITCH.format(moid=TENANT, used=False)).split()
        assert told == [east.vault.platform_moid]
        until(
            lambda: east.mariadb.sql(f"{ended}'domain_disabled'", east.name).strip() == "1",
            "the conference ends",
        )
    finally:
        python(core, _SWITCH.format(moid=TENANT, used=True))
        until(lambda: has_tree_of(east, core), "the tenant is enabled again")


def test_a_thousand_changes_while_the_sites_broker_is_away_arrive_in_order(
    with_core: Stand,
) -> None:
    core, east = with_core.sites["core"], with_core.sites["east"]
    east.rabbitmq.stop()
    try:
        moid = changes(core, "Away", 1000)
    finally:
        east.rabbitmq.start()
    arrives(core, east, moid, "Away 999")


def test_workers_that_are_killed_in_the_middle_lose_nothing(with_core: Stand) -> None:
    core, east = with_core.sites["core"], with_core.sites["east"]
    for number in range(3):
        moid = changes(core, f"Kill {number}", 100)
        for site in (core, east):
            for name in ("worker1", "worker2"):
                if name in site.processes:
                    site.processes[name].kill()
    arrives(core, east, moid, "Kill 2 99")


def test_what_lay_in_a_wiped_queue_is_asked_for_again(with_core: Stand) -> None:
    core, east = with_core.sites["core"], with_core.sites["east"]
    for name in ("worker1", "worker2"):
        east.processes[name].stop()
    moid = changes(core, "Wiped", 50)
    behind = (
        "SELECT base IS NULL OR sent < (SELECT MAX(version) FROM domains_changefor)"
        f" FROM domains_follower WHERE platform='{east.vault.platform_moid}'"
    )
    until(lambda: core.mariadb.sql(behind, core.name).strip() == "0", "all is sent")
    east.rabbitmq.stop()
    east.rabbitmq.wipe()
    east.rabbitmq.start()
    for name in ("worker1", "worker2"):
        east.processes[name].start()
    arrives(core, east, moid, "Wiped 49")
