"""Licences on the wire, as BMC and as a module of the platform (MS) see them (CSS §4)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from deploy.stand.site import Site
from licensing.rules.licence_text import Licence
from tests import licences
from tests.wire.actors import Manager, MediaUnit
from tests.wire.conftest import Taps
from tests.wire.line import Body, Line, ReceivedMessage, Tap
from tests.wire.saying import is_well_formed, start
from tests.wire.world import last_parked, parked, sql, stopped

pytestmark = pytest.mark.xdist_group("wire")

FROM_BMC = ("bmc.notify.ex", "bmc.license.k")
TO_BMC = ("bmc.req.ex", "bmc.license.k")
FROM_MS = ("mau.license.ex", "mau.license.k")
IN_FORCE = ("platform.license.ex", "platform.license.ntf.k")
HOURS_AGO = 7200
LIMITS = (
    "smallconfnum",
    "largeconfnum",
    "softwarenumlimit",
    "hardwarenumlimit",
    "monitornumlimit",
    "mediaportnumlimit",
    "currentcallnumlimit",
)


class Bmc:
    """The core's console: issues licences, hears what a site asks and what it then may do."""

    def __init__(self, site: Site, line: Line, tap: Tap) -> None:
        self.site, self.line, self.heard = site, line, tap
        self.moid = site.vault.platform_moid
        issue = sql(site, "SELECT MAX(issue) FROM licensing_licence")
        self.issue = int(issue[0][0])

    def licence(self, small: int, large: int, **fields: Any) -> Licence:
        """Return the next issue."""
        self.issue += 1
        return licences.licence(self.moid, self.issue, small, large, **fields)

    def text(self, licence: Licence) -> str:
        """Return the text of a licence, sealed with the core's key."""
        vault = self.site.vault
        return licences.sealed(licence, vault.license_signing, vault.license_sealing)

    def sends(self, text: str, moid: str = "") -> None:
        """Send a licence to which perhaps nobody answers."""
        body = {"type": "BMC_CSS_LICENSE_NTF", "platformmoid": moid or self.moid, "license": text}
        self.line.say(*FROM_BMC, body, app_id="bmc")

    def issues(self, small: int, large: int, **fields: Any) -> Body:
        """Send the next issue, and return what the platform is told then."""
        self.sends(self.text(self.licence(small, large, **fields)))
        return self.heard.hears("PLATFORM_LICENSE_NTF", issue=self.issue).body


@pytest.fixture
def bmc(site: Site, line: Line, tap: Taps) -> Iterator[Bmc]:
    """Yield a BMC; at the end, forget its licences, so that the old one counts again."""
    connected = Bmc(site, line, tap(IN_FORCE, TO_BMC))
    before = connected.issue
    yield connected
    sql(site, f"DELETE FROM licensing_licence WHERE issue > {before}")


class Module(Tap):
    """A module of the platform."""

    def sends(self, *, there: bool = True, **fields: Any) -> ReceivedMessage:
        """Ask what the platform may do, and return the answer. `there`: name a queue for it."""
        mark, properties = uuid.uuid4().hex, {"app_id": "ms", **fields.pop("properties", {})}
        if there:
            properties["reply_to"] = self.queue
        body = {"type": "MS_CSS_LICENSE_REQ", **fields}
        self.line.say(*FROM_MS, body, correlation_id=mark, **properties)

        def answer() -> ReceivedMessage | None:
            return next((m for m in self.heard if m.properties.correlation_id == mark), None)

        message = self.line.wait(answer, 20, lambda: f"an answer to {body}")
        self.heard.remove(message)
        assert message.exchange == ("" if there else IN_FORCE[0])
        return message

    def asks(self, *, there: bool = True, **fields: Any) -> Body:
        """Ask what the platform may do, and return what it may."""
        ack = self.sends(there=there, **fields)
        assert ack["type"] == "CSS_MS_LICENSE_ACK", ack.body
        return ack.body


@pytest.fixture
def module(line: Line) -> Iterator[Module]:
    """Yield a module of the platform."""
    connected = Module(line)
    yield connected
    connected.leave()


def test_what_bmc_sends_is_in_force_and_told_field_by_field(bmc: Bmc, module: Module) -> None:
    end = (datetime.now(UTC) + timedelta(days=100)).replace(microsecond=0)
    amounts = {"software_terminals": 11, "hardware_terminals": 12, "monitors": 13}
    licence = bmc.licence(9, 8, valid_to=end, **amounts, media_ports=14, access_ports=15)
    bmc.sends(bmc.text(licence))
    notice = bmc.heard.hears("PLATFORM_LICENSE_NTF", issue=licence.issue)
    expected = {
        "platformmoid": bmc.moid,
        **dict(zip(LIMITS, (9, 8, 11, 12, 13, 14, 15), strict=True)),
        "validfrom": "2020-01-01T00:00:00+00:00",
        "validto": end.isoformat(),
        "issue": licence.issue,
        "evaluation": 0,
    }
    assert notice.body == {"type": "PLATFORM_LICENSE_NTF", **expected}
    assert (notice.exchange, notice.key) == IN_FORCE
    is_well_formed(notice, f"css@{bmc.moid}")
    reqid = uuid.uuid4().hex
    assert module.asks(reqid=reqid) == {"type": "CSS_MS_LICENSE_ACK", "reqid": reqid, **expected}
    assert module.asks() == {"type": "CSS_MS_LICENSE_ACK", **expected}


def test_a_module_that_names_no_queue_hears_the_answer_where_changes_are_told(
    bmc: Bmc, line: Line
) -> None:
    bmc.issues(9, 9)
    module = Module(line, IN_FORCE)
    assert module.asks(there=False)["issue"] == bmc.issue
    module.leave()


def test_a_modules_repeated_request_is_answered_as_the_first_was(bmc: Bmc, module: Module) -> None:
    bmc.issues(19, 9)
    same, another = uuid.uuid4().hex, uuid.uuid4().hex
    first = module.sends(reqid=same)
    bmc.issues(18, 9)
    late: Body = {"timestamp": int(time.time()) - HOURS_AGO}
    for again in (module.sends(reqid=same), module.sends(reqid=same, properties=late)):
        assert again.raw == first.raw
    assert module.asks(reqid=another)["smallconfnum"] == 18
    other = module.sends(reqid=same, smallconfnum=1)
    assert (other["type"], other["errcode"]) == ("CSS_MS_LICENSE_NACK", "29001")


@pytest.mark.parametrize("reqid", ["r", None])
def test_a_modules_bad_or_late_request_and_one_at_a_stopped_site_is_refused(
    module: Module, site: Site, reqid: str | None
) -> None:
    fields: Body = {"reqid": f"{reqid}{uuid.uuid4().hex}"} if reqid else {}
    late = module.sends(**fields, properties={"timestamp": int(time.time()) - HOURS_AGO})
    with stopped(site):
        closed = module.sends(**fields)
    module.line.say(*FROM_MS, b"[]", app_id="ms", reply_to=module.queue)
    bad = module.sends(reqid="x" * 65)
    for nack, errcode, detail in (
        (late, "29005", "expired"),
        (closed, "29005", ""),
        (bad, "29001", "reqid"),
    ):
        assert (nack["type"], nack["errcode"]) == ("CSS_MS_LICENSE_NACK", errcode)
        assert nack["detail"].startswith(detail)
        assert nack is bad or nack.body.get("reqid") == fields.get("reqid")
    assert module.asks(**fields)["platformmoid"] == site.vault.platform_moid


def test_conferences_are_counted_by_what_bmc_has_sent(
    bmc: Bmc, cm: Manager, unit: MediaUnit
) -> None:
    bmc.issues(1, 0)
    start(cm, unit)
    cm.is_refused("29006", cm.asks_to_create())
    cm.is_refused("29007", cm.asks_to_create(maxjoinedmt=32))
    bmc.issues(2, 0)
    start(cm, unit)
    cm.is_refused("29006", cm.asks_to_create())


def test_a_licence_that_ends_is_told_and_lets_nothing_begin_but_what_runs_goes_on(
    bmc: Bmc, cm: Manager, unit: MediaUnit, platform: str
) -> None:
    bmc.issues(5, 5, valid_to=datetime.now(UTC) + timedelta(seconds=6))
    running = start(cm, unit)
    notice = bmc.heard.hears("PLATFORM_LICENSE_NTF", within=30, smallconfnum=0)
    assert {notice[name] for name in LIMITS} == {0}
    assert not {"validfrom", "validto", "issue"} & notice.body.keys()
    cm.is_refused("29017", cm.asks_to_create())
    assert running["confE164"] in {c["confE164"] for c in cm.lists(platform)["confs"]}


def test_the_same_again_and_older_ones_change_nothing(bmc: Bmc, line: Line, site: Site) -> None:
    since = last_parked(site)
    old, new = bmc.licence(1, 1), bmc.licence(7, 7)
    text = bmc.text(new)
    for licence_text in (text, text, bmc.text(old), bmc.text(new), text):
        bmc.sends(licence_text)
    bmc.heard.hears("PLATFORM_LICENSE_NTF", issue=new.issue)
    line.quiet(1.0)
    assert bmc.heard.has_heard("PLATFORM_LICENSE_NTF") == []
    rows = sql(site, f"SELECT issue FROM licensing_licence WHERE issue >= {old.issue}")
    assert rows == [[str(new.issue)]]
    assert parked(site, since) == {}


def test_bad_ones_are_parked_each_with_its_reason(bmc: Bmc, line: Line, site: Site) -> None:
    since, long_ago = last_parked(site), datetime(2020, 2, 1, tzinfo=UTC)
    later = datetime.now(UTC) + timedelta(days=1)
    good = bmc.text(bmc.licence(5, 5))
    spoilt = good[:80] + ("A" if good[80] != "A" else "B") + good[81:]
    stranger = licences.licence("stranger", 99, 5, 5)
    bmc.sends(spoilt)
    bmc.sends("nonsense")
    bmc.sends(bmc.text(bmc.licence(5, 5, valid_to=long_ago)))
    bmc.sends(bmc.text(bmc.licence(5, 5, valid_from=later)))
    bmc.sends(bmc.text(stranger), "stranger")
    bmc.sends(good, "stranger")
    words = ["altered", "not a licence", "expired", "not yet valid", "issued for platform stranger"]
    words.append("the licence is of platform")

    def all_there() -> list[str] | None:
        reasons = [reason for _, reason, _ in chain(*parked(site, since).values())]
        return reasons if len(reasons) == len(words) else None

    reasons = line.wait(all_there, 20, lambda: f"six parked: {parked(site, since)}")
    for word in words:
        assert sum(word in reason for reason in reasons) == 1, (word, reasons)
    assert bmc.heard.has_heard("PLATFORM_LICENSE_NTF") == []


def test_at_start_up_bmc_is_asked_and_modules_are_told(bmc: Bmc, site: Site, line: Line) -> None:
    process = site.processes["worker1"]
    process.stop()
    began = time.monotonic()
    process.start()
    request = bmc.heard.hears("CSS_BMC_LICENSE_REQ", within=40)
    assert request.body == {"type": "CSS_BMC_LICENSE_REQ", "platformmoids": [bmc.moid]}
    assert (request.exchange, request.key) == TO_BMC
    bmc.heard.hears("PLATFORM_LICENSE_NTF", within=10)
    assert time.monotonic() - began < 40
