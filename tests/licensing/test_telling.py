"""The licences in force are summed, published once per change, and kept in Redis."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest

from foundation.bus.models import Outbox
from foundation.cells.directory import redis_of, store_of
from foundation.web import health
from licensing.data import redis_projection
from licensing.flows import publish
from licensing.flows.revoke import revoke_licence
from licensing.models import Licence
from tests.integration.conftest import delivery, do
from tests.licensing.conftest import Import, from_bmc, in_days, sent_messages, text
from wire.routes import Routes

pytestmark = pytest.mark.xdist_group("licensing")


@pytest.fixture
def west(east: str, settings: Any) -> Any:
    """Return the MOID of another platform, which this site may have to serve."""
    settings.PLATFORM_STORES = {**settings.PLATFORM_STORES, "west": settings.PLATFORM_STORES[east]}
    store_of.cache_clear()
    redis_of.cache_clear()
    yield "west"
    store_of.cache_clear()
    redis_of.cache_clear()


def ask_module(reqid: str, **envelope: Any) -> Any:
    body = {"type": "MS_CSS_LICENSE_REQ", "reqid": reqid}
    return delivery(body, Routes.MS_TO_CSS.value.queue, **envelope)


def test_resources_are_summed_over_possible_platforms_conferences_are_not(
    east: str, west: str
) -> None:
    do(east, from_bmc(east, text(east, 1, monitors=5, media_ports=100, access_ports=30)))
    do(east, from_bmc(west, text(west, 1, monitors=8, media_ports=9, access_ports=10)))
    do(east, ask_module("q", reply_to="ms", correlation_id="7"))
    ack = sent_messages("CSS_MS_LICENSE_ACK")[0]
    limits = ("smallconfnum", "largeconfnum", "monitornumlimit")
    assert [ack[name] for name in limits] == [30, 3, 13]
    assert (ack["mediaportnumlimit"], ack["currentcallnumlimit"]) == (109, 40)
    assert (ack["platformmoid"], ack["issue"], ack["reqid"]) == (east, 1, "q")
    assert {**sent_messages()[-1], "type": ack["type"], "reqid": "q"} == ack
    assert redis_of(west).hget(redis_projection.key(west), "monitornumlimit") == "8"
    assert redis_of(east).hget(redis_projection.key(east), "monitornumlimit") == "5"
    row = next(r for r in Outbox.objects.all() if json.loads(bytes(r.body)) == ack)
    assert (row.exchange, row.routing_key) == ("", "ms")
    assert row.properties["correlation_id"] == "7"


def test_who_names_no_place_for_the_answer_hears_it_where_changes_are_published(east: str) -> None:
    do(east, ask_module("q"))
    rows = [r for r in Outbox.objects.all() if b"CSS_MS_LICENSE_ACK" in bytes(r.body)]
    assert [(r.exchange, r.routing_key) for r in rows] == [
        ("platform.license.ex", "platform.license.ntf.k")
    ]
    assert sent_messages("CSS_MS_LICENSE_ACK")[0]["evaluation"] == 1


def test_without_a_valid_licence_the_answer_is_nothing(east: str) -> None:
    Licence.objects.all().delete()
    do(east, ask_module("q"))
    ack = sent_messages("CSS_MS_LICENSE_ACK")[0]
    assert {ack[name] for name in ack if name.endswith(("num", "limit"))} == {0}
    assert not {"validfrom", "validto", "issue"} & ack.keys()


def test_at_start_up_bmc_is_asked_for_all_platforms_and_what_is_in_force_is_told(
    east: str, west: str
) -> None:
    publish.request_licences(east)
    publish.request_licences(east)
    questions = sent_messages("CSS_BMC_LICENSE_REQ")
    assert questions == [{"type": "CSS_BMC_LICENSE_REQ", "platformmoids": [east, west]}] * 2
    row = next(r for r in Outbox.objects.all() if b"CSS_BMC" in bytes(r.body))
    assert (row.exchange, row.routing_key) == ("bmc.req.ex", "bmc.license.k")
    assert len(sent_messages()) == 2


def test_each_change_is_told_once_also_when_time_makes_it(east: str, bring: Import) -> None:
    publish.repair(east)
    bring(text(east, 1))
    publish.repair(east)
    publish.repair(east)
    assert [n.get("issue") for n in sent_messages()] == [0, 1]
    from licensing.data import trusted_keys
    from tests import licences

    licence = licences.licence(east, 1, 30, 3, valid_to=in_days(-1))
    Licence.objects.filter(issue=1).update(sealed=licences.text_of(licence))
    trusted_keys._cache.clear()
    publish.repair(east)
    publish.repair(east)
    assert [n.get("issue") for n in sent_messages()] == [0, 1, None]
    assert sent_messages()[-1]["smallconfnum"] == 0
    assert redis_of(east).exists(redis_projection.key(east)) == 0


def test_revoking_is_told(east: str, bring: Import) -> None:
    bring(text(east, 1))
    assert revoke_licence(east, east, 1)
    assert [n["smallconfnum"] for n in sent_messages()] == [30, 0]
    assert redis_of(east).exists(redis_projection.key(east)) == 0


# ---- Redis -------------------------------------------------------------------------------------


def test_the_projection_holds_the_seven_fields_and_the_text(east: str, bring: Import) -> None:
    sealed = text(east, 1, hardware_terminals=4)
    bring(sealed)
    assert redis_of(east).hgetall(redis_projection.key(east)) == {
        "license": sealed,
        "smallconfnum": "30",
        "largeconfnum": "3",
        "softwarenumlimit": "816",
        "hardwarenumlimit": "4",
        "monitornumlimit": "816",
        "mediaportnumlimit": "816",
        "currentcallnumlimit": "816",
    }


def test_an_emptied_or_altered_projection_is_found_and_mended(east: str, bring: Import) -> None:
    from conferences.flows.repair import repair_redis

    bring(text(east, 1))
    assert redis_projection.find_differing(east) == []
    client, key = redis_of(east), redis_projection.key(east)
    spoils: tuple[Callable[[], object], ...] = (
        client.flushdb,
        lambda: client.hset(key, "smallconfnum", "999"),
        lambda: client.hset(key, "more", "1"),
        lambda: client.hdel(key, "license"),
    )
    for spoil in spoils:
        spoil()
        assert redis_projection.find_differing(east) == [east]
        repair_redis(east)
        assert redis_projection.find_differing(east) == []
    assert client.hget(key, "smallconfnum") == "30"


# ---- operators ---------------------------------------------------------------------------------


def metrics() -> str:
    return health.metrics(HttpRequest()).content.decode()


def test_the_metrics_say_how_many_days_are_left(east: str, bring: Import) -> None:
    assert "licence_days_left" not in metrics()
    assert "licence_valid 1" in metrics()
    bring(text(east, 1, valid_to=in_days(3)))
    assert "licence_days_left 2.99" in metrics() or "licence_days_left 3.0" in metrics()
    revoke_licence(str(settings.PLATFORM_MOID), east, 1)
    assert "licence_valid 0" in metrics()
    assert "licence_days_left 0.0" in metrics()
