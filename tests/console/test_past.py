"""Past conferences: who sees which, who was there, and the attendance list."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pycrdt import Doc, Text

from conferences.data import row_mapper
from conferences.data.join_passes import visitor_of
from conferences.flows import shared_documents
from conferences.models import Attendee
from conferences.rules.shared_documents import Kind
from conferences.rules.states import Conference, ConferenceState
from conferences.rules.sync import with_members
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account
from foundation.bus.dispatch import handle_for_platform
from foundation.cells import sql
from foundation.cells.directory import store_of
from tests.admin.conftest import conference_row
from tests.integration.conftest import delivery
from tests.web_clients import Browser
from wire.fields import Terminal

PAST = "/console/past/"
NUMBER = "8800042"
HER_SECRET, A_GUESTS = "0123456789abcdef", "fedcba9876543210"
HER_BROWSER = visitor_of("held", HER_SECRET)


def browser_of(username: str) -> Browser:
    browser = Browser()
    browser.force_login(Account.objects.get(username=username))
    return browser


@pytest.fixture
def hers(platform: str) -> Browser:
    """Return a browser in which anna has signed in."""
    return browser_of("anna")


@pytest.fixture
def his(platform: str) -> Browser:
    """Return a browser in which ben, of the same tenant, has signed in."""
    return browser_of("ben")


def hold_conference(platform: str, **more: Any) -> None:
    """Write a running conference with a guest, let anna enter it with her browser, and end it."""
    row = {"confid": "held", "e164": NUMBER, "password": "", **more}
    guest = Terminal(mtid="2", account="2", name="=cmd", online=1, visitor=A_GUESTS)
    anna = Terminal(mtid="1", account="1", name="typed", online=1, visitor=HER_BROWSER)
    members = with_members(Conference(**_common(platform, **row)), (anna, guest), datetime.now(UTC))
    conference_row(platform, **row, mts=members.mts, members=members.members, chairman="1")
    inside = browser_of("anna").post(f"/join/{NUMBER}/where?entering=1", {"browser": HER_SECRET})
    assert inside.json()["state"] == "running"
    end = {"type": "CM_MAU_RELEASECONF_REQ", "reqid": "e", "confE164": NUMBER, "moid": DEMO_TENANT}
    handle_for_platform(platform, [delivery(end)], publish_inline=True)


def _common(platform: str, **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    fields = {"source_platform": platform, "user_domain": DEMO_TENANT, "name": "Talk"}
    return {**fields, "created_at": now - timedelta(minutes=5), **more}


def page(browser: Browser, path: str = PAST, language: str = "en") -> str:
    return browser.get(path, headers={"Accept-Language": language}).content.decode()


def test_a_stranger_is_asked_to_sign_in(platform: str, client: Browser) -> None:
    for path in (PAST, *(f"{PAST}held/{rest}" for rest in ("", "attendance.csv", "notes.txt"))):
        assert client.get(path)["Location"].startswith("/accounts/login/?next=")


def test_who_took_part_sees_the_conference_and_its_guests_and_others_do_not(
    hers: Browser, his: Browser, platform: str
) -> None:
    assert "There is none yet." in page(hers)
    hold_conference(platform, name="Board <1>")
    assert f"{PAST}held/" in (shown := page(hers))
    assert "It was ended." in shown
    assert "people: 2" in shown
    assert "会议被结束。" in page(hers, language="zh-hans")
    shown = page(hers, f"{PAST}held/")
    assert '<th scope="row">anna</th>' in shown
    assert "=cmd (guest)" in shown
    assert "typed" not in shown
    assert "held/" not in page(his)
    for path in ("held/", "held/attendance.csv", "held/notes.txt", "none/"):
        assert his.get(f"{PAST}{path}").status_code == 404


def test_whoever_was_only_called_sees_it_without_names_of_guests_and_without_the_list(
    his: Browser, platform: str
) -> None:
    hold_conference(platform, name="Board")
    Attendee.objects.create(moid=Account.objects.get(username="ben").moid, confid="held")
    shown = page(his, f"{PAST}held/")
    assert "a guest" in shown
    assert "=cmd" not in shown
    assert "attendance.csv" not in shown
    assert his.get(f"{PAST}held/attendance.csv").status_code == 404


def test_accounts_that_were_called_by_name_find_the_conference_when_it_has_ended(
    his: Browser, platform: str
) -> None:
    ben = Account.objects.get(username="ben")
    called = (Terminal(mtid="m1", account="ben", name="Ben"), Terminal(mtid="m2", account="7001"))
    conference_row(platform, confid="called", e164=NUMBER, mts=called)
    assert "called/" not in page(his), "it runs"
    end = {"type": "CM_MAU_RELEASECONF_REQ", "reqid": "e", "confE164": NUMBER, "moid": DEMO_TENANT}
    handle_for_platform(platform, [delivery(end)], publish_inline=True)
    assert "called/" in page(his)
    assert [*Attendee.objects.values_list("moid", "confid", "visitor")] == [
        (ben.moid, "called", "")
    ]


def test_the_attendance_list_is_a_table_that_runs_no_formula(hers: Browser, platform: str) -> None:
    hold_conference(platform)
    reply = hers.get(f"{PAST}held/attendance.csv?zone=Asia/Shanghai")
    text = b"".join(reply.streaming_content).decode()  # type: ignore[attr-defined]  # of a streaming answer
    assert text.startswith("\ufeffName,"), "a spreadsheet knows by it that it is UTF-8"
    head, *rows = csv.reader(text[1:].splitlines())
    assert head[2] == "Joined (Asia/Shanghai)"
    assert [row[:2] for row in rows] == [["anna", "account"], ["'=cmd", "guest"]]
    assert rows[0][4] in ("0", "1")


def test_whoever_sees_the_page_downloads_the_shared_notes_if_there_are_any(
    hers: Browser, platform: str
) -> None:
    hold_conference(platform)
    assert "notes.txt" not in page(hers, f"{PAST}held/")
    document: Doc[Text] = Doc()
    notes = document.get("notes", type=Text)
    notes += "<b>Budget</b>: 预算"
    update = document.get_update()
    shared_documents.write(store_of(platform), "held", Kind.NOTES, 0, update, may_direct=False)
    assert "held/notes.txt" in page(hers, f"{PAST}held/")
    reply = hers.get(f"{PAST}held/notes.txt")
    assert reply.content.decode() == "<b>Budget</b>: 预算"
    assert reply["Content-Type"] == "text/plain; charset=utf-8"
    assert reply["Content-Disposition"].startswith("attachment;")


def test_a_browser_from_which_two_accounts_entered_is_nobodys(hers: Browser, platform: str) -> None:
    hold_conference(platform, creator_moid=Account.objects.get(username="anna").moid)
    ben = Account.objects.get(username="ben").moid
    Attendee.objects.create(moid=ben, confid="held", visitor=HER_BROWSER)
    assert "typed (guest)" in page(hers, f"{PAST}held/")


def test_pages_go_back_in_time_and_names_and_numbers_are_found(
    hers: Browser, platform: str
) -> None:
    anna, now = Account.objects.get(username="anna").moid, datetime.now(UTC)
    over = {"state": ConferenceState.ENDED, "ended_at": now, "creator_moid": anna}
    rows = [
        Conference(**_common(platform, **over, confid=f"c{n:03}", e164=f"88{n:05}", name=f"{n}%"))
        for n in range(45)
    ]
    table = [row_mapper.to_row(row) for row in rows]
    sql.insert("default", "conferences_conference", row_mapper.COLUMNS, table)
    page(hers)
    with CaptureQueriesContext(connection) as queries_of_page:
        shown = page(hers)
    assert [f"c{n:03}/" in shown for n in (44, 25, 24)] == [True, True, False]
    assert "before=c025" in shown
    older = page(hers, f"{PAST}?before=c025")
    assert [f"c{n:03}/" in older for n in (25, 24, 5, 4)] == [False, True, True, False]
    assert "before=" not in page(hers, f"{PAST}?before=c005")
    with CaptureQueriesContext(connection) as queries_of_row:
        assert page(hers, f"{PAST}?q=8800007").count("<article") == 1
    assert len(queries_of_row) == len(queries_of_page)
    assert page(hers, f"{PAST}?q=7%25").count("<article") == 4
