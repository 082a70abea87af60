"""Garbage: refused with a reason, parked, never lost; and nothing is held up by it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire import garbage
from tests.wire.actors import (
    FROM_UNIT,
    NODE_TO_RMS,
    STATE_TO_CM,
    TENANT,
    TO_CM,
    TO_CSS,
    TO_RMS,
    TO_UNIT,
    Asker,
    Manager,
    MediaUnit,
)
from tests.wire.conftest import Units
from tests.wire.line import Body, Line
from tests.wire.morgue import Morgue
from tests.wire.saying import start

pytestmark = pytest.mark.xdist_group("wire")

ROUTES = {
    "MAU.CMMAU.Q": TO_CSS,
    "mau.cmmcu.q": TO_UNIT,
    "mau.cmumau.q": FROM_UNIT,
    "MAU.RPCRES.Q": ("", "MAU.RPCRES.Q"),
    "RMS.RES.Q": TO_RMS,
    "rms.node.q": NODE_TO_RMS,
}
"""The queues that somebody else may write to, and how."""


@pytest.fixture
def good(cm: Manager, unit: MediaUnit, asker: Asker) -> Iterator[dict[str, Callable[[], None]]]:
    """Yield a good message for each queue, with a check that it is answered."""
    waiting: list[Callable[[], object]] = []

    def manager(wire_type: str, **fields: object) -> Callable[[], None]:
        def ask() -> None:
            request = cm.asks(wire_type, **fields)
            waiting.append(lambda: cm.answer(request))

        return ask

    def units_wish() -> None:
        reqid = uuid.uuid4().hex
        unit.says("MCU_MAU_DELAYCONF_REQ", reqid=reqid, confE164="4040404", delay=5)
        waiting.append(lambda: unit.hears("MAU_MCU_DELAYCONF_NACK", reqid=reqid))

    def question() -> None:
        mark = asker.asks(moid="nobody", res=["mcu"], exclude=[unit.me])
        waiting.append(lambda: asker.answer(mark))

    yield {
        "MAU.CMMAU.Q": manager("CM_MAU_GETCONFLIST_REQ", moid=TENANT),
        "mau.cmmcu.q": manager("CM_MCU_MUTE_REQ", confE164="4040404"),
        "mau.cmumau.q": units_wish,
        "MAU.RPCRES.Q": manager("CM_MAU_GETCONFLIST_REQ", moid=TENANT),
        "RMS.RES.Q": question,
        "rms.node.q": unit.beats,
    }
    for answered in waiting:
        answered()


@pytest.mark.parametrize("queue", ROUTES)
@pytest.mark.parametrize("kind", ["NOT_JSON", "NO_MESSAGE", "TOO_MUCH"])
def test_what_is_no_message_is_parked_and_the_next_one_is_answered(
    line: Line, morgue: Morgue, good: dict[str, Callable[[], None]], queue: str, kind: str
) -> None:
    bodies = list(getattr(garbage, kind).values())
    for body in bodies:
        line.say(*ROUTES[queue], body)
        good[queue]()
    morgue.has_all(bodies)
    assert {morgue.queue(body) for body in bodies} == {queue}


@pytest.mark.parametrize("route", [TO_CM, STATE_TO_CM], ids=lambda route: route[0])
def test_what_is_no_message_is_parked_by_our_own_manager_too(
    line: Line, morgue: Morgue, cm: Manager, unit: MediaUnit, route: tuple[str, str]
) -> None:
    bodies = [*garbage.NOT_JSON.values(), garbage.NO_MESSAGE["no type"]]
    for body in bodies:
        line.say(*route, body)
    morgue.has_all(bodies)
    number = start(cm, unit)["confE164"]
    unit.says("MCU_MAU_MODIFYCONFNAME_REQ", reqid="n", confE164=number, confname="Still here")
    unit.hears("MAU_MCU_MODIFYCONFNAME_ACK")


@pytest.mark.parametrize("name", garbage.TOO_MUCH)
def test_a_request_that_is_too_large_or_too_deep_has_its_nack(cm: Manager, name: str) -> None:
    body = {**json.loads(garbage.TOO_MUCH[name]), "reqid": uuid.uuid4().hex}
    nack = cm.is_refused("29001", cm.sends(body))
    assert (nack["type"], nack["reqid"]) == ("MAU_CM_CREATECONF_NACK", body["reqid"])
    assert nack["detail"].startswith("body")


def test_a_request_as_large_and_as_deep_as_may_be_is_taken(cm: Manager, unit: MediaUnit) -> None:
    room = 256 * 1024 - len(garbage.as_json({**garbage.A_CREATE, "reqid": "r" * 32, "x": ""}))
    request = cm.sends({**garbage.A_CREATE, "reqid": uuid.uuid4().hex, "x": "y" * room})
    unit.takes()
    assert cm.answer(request)["type"] == "MAU_CM_CREATECONF_ACK"
    request = cm.sends({**garbage.A_CREATE, "reqid": uuid.uuid4().hex, "x": garbage.nested(19)})
    unit.takes()
    assert cm.answer(request)["type"] == "MAU_CM_CREATECONF_ACK"


@pytest.mark.parametrize("field", garbage.WRONG_IN_CREATE)
def test_a_wrong_value_in_a_create_request_is_29001_and_names_the_field(
    cm: Manager, morgue: Morgue, field: str
) -> None:
    requests = []
    for value in garbage.WRONG_IN_CREATE[field]:
        reqid = uuid.uuid4().hex
        body = garbage.without({**garbage.A_CREATE, "reqid": reqid}, **{field: value})
        requests.append(cm.sends(body))
    for request in requests:
        nack = cm.is_refused("29001", request)
        assert nack["type"] == "MAU_CM_CREATECONF_NACK"
        assert nack["reqid"] == request.reqid
        assert nack["detail"].startswith(f"{field}: "), (request.body, nack.body)
    morgue.has_all([garbage.as_json(request.body) for request in requests])
    assert cm.lists(TENANT)["total"] == 0


@pytest.mark.parametrize("reqid", [7, True, [], {}, "", "x" * 65, "a\u0000b"], ids=repr)
def test_a_reqid_that_cannot_be_is_29001(cm: Manager, reqid: object) -> None:
    nack = cm.is_refused("29001", cm.sends({**garbage.A_CREATE, "reqid": reqid}))
    assert nack["detail"].startswith("reqid: ")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("RELEASECONF", {}),
        ("RELEASECONF", {"confE164": 7}),
        ("RELEASECONF", {"confE164": "1", "moid": 7}),
        ("RELEASECONF", {"confE164": "1", "reason": "x" * 33}),
        ("DELAYCONF", {"delay": 5}),
        ("DELAYCONF", {"confE164": "1"}),
        ("DELAYCONF", {"confE164": "1", "delay": "soon"}),
        ("DELAYCONF", {"confE164": "1", "delay": 1.5}),
        ("DELAYCONF", {"confE164": "1", "delay": True}),
        ("GETCONFLIST", {}),
        ("GETCONFLIST", {"moid": 7}),
        ("GETCONFLIST", {"moid": TENANT, "count": 1.5}),
        ("CREATETEMPLATE", {"moid": TENANT}),
        ("MDFTEMPLATE", {"moid": TENANT, "templateid": 7}),
        ("DELTEMPLATE", {"moid": TENANT}),
        ("CREATECONFBYTEMP", {"templateid": ["t"]}),
        ("ADDBOOKCONF", {"moid": TENANT, "confname": "x", "starttime": "tomorrow"}),
        ("MDFBOOKCONF", {"moid": TENANT, "bookid": {}}),
        ("DELBOOKCONF", {"moid": TENANT}),
        ("STARTMONITOR", {"confE164": "1", "ip": "192.0.2.7", "port": 0, "mode": 1}),
        ("STARTMONITOR", {"confE164": "1", "ip": "192.0.2.7", "port": 6000, "mode": 2}),
        ("STOPMONITOR", {"confE164": "1", "ip": "192.0.2.7"}),
    ],
    ids=str,
)
def test_a_wrong_value_in_any_request_has_the_nack_of_that_request(
    cm: Manager, name: str, fields: dict[str, object]
) -> None:
    request = cm.asks(f"CM_MAU_{name}_REQ", **fields)
    nack = cm.is_refused("29001", request)
    assert nack["reqid"] == request.reqid
    sender = "CM_MAU" if name == "DELAYCONF" else "MAU_CM"
    assert nack["type"] == f"{sender}_{name}_NACK"


@pytest.mark.parametrize("wire_type", garbage.WRONG_IN_UNITS)
def test_a_wrong_value_in_what_a_unit_says_is_parked_and_names_the_field(
    line: Line,
    morgue: Morgue,
    good: dict[str, Callable[[], None]],
    cm: Manager,
    unit: MediaUnit,
    wire_type: str,
) -> None:
    number = start(cm, unit)["confE164"]
    messages: list[tuple[str, bytes]] = []
    for field, values in garbage.WRONG_IN_UNITS[wire_type].items():
        for value in values:
            right = {"type": wire_type, **garbage.RIGHT_IN_UNITS}
            messages.append((field, garbage.as_json(garbage.without(right, **{field: value}))))
    for _, body in messages:
        line.say(*FROM_UNIT, body)
        good["mau.cmumau.q"]()
    morgue.has_all([body for _, body in messages])
    for field, body in messages:
        assert morgue.reason(body).startswith(f"{field}: "), (body, morgue.reason(body))
    assert cm.sees(number, "running")


def test_a_list_whose_parts_do_not_add_up_is_parked(
    unit: MediaUnit, morgue: Morgue, line: Line, cm: Manager
) -> None:
    body = {"type": "CMU_MAU_CONFLIST_NTF", **unit.me, "confs": [], "part": 3, "parts": 2}
    unit.sends({**body, "listid": "l"})
    morgue.has_all([garbage.as_json({**body, "listid": "l"})])


@pytest.mark.parametrize("mark", [None, "x", "create", "create:", "create:a:b:c", "restore:1:p"])
@pytest.mark.parametrize("name", ["ACK", "NACK"])
def test_an_answer_of_the_rms_to_no_question_is_parked(
    line: Line, morgue: Morgue, name: str, mark: str | None
) -> None:
    body = garbage.as_json({"type": f"GET_RES_{name}", "errcode": "29501", "x": str(mark)})
    line.say(*ROUTES["MAU.RPCRES.Q"], body, correlation_id=mark)
    morgue.has_all([body])


def test_an_answer_of_the_rms_for_a_conference_that_is_gone_is_ignored(
    line: Line, morgue: Morgue, cm: Manager
) -> None:
    body = {"type": "GET_RES_ACK", "mcu": {"ip": "10.66.6.8"}}
    for mark in ("create:4040404:p:1", "restore:4040404:p:q:2"):
        line.say(*ROUTES["MAU.RPCRES.Q"], body, correlation_id=mark)
    last = {"type": "NOBODY_KNOWS_THIS", "last": 1}
    line.say(*ROUTES["MAU.RPCRES.Q"], last)
    morgue.has_all([garbage.as_json(last)])
    assert morgue.has_nothing_else()


def test_a_keep_alive_of_monitors_is_no_dead_letter(cm: Manager, morgue: Morgue) -> None:
    monitors = [{"ip": "192.0.2.7", "port": 6000}]
    cm.sends({"type": "CM_MAU_MONITORKEEPALIVE_NTF", "confE164": "8800001", "monitors": monitors})
    last = {"type": "CM_MAU_NO_SUCH_NTF"}
    cm.sends(last)
    morgue.has_all([garbage.as_json(last)])
    assert morgue.has_nothing_else()


@pytest.mark.parametrize("name", garbage.PROPERTIES)
def test_odd_properties_are_no_reason_to_refuse(cm: Manager, unit: MediaUnit, name: str) -> None:
    request = cm.sends({**garbage.A_CREATE, "reqid": uuid.uuid4().hex}, **garbage.PROPERTIES[name])
    unit.takes()
    assert cm.answer(request)["type"] == "MAU_CM_CREATECONF_ACK"


@pytest.mark.parametrize("queue", ROUTES)
def test_properties_that_are_not_utf8_are_parked_and_the_next_message_is_answered(
    line: Line, morgue: Morgue, good: dict[str, Callable[[], None]], queue: str
) -> None:
    bodies = []
    for properties in garbage.UNREADABLE_PROPERTIES.values():
        bodies.append(garbage.as_json({**garbage.A_CREATE, "reqid": uuid.uuid4().hex}))
        line.say(*ROUTES[queue], bodies[-1], **properties)
        good[queue]()
    morgue.has_all(bodies)


def test_properties_with_surrogates_are_taken_as_far_as_they_go(
    cm: Manager, unit: MediaUnit
) -> None:
    lone = b"cm\xed\xa0\x80"
    body = {**garbage.A_CREATE, "reqid": uuid.uuid4().hex}
    cm.sends(body, app_id=lone, message_id=lone, correlation_id=lone)
    unit.takes()
    assert cm.hears("MAU_CM_CREATECONF_ACK")["reqid"] == body["reqid"]


def test_an_answer_to_nowhere_holds_up_nothing(cm: Manager, unit: MediaUnit) -> None:
    for reply_to in ("no.such.queue", "x" * 255, "mau.dead.q", "MAU.CMMAU.Q", "会" * 85):
        request = cm.asks("CM_MAU_GETCONFLIST_REQ", moid=TENANT)
        cm.sends({**request.body, "reqid": uuid.uuid4().hex}, reply_to=reply_to)
        cm.answer(request)
    assert start(cm, unit)


# ---- whatever comes -------------------------------------------------------------------------------

_TYPES = [
    "CM_MAU_CREATECONF_REQ",
    "CM_MAU_RELEASECONF_REQ",
    "CM_MAU_DELAYCONF_REQ",
    "CM_MAU_GETCONFLIST_REQ",
    "CM_MAU_MODIFYCONFNAME_ACK",
    "CM_MAU_MONITORKEEPALIVE_NTF",
    "CM_MCU_MUTE_REQ",
    "CM_MCU_X_CMD",
    "MCU_CM_MUTE_ACK",
    "MCU_CM_X_NTF",
    "MCU_MAU_DELAYCONF_REQ",
    "MCU_MAU_MODIFYCONFNAME_REQ",
    "GET_RES_REQ",
    "GET_RES_ACK",
    "GET_RES_NACK",
    "CSS_RMS_RES_NTF",
    "RMS_NODE_REGISTER_NTF",
    "RMS_NODE_STATE_NTF",
    "RMS_NODE_UNREGISTER_NTF",
    *garbage.WRONG_IN_UNITS,
]
_FIELDS = [
    *("reqid", *garbage.WRONG_IN_CREATE, "incarnation", "join", "ip", "pid", "errcode", "reason"),
    *("delay", "start", "count", "confs", "at", "parts", "settings", "restype", "capacity", "load"),
    *("res", "exclude", "mcu", "vrs", "state", "roommoid", "platformmoid", "labels", "seq"),
]
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([TENANT, "4040404", "mcu", "10.66.6.7", "used", "default"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_BODIES = st.builds(
    lambda wire_type, fields: {"type": wire_type, **fields},
    st.sampled_from(_TYPES),
    st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=8),
)
_MARKS = st.sampled_from(
    ["", "x", "create:1:2:3", "create:", "restore:4040404:p:1", "create:a:b:c"]
)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(messages=st.lists(st.tuples(st.sampled_from(list(ROUTES)), _BODIES, _MARKS), max_size=40))
def test_whatever_is_said_every_queue_goes_on(
    line: Line, cm: Manager, unit: MediaUnit, asker: Asker, messages: list[Any]
) -> None:
    for queue, body, mark in messages:
        line.say(*ROUTES[queue], body, correlation_id=mark or None, app_id="cmu@10.66.6.7")
    _all_queues_go_on(cm, unit, asker)


def _all_queues_go_on(cm: Manager, unit: MediaUnit, asker: Asker) -> None:
    requests = [
        cm.asks("CM_MAU_GETCONFLIST_REQ", moid=TENANT),
        cm.asks("CM_MCU_MUTE_REQ", confE164="4040404"),
    ]
    reqid = uuid.uuid4().hex
    unit.says("MCU_MAU_DELAYCONF_REQ", reqid=reqid, confE164="4040404", delay=5)
    mark = asker.asks(exclude=[unit.me])
    for request in requests:
        cm.answer(request)
    unit.hears("MAU_MCU_DELAYCONF_NACK", reqid=reqid)
    asker.answer(mark)


def test_afterwards_all_queues_are_empty_and_all_work_is_as_before(
    cm: Manager, units: Units, line: Line
) -> None:
    conference: Body = start(cm, units())

    def empty() -> bool | None:
        return not any(line.waiting_in(queue) for queue in ROUTES) or None

    line.wait(empty, 20, lambda: "empty queues")
    assert cm.release(conference["confE164"])["type"] == "MAU_CM_RELEASECONF_ACK"
