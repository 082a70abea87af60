"""Conferences over HTTP: what works, and every refusal with its number (HTTP API §2)."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from deploy.stand.site import Site
from tests.http.program import Program
from tests.stories.facts import license_for

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]


def test_a_conference_is_created_listed_shown_and_ended(program: Program) -> None:
    created = program.create(max_join_mt=8, password="a1_.")
    assert created["success"] == 1
    number = created["conf_id"]
    assert isinstance(number, str)
    assert isinstance(created["meeting_id"], str)
    listed = program.get("vc/confs", count=0)
    assert listed["total"] == len(listed["confs"]) == 1
    details = program.get(f"vc/confs/{number}")
    assert details["name"] == "http"
    assert details["need_password"] == 1
    assert "password" not in details
    assert created["join"] == details["join"]
    assert program.delete(f"mc/confs/{number}")["success"] == 1
    assert program.get(f"vc/confs/{number}")["error_code"] == 12103
    assert program.delete(f"mc/confs/{number}")["error_code"] == 12103


def test_terminals_are_called_listed_and_removed(program: Program) -> None:
    number = program.create(invite_members=[{"account": "7001", "account_type": 5}])["conf_id"]
    path = f"vc/confs/{number}/mts"
    assert [m["alias"] for m in program.get(path)["mts"]] == ["7001"]
    wanted = [{"account": "7002", "account_type": 5, "bitrate": 1024, "protocol": 1}]
    added = program.post(path, {"mts": wanted})
    assert added["success"] == 1
    terminals = program.get(path)["mts"]
    assert {m["alias"] for m in terminals} == {"7001", "7002"}
    (new,) = (m for m in terminals if m["alias"] == "7002")
    assert [(m["account"], m["mt_id"]) for m in added["mts"]] == [("7002", new["mt_id"])]
    gone = [{"mt_id": m["mt_id"]} for m in terminals if m["alias"] == "7002"]
    removed = program.delete(path, params=json.dumps({"mts": gone}))
    assert removed["success"] == 1
    unknown = program.delete(path, params=json.dumps({"mts": [{"mt_id": "99"}]}))
    assert unknown["error_code"] == 12104


def test_everybody_enters_as_it_was_asked_for_and_the_rest_is_named(program: Program) -> None:
    wish = {"mute": 1, "silence": 1, "voice_activity_detection": 1, "fec_mode": 1}
    created = program.create(**wish, chairman={"account": "7001", "account_type": 5})
    assert created["description"] == "running; without effect here: fec_mode"
    number = created["conf_id"]
    details = program.get(f"vc/confs/{number}")
    assert (details["mute"], details["silence"]) == (1, 1)
    (called,) = program.get(f"vc/confs/{number}/mts")["mts"]
    assert called["account"] == "7001"


def test_with_debug_nothing_is_done(program: Program) -> None:
    number = program.create()["conf_id"]
    before = program.get("vc/confs", count=0)["total"]
    sound = program.call("POST", "mc/confs", {"debug": 1}, params=json.dumps({"name": "x"}))
    assert (sound["success"], sound["debuglist"]) == (1, {})
    faulty = program.call("POST", "mc/confs", {"debug": 1}, params=json.dumps({"name": "_x"}))
    assert list(faulty["debuglist"]) == ["name"]
    ended = program.call("DELETE", f"mc/confs/{number}", {"debug": 1})
    assert ended["debuglist"] == {}
    assert program.get("vc/confs", count=0)["total"] == before


def test_suffixes_chunks_versions_and_unknown_calls_are_answered_in_the_form_of_the_api(
    program: Program,
) -> None:
    assert program.get("vc/confs.json")["success"] == 1
    for path in ("/api/mc/version", "/api/v1/system/version"):
        status, content = program.raw("GET", path)
        assert (status, json.loads(content)["success"]) == (200, 1)
    for path in ("/api/mc", "/api/v1/vrs/rooms", "/api/tv/version"):
        status, content = program.raw("GET", path)
        assert (status, json.loads(content)["error_code"]) == (200, 99999)
    pair = urlencode(program.site.demo["api_key"]).encode()
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    status, content = program.raw(
        "POST", "/api/v1/system/token", iter([pair[:9], pair[9:]]), **form
    )
    assert json.loads(content)["success"] == 1


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"name": ""}, 29001),
    ({"name": None}, 29001),
    ({"name": "a" * 65}, 29001),
    ({"name": "a%b"}, 29001),
    ({"name": "_a"}, 29001),
    ({"name": ["a"]}, 29001),
    ({"encrypted_type": 2, "encrypted_key": "abc"}, 20114),
    ({"closed_conf": 1}, 20005),
    ({"vmp": {"mode": 1, "layout": 99}}, 20331),
    ({"vmp": {"mode": 1, "layout": 5, "members": [{"account": "1"}]}}, 20435),
    ({"mix": {"mode": 2, "members": [{"account": "1"}]}}, 20435),
    ({"duration": -1}, 20119),
    ({"duration": 10081}, 20119),
    ({"duration": "soon"}, 29001),
    ({"password": "ä"}, 29001),
    ({"password": "a" * 17}, 29001),
    ({"max_join_mt": 9}, 29001),
    ({"auto_end": 2}, 29001),
    ({"create_type": 2, "template_id": "1"}, 20108),
    ({"create_type": 4, "template_id": "1"}, 20108),
    ({"platform_id": "elsewhere"}, 29004),
    ({"video_formats": "720p"}, 29001),
    ({"video_formats": [1]}, 29001),
    ({"invite_members": [{"name": "nobody"}]}, 29001),
    ({"invite_members": [{"account": "1"}] * 501}, 29001),
    ({"recorder": 1}, 29001),
    ({"bitrate": 1}, 29001),
]


@pytest.mark.parametrize(("params", "code"), REFUSED)
def test_what_cannot_be_had_is_refused_with_its_number(
    program: Program, params: dict[str, Any], code: int
) -> None:
    refused = program.create(**params)
    assert refused["error_code"] == code, refused
    assert refused["description"]
    assert program.get("vc/confs")["total"] == 0


def test_the_limit_of_the_licence_is_refused_with_20102(program: Program, simulated: Site) -> None:
    license_for(simulated, 1, 0)
    assert program.create()["success"] == 1
    assert program.create()["error_code"] == 20102
    assert program.create(max_join_mt=32)["error_code"] == 20102


def test_the_same_idempotency_key_makes_one_conference(program: Program) -> None:
    def create() -> dict[str, Any]:
        form = urlencode({"account_token": program.token, "params": '{"name":"once"}'})
        headers = {
            "Cookie": program.cookie,
            "Content_Type": "application/x-www-form-urlencoded",
            "Idempotency_Key": f"key-{program.token}",
        }
        answer: dict[str, Any] = json.loads(
            program.raw("POST", "/api/v1/mc/confs", form, **headers)[1]
        )
        return answer

    first, second = create(), create()
    assert first["conf_id"] == second["conf_id"]
    assert program.get("vc/confs")["total"] == 1


VARIANTS = [
    ("POST", "/api/v1/mc/confs", "form"),
    ("POST", "//api/v1/mc/confs", "form"),
    ("POST", "/api/v1/mc/confs?", "form"),
    ("POST", "/api/v1/mc/confs", "query"),
    ("POST", "/api/v1/mc/confs", "twice"),
    ("POST", "/api/v1/mc/confs", "json"),
    ("GET", "/api/v1/mc/confs", "_method"),
]


@pytest.mark.parametrize(("method", "path", "shape"), VARIANTS)
def test_requests_as_they_occur_in_the_wild_are_understood(
    program: Program, method: str, path: str, shape: str
) -> None:
    params = json.dumps(
        {
            "name": "wild",
            "speaker": None,
            "vmp": None,
            "preoccpuy_resource": 0,
            "start_time": "now",
            "video_formats": [{"format": 0}, {"format": 4, "resolution": 12, "bitrate": 512}],
        }
    )
    fields = {"account_token": program.token, "params": params}
    headers = {"Cookie": program.cookie}
    body: str | None = None
    if shape == "form":
        body = urlencode(fields)
    elif shape in ("query", "_method"):
        extra = {"_method": "post"} if shape == "_method" else {}
        path += "?" + urlencode({**fields, **extra})
    elif shape == "twice":
        path += "?" + urlencode({**fields, "params": quote(params)})
    else:
        body = json.dumps({"account_token": program.token, "params": json.loads(params)})
        headers["Content_Type"] = "application/json"
    if shape == "form":
        headers["Content_Type"] = "application/x-www-form-urlencoded;charset=utf-8"
    status, content = program.raw(method, path, body, **headers)
    answer = json.loads(content)
    assert (status, answer["success"]) == (200, 1), answer
    removed = program.call("POST", f"mc/confs/{answer['conf_id']}", _method="delete")
    assert removed["success"] == 1


def test_a_call_that_does_not_exist_is_refused_in_the_same_form(program: Program) -> None:
    assert program.get("vc/nothing/of/the/kind")["error_code"] == 99999
    assert program.call("PUT", "mc/confs")["error_code"] == 99999


def test_another_tenants_conference_is_as_unknown_as_none(
    program: Program, simulated: Site, manager: Any
) -> None:
    other = "20000000-0000-4000-8000-000000000002"
    simulated.mariadb.sql(
        "INSERT IGNORE INTO domains_domain (moid, level, parent_id, name, used, enable_h265,"
        f" enable_hd) SELECT '{other}', 0, parent_id, 'other', 1, 1, 1 FROM domains_domain"
        " WHERE level=0 LIMIT 1; INSERT IGNORE INTO domains_userdomain (domain_ptr_id, platform_id)"
        f" VALUES ('{other}', '{simulated.vault.platform_moid}')",
        schema="east",
    )
    answer = manager.answer_to(manager.create(moid=other))
    number = answer["confE164"]
    try:
        assert program.get(f"vc/confs/{number}")["error_code"] == 12103
        assert program.get(f"vc/confs/{number}/mts")["error_code"] == 12103
        assert program.delete(f"mc/confs/{number}")["error_code"] == 12103
        assert program.get("vc/confs")["total"] == 0
    finally:
        manager.answer_to(manager.release(number))


@pytest.fixture
def ben(program: Program, simulated: Site) -> Program:
    """Return the program of another person of the same tenant."""
    bens = Program(simulated)
    bens.log_in("ben")
    return bens


def held_in_a_room(program: Program, **settings: Any) -> tuple[str, str]:
    """Return the id of a new room, and the number of the conference that its owner has begun in it."""
    room = program.post("mc/virtual_meeting_rooms", {"name": uuid.uuid4().hex, **settings})["id"]
    begun = program.create(create_type=4, template_id=room)
    assert begun["join"]
    return room, begun["conf_id"]


@pytest.mark.parametrize("settings", [{"password": "4711"}, {"exclusive": 1}])
def test_a_closed_room_is_neither_entered_nor_listened_to_by_others(
    program: Program, ben: Program, settings: dict[str, Any]
) -> None:
    room, number = held_in_a_room(program, **settings)
    assert ben.get(f"vc/confs/{number}")["join"] is None
    called = ben.post(f"vc/confs/{number}/mts", {"mts": [{"account": "ben", "account_type": 1}]})
    assert called["error_code"] == 19008
    assert not ben.create(create_type=4, template_id=room).get("join")
    wanted = {"mode": 1, "src": {"type": 3}, "dst": {"ip": "192.0.2.7", "port": 5000}}
    assert ben.post(f"vc/confs/{number}/monitors", wanted)["error_code"] == 19008
    opened = ben.call("PUT", f"vc/confs/{number}/safty", params='{"password": ""}')
    assert opened["error_code"] == 19008
    assert ben.get(f"vc/confs/{number}")["join"] is None
    assert program.get(f"vc/confs/{number}")["join"]
    program.delete(f"mc/confs/{number}")
    program.delete(f"mc/virtual_meeting_rooms/{room}")


def test_people_choose_numbers_of_their_platform_only(program: Program) -> None:
    for number in ("110", "0", "9" * 16):
        wanted = {"name": uuid.uuid4().hex, "e164": number}
        answer = program.post("mc/virtual_meeting_rooms", wanted)
        assert (answer["success"], answer["error_code"]) == (0, 19008)
        assert answer["description"].startswith("e164: ")
    number = program.create()["conf_id"][:-5] + "98765"
    wanted = {"name": uuid.uuid4().hex, "e164": number}
    room = program.post("mc/virtual_meeting_rooms", wanted)
    assert room["e164"] == number
    program.delete(f"mc/virtual_meeting_rooms/{room['id']}")


def test_who_was_removed_does_not_let_himself_in_again(program: Program, ben: Program) -> None:
    bens = [{"account": "ben", "account_type": 1}]
    number = program.create(invite_members=bens)["conf_id"]
    (row,) = program.get(f"vc/confs/{number}/mts")["mts"]
    gone = json.dumps({"mts": [{"mt_id": row["mt_id"]}]})
    assert program.delete(f"vc/confs/{number}/mts", params=gone)["success"] == 1
    assert ben.post(f"vc/confs/{number}/mts", {"mts": bens})["error_code"] == 19008
    assert program.post(f"vc/confs/{number}/mts", {"mts": bens})["success"] == 1
