"""Monitors (CSS §10), through the real flows: who gets one, how long it lasts, and what ends it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from conferences.data.commit import commit
from conferences.rules.due import decide_due
from conferences.rules.end import decide_end
from conferences.rules.licence_counts import amounts_in_use
from conferences.rules.monitor_checks import MAX_MONITORS
from conferences.rules.monitor_states import plain_address
from conferences.rules.monitors import UNIT_STARTS_IN
from conferences.rules.restore import decide_unit_restored
from conferences.rules.states import Conference, ConferenceState, EndReason, Unit, next_due
from conferences.rules.takeover import decide_taken_over
from tests.factories import (
    NOW,
    NUMBER,
    UNIT,
    conference,
    hear,
    letter,
    memory_unit_of_work,
    monitor,
    seconds,
)
from tests.memory import MemoryUnitOfWork
from wire.fields import Terminal
from wire.routes import Routes

_S = ConferenceState
Body = dict[str, Any]
ANNA = Terminal(mtid="1", account="anna", online=1)
BEN = Terminal(mtid="2", account="ben", online=0)
AT = {"ip": "192.0.2.7", "port": 6000}


def talk(**more: Any) -> MemoryUnitOfWork:
    """Return a site with a conference in which Anna is online, and Ben is expected."""
    return memory_unit_of_work(conference(**{"mts": (ANNA, BEN), **more}))


def ask(site: MemoryUnitOfWork, name: str = "START", **fields: Any) -> list[Body]:
    """Return what is sent when a manager asks to start or stop a monitor."""
    wish = {"type": f"CM_MAU_{name}MONITOR_REQ", "reqid": "r", "confE164": NUMBER, **AT}
    if name == "START":
        wish |= {"mtid": "1", "mode": 1}
    hear(site, wish | fields, Routes.CM_TO_CSS)
    return said(site)


def said(site: MemoryUnitOfWork) -> list[Body]:
    """Return the bodies of the messages of the last transaction."""
    return [json.loads(letter.body) for letter in site.outgoing]


def unit_says(site: MemoryUnitOfWork, kind: str, question: str, **fields: Any) -> list[Body]:
    """Return what is sent when the unit has answered a question about a monitor."""
    body = {"type": f"MCU_MAU_STARTMONITOR_{kind}", "reqid": question, "confE164": NUMBER}
    hear(site, body | {"incarnation": 3, "ip": UNIT.ip} | fields)
    return said(site)


def started(**more: Any) -> MemoryUnitOfWork:
    """Return a site where Anna is monitored."""
    site = talk(**more)
    (order,) = ask(site)
    unit_says(site, "ACK", order["reqid"])
    return site


def now_of(site: MemoryUnitOfWork) -> Conference:
    """Return the conference as it is now."""
    return site.conferences["c1"]


def passes(site: MemoryUnitOfWork, time: float) -> list[Body]:
    """Return what the timer sends after so many seconds."""
    site.begin(NOW + seconds(time))
    commit(site, decide_due(now_of(site), site.now))
    return said(site)


def types(bodies: list[Body]) -> list[str]:
    return [body["type"] for body in bodies]


# ---- start ----------------------------------------------------------------------------------------


def test_the_unit_is_asked_and_then_the_manager_is_answered() -> None:
    site = talk()
    (order,) = ask(site)
    assert order["type"] == "MAU_MCU_STARTMONITOR_REQ"
    expected = {"confE164": NUMBER, "incarnation": 3, "mtid": "1", "mode": 1, **AT}
    assert expected.items() <= order.items()
    (answer,) = unit_says(
        site, "ACK", order["reqid"], rtcp={"ip": "10.0.0.1", "port": 6}, payload=96
    )
    assert answer["type"] == "MAU_CM_STARTMONITOR_ACK"
    told = {"reqid": "r", "mtid": "1", "rtcp": {"ip": "10.0.0.1", "port": 6}, "payload": 96, **AT}
    assert told.items() <= answer.items()
    assert now_of(site).monitors[0].due_at == NOW + seconds(60)


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({"confE164": "404"}, "29010", "no such"),
        ({"moid": "u2"}, "29020", "not permitted"),
        ({"mtid": "9"}, "29018", "mtid: "),
        ({"mtid": "2"}, "29012", "mtid: "),
        ({"ip": "198.51.100.1"}, "29020", "ip: "),
        ({"ip": "example.com"}, "29001", "ip: "),
        ({"ip": "::"}, "29001", "ip: "),
        ({"ip": "224.0.0.1"}, "29001", "ip: "),
        ({"port": 0}, "29001", "port: "),
        ({"port": 65536}, "29001", "port: "),
        ({"mode": 2}, "29001", "mode: "),
        ({"mode": None}, "29001", "mode: "),
    ],
    ids=str,
)
def test_what_cannot_be_monitored_is_refused_by_name(fields: Body, code: str, detail: str) -> None:
    site = talk()
    (answer, *_) = ask(site, **fields)
    assert (answer["type"], answer["errcode"]) == ("MAU_CM_STARTMONITOR_NACK", code)
    assert answer["detail"].startswith(detail)
    assert now_of(site).monitors == ()


@pytest.mark.parametrize("state", [_S.CREATING, _S.PENDING_RESTORE, _S.RESTORING])
def test_only_a_running_conference_is_monitored(state: ConferenceState) -> None:
    site = memory_unit_of_work(conference(state, mts=(ANNA,)))
    (answer,) = ask(site)
    assert answer["errcode"] == "29012"


def test_an_ipv4_address_in_the_form_of_ipv6_is_what_it_is() -> None:
    assert plain_address("::ffff:192.0.2.7") == "192.0.2.7"
    assert plain_address("fe80::1%eth0") is None
    site = started()
    assert types(ask(site, "STOP", reqid="s", ip="::ffff:192.0.2.7"))[0] == "MAU_CM_STOPMONITOR_ACK"


def test_the_licence_counts_monitors_and_refuses_one_more() -> None:
    site = started()
    assert amounts_in_use(now_of(site)).monitors == site.used("main").monitors == 1
    assert site.licence
    site.licence = replace(site.licence, site=replace(site.licence.site, monitors=1))
    (answer,) = ask(site, reqid="r2", port=6001)
    assert (answer["errcode"], "licence" in answer["detail"]) == ("29020", True)
    ask(site, "STOP", reqid="s")
    assert site.used("main").monitors == 0
    assert types(ask(site, reqid="r3", port=6001)) == ["MAU_MCU_STARTMONITOR_REQ"]


def test_a_conference_has_at_most_so_many_monitors() -> None:
    (answer,) = ask(talk(monitors=tuple(monitor(port=7000 + n) for n in range(MAX_MONITORS))))
    assert answer["errcode"] == "29020"


def test_the_same_request_again_is_answered_again_and_starts_nothing_more() -> None:
    site = started()
    (answer,) = ask(site)
    assert answer["type"] == "MAU_CM_STARTMONITOR_ACK"
    assert len(now_of(site).monitors) == 1


def test_the_same_monitor_asked_for_anew_is_there_already_and_another_is_refused() -> None:
    site = started()
    (answer,) = ask(site, reqid="new")
    assert (answer["type"], answer["reqid"]) == ("MAU_CM_STARTMONITOR_ACK", "new")
    (answer,) = ask(site, reqid="other", mode=0)
    assert (answer["errcode"], answer["detail"][:6]) == ("29019", "port: ")
    assert len(now_of(site).monitors) == 1


def test_one_that_is_just_being_started_is_not_started_twice() -> None:
    site = talk()
    ask(site)
    (answer,) = ask(site, reqid="new")
    assert answer["errcode"] == "29012"


def test_a_refusal_of_the_unit_is_passed_on_and_frees_the_licence() -> None:
    site = talk()
    (order,) = ask(site)
    (answer,) = unit_says(site, "NACK", order["reqid"], errcode="29015", detail="no sound")
    assert (answer["type"], answer["reqid"]) == ("MAU_CM_STARTMONITOR_NACK", "r")
    assert (answer["errcode"], answer["detail"]) == ("29015", "no sound")
    assert (now_of(site).monitors, site.used("main").monitors) == ((), 0)


def test_a_silent_unit_is_29016_and_is_told_to_stop_what_it_may_have_started() -> None:
    site = talk()
    (order,) = ask(site)
    assert passes(site, UNIT_STARTS_IN.total_seconds() - 0.1) == []
    answer, stop = passes(site, UNIT_STARTS_IN.total_seconds())
    assert (answer["type"], answer["errcode"]) == ("MAU_CM_STARTMONITOR_NACK", "29016")
    assert (stop["type"], stop["monitors"]) == ("MAU_MCU_STOPMONITOR_CMD", [AT])
    assert unit_says(site, "ACK", order["reqid"]) == []


@pytest.mark.parametrize(
    "stale", [{"incarnation": 2}, {"ip": "10.0.0.99"}, {"reqid": "unknown"}], ids=str
)
def test_a_stale_answer_of_a_unit_is_ignored(stale: Body) -> None:
    site = talk()
    (order,) = ask(site)
    for kind in ("ACK", "NACK"):
        assert unit_says(site, kind, order["reqid"], **stale) == []
    assert not now_of(site).monitors[0].running
    assert types(unit_says(site, "ACK", order["reqid"])) == ["MAU_CM_STARTMONITOR_ACK"]
    assert unit_says(site, "ACK", order["reqid"]) == []
    assert unit_says(site, "NACK", order["reqid"]) == []
    assert now_of(site).monitors[0].running


# ---- stop, keep alive -----------------------------------------------------------------------------


def test_a_monitor_is_stopped_at_the_unit_and_only_once() -> None:
    site = started()
    answer, stop = ask(site, "STOP", reqid="s")
    assert (answer["type"], answer["reqid"]) == ("MAU_CM_STOPMONITOR_ACK", "s")
    assert (stop["type"], stop["monitors"]) == ("MAU_MCU_STOPMONITOR_CMD", [AT])
    assert ask(site, "STOP", reqid="s") == [answer]
    (again,) = ask(site, "STOP", reqid="s2")
    assert (again["type"], again["errcode"]) == ("MAU_CM_STOPMONITOR_NACK", "29018")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"confE164": "404"}, "29010"),
        ({"moid": "u2"}, "29020"),
        ({"port": 6001}, "29018"),
        ({"mtid": "2"}, "29018"),
        ({"mode": 0}, "29018"),
    ],
    ids=str,
)
def test_what_is_not_monitored_is_not_stopped(fields: Body, code: str) -> None:
    site = started()
    (answer,) = ask(site, "STOP", **({"reqid": "s"} | fields))
    assert (answer["type"], answer["errcode"]) == ("MAU_CM_STOPMONITOR_NACK", code)
    assert len(now_of(site).monitors) == 1


def test_a_stop_before_the_unit_has_answered_refuses_the_start() -> None:
    site = talk()
    ask(site)
    bodies = ask(site, "STOP", reqid="s")
    assert types(bodies) == [
        "MAU_CM_STOPMONITOR_ACK",
        "MAU_CM_STARTMONITOR_NACK",
        "MAU_MCU_STOPMONITOR_CMD",
    ]
    assert bodies[1]["errcode"] == "29012"


def keeps_alive(site: MemoryUnitOfWork, time: float, *ports: int, e164: str = NUMBER) -> list[Body]:
    """Return what is sent when a manager says, after so many seconds, which monitors it has."""
    monitors = [{"ip": AT["ip"], "port": port} for port in ports]
    site.begin(NOW + seconds(time))
    notice = {"type": "CM_MAU_MONITORKEEPALIVE_NTF", "confE164": e164, "monitors": monitors}
    hear(site, notice, Routes.CM_TO_CSS)
    return said(site)


def test_a_monitor_ends_60_seconds_after_its_last_keep_alive() -> None:
    site = started()
    assert keeps_alive(site, 50, 6000) == []
    assert passes(site, 109) == []
    stop, notice = passes(site, 110)
    assert (stop["type"], stop["monitors"]) == ("MAU_MCU_STOPMONITOR_CMD", [AT])
    assert (notice["type"], notice["monitors"]) == ("MAU_CM_STOPMONITOR_NTF", [AT])
    assert passes(site, 110) == []
    assert site.used("main").monitors == 0


def test_an_http_clients_monitor_ends_after_30_seconds() -> None:
    site = talk(monitors=(monitor(over_http=True, due_at=NOW + seconds(30)),))
    keeps_alive(site, 20, 6000)
    assert next_due(now_of(site)) == NOW + seconds(50)


def test_keep_alives_in_quick_succession_are_saved_once() -> None:
    site = started()
    keeps_alive(site, 20, 6000)
    assert site.changes
    keeps_alive(site, 21, 6000)
    assert not site.changes


def test_who_keeps_alive_what_is_over_is_told_so() -> None:
    site = started()
    (notice,) = keeps_alive(site, 1, 6000, 6001)
    gone = {"ip": AT["ip"], "port": 6001}
    assert (notice["type"], notice["monitors"]) == ("MAU_CM_STOPMONITOR_NTF", [gone])
    (notice,) = keeps_alive(site, 1, 6001, e164="404")
    assert (notice["confE164"], notice["monitors"]) == ("404", [gone])


# ---- what happens to the conference -------------------------------------------------------------


def test_monitors_end_with_their_conference() -> None:
    site = started()
    site.begin(NOW)
    commit(site, decide_end(now_of(site), EndReason.RELEASED, NOW))
    assert "MAU_CM_STOPMONITOR_NTF" not in types(said(site))
    assert now_of(site).monitors == ()
    assert site.used("main").monitors == 0


def test_a_terminal_that_leaves_takes_its_monitors_along() -> None:
    site = started(monitors=(monitor(port=7000),))
    report = {"type": "MCU_MAU_CONFSTATECHANGE_NTF", "confE164": NUMBER, "incarnation": 3}
    hear(site, report | {"ip": UNIT.ip, "mts": [{"mtid": "1", "online": 0}]})
    assert types(said(site)) == ["MAU_MCU_STOPMONITOR_CMD", "MAU_CM_STOPMONITOR_NTF"]
    assert [m.port for m in now_of(site).monitors] == [7000]


def lose(site: MemoryUnitOfWork) -> list[Body]:
    hear(site, {"type": "RMS_CSS_NODELOST_NTF", "restype": "mcu", "ip": UNIT.ip})
    return said(site)


def test_a_monitor_waits_for_the_restore_which_ends_it_with_notice() -> None:
    site = started()
    assert not {"MAU_CM_STOPMONITOR_NTF", "MAU_MCU_STOPMONITOR_CMD"} & {*types(lose(site))}
    assert keeps_alive(site, 20, 6000) == []
    restoring = now_of(site).place(Unit("10.0.0.2", site="main"), "main", NOW + seconds(4))
    site.begin(NOW)
    commit(site, decide_unit_restored(restoring, None, NOW))
    assert types(said(site))[-2:] == ["MAU_MCU_STOPMONITOR_CMD", "MAU_CM_STOPMONITOR_NTF"]
    assert now_of(site).monitors == ()


def test_one_that_was_being_started_is_refused_when_its_unit_is_lost() -> None:
    site = talk()
    ask(site)
    refusals = [body for body in lose(site) if body["type"] == "MAU_CM_STARTMONITOR_NACK"]
    assert [body["errcode"] for body in refusals] == ["29012"]
    assert now_of(site).monitors == ()


def test_a_monitor_that_falls_silent_while_its_conference_waits_ends_without_its_unit() -> None:
    site = started()
    lose(site)
    assert types(passes(site, 61))[:1] == ["MAU_CM_STOPMONITOR_NTF"]
    assert now_of(site).state is _S.PENDING_RESTORE


# ---- over sites (CSS §10) -------------------------------------------------------------------------

AT_BACKUP = Unit("10.1.0.1", site="backup")


def test_the_main_stops_monitors_straight_on_the_backups_unit() -> None:
    site = memory_unit_of_work(
        conference(unit=AT_BACKUP, hosting_platform="backup", monitors=(monitor(),))
    )
    assert keeps_alive(site, 30, 6000) == []
    passes(site, 90)
    stop = site.outgoing[0]
    assert json.loads(stop.body)["type"] == "MAU_MCU_STOPMONITOR_CMD"
    assert (stop.destination, stop.exchange) == ("backup", "cmu.conf.ex")


def test_a_unit_at_the_backup_starts_a_monitor_for_the_main() -> None:
    site = memory_unit_of_work(conference(unit=AT_BACKUP, hosting_platform="backup", mts=(ANNA,)))
    (order,) = ask(site)
    assert site.outgoing[0].destination == "backup"
    body = {"type": "MCU_MAU_STARTMONITOR_ACK", "reqid": order["reqid"], "confE164": NUMBER}
    hear(site, body | {"incarnation": 3, "ip": AT_BACKUP.ip})
    assert site.outgoing == [], "a unit of the same address at the main is another one"
    by_way_of_backup = replace(letter(body | {"incarnation": 3, "ip": AT_BACKUP.ip}), via="backup")
    site.take(by_way_of_backup, Routes.UNIT_TO_CSS.value.queue, NOW)
    assert types(said(site)) == ["MAU_CM_STARTMONITOR_ACK"]


def test_the_backup_that_restores_a_conference_tells_the_managers_to_close_its_monitors() -> None:
    site = started()
    site.begin(NOW, own_site="backup")
    commit(site, decide_taken_over(now_of(site), NOW))
    assert "MAU_CM_STOPMONITOR_NTF" not in types(said(site))
    restoring = now_of(site).place(AT_BACKUP, "backup", NOW + seconds(4))
    site.begin(NOW, own_site="backup")
    commit(site, decide_unit_restored(restoring, None, NOW))
    notice = next(x for x in site.outgoing if b"STOPMONITOR_NTF" in x.body)
    assert (notice.exchange, notice.destination) == ("MEETING.CSS.EX", "")
