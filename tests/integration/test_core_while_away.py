"""Changes at the core reach a platform's data once and in order, also while its backup serves it (CSS §3.3, §4).

A core in the tests' database, east and its backup west in databases of their own; brokers are lists.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from pytest_django import Settings

from conferences.flows import takeover
from domains.data import redis_projection
from domains.data.feed import feed
from domains.flows import change, people
from domains.models import Account, Domain
from failover.models import Register
from foundation.bus import dispatch, outbox
from foundation.bus.delivery import Delivery
from foundation.bus.envelope import envelope_of_amqp
from foundation.bus.link import SERVING_SITE
from foundation.bus.outbox import OutboxRow
from foundation.bus.relay import send_due_rows
from foundation.cells import sql
from foundation.cells.directory import redis_of, store_of
from licensing.data import licence_rows
from licensing.flows.load import load_licence
from licensing.flows.revoke import revoke_licence
from tests import licences
from tests.domains.conftest import place
from tests.domains.following import Platform, platforms
from tests.domains.three import World, world

__all__ = ["place", "world"]

pytestmark = pytest.mark.xdist_group("domains")


class Installation:
    """The core, east and west; who serves east is in the register and in the cell, as agents would write it."""

    def __init__(self, settings: Settings, core: str, east: Platform, west: Platform) -> None:
        self._given, self.core, self.east, self.west = settings, core, east, west
        self._stores = dict(settings.PLATFORM_STORES)
        url = settings.REDIS_URL
        another = f"{url.rpartition('/')[0]}/{int(url.rpartition('/')[2]) + 8}"
        self._stores[west.moid] = (west.database, another)
        settings.PLATFORM_STORES = self._stores
        store_of.cache_clear()
        redis_of.cache_clear()
        self.queues: defaultdict[str, list[OutboxRow]] = defaultdict(list)
        self.asked: list[dict[str, Any]] = []
        settings.PEERS = {east.moid: "amqp://", west.moid: "amqp://"}
        for site, other in ((east, west), (west, east)):
            moid = site.moid
            Register.objects.create(platform=moid, home=moid, backup=other.moid, owner=moid)
        self.serve(east.moid, east.moid)
        self.serve(west.moid, west.moid)
        self.settle()

    @contextmanager
    def at(self, site: str) -> Iterator[None]:
        """Act as this site for a while."""
        given = self._given
        before = given.PLATFORM_MOID, given.ROLES, given.CORE_MOID, given.PLATFORM_STORES
        given.PLATFORM_MOID, given.ROLES, given.CORE_MOID = site, frozenset({"css"}), self.core
        both = {p.moid: self._stores[p.moid] for p in (self.east, self.west)}
        given.PLATFORM_STORES = {site: both[site]} | both
        try:
            yield
        finally:
            given.PLATFORM_MOID, given.ROLES, given.CORE_MOID, given.PLATFORM_STORES = before

    def serve(self, platform: str, site: str) -> None:
        """Set another owner; the timers of its site have not run yet."""
        Register.objects.filter(platform=platform).update(owner=site)
        database = self._stores[platform][0]
        query = "UPDATE stores_cell SET owner=%s, epoch=epoch+1 WHERE platform=%s"
        sql.execute(database, query, [site, platform])

    def send(self) -> None:
        """Send what the core has: the log by its feeders, the rest by its links."""
        for site in (self.east, self.west):
            queue = self.queues[SERVING_SITE.call(site.moid) or ""]
            while feed(site.moid, queue.extend):
                pass
            send_due_rows(store_of(self.core), self.queues[site.moid].extend, site.moid)

    def tick(self) -> None:
        """Run the timers of both sites."""
        for site in (self.east.moid, self.west.moid):
            with self.at(site):
                takeover.follow_serving_sites()

    def settle(self) -> None:
        """Deliver messages until none is on its way."""
        self.tick()
        self.send()
        while self._deliver():
            self.send()

    def _deliver(self) -> bool:
        """Deliver messages of the core to the sites, and requests of the sites to the core."""
        requests = []
        for site in (self.east.moid, self.west.moid):
            letters, self.queues[site] = self.queues[site], []
            with self.at(site):
                for start in range(0, len(letters), 100):
                    batch = [_delivery("mau.bmc.q", row) for row in letters[start : start + 100]]
                    dispatch.handle_batch(batch, publish_inline=False)
                for one in (self.east, self.west):
                    rows: list[OutboxRow] = []
                    send_due_rows(store_of(one.moid), rows.extend)
                    requests += [(site, row) for row in rows if row.exchange == "bmc.req.ex"]
        for site, row in requests:
            question = _delivery("bmc.req.q", row, site)
            self.asked.append(orjson.loads(row.body))
            dispatch.handle_for_platform(self.core, [question], publish_inline=False)
        return bool(requests) or any(self.queues.values())


def _delivery(queue: str, row: OutboxRow, peer: str = "") -> Delivery:
    envelope = envelope_of_amqp(queue, row.properties, False)
    return Delivery(row.body, type(envelope)(**{**_fields(envelope), "peer": peer}))


def _fields(envelope: Any) -> dict[str, Any]:
    return {name: getattr(envelope, name) for name in envelope.__slots__}


@pytest.fixture
def installation(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Return an installation in which west backs up east, and both hold all their data."""
    monkeypatch.setattr(takeover, "_prepared_epochs", {})
    change.save_backups(world.near, [world.deep])
    with platforms(settings, world.near, world.deep) as (east, west):
        redis_of(east.moid).flushdb()
        installation = Installation(settings, str(settings.PLATFORM_MOID), east, west)
        assert east.is_equal()
        assert west.is_equal()
        installation.asked.clear()
        yield installation
        redis_of(east.moid).flushdb()


def _name(platform: Platform, moid: str) -> str:
    return str(Domain.objects.using(platform.database).get(moid=moid).name)


def _licence(platform: Platform, of: str) -> tuple[int, bool] | None:
    newest = licence_rows.newest(platform.database, of)
    return (newest.issue, newest.revoked_at is not None) if newest else None


def test_the_backup_takes_what_the_core_says_for_the_platform_that_it_serves(
    installation: Installation, world: World
) -> None:
    installation.serve(installation.east.moid, installation.west.moid)
    installation.settle()
    change.change(world.tenant, name="Renamed while away")
    petra = world.person("petra", world.tenant)
    installation.send()
    assert installation.queues[installation.east.moid] == []
    installation.settle()
    assert _name(installation.east, world.tenant) == "Renamed while away"
    assert Account.objects.using(installation.east.database).filter(moid=petra).exists()
    assert installation.east.is_equal()
    with installation.at(installation.west.moid):
        info = redis_of(installation.east.moid).hgetall(redis_projection.info_key(world.tenant))
    assert info["name"] == "Renamed while away"


def test_after_the_hand_back_home_goes_on_without_a_hole(
    installation: Installation, world: World
) -> None:
    installation.serve(installation.east.moid, installation.west.moid)
    installation.settle()
    for number in range(5):
        change.change(world.tenant, name=f"while away {number}")
    installation.settle()
    version = installation.east.version
    installation.serve(installation.east.moid, installation.east.moid)
    installation.asked.clear()
    installation.settle()
    assert [q["after"] for q in installation.asked if q["type"] == "CSS_BMC_SYNC_REQ"] == [version]
    change.change(world.tenant, name="home again")
    installation.send()
    [notice] = [orjson.loads(row.body) for row in installation.queues[installation.east.moid]]
    assert (notice["previous"], notice["platformmoid"]) == (version, installation.east.moid)
    installation.settle()
    assert installation.east.is_equal()
    assert _name(installation.east, world.tenant) == "home again"


def test_what_died_with_the_lost_sites_broker_is_asked_for_by_the_backup(
    installation: Installation, world: World
) -> None:
    change.change(world.tenant, name="lost on the way")
    installation.send()
    installation.queues.clear()
    installation.serve(installation.east.moid, installation.west.moid)
    assert _name(installation.east, world.tenant) != "lost on the way"
    installation.settle()
    assert _name(installation.east, world.tenant) == "lost on the way"


def test_what_lies_at_the_backup_when_home_serves_again_is_asked_for_by_home(
    installation: Installation, world: World
) -> None:
    installation.serve(installation.east.moid, installation.west.moid)
    installation.settle()
    change.change(world.tenant, name="came too late")
    installation.send()
    installation.serve(installation.east.moid, installation.east.moid)
    with installation.at(installation.west.moid):
        letters, installation.queues[installation.west.moid] = (
            installation.queues[installation.west.moid],
            [],
        )
        dispatch.handle_batch(
            [_delivery("mau.bmc.q", row) for row in letters], publish_inline=False
        )
    assert _name(installation.east, world.tenant) != "came too late"
    installation.settle()
    assert _name(installation.east, world.tenant) == "came too late"
    assert installation.east.is_equal()


def test_licences_and_revocations_reach_the_data_where_it_is_served(
    installation: Installation,
) -> None:
    def issue(number: int) -> None:
        licence = licences.licence(installation.east.moid, number, small=40 + number)
        load_licence(installation.core, licences.text_of(licence))

    issue(1)
    installation.settle()
    assert _licence(installation.east, installation.east.moid) == (1, False)
    installation.serve(installation.east.moid, installation.west.moid)
    installation.settle()
    issue(2)
    installation.queues[installation.east.moid].clear()
    installation.settle()
    assert _licence(installation.east, installation.east.moid) == (2, False)
    assert _licence(installation.west, installation.east.moid) == (2, False)
    assert (
        redis_of(installation.east.moid).hget(
            f"domain/{installation.east.moid}/license", "smallconfnum"
        )
        == "42"
    )
    assert revoke_licence(installation.core, installation.east.moid, 2)
    installation.settle()
    assert _licence(installation.east, installation.east.moid) == (2, True)
    installation.serve(installation.east.moid, installation.east.moid)
    installation.settle()
    assert _licence(installation.east, installation.east.moid) == (2, True)


def test_a_licence_that_nobody_took_is_asked_for_when_another_site_begins_to_serve(
    installation: Installation,
) -> None:
    load_licence(
        installation.core, licences.text_of(licences.licence(installation.east.moid, 1, small=40))
    )
    installation.send()
    installation.queues.clear()
    installation.serve(installation.east.moid, installation.west.moid)
    installation.settle()
    assert _licence(installation.east, installation.east.moid) == (1, False)


def test_a_disabled_account_can_not_go_on_at_the_backup(
    installation: Installation, world: World
) -> None:
    moid = world.person("petra", world.tenant)
    installation.settle()
    installation.serve(installation.east.moid, installation.west.moid)
    installation.settle()
    account = Account.objects.get(moid=moid)
    account.is_active = False
    people.save_account(account)
    installation.settle()
    for site in (installation.east, installation.west):
        accounts = Account.objects.using(site.database).filter(moid=moid, is_active=True)
        assert not accounts.exists()


def test_a_third_partys_bmc_tells_all_that_are_served_here(
    installation: Installation, world: World
) -> None:
    installation.serve(installation.east.moid, installation.west.moid)
    installation.settle()
    version = 2 + max(installation.east.version, installation.west.version)
    domain = {"moid": world.inner, "level": 2, "uplevelmoid": world.east, "name": "By another BMC"}
    body = {"type": "BMC_CSS_DOMAIN_NTF", "op": "mod", "version": version, "domain": domain}
    row = OutboxRow(1, "bmc.notify.ex", "bmc.domain.k", orjson.dumps(body), {})
    with installation.at(installation.west.moid):
        dispatch.handle_batch([_delivery("mau.bmc.q", row)], publish_inline=False)
    assert [_name(site, world.inner) for site in (installation.east, installation.west)] == [
        "By another BMC"
    ] * 2


def test_a_site_asks_for_what_it_backs_up_and_for_nothing_else(
    installation: Installation, world: World
) -> None:
    body = {"type": "CSS_BMC_SYNC_REQ", "after": 0, "platformmoid": installation.west.moid}
    sender = {"app_id": f"css@{installation.east.moid}", "message_id": "m1"}
    row = OutboxRow(1, "bmc.req.ex", "bmc.sync.k", orjson.dumps(body), sender)
    dispatch.handle_for_platform(
        installation.core,
        [_delivery("bmc.req.q", row, installation.east.moid)],
        publish_inline=False,
    )
    [reason] = [r[0] for r in sql.select("default", "SELECT reason FROM bus_parked")]
    assert "does not back up" in reason


def test_what_is_for_a_platform_that_is_not_kept_here_is_parked(installation: Installation) -> None:
    domain = {"moid": installation.core, "level": 3, "name": "x"}
    body = {"type": "BMC_CSS_DOMAIN_NTF", "op": "mod", "version": 1, "domain": domain}
    letter = orjson.dumps({**body, "platformmoid": "stranger"})
    with installation.at(installation.east.moid):
        row = OutboxRow(1, "bmc.notify.ex", "bmc.domain.k", letter, {})
        dispatch.handle_batch([_delivery("mau.bmc.q", row)], publish_inline=False)
    assert any("stranger is not served" in reason for reason in installation.east.parked())
    assert installation.west.parked() == []


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_lost_and_whoever_serves_all_is_applied_once_in_order(
    installation: Installation, world: World, seed: int
) -> None:
    dice = random.Random(seed)
    names: list[str] = []
    for turn in range(30):
        choice = dice.randrange(6)
        if choice < 3:
            names.append(f"name {turn}")
            change.change(world.tenant, name=names[-1])
        elif choice == 3:
            world.person(f"person{turn}", world.tenant)
        elif choice == 4:
            installation.send()
            if dice.random() < 0.5:
                installation.queues[
                    dice.choice([installation.east.moid, installation.west.moid])
                ].clear()
        else:
            installation.serve(
                installation.east.moid,
                dice.choice([installation.east.moid, installation.west.moid]),
            )
        if dice.random() < 0.4:
            installation.settle()
    installation.serve(installation.east.moid, installation.east.moid)
    installation.settle()
    installation.settle()
    assert installation.east.is_equal()
    assert installation.west.is_equal()
    assert [
        outbox.select_due(site.database) for site in (installation.east, installation.west)
    ] == [[], []]
