"""Changes at the core reach the platforms concerned, in order, once, and no others (ARCH §3.5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from domains.data import change_log, metrics
from domains.data.api_keys import assign_key_pair
from domains.flows import change, people, sync
from domains.models import (
    Account,
    ApiKey,
    Applied,
    Change,
    Domain,
    Followed,
    Follower,
    Level,
    MachineRoom,
)
from foundation.cells import sql
from foundation.cells.models import Cell
from tests.domains import following
from tests.domains.following import platforms
from tests.domains.three import Three, World, followers, world

__all__ = ["followers", "world"]

pytestmark = pytest.mark.xdist_group("domains")


def test_a_new_platform_is_told_the_whole_and_nothing_else(followers: Three) -> None:
    for follower in followers:
        assert follower.holds() == follower.holds("default", follower.should_hold())
        assert follower.is_told() == 0
        assert follower.asked == []


def test_a_tenants_change_reaches_its_subtree_and_all_above_but_no_sibling(
    followers: Three, world: World
) -> None:
    near, deep, far = followers
    change.change(world.tenant, name="Renamed")
    world.person("carla", world.tenant, email="carla@example.org", e164="66010001")
    assert (near.is_told(), deep.is_told(), far.is_told()) == (2, 0, 0)
    inner = world.user("Inner tenant", world.inner, world.deep)
    world.person("ida", inner)
    assert (near.is_told(), deep.is_told(), far.is_told()) == (2, 2, 0)
    change.change(world.core, name="Root")
    assert (near.is_told(), deep.is_told(), far.is_told()) == (1, 1, 1)
    change.change(world.east, used=False)
    assert (near.is_told(), deep.is_told(), far.is_told()) == (1, 1, 0)
    for follower in followers:
        follower.hears()
        assert follower.holds() == follower.holds("default", follower.should_hold())


def test_rooms_keys_backups_and_second_factors_travel_too(followers: Three, world: World) -> None:
    near, _deep, _far = followers
    room = MachineRoom(platform_id=world.near, name="Cellar", is_default=True)
    change.save_room(room)
    change.change(world.tenant, room_id=room.moid)
    change.save_backups(world.near, [world.deep])
    key = ApiKey(domain_id=world.tenant, name="program")
    assign_key_pair(key)
    change.save_key(key)
    moid = world.person("carla", world.tenant)
    account = Account.objects.get(moid=moid)
    TOTPDevice.objects.create(user=account, name="app", confirmed=True)
    change_log.record_change("default", "account", moid, "mod")
    for follower in followers:
        follower.is_told()
        assert b"secret of" not in b"".join(row.body for row in follower.queue)
        assert account.password.encode() not in b"".join(row.body for row in follower.queue)
        follower.hears()
        assert follower.holds() == follower.holds("default", follower.should_hold())
    assert Account.objects.using(near.database).get(moid=moid).check_password("secret of carla")
    assert len(near.holds()["factors"]) == 1
    change.change(world.tenant, room_id=None)
    change.delete_room(room.moid)
    key.delete()
    change.save_backups(world.near, [])
    people.delete(moid)
    change_log.record_change("default", "domain", world.tenant, "mod")
    near.is_told()
    near.hears()
    assert near.holds() == near.holds("default", near.should_hold())


def test_a_tenant_that_moves_goes_where_it_is_lost_and_comes_with_its_people_where_it_is_new(
    followers: Three, world: World
) -> None:
    near, deep, far = followers
    carla = world.person("carla", world.tenant)
    for follower in followers:
        follower.is_told()
        follower.hears()
    change.move(world.tenant, world.west, platform_id=world.far)
    for follower in followers:
        follower.is_told()
    assert [b["op"] for b in near.bodies()] == ["del"]
    assert [b["type"] for b in far.bodies()] == ["BMC_CSS_DOMAIN_NTF", "AMC_CSS_ACCOUNT_NTF"]
    assert deep.bodies() == []
    for follower in followers:
        follower.hears()
        assert follower.holds() == follower.holds("default", follower.should_hold())
    assert not Account.objects.using(near.database).filter(moid=carla).exists()
    assert Account.objects.using(far.database).filter(moid=carla).exists()


def test_an_account_that_moves_to_another_tenant_leaves_where_it_is_lost(
    followers: Three, world: World
) -> None:
    near, _deep, far = followers
    tenant_there = world.user("There", world.west, world.far)
    carla = world.person("carla", world.tenant)
    account = Account.objects.get(moid=carla)
    account.domain_id = tenant_there
    people.save_account(account)
    for follower in followers:
        follower.is_told()
        follower.hears()
        assert follower.holds() == follower.holds("default", follower.should_hold())
    assert not Account.objects.using(near.database).filter(moid=carla).exists()
    assert Account.objects.using(far.database).filter(moid=carla).exists()


def test_a_moved_service_domain_is_told_by_the_whole(followers: Three, world: World) -> None:
    world.person("ida", world.user("Inner tenant", world.inner, world.deep))
    for follower in followers:
        follower.is_told()
        follower.hears()
    change.move(world.inner, world.west)
    for follower in followers:
        follower.is_told()
        follower.hears()
        assert follower.holds() == follower.holds("default", follower.should_hold()), follower.moid
    assert all(follower.asked == [] for follower in followers)


def test_a_deleted_domain_goes_everywhere(followers: Three, world: World) -> None:
    near, _deep, _far = followers
    change.delete(world.tenant)
    near.is_told()
    near.hears()
    assert near.is_equal()
    assert not Domain.objects.using(near.database).filter(moid=world.tenant).exists()
    assert Applied.objects.using(near.database).filter(moid=world.tenant).exists()


def test_ten_thousand_changes_while_away_come_in_order_once(followers: Three, world: World) -> None:
    near, deep, far = followers
    for number in range(20):
        world.person(f"person{number}", world.tenant)
    moids = list(Account.objects.filter(domain=world.tenant).values_list("moid", flat=True))
    for _ in range(500):
        with change.saving_domains() as _keep:
            change_log.record_changes("default", "account", moids, "mod")
    assert near.is_told() >= 10_000
    versions = [body["version"] for body in near.bodies()]
    assert versions == sorted(versions)
    near.hears()
    assert near.is_equal()
    assert near.asked == []
    assert (deep.is_told(), far.is_told()) == (0, 0)


def test_duplicates_and_old_ones_change_nothing(followers: Three, world: World) -> None:
    near, _deep, _far = followers
    change.change(world.tenant, name="One")
    change.change(world.tenant, name="Two")
    near.is_told()
    rows = list(near.queue)
    near.hears()
    before = near.holds(), near.version
    near.hears([*rows, *reversed(rows), *rows])
    assert (near.holds(), near.version) == before
    assert near.asked == []
    assert near.parked() == []


def test_a_queue_that_was_wiped_is_noticed_and_asked_for(followers: Three, world: World) -> None:
    near, _deep, _far = followers
    cursor = near.version
    change.change(world.tenant, name="One")
    near.is_told()
    near.queue.clear()
    change.change(world.tenant, name="Two")
    change.change(world.tenant, name="Three")
    near.is_told()
    near.hears()
    assert near.asked == [cursor], "asked once, for what is missing"
    assert Domain.objects.using(near.database).get(moid=world.tenant).name == "Tenant"
    near.asks(near.asked[0])
    near.is_told()
    near.hears()
    assert near.is_equal()


def test_a_whole_that_was_wiped_in_the_middle_begins_anew(
    followers: Three, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, _deep, _far = followers
    monkeypatch.setattr("domains.data.feed.BATCH", 2)
    near.asks(0)
    near.is_told()
    near.queue[2:4] = []
    near.hears(batch=2)
    assert near.asked, "the gap was seen"
    near.catches_up()
    assert near.is_equal()


def test_the_whole_removes_what_should_not_be_there(followers: Three, world: World) -> None:
    near, _deep, _far = followers
    carla = world.person("carla", world.tenant)
    near.is_told()
    near.hears()
    Account.objects.using(near.database).create(username="local", moid="local", is_superuser=True)
    people.delete(carla)
    change.delete(world.tenant)
    sql.execute("default", "DELETE FROM domains_changefor")
    sql.execute("default", "DELETE FROM domains_change")
    near.asks(0)
    near.is_told()
    near.hears()
    assert near.is_equal()
    assert Account.objects.using(near.database).filter(moid="local").exists()


def test_what_is_asked_for_again_comes_in_order_under_its_old_versions(
    followers: Three, world: World
) -> None:
    near, _deep, _far = followers
    world.person("carla", world.tenant)
    change.change(world.tenant, name="Renamed")
    world.user("Later tenant", world.east, world.near)
    near.is_told()
    near.hears()
    newest, base = near.version, Follower.objects.get(platform=near.moid).base
    applied = sorted(Applied.objects.using(near.database).values_list("moid", "version"))
    assert base
    near.asks(0, as_source=True)
    near.is_told()
    versions = [body["version"] for body in near.bodies()]
    logged = [version for version in versions if version > base]
    assert versions == sorted(versions)
    assert logged == sorted(set(logged))
    assert logged[-1] == newest
    assert len(versions) > len(logged)
    duplicates = metrics.SEEN._value.get()
    near.hears()
    assert metrics.SEEN._value.get() == duplicates + len(versions)
    assert sorted(Applied.objects.using(near.database).values_list("moid", "version")) == applied
    change.change(world.tenant, name="Again")
    assert near.is_told() == 1
    near.hears()
    assert near.is_equal()
    assert near.asked == []


def test_who_lost_everything_has_it_again_from_old_versions(followers: Three, world: World) -> None:
    near, _deep, _far = followers
    change.change(world.tenant, name="Renamed")
    near.is_told()
    near.hears()
    following._empty(near.database)
    Cell.objects.using(near.database).create(platform=near.moid, owner=settings.PLATFORM_MOID)
    near.asks(0, as_source=True)
    near.is_told()
    near.hears()
    assert near.is_equal()


def test_a_change_that_commits_while_the_whole_is_read_comes_after_it(
    followers: Three, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, _deep, _far = followers
    monkeypatch.setattr("domains.data.feed.BATCH", 2)
    near.asks(0)
    from domains.data.feed import feed

    for number in range(4):
        feed(near.moid, near.queue.extend)
        change.change(world.tenant, name=f"Name {number}")
        world.person(f"late{number}", world.tenant)
    near.is_told()
    near.hears()
    assert near.is_equal()
    assert near.asked == []


def test_who_was_away_longer_than_the_log_is_kept_is_told_the_whole(
    followers: Three, world: World
) -> None:
    near, deep, far = followers
    change.change(world.tenant, name="Old")
    sql.execute("default", "UPDATE domains_change SET at = at - INTERVAL 91 DAY")
    assert (
        sync.delete_old_changes(str(near_core()), timedelta(days=90)) == Change.objects.count() + 1
    )
    assert Follower.objects.get(platform=near.moid).base is None
    assert Follower.objects.get(platform=deep.moid).base is not None
    near.is_told()
    near.hears()
    assert near.is_equal()
    for follower in (deep, far):
        follower.asks()
        assert follower.is_told() == 0, "nothing that concerned it was forgotten"


def near_core() -> str:
    """Return the core's own platform."""
    from foundation.cells.directory import own_platform

    return own_platform()


def test_a_core_from_an_older_copy_goes_on_above_what_was_seen(
    followers: Three, world: World
) -> None:
    near, _deep, _far = followers
    sql.execute("default", "UPDATE domains_counter SET version = 1")
    near.asks()
    change.change(world.tenant, name="After")
    near.is_told()
    near.hears()
    assert near.is_equal()


def test_names_change_hands_within_one_batch(followers: Three, world: World) -> None:
    near, _deep, _far = followers
    moids = [world.person(name, world.tenant, e164=f"66010{n}") for n, name in enumerate("abc")]
    near.is_told()
    near.hears()
    first, second, third = (Account.objects.get(moid=moid) for moid in moids)
    third.username, third.e164 = "x", None
    people.save_account(third)
    second.username, second.e164 = "c", "660102"
    people.save_account(second)
    first.username, first.e164 = "b", "660101"
    people.save_account(first)
    people.delete(third.moid)
    world.person("a", world.tenant, e164="660100")
    near.is_told()
    near.hears()
    assert near.is_equal()


def test_a_name_that_is_taken_at_the_site_is_parked_and_stops_nothing(
    followers: Three, world: World
) -> None:
    near, _deep, _far = followers
    local = Account(username="admin2", is_superuser=True)
    local.set_password("of this site")
    people.save_account(local, near.database)
    world.person("admin2", world.tenant)
    world.person("after", world.tenant)
    near.is_told()
    near.hears()
    assert ["admin2" in reason for reason in near.parked()] == [True]
    assert Account.objects.using(near.database).filter(username="after").exists()
    assert near.asked == []


def test_a_site_with_a_tree_of_its_own_says_so_and_applies_nothing(
    world: World, settings: Settings
) -> None:
    with platforms(settings, world.near) as (near,):
        change.create(Level.CORE, near.database, name="Another")
        near.is_told()
        near.hears()
        assert "another core domain" in Followed.objects.using(near.database).get().wrong
        assert near.asked == [0]
        assert Domain.objects.using(near.database).count() == 1
