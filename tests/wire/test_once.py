"""The same request again gets the same answer and has one effect; one that comes too late is refused."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, Manager, MediaUnit
from tests.wire.conftest import Units
from tests.wire.line import Line
from tests.wire.saying import start
from tests.wire.world import stopped

pytestmark = pytest.mark.xdist_group("wire")

HOURS_AGO = 7200


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
SOUND: dict[str, dict[str, object]] = {
    "CREATETEMPLATE": {"moid": TENANT, "templatename": "Late"},
    "MDFTEMPLATE": {"moid": TENANT, "templateid": "t"},
    "DELTEMPLATE": {"moid": TENANT, "templateid": "t"},
    "CREATECONFBYTEMP": {"moid": TENANT, "templateid": "t"},
    "ADDBOOKCONF": {"moid": TENANT, "confname": "Late", "starttime": TOMORROW},
    "MDFBOOKCONF": {"moid": TENANT, "bookid": "b"},
    "DELBOOKCONF": {"moid": TENANT, "bookid": "b"},
    "STARTMONITOR": {"confE164": "8800001", "ip": "192.0.2.7", "port": 6000, "mode": 1},
    "STOPMONITOR": {"confE164": "8800001", "ip": "192.0.2.7", "port": 6000},
}
"""Requests about what is kept, and about monitors, that could be taken if they were in time."""


def create_body(**fields: object) -> dict[str, object]:
    """Return a create request with an id of its own."""
    usual = {"type": "CM_MAU_CREATECONF_REQ", "reqid": uuid.uuid4().hex, "moid": TENANT}
    return {**usual, "creator": {"moid": "a1", "name": "Anna"}, "confname": "Once", **fields}


def test_a_repeated_create_gets_the_same_answer_and_makes_nothing_new(
    cm: Manager, unit: MediaUnit
) -> None:
    body = create_body()
    first = cm.sends(body)
    unit.takes()
    ack = cm.answer(first)
    again = cm.answer(cm.sends(body))
    assert again.raw == ack.raw
    assert again.properties.message_id != ack.properties.message_id
    assert cm.lists(TENANT)["total"] == 1
    assert not unit.has_heard("MAU_MCU_CREATECONF_REQ")


def test_a_repeated_request_may_have_its_fields_in_another_order(
    cm: Manager, unit: MediaUnit
) -> None:
    body = create_body()
    first = cm.sends(body)
    unit.takes()
    ack = cm.answer(first)
    assert cm.answer(cm.sends(dict(reversed(body.items())))).raw == ack.raw


def test_a_repeated_refusal_is_the_same_refusal(cm: Manager, units: Units) -> None:
    body = create_body()
    nack = cm.answer(cm.sends(body))
    assert nack["errcode"] == "29502"
    units()
    assert cm.answer(cm.sends(body)).raw == nack.raw


def test_the_same_reqid_for_something_else_is_29001(cm: Manager, unit: MediaUnit) -> None:
    body = create_body()
    first = cm.sends(body)
    unit.takes()
    cm.answer(first)
    nack = cm.is_refused("29001", cm.sends({**body, "confname": "Twice"}))
    assert nack["reqid"] == body["reqid"]
    assert nack["detail"].startswith("reqid")
    assert cm.lists(TENANT)["total"] == 1


def test_the_same_reqid_of_another_type_is_another_request(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit, reqid="shared")["confE164"]
    delayed = cm.ask("CM_MAU_DELAYCONF_REQ", reqid="shared", confE164=number, delay=5)
    assert delayed["type"] == "CM_MAU_DELAYCONF_ACK"
    released = cm.ask("CM_MAU_RELEASECONF_REQ", reqid="shared", confE164=number)
    assert released["type"] == "MAU_CM_RELEASECONF_ACK"


def test_without_reqid_sender_and_message_id_make_a_request(cm: Manager, unit: MediaUnit) -> None:
    body = {k: v for k, v in create_body().items() if k != "reqid"}
    mine = {"message_id": uuid.uuid4().hex}
    first = cm.sends(body, **mine)
    unit.takes()
    ack = cm.answer(first)
    assert cm.answer(cm.sends(body, **mine)).raw == ack.raw
    other = cm.sends(body, **mine, app_id="cm2")
    unit.takes()
    assert cm.answer(other)["confE164"] != ack["confE164"]


def test_while_it_is_in_progress_the_newest_asker_gets_the_one_answer(
    cm: Manager, unit: MediaUnit, line: Line
) -> None:
    newer, body = Manager(line), create_body()
    first = cm.sends(body)
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    second = newer.sends(body)
    line.quiet()
    unit.accepts(order)
    assert newer.answer(second)["confE164"] == order["confE164"]
    line.quiet()
    assert cm.answers(first) == []
    assert not unit.has_heard("MAU_MCU_CREATECONF_REQ")
    newer.leave()


def test_many_copies_at_once_make_one_conference(cm: Manager, unit: MediaUnit) -> None:
    body = create_body()
    marks = [cm.sends(body) for _ in range(20)]
    order = unit.takes()
    cm.line.quiet()
    last = cm.answer(cm.sends(body))
    assert last["confE164"] == order["confE164"]
    assert cm.lists(TENANT)["total"] == 1
    answers = [answer for mark in marks for answer in cm.answers(mark)]
    assert {answer.raw for answer in answers} <= {last.raw}
    assert not unit.has_heard("MAU_MCU_CREATECONF_REQ")


def test_a_repeated_delay_prolongs_once(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    body = {"type": "CM_MAU_DELAYCONF_REQ", "reqid": "d", "confE164": number, "delay": 30}
    ack = cm.answer(cm.sends(body))
    assert cm.answer(cm.sends(body)).raw == ack.raw
    assert cm.lists(TENANT)["confs"][0]["endtime"] == ack["endtime"]


def test_a_repeated_release_is_answered_as_the_first_was(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    body = {"type": "CM_MAU_RELEASECONF_REQ", "reqid": "r", "confE164": number}
    ack = cm.answer(cm.sends(body))
    assert ack["type"] == "MAU_CM_RELEASECONF_ACK"
    assert cm.answer(cm.sends(body)).raw == ack.raw


def test_a_repeated_control_reaches_the_unit_once(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    body = {"type": "CM_MCU_MUTE_REQ", "reqid": "m", "confE164": number, "value": 1}
    request = cm.sends(body)
    order = unit.hears("CM_MCU_MUTE_REQ")
    mark = order.properties.correlation_id
    ack = {"type": "MCU_CM_MUTE_ACK", "reqid": "m", "confE164": number}
    unit.sends(ack, correlation_id=mark)
    assert cm.answer(request).body == ack
    assert cm.answer(cm.sends(body)).body == ack
    assert not unit.has_heard("CM_MCU_MUTE_REQ")


def test_a_units_repeated_request_is_answered_again_and_counts_once(
    cm: Manager, unit: MediaUnit
) -> None:
    number = start(cm, unit)["confE164"]
    for _ in range(2):
        unit.says("MCU_MAU_DELAYCONF_REQ", reqid="u", confE164=number, delay=15)
    first, second = (unit.hears("MAU_MCU_DELAYCONF_ACK", reqid="u") for _ in range(2))
    assert first.raw == second.raw
    assert cm.lists(TENANT)["confs"][0]["endtime"] == first["endtime"]


KEPT_ID = {"TEMPLATE": "templateid", "BOOKCONF": "bookid"}
"""Kind of what a manager may have stored -> the field with its id."""


@pytest.mark.parametrize(
    ("kind", "make", "kept", "change"),
    [
        ("TEMPLATE", "CREATE", {"templatename": "Once", "confname": "Once"}, {"duration": 45}),
        ("BOOKCONF", "ADD", {"starttime": TOMORROW}, {"duration": 45}),
    ],
)
def test_a_repeated_request_about_what_is_kept_is_answered_as_the_first_was(
    cm: Manager, kind: str, make: str, kept: dict[str, object], change: dict[str, object]
) -> None:
    identity: dict[str, object] = {"moid": TENANT, KEPT_ID[kind]: uuid.uuid4().hex}
    orders = ((make, {"creator": {"moid": "a1"}, "confname": "Once", **kept}), ("MDF", change))
    for name, fields in (*orders, ("DEL", {})):
        wire_type = f"CM_MAU_{name}{kind}_REQ"
        body = {"type": wire_type, "reqid": uuid.uuid4().hex, **identity, **fields}
        first = cm.answer(cm.sends(body))
        assert first["type"] == f"MAU_CM_{name}{kind}_ACK", first.body
        assert cm.answer(cm.sends(body)).raw == first.raw


@pytest.mark.parametrize(
    "fields",
    [
        create_body(),
        {"type": "CM_MAU_RELEASECONF_REQ", "confE164": "8800001"},
        {"type": "CM_MAU_DELAYCONF_REQ", "confE164": "8800001", "delay": 5},
        {"type": "CM_MAU_GETCONFLIST_REQ", "moid": TENANT},
        {"type": "CM_MCU_MUTE_REQ", "confE164": "8800001", "value": 1},
        *({"type": f"CM_MAU_{name}_REQ", **fields} for name, fields in SOUND.items()),
    ],
    ids=lambda fields: fields["type"],
)
@pytest.mark.parametrize("ids", [{"reqid": "late"}, {}])
def test_what_was_asked_too_long_ago_is_refused_as_expired(
    cm: Manager, fields: dict[str, object], ids: dict[str, str]
) -> None:
    body = {k: v for k, v in fields.items() if k != "reqid"} | ids
    request = cm.sends(body, timestamp=int(time.time()) - HOURS_AGO, message_id=None)
    nack = cm.is_refused("29005", request)
    assert nack["detail"] == "expired"
    assert nack.body.get("reqid") == ids.get("reqid")


def test_an_expired_create_makes_nothing_and_may_be_asked_anew(
    cm: Manager, unit: MediaUnit
) -> None:
    body = create_body()
    cm.is_refused("29005", cm.sends(body, timestamp=int(time.time()) - HOURS_AGO))
    assert cm.lists(TENANT)["total"] == 0
    fresh = cm.sends(body)
    unit.takes()
    assert cm.answer(fresh)["type"] == "MAU_CM_CREATECONF_ACK"


def test_a_request_without_timestamp_is_never_too_old(cm: Manager) -> None:
    assert cm.is_refused("29502", cm.sends(create_body(), timestamp=None))


def test_a_repeated_request_has_its_answer_even_when_it_comes_late_or_the_site_has_stopped(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    body = create_body()
    first = cm.sends(body)
    unit.takes()
    ack = cm.answer(first)
    late = cm.sends(body, timestamp=int(time.time()) - HOURS_AGO)
    assert cm.answer(late).raw == ack.raw
    with stopped(site):
        assert cm.answer(cm.sends(body)).raw == ack.raw
