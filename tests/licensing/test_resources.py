"""Ports and terminals: taken and given back with the conferences, never above the sum, 0 at rest."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conferences.data import recount
from conferences.data.join_links import join_link
from conferences.flows.due import end_conference_now
from conferences.models import Conference
from conferences.rules.states import EndReason
from foundation.bus.delivery import Delivery
from licensing.data.metrics import gauges
from licensing.data.queries import describe_excess
from licensing.data.seats import read_usage_and_limits
from licensing.flows.load import load_licence
from licensing.flows.revoke import revoke_licence
from licensing.models import Quota
from licensing.rules.amounts import NONE, Amounts
from tests.integration.conftest import Body, at_once, create, delivery, do, sent_codes
from tests.licensing.conftest import sent_messages, text
from tests.web_clients import Browser
from wire.routes import Routes

pytestmark = pytest.mark.xdist_group("licensing")
UNIT = {"ip": "10.0.0.1"}


def used(east: str) -> Amounts:
    return read_usage_and_limits("default", east).used


def from_unit(body: Body) -> Delivery:
    return delivery({**body, **UNIT}, Routes.UNIT_TO_CSS.value.queue, app_id="cmu@10.0.0.1")


def run(east: str, reqid: str, **fields: Any) -> str:
    """Return the number of a conference that runs."""
    do(east, create(reqid, **fields))
    row = Conference.objects.get(confid=newest())
    detail = {**row.detail, "state": "running", "unit": ["10.0.0.1", "", east]}
    Conference.objects.filter(pk=row.pk).update(
        state="running", detail=detail, live_unit="10.0.0.1", due_at=None
    )
    return row.e164


def newest() -> str:
    return str(Conference.objects.order_by("-confid").values_list("confid", flat=True)[0])


def people(*kinds: str, online: int = 1) -> list[Body]:
    return [
        {"mtid": str(n), "account": f"a{n}", "type": kind, "online": online}
        for n, kind in enumerate(kinds)
    ]


def says(e164: str, mts: list[Body]) -> Delivery:
    body = {"type": "MCU_MAU_CONFSTATECHANGE_NTF", "confE164": e164, "incarnation": 1, "mts": mts}
    return from_unit(body)


def asks(e164: str, *kinds: str) -> Delivery:
    mts = [{"account": f"n{n}", "type": kind} for n, kind in enumerate(kinds)]
    body = {"type": "CM_MCU_ADDMT_REQ", "reqid": f"add{kinds}", "confE164": e164, "mts": mts}
    return delivery(body, Routes.CM_TO_UNIT.value.queue)


def at_rest(east: str) -> None:
    """Check after the test that no conference lives and nothing is in use."""
    for e164 in Conference.objects.filter(live_e164__isnull=False).values_list("e164", flat=True):
        assert end_conference_now(east, e164, EndReason.RELEASED)
    assert {(q.small_used, q.large_used) for q in Quota.objects.all()} <= {(0, 0)}
    assert used(east) == NONE
    assert recount.find_wrong_counts(east) == []


def test_media_ports_are_the_places_of_all_conferences_and_limit_their_number(east: str) -> None:
    load_licence(east, text(east, 1, small=30, large=3, media_ports=48))
    do(east, create("a"), create("b", maxjoinedmt=32), create("c"), create("d"))
    assert used(east) == Amounts(2, 1, media_ports=48)
    do(east, create("e", maxjoinedmt=192))
    assert sent_codes() == ["29006", "29007"]
    refusal = sent_messages("MAU_CM_CREATECONF_NACK")[0]
    assert refusal["detail"].startswith("maxjoinedmt: the licence has no 8 media ports left")
    at_rest(east)


def test_who_is_in_a_running_conference_takes_a_port_and_counts_by_kind(east: str) -> None:
    load_licence(east, text(east, 1))
    number = run(east, "a")
    do(east, says(number, people("user", "user", "h323", "sip", "e164")))
    amounts = Amounts(1, 0, 2, 2, 0, 8, 5)
    assert used(east) == amounts
    do(east, says(number, people("user", "user", "h323", "sip", "e164")))
    assert used(east) == amounts
    assert recount.find_wrong_counts(east) == []
    do(east, says(number, people("user", "h323", online=0) + people("user")[:0]))
    assert used(east) == Amounts(1, 0, media_ports=8)
    at_rest(east)


def test_a_conference_that_waits_for_a_unit_keeps_its_places_and_no_terminals(east: str) -> None:
    load_licence(east, text(east, 1))
    number = run(east, "a")
    do(east, says(number, people("user", "h323")))
    lost = {"type": "RMS_CSS_NODELOST_NTF", "restype": "mcu"}
    do(east, from_unit(lost))
    assert Conference.objects.get(live_e164=number).state == "pending"
    assert used(east) == Amounts(1, 0, media_ports=8)
    entry = {"confE164": number, "incarnation": 1, "confname": "x", "mts": []}
    back = {"type": "CMU_MAU_CONFLIST_NTF", "confs": [entry]}
    do(east, from_unit(back))
    assert Conference.objects.get(live_e164=number).state == "running"
    assert used(east) == Amounts(1, 0, 1, 1, 0, 8, 2)
    at_rest(east)


def test_terminals_are_called_only_while_there_are_ports_and_their_kind_is_licensed(
    east: str,
) -> None:
    load_licence(east, text(east, 1, access_ports=3, hardware_terminals=1))
    number = run(east, "a")
    do(east, says(number, people("h323")))
    do(east, asks(number, "user", "e164"))
    assert sent_messages("MCU_CM_ADDMT_NACK") == []
    do(east, asks(number, "user", "user", "user"), asks(number, "sip"))
    refusals = sent_messages("MCU_CM_ADDMT_NACK")
    assert [refusal["errcode"] for refusal in refusals] == ["29020", "29020"]
    assert refusals[0]["detail"] == "mts: the licence has too few access ports left for them"
    assert refusals[1]["detail"] == "mts: the licence has too few hardware terminals left for them"


def test_who_came_beyond_the_licence_is_counted_and_operators_are_told(east: str) -> None:
    load_licence(east, text(east, 1, access_ports=1))
    number = run(east, "a")
    assert describe_excess() == ""
    do(east, says(number, people("user", "user")))
    assert used(east).access_ports == 2
    assert describe_excess().startswith("2 access ports are in use: more than is licensed")
    ports = {
        sample.name: sample.value
        for family in gauges()
        for sample in family.samples
        if sample.labels == {"kind": "access_ports"}
    }
    assert ports == {"resources_used": 2, "resources_licensed": 1}


def test_a_newcomer_on_the_join_page_is_refused_who_is_inside_is_not(east: str) -> None:
    load_licence(east, text(east, 1, access_ports=1))
    number = run(east, "a")
    path, _, query = join_link(newest(), number).partition("?")
    inside = f"{path}where?{query}"
    assert Browser().get(f"{inside}&entering=1").json()["state"] == "running"
    do(east, says(number, people("user")))
    refused = Browser().get(f"{inside}&entering=1")
    assert (refused.status_code, refused.json()) == (503, {"state": "running", "full": True})
    assert Browser().get(inside).json()["name"] == "x"


def test_without_a_valid_licence_people_still_come_to_what_runs(east: str) -> None:
    load_licence(east, text(east, 1))
    number = run(east, "a")
    assert revoke_licence(east, east, 1)
    do(east, asks(number, "user"))
    assert sent_messages("MCU_CM_ADDMT_NACK") == []


def test_counting_terminals_and_ports_costs_no_statement_more(east: str) -> None:
    load_licence(east, text(east, 1))
    do(east, create("first"))
    with CaptureQueriesContext(connection) as queries:
        do(east, *(create(f"r{n}") for n in range(5)))
    quota = [q["sql"] for q in queries if "licensing_quota" in q["sql"]]
    assert [statement.split()[0] for statement in quota] == ["SELECT", "UPDATE"]


def test_twelve_at_once_at_the_limit_of_ports(east: str) -> None:
    load_licence(east, text(east, 1, small=100, large=0, media_ports=80))
    at_once(12, lambda which: [do(east, create(f"{which}-{n}")) for n in range(3)])
    assert used(east) == Amounts(10, 0, media_ports=80)
    at_rest(east)


def test_what_has_drifted_is_named_and_counted_again(east: str) -> None:
    load_licence(east, text(east, 1))
    number = run(east, "a")
    do(east, says(number, people("user")))
    Quota.objects.filter(owner=east).update(media_ports=99, access_ports=0)
    assert recount.find_wrong_counts(east) == [
        f"{east}: 99 media ports instead of 8, 0 access ports instead of 1"
    ]
    assert recount.correct_counts(east) == 1
    assert recount.find_wrong_counts(east) == []
    assert recount.correct_counts(east) == 0
    at_rest(east)
