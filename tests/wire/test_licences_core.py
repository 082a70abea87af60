"""Licences and missed changes between a core and its site, and a raw client in the place of either (CSS §3, §4)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from deploy.stand.site import Site
from deploy.stand.stand import Stand
from tests import licences
from tests.wire.line import Body, Line, Tap
from tests.wire.world import last_parked, parked, sql

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("with_core")]

HOURS_AGO = 7200
NOTICE = ("bmc.notify.ex", "bmc.license.k")
ASK, CDR = ("bmc.req.ex", "bmc.license.k"), ("bmc.req.ex", "bmc.cdr.k")
SYNC, CHANGES = ("bmc.req.ex", "bmc.sync.k"), ("bmc.notify.ex", "bmc.#")
APPLIED = "SELECT COUNT(*), MAX(version) FROM domains_applied"
RESENDING = "SELECT platform FROM domains_follower WHERE first = -1"
IN_FORCE = ("platform.license.ex", "platform.license.ntf.k")


class CoreWithLine:
    """The core, and the site's broker, on which all of it is heard."""

    def __init__(self, stand: Stand) -> None:
        self.core, self.east = stand.sites["core"], stand.sites["east"]
        self.line = Line(self.east.rabbitmq.url("/"))
        self.heard = Tap(self.line, NOTICE, IN_FORCE, ASK)
        self.bad_sent = 0
        self._since = last_parked(self.core)

    def parked(self) -> list[str]:
        """Return why the core has parked messages of a site since then."""
        rows = chain(*parked(self.core, self._since).values())
        return [reason for _, reason, wire_type in rows if wire_type.startswith("CSS_BMC_")]

    @property
    def moid(self) -> str:
        """Return the site's platform."""
        return self.east.vault.platform_moid

    def next_text(self, small: int) -> str:
        """Return the next issue for the site's platform, sealed by the core."""
        issue = licences.next_issue(self.moid, self.core, self.east)
        licence, vault = licences.licence(self.moid, issue, small, 2), self.core.vault
        return licences.sealed(licence, vault.license_signing, vault.license_sealing)

    def brings(self, text: str, folder: Path) -> None:
        """Let an operator at the core load it."""
        folder.write_text(text)
        self.core.manage("license_import", str(folder))


@pytest.fixture
def both(with_core: Stand) -> Iterator[CoreWithLine]:
    """Yield core and site; at the end the site has a licence again, and nothing of a site that was good is parked."""
    pair = CoreWithLine(with_core)
    yield pair
    assert len(pair.parked()) == pair.bad_sent, pair.parked()
    pair.heard.leave()
    pair.line.close()


def test_what_is_loaded_at_the_core_counts_at_the_site_and_so_does_its_end(
    both: CoreWithLine, tmp_path: Path
) -> None:
    text = both.next_text(17)
    both.brings(text, tmp_path / "licence")
    notice = both.heard.hears("BMC_CSS_LICENSE_NTF", within=30)
    assert notice.body == {
        "type": "BMC_CSS_LICENSE_NTF",
        "platformmoid": both.moid,
        "license": text,
    }
    assert notice.properties.app_id == f"css@{both.core.vault.platform_moid}"
    issue = both.heard.hears("PLATFORM_LICENSE_NTF", within=30, smallconfnum=17)["issue"]
    _revoke_at(both.core, both.moid, issue)
    assert both.heard.hears("BMC_CSS_LICENSE_NTF", within=30)["revoked"] == 1
    both.heard.hears("PLATFORM_LICENSE_NTF", within=30, smallconfnum=0)
    both.brings(both.next_text(18), tmp_path / "licence")
    both.heard.hears("PLATFORM_LICENSE_NTF", within=30, smallconfnum=18)


def _revoke_at(site: Site, moid: str, issue: int) -> None:
    """Revoke a licence as the admin's action does."""
    script = (
        "from licensing.flows.revoke import revoke_licence; from foundation.cells.directory import"
        f" own_platform; assert revoke_licence(own_platform(), '{moid}', {issue})"
    )
    site.manage("shell", "-c", script)


def test_a_raw_client_that_asks_as_the_site_has_its_licence_sent(
    both: CoreWithLine, tmp_path: Path
) -> None:
    text = both.next_text(19)
    both.brings(text, tmp_path / "licence")
    both.heard.hears("PLATFORM_LICENSE_NTF", within=30, smallconfnum=19)
    both.heard.hears("BMC_CSS_LICENSE_NTF", within=30)
    body = {"type": "CSS_BMC_LICENSE_REQ", "platformmoids": [both.moid, "stranger"]}
    both.line.say(*ASK, body, app_id=f"css@{both.moid}")
    assert both.heard.hears("BMC_CSS_LICENSE_NTF", within=30)["license"] == text
    both.line.quiet(1.0)
    assert both.heard.has_heard("BMC_CSS_LICENSE_NTF") == []


def test_who_asks_for_missed_changes_is_sent_them_each_time_once_under_versions_that_it_has_seen(
    both: CoreWithLine,
) -> None:
    changes, question = Tap(both.line, CHANGES), {"type": "CSS_BMC_SYNC_REQ", "after": 0}
    applied = sql(both.east, APPLIED)
    same: dict[str, Any] = {"message_id": uuid.uuid4().hex}
    for times, properties in enumerate(({}, same), 1):
        both.line.say(*SYNC, question, app_id=f"css@{both.moid}", **properties)
        have_come = partial(_have_come, changes, both.moid, times)
        both.line.wait(have_come, 30, lambda: "the changes")
        both.line.wait(lambda: sql(both.core, RESENDING) == [] or None, 30, lambda: "all changes")
    for properties in (same, {"timestamp": int(time.time()) - HOURS_AGO}):
        both.line.say(*SYNC, question, app_id=f"css@{both.moid}", **properties)
    both.line.quiet(1.0)
    assert _times_sent(changes, both.moid) == 2
    assert sql(both.east, APPLIED) == applied
    changes.leave()


def _have_come(changes: Tap, moid: str, times: int) -> bool | None:
    """Return True once a domain has come so often."""
    return _times_sent(changes, moid) == times or None


def _times_sent(changes: Tap, moid: str) -> int:
    """Return how often a domain came among the changes; other tests may have changed others."""
    messages = changes.has_heard("BMC_CSS_DOMAIN_NTF")
    return [message["domain"]["moid"] for message in messages].count(moid)


@pytest.mark.parametrize(
    ("route", "fields", "app_id", "reason"),
    [
        (SYNC, {"type": "CSS_BMC_SYNC_REQ"}, "css@east", "after"),
        (SYNC, {"type": "CSS_BMC_SYNC_REQ", "after": -1}, "css@east", "after"),
        (SYNC, {"type": "CSS_BMC_SYNC_REQ", "after": 0}, "css@stranger", "app_id: stranger is no"),
        (SYNC, {"type": "CSS_BMC_SYNC_REQ", "after": 0}, "", "app_id"),
        (ASK, {"type": "CSS_BMC_LICENSE_REQ"}, "css@east", "platformmoids"),
        (ASK, {"type": "CSS_BMC_LICENSE_REQ", "platformmoids": []}, "", "app_id"),
        (CDR, {"type": "CSS_BMC_CDR_NTF", "confid": "f" * 32}, "css@east", "record"),
    ],
    ids=str,
)
def test_what_the_core_cannot_take_is_parked_with_its_reason(
    both: CoreWithLine, route: tuple[str, str], fields: Body, app_id: str, reason: str
) -> None:
    both.bad_sent = 1
    both.line.say(*route, {**fields, "n": uuid.uuid4().hex}, app_id=app_id)
    both.line.wait(lambda: both.parked() or None, 30, lambda: f"{fields} parked")
    assert reason in both.parked()[0]


def test_call_records_of_the_site_are_kept_at_the_core_once(both: CoreWithLine) -> None:
    confid = "f" * 32
    record: dict[str, Any] = {
        "confid": confid,
        "confE164": "8800001",
        "moid": "tenant",
        "sourceplatform": both.moid,
        "reason": "released",
    }
    body = {"type": "CSS_BMC_CDR_NTF", "confid": confid, "record": record}
    for _ in range(2):
        both.line.say(*CDR, body, app_id=f"css@{both.moid}")
    query = f"SELECT state, end_reason FROM conferences_conference WHERE confid='{confid}'"
    rows = both.line.wait(lambda: sql(both.core, query) or None, 30, lambda: "the call record")
    assert rows == [["ended", "released"]]
