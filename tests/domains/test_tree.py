"""After random operations the projection is what the database says; queries against a slow walk."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conferences.flows import repair
from conferences.management import doctor_checks
from conferences.management.rebuild import rebuild_redis_and_counts
from domains.data import admin_scope, redis_projection
from domains.data.queries import all_above, subtree, visible_to
from domains.flows import change
from domains.models import Account, Domain, MachineRoom, Unprojected, UserDomain
from domains.rules.tree import Node, RuleBroken
from foundation.cells.directory import redis_of
from licensing.data import redis_projection as licences
from tests.domains.conftest import Place, differing
from tests.memory_tree import MemoryTree, check

pytestmark = pytest.mark.xdist_group("domains")


def as_memory() -> MemoryTree:
    """Return the whole tree, read row by row into memory."""
    bound = dict(UserDomain.objects.values_list("moid", "platform_id"))
    rows = Domain.objects.values_list("moid", "level", "parent_id", "name", "used")
    rooms = dict(MachineRoom.objects.values_list("moid", "platform_id"))
    return MemoryTree(*(Node(*row, bound.get(row[0])) for row in rows), rooms=rooms)


def info(place: Place, moid: str) -> dict[str, str]:
    """Return the hash of a domain."""
    hash_content: Any = redis_of(place.platform).hgetall(redis_projection.info_key(moid))
    return dict(hash_content)


def test_the_hash_has_the_fields_of_the_source(place: Place) -> None:
    change.change(place.tenant, name="Neu", used=False, enable_h265=False)
    assert info(place, place.tenant) == {
        "moid": place.tenant,
        "level": "0",
        "uplevelmoid": place.service,
        "name": "Neu",
        "used": "0",
        "enableh265": "0",
        "enablehdmeeting": "1",
    }
    assert info(place, place.core)["uplevelmoid"] == ""


def test_a_tenants_own_limits_lie_where_its_platforms_licence_lies(place: Place) -> None:
    client: Any = redis_of(place.platform)
    name = redis_projection.limits_key(place.tenant)
    change.change(place.tenant, small_limit=5, large_limit=0)
    assert client.hgetall(name) == {"smallconfnum": "5", "largeconfnum": "0"}
    client.hset(name, "smallconfnum", "99")
    client.hset(redis_projection.limits_key("nobody"), "smallconfnum", "1")
    assert set(differing(place.platform)) == {place.tenant, "nobody"}
    redis_projection.rebuild(place.platform)
    assert client.hgetall(name) == {"smallconfnum": "5", "largeconfnum": "0"}
    change.change(place.tenant, small_limit=None, large_limit=3)
    assert client.hgetall(name) == {"largeconfnum": "3"}
    change.change(place.tenant, large_limit=None)
    assert not client.exists(name)
    assert differing(place.platform) == []


def test_the_licence_of_a_platform_is_not_a_limit_of_a_tenant(place: Place) -> None:
    licences.rebuild(place.platform)
    hash_content = redis_of(place.platform).hgetall(licences.key(place.platform))
    redis_projection.rebuild(place.platform)
    change.change(place.platform, name="Renamed")
    assert hash_content
    assert redis_of(place.platform).hgetall(licences.key(place.platform)) == hash_content


def test_a_deleted_domain_leaves_nothing(place: Place) -> None:
    change.delete(place.away)
    assert info(place, place.away) == {}
    assert differing(place.platform) == []


def test_an_emptied_redis_is_filled_again(place: Place) -> None:
    redis_of(place.platform).flushdb()
    assert len(differing(place.platform)) == Domain.objects.count()
    repair.repair_redis(place.platform)
    assert differing(place.platform) == []


def test_what_a_dead_process_left_is_written(place: Place) -> None:
    Domain.objects.filter(moid=place.tenant).update(name="Later")
    Unprojected.objects.create(moid=place.tenant)
    repair.repair_redis(place.platform)
    assert info(place, place.tenant)["name"] == "Later"
    assert not Unprojected.objects.exists()


def test_while_redis_is_away_changes_wait_and_are_not_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redis

    def away(platform: str) -> None:
        raise redis.ConnectionError(platform)

    with monkeypatch.context() as patch:
        patch.setattr(redis_projection, "redis_of", away)
        change.change(place.tenant, name="Waits")
    assert Unprojected.objects.count() == 1
    repair.repair_redis(place.platform)
    assert info(place, place.tenant)["name"] == "Waits"


def test_the_doctor_finds_and_mends_what_differs(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_checks, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(doctor_checks, "_check_broker", lambda: [])
    redis_of(place.platform).hset(redis_projection.info_key(place.tenant), "name", "Forged")
    redis_of(place.platform).hset(redis_projection.info_key("nobody"), "name", "Nobody")
    found = {finding.check: finding for finding in doctor_checks.examine_site()}[
        "domain projection"
    ]
    assert found.wrong.startswith("2 domains differ")
    rebuild_redis_and_counts(place.platform)
    assert differing(place.platform) == []


def test_changes_of_one_domain_do_not_overtake_each_other(place: Place) -> None:
    def rename(number: int) -> None:
        try:
            for turn in range(10):
                change.change(place.tenant, name=f"{number}-{turn}")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=rename, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert info(place, place.tenant)["name"] == Domain.objects.get(moid=place.tenant).name
    assert not Unprojected.objects.exists()


# ---- random operations --------------------------------------------------------------------------

PREFIXES = count(1000)
SPOTS = st.integers(0, 11)
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "move", "bind", "disable", "delete"]),
        *[SPOTS] * 3,
        st.sampled_from([0, 0, 1, 2, 2]),
    ),
    min_size=4,
    max_size=14,
)


def operate(operation: str, level: int, one: str, other: str, third: str) -> None:
    """Ask the flow for something, sensible or not."""
    if operation == "create":
        more = {0: {"platform_id": third}, 1: {"e164_prefix": str(next(PREFIXES))}}
        fields: dict[str, Any] = {"name": "x", "parent_id": other, **more.get(level, {})}
        change.create(level, **fields)
    elif operation == "move":
        change.move(one, other)
    elif operation == "bind":
        change.change(one, platform_id=third)
    else:
        {"disable": change.disable, "delete": change.delete}[operation](one)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(OPERATIONS)
def test_after_random_operations_tree_and_projection_are_sound(
    place: Place, operations: list[tuple[str, int, int, int, int]]
) -> None:
    for what, *spots, level in operations:
        moids = sorted(Domain.objects.values_list("moid", flat=True))
        chosen = [moids[spot % len(moids)] for spot in spots]
        if what == "create" and Domain.objects.filter(name="x").count() > 40:
            continue
        with suppress(RuleBroken):
            operate(what, level, *chosen)
    tree = as_memory()
    check(tree)
    assert differing(place.platform) == []
    for moid in tree:
        assert all_above("default", moid) == tree.line(moid)
        assert sorted(subtree("default", moid)) == sorted(tree.below(moid))
        reader = Account(domain_id=moid, is_staff=True)
        for condition in (visible_to(reader), admin_scope.rows_in_scope(reader, ("moid",))):
            found = Domain.objects.filter(condition).values_list("moid", flat=True)
            assert sorted(found) == sorted(tree.below(moid))


# ---- a large tree -------------------------------------------------------------------------------


def test_a_loaded_tree_follows_the_rules(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_tree", users=600, accounts=50, seed=3, verbosity=0)
    tree = as_memory()
    check(tree)
    assert max(len(tree.line(moid)) for moid in tree) == 10
    assert Account.objects.filter(username__startswith="load3-").count() == 50
    assert Account.objects.get(username="load3-7").check_password("load")
    assert differing(place.platform) == []
    assert "user domains: 600 of 600" in capsys.readouterr().err
    with pytest.raises(CommandError, match="loaded already"):
        call_command("load_tree", users=600, accounts=50, seed=3, verbosity=0)


def test_an_account_sees_its_domain_and_what_lies_below(place: Place) -> None:
    call_command("load_tree", users=100, accounts=20, seed=4, verbosity=0)
    tree = as_memory()
    account = Account(domain=Domain.objects.get(name="Load 4"))
    below = tree.below(account.domain_id or "")
    assert set(Domain.objects.filter(visible_to(account)).values_list("moid", flat=True)) == below
    people = Account.objects.filter(visible_to(account, "domain")).exclude(username="x")
    assert set(people.values_list("domain_id", flat=True)) <= below
    assert people.count() == 20
    assert not Domain.objects.filter(visible_to(Account())).exists()
    assert Domain.objects.filter(visible_to(Account(is_superuser=True))).count() == len(tree)
