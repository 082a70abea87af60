"""Monitors (CSS §10): asked for, kept alive, over; the rules in detail are in tests/unit/conferences."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, Manager, MediaUnit
from tests.wire.conftest import Units
from tests.wire.line import Body, Line, ReceivedMessage
from tests.wire.morgue import Morgue
from tests.wire.saying import member, start
from tests.wire.world import turn_clock

pytestmark = pytest.mark.xdist_group("wire")

AT = {"ip": "192.0.2.7", "port": 6000}
START, STOP = "CM_MAU_STARTMONITOR_REQ", "CM_MAU_STOPMONITOR_REQ"


def begun(cm: Manager, unit: MediaUnit) -> Body:
    """Return a conference in which somebody is online."""
    conf = start(cm, unit)
    here: Body = {"confE164": conf["confE164"], "incarnation": conf["incarnation"]}
    unit.says("MCU_MAU_CONFSTATECHANGE_NTF", **here, mts=[member(1)])

    def shown() -> bool | None:
        page = cm.lists(TENANT)["confs"]
        return any(c["confE164"] == conf["confE164"] and c["mtnum"] == 1 for c in page) or None

    cm.line.wait(shown, 20, lambda: "somebody is online")
    return here


def sends(unit: MediaUnit, order: ReceivedMessage, **fields: Any) -> None:
    """Let the unit start the monitor that it was asked for."""
    same = {name: order[name] for name in ("reqid", "confE164", "incarnation")}
    mark = order.properties.correlation_id
    body = {"type": "MCU_MAU_STARTMONITOR_ACK", **same, **unit.me, **fields}
    unit.sends(body, correlation_id=mark)


def monitored(cm: Manager, unit: MediaUnit, conf: Body, **fields: Any) -> ReceivedMessage:
    """Return a monitor that is sent: the ACK."""
    request = cm.asks(START, confE164=conf["confE164"], **AT, mode=1, **fields)
    sends(unit, unit.hears("MAU_MCU_STARTMONITOR_REQ"), payload=111)
    return cm.answer(request)


def test_a_monitor_is_started_and_stopped(cm: Manager, unit: MediaUnit) -> None:
    conf = begun(cm, unit)
    number = conf["confE164"]
    ack = monitored(cm, unit, conf, mtid="m1")
    assert ack["type"] == "MAU_CM_STARTMONITOR_ACK", ack.body
    assert {**AT, "mtid": "m1", "mode": 1, "payload": 111}.items() <= ack.body.items()
    stopped = cm.asks(STOP, confE164=number, **AT)
    assert cm.answer(stopped)["type"] == "MAU_CM_STOPMONITOR_ACK"
    assert unit.hears("MAU_MCU_STOPMONITOR_CMD", confE164=number)["monitors"] == [AT]
    cm.sends(stopped.body, correlation_id=stopped.mark)
    assert cm.answer(stopped)["type"] == "MAU_CM_STOPMONITOR_ACK"
    assert unit.has_heard("MAU_MCU_STOPMONITOR_CMD") == []
    assert not cm.has_heard("MAU_CM_STOPMONITOR_NTF")


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"confE164": "404"}, "29010", "no such"),
        ({"mtid": "m9"}, "29018", "mtid"),
        ({"ip": "127.0.0.1"}, "29020", "ip"),
        ({"ip": "198.51.100.7"}, "29020", "ip"),
        ({"ip": "::ffff:127.0.0.1"}, "29020", "ip"),
        ({"ip": "localhost"}, "29001", "ip"),
        ({"port": "high"}, "29001", "port"),
    ],
    ids=str,
)
def test_a_monitor_is_refused_by_name(
    cm: Manager, unit: MediaUnit, fields: Body, code: str, field: str
) -> None:
    number = start(cm, unit)["confE164"]
    asked = {"confE164": number, **AT, "mode": 1, **fields}
    nack = cm.is_refused(code, cm.asks(START, **asked))
    assert nack["type"] == "MAU_CM_STARTMONITOR_NACK"
    assert nack["detail"].startswith(field), nack.body
    assert unit.has_heard("MAU_MCU_STARTMONITOR_REQ") == []


def test_a_unit_of_ours_is_never_sent_to(cm: Manager, units: Units) -> None:
    unit, other = units(), units(ip="192.0.2.99")
    number = start_on_one(cm, unit, other)
    nack = cm.is_refused("29020", cm.asks(START, confE164=number, ip=other.ip, port=6000, mode=1))
    assert "own servers" in nack["detail"]


def start_on_one(cm: Manager, *units: MediaUnit) -> str:
    """Return a conference on whichever of the units is asked."""
    request = cm.asks_to_create()

    def asked() -> MediaUnit | None:
        return next((u for u in units if u.has_heard("MAU_MCU_CREATECONF_REQ")), None)

    cm.line.wait(asked, 20, lambda: "a unit is asked").takes()
    number: str = cm.answer(request)["confE164"]
    return number


def test_a_silent_monitor_is_over_for_unit_and_manager(
    site: Site, cm: Manager, unit: MediaUnit
) -> None:
    conf = begun(cm, unit)
    monitored(cm, unit, conf)
    turn_clock(site, conf["confE164"], "monitors[0].due_at", -1)
    assert unit.hears("MAU_MCU_STOPMONITOR_CMD", confE164=conf["confE164"])["monitors"] == [AT]
    notice = cm.hears("MAU_CM_STOPMONITOR_NTF", confE164=conf["confE164"])
    assert notice["monitors"] == [AT]
    cm.sends(
        {"type": "CM_MAU_MONITORKEEPALIVE_NTF", "confE164": conf["confE164"], "monitors": [AT]}
    )
    assert cm.hears("MAU_CM_STOPMONITOR_NTF")["monitors"] == [AT], (
        "who has missed it hears it again"
    )


def test_a_restored_conference_has_no_monitors_and_the_manager_is_told(
    cm: Manager, units: Units
) -> None:
    unit = units()
    conf = begun(cm, unit)
    monitored(cm, unit, conf)
    other = units()
    unit.unregisters()
    other.takes_again(confE164=conf["confE164"])
    notice = cm.hears("MAU_CM_STOPMONITOR_NTF", confE164=conf["confE164"])
    assert notice["monitors"] == [AT]


def test_stale_answers_and_unknown_addresses_do_no_harm(
    cm: Manager, unit: MediaUnit, morgue: Morgue, line: Line
) -> None:
    conf = begun(cm, unit)
    for kind in ("ACK", "NACK"):
        unit.says(f"MCU_MAU_STARTMONITOR_{kind}", reqid="never-asked", **conf)
    nack = cm.is_refused("29018", cm.asks(STOP, confE164=conf["confE164"], **AT))
    assert nack["detail"].startswith("port")
    assert monitored(cm, unit, conf)["type"] == "MAU_CM_STARTMONITOR_ACK"
    assert morgue.has_nothing_else()
