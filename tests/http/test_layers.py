"""The layers of the API: XML and status 200 for older programs, HTTP statuses and cursor pages for today's."""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

import pytest

from foundation.web.errors import PROBLEM
from tests.http.program import Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]


def read(program: Program, path: str, accept: str, **query: Any) -> bytes:
    """Return the content of the answer to a GET with this header `Accept`."""
    url = f"/api/v1/{path}?" + urlencode({"account_token": program.token, **query})
    return program.raw("GET", url, Cookie=program.cookie, Accept=accept)[1]


def test_a_list_is_had_in_xml(program: Program) -> None:
    number = program.create(name="in XML")["conf_id"]
    for path, accept in (("vc/confs.xml", "*/*"), ("vc/confs", "application/xml")):
        root = fromstring(read(program, path, accept))  # noqa: S314 - our own answer
        assert root.findtext("success") == "1"
        assert [item.findtext("conf_id") for item in root.iter("item")] == [number]
        assert program.headers["Content-Type"].startswith("application/xml")


def test_a_refusal_is_a_problem_for_programs_of_today(program: Program) -> None:
    body = json.loads(read(program, "vc/confs/404404", PROBLEM))
    assert (program.status, program.headers["Content-Type"]) == (404, PROBLEM)
    assert (body["status"], body["error_code"], body["success"]) == (404, 12103, 0)
    body = json.loads(read(program, "vc/confs/404404", "application/json"))
    assert (program.status, body["error_code"]) == (200, 12103)


def test_a_post_with_the_same_key_has_one_effect(program: Program) -> None:
    def create(name: str, key: str) -> Any:
        form = urlencode({"account_token": program.token, "params": json.dumps({"name": name})})
        kind = "application/x-www-form-urlencoded"
        headers = {"Cookie": program.cookie, "Content_Type": kind, "Idempotency_Key": key}
        return json.loads(program.raw("POST", "/api/v1/mc/personal_templates", form, **headers)[1])

    key, another = secrets.token_hex(8), secrets.token_hex(8)
    first = create("Keyed", key)
    assert first["success"] == 1
    assert create("Keyed", key) == first
    assert create("Another", key)["error_code"] == 29001
    assert create("", another)["success"] == 0
    mended = create("Mended", another)
    assert mended["success"] == 1, "a refusal is not kept"
    listed = program.get("mc/personal_templates", count=0)["personal_templates"]
    ids = {first["template_id"], mended["template_id"]}
    assert {row["template_id"] for row in listed if row["name"] in ("Keyed", "Mended")} == ids
    for template_id in ids:
        program.delete(f"mc/personal_templates/{template_id}")


def test_pages_by_cursor_have_each_conference_once_and_tell_what_is_left_of_the_rate(
    program: Program,
) -> None:
    numbers = {program.create(name=f"page {n}")["conf_id"] for n in range(3)}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = program.get("vc/confs", cursor=cursor, count=2)
        seen += [conference["conf_id"] for conference in page["confs"]]
        cursor = page["next_cursor"] or None
        assert ("Link" in program.headers) is (cursor is not None)
    assert len(seen) == 3
    assert set(seen) == numbers
    assert int(program.headers["RateLimit-Remaining"]) < int(program.headers["RateLimit-Limit"])
    assert program.get("vc/confs", cursor="!")["error_code"] == 29001
