"""The core keeps the licences of all platforms, tells the sites concerned, and keeps call records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conferences.models import CallRecord, Conference
from domains.flows import change
from domains.models import BackupPlatform, Level, PlatformDomain
from foundation.bus.delivery import Delivery
from foundation.bus.models import Outbox, Parked
from licensing.data.metrics import gauges
from licensing.flows.load import LicenceRefused, load_licence
from licensing.flows.revoke import revoke_licence
from licensing.models import Licence
from tests.contract.test_contract import GOLDEN
from tests.integration.conftest import Body, delivery, do
from tests.licensing.conftest import from_bmc, sent_messages, text
from wire.routes import Routes

pytestmark = pytest.mark.xdist_group("licensing")


@pytest.fixture
def core(east: str, settings: Any) -> str:
    """Return the MOID of a core whose tree has three platforms, one of which takes over another."""
    service = PlatformDomain.objects.get(pk=east).parent_id
    for number, name in enumerate(("west", "north", "south"), 1):
        change.create(
            Level.PLATFORM, moid=name, name=name, parent_id=service, e164_prefix=f"77{number}"
        )
    BackupPlatform.objects.create(platform_id="west", backup_id="north")
    settings.ROLES = frozenset({"bmc"})
    settings.PEERS = {"west": "amqp://west", "north": "amqp://north"}
    return east


def asks(app_id: str, *platforms: str) -> Delivery:
    body = {"type": "CSS_BMC_LICENSE_REQ", "platformmoids": [*platforms]}
    return delivery(body, Routes.BMC_LICENCE.value.queue, app_id=app_id)


def take_sent() -> list[tuple[str, Body]]:
    """Return the messages that were sent, each with its receiver, in order, and forget them."""
    rows = [(r.destination, json.loads(bytes(r.body))) for r in Outbox.objects.order_by("id")]
    Outbox.objects.all().delete()
    return rows


def notice(platform: str, sealed: str, **more: Any) -> Body:
    body = {"type": "BMC_CSS_LICENSE_NTF", "platformmoid": platform, "license": sealed}
    return {**body, **more}


def test_a_licence_goes_to_its_platform_and_to_the_one_that_takes_it_over(core: str) -> None:
    west_text, south_text = text("west", 1), text("south", 1)
    load_licence(core, west_text)
    assert take_sent() == [
        ("west", notice("west", west_text)),
        ("north", notice("west", west_text)),
    ]
    load_licence(core, south_text)
    assert take_sent() == []  # nobody is connected: it will ask
    assert set(Licence.objects.filter(evaluation=False).values_list("platform", flat=True)) == {
        "west",
        "south",
    }


def test_a_licence_for_no_platform_of_the_tree_is_refused(core: str) -> None:
    with pytest.raises(LicenceRefused, match="issued for platform elsewhere; this site serves"):
        load_licence(core, text("elsewhere", 1))


def test_who_asks_gets_one_notice_each_and_nothing_of_others(core: str) -> None:
    west, south = text("west", 2), text("south", 1)
    load_licence(core, text("west", 1))
    load_licence(core, west)
    load_licence(core, south)
    take_sent()
    do(core, asks("css@north", "north", "west", "south", "nobody"))
    assert take_sent() == [("", notice("west", west))]
    do(core, asks("css@south", "south"))
    assert take_sent() == [("", notice("south", south))]
    do(core, asks("ms", "south"))
    assert Parked.objects.get().reason.startswith("app_id: must say who asks")


def test_a_site_alone_answers_no_site(core: str, settings: Any) -> None:
    settings.ROLES = frozenset({"css"})
    do(core, asks("css@north", "north"))
    assert "answered by the core alone" in Parked.objects.get().reason


def test_a_revocation_at_the_core_reaches_the_sites_and_who_asks_later(core: str) -> None:
    sealed = text("west", 1)
    load_licence(core, sealed)
    take_sent()
    assert revoke_licence(core, "west", 1)
    gone = notice("west", sealed, revoked=1)
    assert take_sent() == [("west", gone), ("north", gone)]
    do(core, asks("css@west", "west"))
    assert take_sent() == [("", gone)]


def test_the_metrics_of_the_core_are_those_of_its_platforms(core: str) -> None:
    load_licence(core, text("west", 1, valid_to=None))
    assert [sample for family in gauges() for sample in family.samples] == []
    assert revoke_licence(core, "west", 1)
    [sample] = [sample for family in gauges() for sample in family.samples]
    assert sample.name == "licence_of_platform_days_left"
    assert (sample.labels, sample.value) == ({"platform": "west"}, 0.0)


# ---- at the site --------------------------------------------------------------------------------


def revoked(platform: str, sealed: str) -> Delivery:
    return delivery(notice(platform, sealed, revoked=1), Routes.LICENCE_NOTICE.value.queue)


def test_a_site_takes_a_revocation_once_and_no_older_issue_in_its_stead(east: str) -> None:
    old, new = text(east, 1), text(east, 2)
    do(east, from_bmc(east, old), from_bmc(east, new))
    do(east, revoked(east, old))
    assert sent_messages()[-1]["issue"] == 2
    do(east, revoked(east, new), revoked(east, new), from_bmc(east, new))
    assert sent_messages()[-1]["smallconfnum"] == 0
    assert Licence.objects.get(issue=2).revoked_at is not None
    assert "revoked" in Parked.objects.get().reason
    do(east, from_bmc(east, text(east, 3)))
    assert sent_messages()[-1]["issue"] == 3


def test_a_revocation_of_an_issue_that_never_came_counts_too(east: str) -> None:
    do(east, from_bmc(east, text(east, 1)))
    do(east, revoked(east, text(east, 2)))
    assert sent_messages()[-1]["smallconfnum"] == 0


# ---- call records -------------------------------------------------------------------------------


def record(**changes: Any) -> Delivery:
    body = GOLDEN["CSS_BMC_CDR_NTF"]
    more = {"moid": "tenant", "sourceplatform": "west", "confname": "Board", "maxjoinedmt": 32}
    times = {"starttime": "2030-01-01T12:00:00+00:00", "endtime": "2030-01-01T12:30:00+00:00"}
    record = {**body["record"], **more, **times, **changes}
    return delivery({**body, "record": record}, Routes.BMC_CALL_RECORD.value.queue)


def test_a_call_record_is_kept_once_among_the_cores_own(core: str) -> None:
    do(core, record(), record())
    do(core, record(confname="Told differently"))
    call_record = CallRecord.objects.get()
    assert (call_record.name, call_record.places, call_record.source_platform) == (
        "Board",
        32,
        "west",
    )
    assert call_record.ended_at is not None
    assert (call_record.ended_at - call_record.created_at).total_seconds() == 1800
    assert call_record.live_e164 is None
    assert call_record.detail["units"][0]["ip"] == "10.0.0.1"
    assert not Parked.objects.exists()


def test_a_call_record_that_cannot_be_read_is_parked_with_its_field(core: str) -> None:
    do(core, record(confE164="no number"), record(endtime="yesterday"), record(units=7))
    reasons = sorted(Parked.objects.values_list("reason", flat=True))
    fields = ["endtime: ", "record: confE164 ", "record: units "]
    assert all(map(str.startswith, reasons, fields)), reasons
    assert not Conference.objects.exists()
