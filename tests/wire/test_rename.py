"""Renaming: the unit asks the CSS, the CSS asks CM, and only the unit's report changes the name (CSS §5.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.actors import TENANT, TO_UPU, Manager, MediaUnit
from tests.wire.conftest import Taps, Units
from tests.wire.line import Body, ReceivedMessage
from tests.wire.saying import is_well_formed, member, start

pytestmark = pytest.mark.xdist_group("wire")


def wishes(unit: MediaUnit, number: str, name: str, reqid: str = "n1") -> None:
    """Let the unit ask for another name."""
    unit.says("MCU_MAU_MODIFYCONFNAME_REQ", reqid=reqid, confE164=number, confname=name)


def reports(unit: MediaUnit, conf: Body, **changed: Any) -> None:
    """Let the unit report what has changed."""
    same = {k: conf[k] for k in ("confE164", "incarnation")}
    unit.says("MCU_MAU_CONFSTATECHANGE_NTF", **same, **changed)


def name_is(cm: Manager, name: str) -> None:
    """Wait until the list shows this name."""

    def shown() -> bool | None:
        return cm.lists(TENANT)["confs"][0]["confname"] == name or None

    cm.line.wait(shown, 20, lambda: f"name {name}")


def manager_answers(cm: Manager, question: ReceivedMessage, kind: str, **fields: object) -> None:
    """Let the manager agree, or not."""
    same = {k: question[k] for k in ("reqid", "confE164")}
    cm.sends({"type": f"CM_MAU_MODIFYCONFNAME_{kind}", **same, **fields}, reply_to=None)


def test_with_our_own_manager_a_well_formed_name_is_granted_at_once(
    cm: Manager, unit: MediaUnit, tap: Taps
) -> None:
    conf = start(cm, unit)
    number = conf["confE164"]
    wishes(unit, number, "Neuer Name")
    ack = unit.hears("MAU_MCU_MODIFYCONFNAME_ACK")
    assert ack.body == {"type": "MAU_MCU_MODIFYCONFNAME_ACK", "reqid": "n1", "confE164": number}
    assert cm.lists(TENANT)["confs"][0]["confname"] == "Board"
    upu = tap(TO_UPU)
    reports(unit, conf, confname="Neuer Name")
    name_is(cm, "Neuer Name")
    assert upu.hears("CSS_UPU_MDFCONF_NTF", confE164=number)["confname"] == "Neuer Name"


@pytest.mark.parametrize("name", [" ", "\t", "x" * 65, "", 7])
def test_an_ill_formed_name_is_refused(cm: Manager, unit: MediaUnit, name: object) -> None:
    number = start(cm, unit)["confE164"]
    wishes(unit, number, name)  # type: ignore[arg-type]
    nack = unit.hears("MAU_MCU_MODIFYCONFNAME_NACK", reqid="n1")
    assert (nack["confE164"], nack["errcode"]) == (number, "29001")


@pytest.mark.usefixtures("no_cm_of_ours")
def test_a_third_partys_manager_is_asked_and_grants(
    cm: Manager, unit: MediaUnit, platform: str
) -> None:
    conf = start(cm, unit)
    number = conf["confE164"]
    wishes(unit, number, "Strategy")
    question = cm.hears("MAU_CM_MODIFYCONFNAME_REQ")
    assert question.body == {
        "type": "MAU_CM_MODIFYCONFNAME_REQ",
        "reqid": question["reqid"],
        "confE164": number,
        "confname": "Strategy",
    }
    assert (question.exchange, question.key) == ("MEETING.CSS.EX", "MEETING.CSS.K")
    is_well_formed(question, f"css@{platform}")
    manager_answers(cm, question, "ACK")
    assert unit.hears("MAU_MCU_MODIFYCONFNAME_ACK")["reqid"] == "n1"


@pytest.mark.usefixtures("no_cm_of_ours")
def test_a_third_partys_manager_denies_with_its_own_code(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    wishes(unit, number, "Forbidden")
    manager_answers(cm, cm.hears("MAU_CM_MODIFYCONFNAME_REQ"), "NACK", errcode="29019")
    nack = unit.hears("MAU_MCU_MODIFYCONFNAME_NACK")
    assert {k: nack[k] for k in ("reqid", "confE164", "errcode")} == {
        "reqid": "n1",
        "confE164": number,
        "errcode": "29019",
    }
    assert cm.lists(TENANT)["confs"][0]["confname"] == "Board"


@pytest.mark.usefixtures("no_cm_of_ours")
@pytest.mark.parametrize("kind", ["ACK", "NACK"])
def test_a_manager_may_answer_as_the_source_prints_it(
    cm: Manager, unit: MediaUnit, kind: str
) -> None:
    number = start(cm, unit)["confE164"]
    wishes(unit, number, "Strategy")
    question = cm.hears("MAU_CM_MODIFYCONFNAME_REQ")
    printed = {"ACK": {"confE164": number}, "NACK": {"errcode": "29019"}}[kind]
    cm.sends(
        {"type": f"CM_MAU_MODIFYCONFNAME_{kind}", **printed},
        reply_to=None,
        correlation_id=question.properties.correlation_id,
    )
    answer = unit.hears(f"MAU_MCU_MODIFYCONFNAME_{kind}", reqid="n1")
    assert (answer["confE164"], answer.body.get("errcode")) == (number, printed.get("errcode"))


@pytest.mark.usefixtures("no_cm_of_ours")
def test_while_the_manager_is_asked_another_name_is_29012(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    wishes(unit, number, "Slow")
    question = cm.hears("MAU_CM_MODIFYCONFNAME_REQ")
    wishes(unit, number, "Impatient", reqid="n2")
    assert unit.hears("MAU_MCU_MODIFYCONFNAME_NACK", reqid="n2")["errcode"] == "29012"
    manager_answers(cm, question, "ACK")
    assert unit.hears("MAU_MCU_MODIFYCONFNAME_ACK")["reqid"] == "n1"


def test_an_answer_nobody_asked_for_changes_nothing(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    cm.sends({"type": "CM_MAU_MODIFYCONFNAME_ACK", "reqid": "never", "confE164": number})
    cm.line.quiet()
    assert not unit.has_heard("MAU_MCU_MODIFYCONFNAME_ACK")


def test_a_name_for_no_conference_is_29010(unit: MediaUnit, cm: Manager) -> None:
    wishes(unit, "4040404", "Nobody")
    assert unit.hears("MAU_MCU_MODIFYCONFNAME_NACK")["errcode"] == "29010"


def test_a_unit_that_does_not_run_it_renames_nothing(cm: Manager, units: Units) -> None:
    conf = start(cm, units())
    stranger = units(known=False)
    wishes(stranger, conf["confE164"], "Mine")
    reports(stranger, conf, confname="Mine")
    cm.line.quiet()
    assert not stranger.has_heard("MAU_MCU_MODIFYCONFNAME_ACK")
    assert cm.lists(TENANT)["confs"][0]["confname"] == "Board"


@pytest.mark.parametrize("step", [-1, 1])
def test_a_ghosts_report_changes_nothing(cm: Manager, unit: MediaUnit, step: int) -> None:
    number = "7712340006"
    start(cm, unit, confE164=number)
    cm.release(number)
    conf = start(cm, unit, confE164=number)
    stale = {**conf, "incarnation": conf["incarnation"] + step}
    reports(unit, stale, confname="Ghost", mts=[member(1)])
    cm.line.quiet()
    item = cm.lists(TENANT)["confs"][0]
    assert (item["confname"], item["mtnum"]) == ("Board", 0)


def test_a_report_may_come_without_the_units_name_in_it(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    same = {k: conf[k] for k in ("confE164", "incarnation")}
    unit.says("MCU_MAU_CONFSTATECHANGE_NTF", named=False, **same, confname="By app_id")
    name_is(cm, "By app_id")


def test_a_request_by_app_id_alone_is_answered_to_that_unit(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    body = {"reqid": "n3", "confE164": number, "confname": "By app_id"}
    unit.says("MCU_MAU_MODIFYCONFNAME_REQ", named=False, **body)
    assert unit.hears("MAU_MCU_MODIFYCONFNAME_ACK")["reqid"] == "n3"
