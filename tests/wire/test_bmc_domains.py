"""Domains and accounts as a third party's BMC sends them: no `previous`, each thing with its version."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import chain, count
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, Manager, MediaUnit
from tests.wire.line import Body, Line, Tap
from tests.wire.saying import start
from tests.wire.world import last_parked, parked, sql

pytestmark = pytest.mark.xdist_group("wire")

_versions = count(1)


class Bmc:
    """A third party's BMC and AMC."""

    def __init__(self, site: Site, line: Line) -> None:
        self.site, self.line, self.made = site, line, list[str]()
        self.platform = site.vault.platform_moid
        rows = sql(site, f"SELECT parent_id FROM domains_domain WHERE moid='{self.platform}'")
        self.service = rows[0][0]

    def moid(self) -> str:
        """Return a new MOID."""
        self.made.append(str(uuid.uuid4()))
        return self.made[-1]

    def domain(self, op: str, version: int = 0, **fields: Any) -> None:
        """Send a change of a domain."""
        body: Body = {"type": "BMC_CSS_DOMAIN_NTF", "op": op, "version": version or next(_versions)}
        notice = {**body, "domain": fields, "unknown": [1]}
        self.line.say("bmc.notify.ex", "bmc.domain.k", notice, app_id="bmc")

    def account(self, op: str, version: int = 0, **fields: Any) -> None:
        """Send a change of an account."""
        body: Body = {
            "type": "AMC_CSS_ACCOUNT_NTF",
            "op": op,
            "version": version or next(_versions),
        }
        self.line.say("bmc.notify.ex", "bmc.account.k", {**body, "account": fields}, app_id="amc")

    def tenant(self, **fields: object) -> str:
        """Send a new tenant of this platform."""
        moid = self.moid()
        place: Body = {"level": 0, "uplevelmoid": self.service, "platformmoid": self.platform}
        self.domain("add", **{"moid": moid, "name": "Shop", **place, **fields})
        return moid

    def until(self, query: str, *row: str) -> None:
        """Wait until the site's database says so."""
        self.line.wait(
            lambda: True if sql(self.site, query) == ([[*row]] if row else []) else None,
            20,
            lambda: f"{query}: {sql(self.site, query)} instead of {row}",
        )

    def name_is(self, moid: str, *name: str) -> None:
        """Wait until a domain has this name; no name: until it is gone."""
        self.until(f"SELECT name FROM domains_domain WHERE moid='{moid}'", *name)

    def reasons(self, since: int, number: int) -> list[str]:
        """Return why so many messages were parked."""

        def found() -> list[str] | None:
            rows = [reason for _, reason, _ in chain(*parked(self.site, since).values())]
            return rows if len(rows) >= number else None

        return self.line.wait(found, 20, lambda: f"{number} parked: {parked(self.site, since)}")


@pytest.fixture
def bmc(site: Site, line: Line) -> Iterator[Bmc]:
    """Yield a third party's BMC; delete what it has made."""
    connected = Bmc(site, line)
    yield connected
    for moid in reversed(connected.made):
        connected.account("del", moid=moid)
        connected.domain("del", moid=moid)
    for moid in connected.made:
        connected.name_is(moid)


def test_a_tenant_comes_changes_and_goes(bmc: Bmc) -> None:
    moid = bmc.tenant(smallconfnumlimit=3)
    bmc.name_is(moid, "Shop")
    bmc.domain("mod", moid=moid, name="Store", used=0)
    query = "SELECT name, used, small_limit FROM domains_domain JOIN domains_userdomain"
    condition = f"ON domain_ptr_id = moid WHERE moid='{moid}'"
    bmc.until(f"{query} {condition}", "Store", "0", "3")
    bmc.domain("del", moid=moid)
    bmc.name_is(moid)


def test_the_same_and_lower_versions_change_nothing(bmc: Bmc, site: Site) -> None:
    since, moid = last_parked(site), bmc.tenant()
    version = next(_versions) + 100
    bmc.domain("mod", version, moid=moid, name="Newest")
    bmc.domain("mod", version - 1, moid=moid, name="Older")
    bmc.domain("mod", version, moid=moid, name="The same")
    bmc.domain("del", version - 2, moid=moid)
    other = bmc.tenant(name="Behind it")
    bmc.name_is(other, "Behind it")
    bmc.name_is(moid, "Newest")
    assert parked(site, since) == {}
    bmc.domain("del", version + 1, moid=moid)


def test_the_same_and_lower_versions_of_an_account_change_nothing(bmc: Bmc, site: Site) -> None:
    since, tenant, moid = last_parked(site), bmc.tenant(), bmc.moid()
    bmc.account("add", moid=moid, account="pebbles", userdomainmoid=tenant)
    version = next(_versions) + 100
    bmc.account("mod", version, moid=moid, lastname="Newest")
    bmc.account("mod", version - 1, moid=moid, lastname="Older")
    bmc.account("mod", version, moid=moid, lastname="The same")
    bmc.account("del", version - 2, moid=moid)
    bmc.account("add", version - 3, moid=moid, account="bam", userdomainmoid=tenant)
    other = bmc.tenant(name="Behind them")
    bmc.name_is(other, "Behind them")
    query = f"SELECT username, last_name FROM domains_account WHERE moid='{moid}'"
    bmc.until(query, "pebbles", "Newest")
    assert parked(site, since) == {}
    bmc.account("del", version + 1, moid=moid)


def test_an_unknown_room_is_made_below_its_platform(bmc: Bmc, site: Site) -> None:
    room = bmc.moid()
    bmc.tenant(roommoid=room)
    query = f"SELECT platform_id FROM domains_machineroom WHERE moid='{room}'"
    bmc.until(query, bmc.platform)


def test_what_cannot_be_is_parked_with_its_reason_and_stops_nothing(bmc: Bmc, site: Site) -> None:
    since, nobody = last_parked(site), str(uuid.uuid4())
    bmc.tenant(uplevelmoid=nobody)
    bmc.tenant(platformmoid=nobody)
    bmc.tenant(uplevelmoid=bmc.platform)
    bmc.domain("add", moid=bmc.moid(), name="What is it")
    bmc.domain("del", moid=bmc.service)
    bmc.account("add", moid=bmc.moid(), account="x", userdomainmoid=nobody)
    bmc.domain("rename", moid=nobody)
    bmc.domain("mod", moid=nobody, name="")
    good = bmc.tenant()
    bmc.name_is(good, "Shop")
    reasons = bmc.reasons(since, 8)
    for word in (
        f"uplevelmoid: there is no such domain here: {nobody}",
        f"platformmoid: there is no such domain here: {nobody}",
        f"uplevelmoid: there is no such domain here: {bmc.platform}",
        "level: is missing",
        "is in use",
        f"userdomainmoid: there is no such domain here: {nobody}",
        "op: must be add or del or mod",
        "domain: name must be a string of 1 to 64 characters",
    ):
        assert sum(word in reason for reason in reasons) == 1, (word, reasons)


def test_an_account_comes_changes_its_names_and_goes(bmc: Bmc, site: Site) -> None:
    since, tenant, moid = last_parked(site), bmc.tenant(), bmc.moid()
    bmc.account("add", moid=moid, account="Wilma", userdomainmoid=tenant, e164="8800555")
    names = "SELECT n.name FROM domains_signinname n JOIN domains_account a ON a.id = n.account_id"
    condition = f"WHERE a.moid='{moid}' ORDER BY n.name DESC LIMIT 1"
    bmc.until(f"{names} {condition}", "wilma")
    bmc.account("add", moid=bmc.moid(), account="WILMA", userdomainmoid=tenant)
    assert "account: “wilma” is the name of another account" in bmc.reasons(since, 1)[0]
    bmc.account("mod", moid=moid, account="betty", email="betty@example.org")
    bmc.until(f"{names} {condition}", "betty@example.org")
    bmc.account("del", moid=moid)
    bmc.until(f"SELECT username FROM domains_account WHERE moid='{moid}'")


def test_garbage_is_parked_and_what_follows_is_taken(bmc: Bmc, line: Line, site: Site) -> None:
    since = last_parked(site)
    for body in (b"\xff", b"[]", b'{"type": "BMC_CSS_DOMAIN_NTF", "op": "add", "version": 1e99}'):
        line.say("bmc.notify.ex", "bmc.domain.k", body, app_id="bmc")
    bmc.domain("add", moid="m" * 41, level=0)
    bmc.domain("add", moid=["list"])
    bmc.name_is(bmc.tenant(), "Shop")
    assert len(bmc.reasons(since, 5)) == 5


def test_the_core_is_told_how_many_conferences_run_in_domains_and_below(
    bmc: Bmc, line: Line, cm: Manager, unit: MediaUnit, site: Site
) -> None:
    start(cm, unit)
    since, core = last_parked(site), Tap(line)

    def asks(reqid: str, *moids: str) -> Body:
        body = {"type": "BMC_CSS_RUNNING_REQ", "reqid": reqid, "platformmoid": bmc.platform}
        around = {"reply_to": core.queue, "app_id": "bmc", "correlation_id": reqid}
        line.say("bmc.notify.ex", "bmc.domain.k", {**body, "moids": moids}, **around)
        return core.hears("CSS_BMC_RUNNING_ACK", reqid=reqid).body

    assert asks("tenant", TENANT) == asks("tenant", TENANT)
    assert asks("again", TENANT)["running"] == 1
    assert asks("above", bmc.service)["running"] == 1
    assert asks("nobody", str(uuid.uuid4()))["running"] == 0
    for moids in ("no list", [1], ["m"] * 100_000):
        question = {"type": "BMC_CSS_RUNNING_REQ", "reqid": "bad", "moids": moids}
        line.say("bmc.notify.ex", "bmc.domain.k", question, app_id="bmc", reply_to=core.queue)
    assert asks("last", TENANT)["running"] == 1
    assert len(bmc.reasons(since, 3)) == 3
    core.leave()
