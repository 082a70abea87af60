"""A message that cannot be handled, kept or sent does not stand in the way of others (I11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conferences.api import pool_requests
from conferences.data.pool_view import load_resources
from conferences.models import Conference, NumberCursor
from foundation.bus import dead_letters
from foundation.bus.delivery import Delivery, Outcome
from foundation.bus.envelope import Envelope
from foundation.bus.message import dumps
from foundation.bus.models import Outbox, Parked
from tests.integration.conftest import create, delivery, do
from wire.routes import Routes

pytestmark = pytest.mark.xdist_group("integration")

UNITS = Routes.UNIT_TO_CSS.value.queue


def keys() -> list[str]:
    """Return the routing keys of all that is to be sent."""
    return list(Outbox.objects.values_list("routing_key", flat=True))


def test_a_body_larger_than_the_database_takes_is_parked_in_part(place: str) -> None:
    do(place, Delivery(b"\0" * (17 * 1024 * 1024), Envelope(queue=UNITS)))
    assert len(bytes(Parked.objects.get().body)) == dead_letters.MAX_STORED_BYTES
    assert keys() == ["mau.dead.q"]


def test_a_refusal_for_an_address_that_cannot_exist_is_not_sent(place: str) -> None:
    body = {"type": "MCU_MAU_DELAYCONF_REQ", "reqid": "r", "confE164": "1", "delay": 1}
    do(place, delivery({**body, "ip": "x" * 300}, UNITS), create("good"))
    assert Parked.objects.count() == Conference.objects.count() == 1
    assert all(len(key.encode()) <= 255 for key in keys())


def test_a_ghost_of_a_unit_that_cannot_exist_is_not_told_to_drop_it(place: str) -> None:
    body = {"type": "MCU_MAU_CREATECONF_ACK", "confE164": "1", "incarnation": 1}
    do(place, delivery(body, UNITS, app_id="cmu@" + "é" * 124))
    assert keys() == []
    assert Parked.objects.count() == 0


def by_http(place: str, **fields: Any) -> tuple[str, Outcome]:
    """Create a conference as over HTTP; return the request's key, and the outcome."""
    body = json.loads(create("mine", **fields).body)
    request = Delivery(dumps(body), Envelope(queue="http", origin="http", app_id="http"))
    return request.envelope.request, do(place, request)


def test_a_slip_over_http_is_answered_to_its_asker_and_not_parked(place: str) -> None:
    key, outcome = by_http(place, bitrate=1)
    answer = json.loads(outcome.answers[key])
    assert (answer["reqid"], answer["errcode"]) == ("mine", "29001")
    assert Parked.objects.count() == 0
    assert keys() == []


def test_a_short_number_that_still_lives_is_not_given_again(place: str) -> None:
    do(place, create("first", confE164="999000001"))
    NumberCursor.objects.update(next_short=100_000)
    do(place, create("second", confE164="999000002"))
    shorts = dict(Conference.objects.values_list("e164", "live_shortnum"))
    assert shorts == {"999000001": "100000", "999000002": "100001"}


def test_a_heartbeat_from_before_the_farewell_revives_nobody(place: str) -> None:
    unit = {"restype": "mcu", "ip": "10.0.0.9"}
    beat = {"type": "RMS_NODE_STATE_NTF", **unit, "capacity": {"confs": 1, "ports": 8}}
    reports = [delivery(beat), delivery({"type": "RMS_NODE_UNREGISTER_NTF", **unit})]
    pool_requests.handle_batch(place, reports[:1])
    assert len(load_resources(place)) == 1
    pool_requests.handle_batch(place, reports)
    assert load_resources(place) == {}
    pool_requests.handle_batch(place, reports[::-1])
    assert len(load_resources(place)) == 1
