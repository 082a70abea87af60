"""Booked conferences over HTTP: listed by date, shown, changed, opened early and cancelled, by whom they belong to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.http.program import Answer, Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

START = (datetime.now(UTC) + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)


def _book(program: Program, **fields: Any) -> Answer:
    usual = {"name": "weekly", "duration": 60, "start_time": START.isoformat()}
    booked = program.post("mc/booked_confs", {**usual, **fields})
    assert booked["success"] == 1, booked
    return booked


def _list(program: Program, **fields: Any) -> list[Answer]:
    booked: list[Answer] = program.get("mc/booked_confs", **{"count": 0, **fields})["booked_confs"]
    return booked


def test_a_series_is_booked_listed_by_date_changed_and_cancelled(program: Program) -> None:
    rule = {"repeat": "FREQ=DAILY;COUNT=4", "timezone": "Asia/Shanghai", "password": "a1"}
    booked = _book(program, **rule)
    path = f"mc/booked_confs/{booked['conf_id']}"
    assert [d["start_time"] for d in _list(program)] == [
        (START + timedelta(days=n)).isoformat() for n in range(4)
    ]
    page = program.get("mc/booked_confs", start=1, count=2, order=1)
    assert (page["total"], len(page["booked_confs"])) == (4, 2)
    until = (START + timedelta(days=1)).isoformat()
    assert len(_list(program, start_time=START.isoformat(), end_time=until)) == 1
    second = (START + timedelta(days=1)).isoformat()
    later = (START + timedelta(days=1, hours=2)).isoformat()
    moved = program.post(path, {"occurrence": second, "start_time": later, "name": "moved"})
    assert moved["success"] == 1, moved
    assert program.delete(path, occurrence=START.isoformat())["success"] == 1
    detail = program.get(path)
    assert (detail["name"], detail["start_time"], detail["password"]) == ("moved", later, "a1")
    assert len(detail["dates"]) == 3
    assert program.post(path, {"duration": 30, "name": "all"})["success"] == 1
    assert [d["name"] for d in _list(program)] == ["moved", "all", "all"]
    assert program.delete(path)["success"] == 1
    assert _list(program) == []
    assert program.get(path)["error_code"] == 20108


def test_what_cannot_be_booked_is_refused_with_the_name_of_the_argument(program: Program) -> None:
    for fields, code, name in (
        ({"start_time": "soon"}, 29001, "start_time"),
        ({"start_time": "0001-01-01T00:00:00+14:00"}, 29001, "start_time"),
        ({"conf_id": "110"}, 19008, "conf_id"),
        ({"conf_id": "9" * 16}, 19008, "conf_id"),
        ({"repeat": "FREQ=HOURLY"}, 29001, "repeat"),
        ({"timezone": "Mars"}, 29001, "timezone"),
        ({"duration": 0}, 20119, "duration"),
        ({"encrypted_type": 1}, 20114, "encrypted_type"),
        ({"max_join_mt": 9}, 29001, "max_join_mt"),
    ):
        usual = {"name": "weekly", "duration": 60, "start_time": START.isoformat()}
        refused = program.post("mc/booked_confs", {**usual, **fields})
        assert (refused["error_code"], refused["description"].partition(":")[0]) == (code, name)
    assert _list(program) == []
    never = program.get("mc/booked_confs", start_time="9999-12-31T23:59:59-14:00")
    assert (never["error_code"], never["description"].partition(":")[0]) == (29001, "start_time")


def test_a_reservation_keeps_a_number_of_its_platform(program: Program) -> None:
    path = f"mc/booked_confs/{(number := _book(program)['conf_id'])}"
    foreign = program.post(path, {"conf_id": "110"})
    assert (foreign["error_code"], foreign["description"].partition(":")[0]) == (19008, "conf_id")
    other = number[:-5] + "98764"
    assert program.post(path, {"conf_id": other})["conf_id"] == other
    assert program.delete(f"mc/booked_confs/{other}")["success"] == 1


def test_a_booked_conference_is_opened_early_and_belongs_to_its_creator(program: Program) -> None:
    booked = _book(program, start_time=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    path = f"mc/booked_confs/{booked['conf_id']}"
    program.cookie = ""
    program.log_in("ben")
    assert program.get(path)["password"] == ""
    assert program.delete(path)["error_code"] == 19008
    early = {"create_type": 5, "template_id": booked["conf_id"]}
    assert program.post("mc/confs", early)["error_code"] == 19008
    program.cookie = ""
    program.log_in("anna")
    opened = program.post("mc/confs", early)
    assert (opened["success"], opened["conf_id"]) == (1, booked["conf_id"]), opened
    assert program.get(f"vc/confs/{booked['conf_id']}")["name"] == "weekly"
    assert program.post("mc/confs", early)["error_code"] in (12103, 20108)
    sound = program.call("POST", "mc/booked_confs", {"debug": 1}, params=json.dumps({"name": "_x"}))
    assert list(sound["debuglist"]) == ["name"]
    assert program.delete(path)["success"] == 1
