"""Templates and virtual rooms over HTTP, and conferences that are created from them (HTTP API §2)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.stand.site import Site
from tests.http.program import Answer, Program
from tests.wire.world import sql

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

PERSONAL, PUBLIC, ROOMS = "mc/personal_templates", "mc/public_templates", "mc/virtual_meeting_rooms"


@pytest.fixture
def kept(program: Program, simulated: Site) -> Iterator[Program]:
    """Yield the program; nothing is kept before the test, nor after it."""
    _delete_what_is_kept(simulated)
    yield program
    _delete_what_is_kept(simulated)


def _delete_what_is_kept(simulated: Site) -> None:
    """Delete all templates and virtual rooms of the site, and give their numbers back."""
    for table in ("publictemplate", "personaltemplate", "virtualroom"):
        sql(simulated, f"DELETE FROM conferences_{table}")
    sql(simulated, "UPDATE conferences_number SET held_by=''")
    sql(simulated, "UPDATE conferences_numbercursor SET held=0")


@pytest.fixture
def administrator(kept: Program, simulated: Site) -> Iterator[Program]:
    """Yield the program, whose person is an administrator of the tenant."""
    _is_staff(simulated, 1)
    yield kept
    _is_staff(simulated, 0)


def _is_staff(site: Site, value: int) -> None:
    sql(site, f"UPDATE domains_account SET is_staff={value} WHERE username='anna'")


def begin(program: Program, create_type: int, template_id: str, **fields: Any) -> Answer:
    """Create a conference from a template or room."""
    params = {"create_type": create_type, "template_id": template_id, **fields}
    answer = program.post("mc/confs", params)
    assert answer["success"] == 1, answer
    return answer


def test_a_personal_template_is_made_shown_changed_listed_and_deleted(kept: Program) -> None:
    called = [{"account": "7001", "account_type": 5, "name": "Ben"}]
    wish = {"name": "Weekly", "duration": 30, "password": "a1", "max_join_mt": 32, "bind_e164": 1}
    made = kept.post(PERSONAL, {**wish, "invite_members": called, "chairman": called[0]})
    one = f"{PERSONAL}/{made['template_id']}"
    shown = kept.get(one)
    assert {name: shown[name] for name in wish} == wish
    assert shown["e164"].isdigit()
    assert shown["chairman"]["account"] == "7001"
    assert kept.post(one, {"duration": 45})["template_id"] == made["template_id"]
    assert kept.post(one, {"max_join_mt": 9})["error_code"] == 29001
    simple = kept.get(f"{one}/simple")
    assert (simple["duration"], simple["invite_num"], simple["name"]) == (45, 1, "Weekly")
    members = kept.get(f"{one}/invite_members")
    assert (members["total"], members["invite_members"][0]["account"]) == (1, "7001")
    assert kept.get(f"{one}/mix")["mix"]["mode"] == 1
    assert kept.post(PERSONAL, {"name": "Weekly"})["error_code"] == 20105
    kept.post(PERSONAL, {"name": "Other"})
    listed = kept.get(PERSONAL, order=1, count=1)
    assert (listed["total"], [t["name"] for t in listed[PERSONAL[3:]]]) == (2, ["Other"])
    assert kept.delete(one)["success"] == 1
    assert kept.get(one)["error_code"] == kept.delete(one)["error_code"] == 20108


def test_a_template_of_somebody_else_is_as_unknown_as_none(kept: Program) -> None:
    made = kept.post(PERSONAL, {"name": "Mine"})["template_id"]
    kept.log_in("ben")
    assert kept.get(PERSONAL)["total"] == 0
    for path in (f"{PERSONAL}/{made}", f"{PERSONAL}/{made}/simple"):
        assert kept.get(path)["error_code"] == 20108
    assert kept.post("mc/confs", {"create_type": 3, "template_id": made})["error_code"] == 20108
    assert kept.post(f"{PERSONAL}/{made}", {"name": "Yours"})["error_code"] == 20108


def test_public_templates_are_written_by_administrators_and_used_by_all(
    administrator: Program, simulated: Site
) -> None:
    wish = {"name": "Board", "duration": 30, "password": "secret"}
    made = administrator.post(PUBLIC, wish)
    assert made["description"] == "without effect here: password"
    one = f"{PUBLIC}/{made['template_id']}"
    assert administrator.post(one, {"name": "Board 2"})["success"] == 1
    _is_staff(simulated, 0)
    administrator.log_in("ben")
    assert [t["name"] for t in administrator.get(PUBLIC)["public_templates"]] == ["Board 2"]
    assert administrator.get(one)["password"] == ""
    refused = [administrator.post(PUBLIC, {"name": "x"}), administrator.post(one, {"name": "x"})]
    refused.append(administrator.delete(one))
    assert {answer["error_code"] for answer in refused} == {19008}
    begun = begin(administrator, 2, made["template_id"], duration=5)
    details = administrator.get(f"vc/confs/{begun['conf_id']}")
    assert (details["name"], details["duration"]) == ("Board 2", 5)
    assert begin(administrator, 2, made["template_id"])["meeting_id"] == begun["meeting_id"]


def test_debug_checks_a_template_and_keeps_nothing(kept: Program) -> None:
    answer = kept.call("POST", f"{PERSONAL}?debug=1", params=json.dumps({"max_join_mt": 9}))
    assert answer["debuglist"] == {"max_join_mt": "must be 8, 32, 64 or 192"}
    assert kept.get(PERSONAL)["total"] == 0


def test_two_who_begin_a_room_at_once_get_one_conference_and_its_number_stays(
    kept: Program, simulated: Site
) -> None:
    made = kept.post(ROOMS, {"name": "Board room", "max_join_mt": 8})
    room, number = made["id"], made["e164"]
    assert kept.get(f"{ROOMS}/{room}")["status"] == 0
    for _ in range(2):
        with ThreadPoolExecutor(2) as people:
            begun = list(people.map(lambda _: begin(kept, 4, room), range(2)))
        assert {answer["conf_id"] for answer in begun} == {number}
        assert len({answer["meeting_id"] for answer in begun}) == 1
        details = kept.get(f"vc/confs/{number}")
        assert (details["meeting_room_name"], details["end_time"]) == ("Board room", "")
        (listed,) = kept.get(ROOMS)["virtual_meeting_rooms"]
        assert (listed["status"], listed["conf_name"]) == (1, "Board room")
        assert kept.delete(f"{ROOMS}/{room}")["error_code"] == 99991
        assert kept.delete(f"mc/confs/{number}")["success"] == 1
        assert kept.get(f"{ROOMS}/{room}")["e164"] == number
    assert kept.post(ROOMS, {"name": "Board room"})["error_code"] == 20105
    assert kept.post(ROOMS, {"name": "Other", "e164": number})["error_code"] == 20106
    assert kept.delete(f"{ROOMS}/{room}")["success"] == 1


def test_an_exclusive_room_is_for_its_people(kept: Program) -> None:
    ben = {"account": "ben", "account_type": 1}
    made = kept.post(ROOMS, {"name": "Mine", "exclusive": 1, "exclusive_users": [ben]})
    unknown = [{"account": "nobody"}]
    refused = kept.post(ROOMS, {"name": "x", "exclusive": 1, "exclusive_users": unknown})
    assert refused["description"].startswith("exclusive_users:")
    kept.post(f"{ROOMS}/{made['id']}", {"exclusive_users": []})
    kept.log_in("ben")
    assert kept.get(f"{ROOMS}/{made['id']}")["join_url"] == ""
    answer = kept.post("mc/confs", {"create_type": 4, "template_id": made["id"]})
    assert answer["error_code"] == 19008
    assert kept.post(f"{ROOMS}/{made['id']}", {"name": "Ours"})["error_code"] == 19008


def test_whoever_enters_a_room_by_its_link_begins_the_conference(kept: Program) -> None:
    made = kept.post(ROOMS, {"name": "Board room", "password": "a1"})
    link = urlsplit(made["join_url"])
    page = f"{link.path}?{link.query}"
    where = f"{link.path}where?{link.query}"
    status, content = kept.raw("GET", page)
    assert (status, b"Board room" in content) == (200, True)
    assert kept.raw("GET", f"{link.path}?t=forged")[0] == 403

    def ask(path: str, password: str) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer: Answer = json.loads(kept.raw("POST", path, f"password={password}", **form)[1])
        return answer

    assert ask(f"{where}&entering=1", "wrong")["password"] == "wrong"
    assert ask(where, "a1")["state"] == "ended"
    entered = ask(f"{where}&entering=1", "a1")
    assert entered["state"] in ("creating", "running")
    assert ask(f"{where}&entering=1", "a1")["state"] in ("creating", "running")
    assert kept.get(ROOMS)["virtual_meeting_rooms"][0]["status"] == 1


def test_the_registry_is_asked_by_number_and_short_number(kept: Program) -> None:
    number = kept.post(ROOMS, {"name": "Board room"})["e164"]

    def told(path: str) -> Answer:
        """Wait until the registry knows the number."""
        deadline = time.monotonic() + 20
        while (answer := kept.get(path))["success"] == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
        return answer

    (entry,) = told(f"upu/numbers/{number}")["numbers"]
    assert (entry["name"], entry["conf_type"], entry["state"]) == ("Board room", 4, "idle")
    assert kept.get(f"upu/numbers/{number[-5:]}", short=1)["numbers"] == [entry]
    assert kept.get("upu/numbers/99")["error_code"] == 12103
