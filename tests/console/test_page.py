"""My conferences: who sees what, who is sent where, and that nothing foreign is touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conferences.data.stored_rows import StoredRows
from conferences.rules.states import Conference, ConferenceState
from conferences.rules.stored import Kind, StoredConference
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, Domain, PlatformDomain, ServiceDomain, UserDomain
from foundation import clock
from tests.admin.conftest import PASSWORD, PIN, TOKEN, conference_row
from tests.web_clients import BareClient, Browser
from wire.conference_settings import ConferenceSettings
from wire.fields import Terminal

ACTIONS = ("end", "extend", "rename", "mute", "lower", "lock", "lobby", "letin", "refuse", "drop")


@pytest.fixture
def anna(platform: str) -> Account:
    return Account.objects.get(username="anna")


@pytest.fixture
def hers(anna: Account, client: Browser) -> Browser:
    """Return a browser in which anna has signed in."""
    client.force_login(anna)
    return client


def hold_conference(platform: str, number: str, **more: Any) -> Conference:
    """Write a running conference, and return it."""
    return conference_row(
        platform, e164=number, confid=f"id-{number}", shortnum=number[-5:], **more
    )


def numbers(hers: Browser, **query: str) -> list[str]:
    return [c["number"] for c in hers.get("/console/live", query).json()["confs"]]


def test_a_stranger_is_asked_to_sign_in(platform: str, client: Browser) -> None:
    for path in ("/", "/console/"):
        reply = client.get(path)
        assert reply.status_code == 302
        assert reply["Location"].startswith("/accounts/login/?next=/")
    reply = client.get("/console/live")
    assert reply.status_code == 401
    assert "sign in again" in reply.json()["why"]
    assert client.post("/console/start").status_code == 401


def test_people_go_to_their_conferences_and_administrators_to_the_admin(
    hers: Browser, anna: Account
) -> None:
    assert hers.get("/")["Location"] == "/console/"
    Account.objects.filter(pk=anna.pk).update(is_staff=True, domain=Domain.objects.get(level=3))
    assert hers.get("/")["Location"] == "/admin/"
    page = hers.get("/console/").content.decode()
    assert "Open the administration" in page
    assert "Start a conference" not in page


def test_somebody_of_no_domain_is_told_whom_to_ask(hers: Browser, anna: Account) -> None:
    Account.objects.filter(pk=anna.pk).update(domain=None, is_staff=False, is_superuser=False)
    assert hers.get("/")["Location"] == "/console/"
    assert "Ask your administrator" in hers.get("/console/").content.decode()
    assert numbers(hers) == []


def test_the_page_allows_no_script_but_its_own(hers: Browser) -> None:
    reply = hers.get("/console/")
    assert "script-src 'self'" in reply["Content-Security-Policy"]
    page = reply.content.decode()
    assert " onclick" not in page
    assert " style=" not in page
    assert "no-store" in reply["Cache-Control"]


def test_full_hd_is_offered_to_whom_it_is_allowed(hers: Browser) -> None:
    assert b"1080p" in hers.get("/console/").content
    UserDomain.objects.filter(pk=DEMO_TENANT).update(enable_hd=False)
    assert b"1080p" not in hers.get("/console/").content


def test_a_disabled_domain_is_said_before_anything_is_tried(hers: Browser) -> None:
    assert b"Your domain is disabled" not in hers.get("/console/").content
    PlatformDomain.objects.update(used=False)
    assert b"Your domain is disabled" in hers.get("/console/").content
    ServiceDomain.objects.update(used=False)
    assert hers.get("/console/").status_code == 302


def test_a_tenant_of_another_site_is_told_where_to_go(hers: Browser) -> None:
    west = PlatformDomain.objects.create(
        name="west", parent=ServiceDomain.objects.get(), e164_prefix="77", http_url="https://west/"
    )
    UserDomain.objects.filter(pk=DEMO_TENANT).update(platform=west)
    page = hers.get("/console/").content.decode()
    assert "held at west" in page
    assert 'href="https://west/"' in page


def test_own_conferences_come_first_then_those_of_the_tenant_and_no_others(
    platform: str, hers: Browser, anna: Account
) -> None:
    now = datetime.now(UTC)
    hold_conference(platform, "8801", creator_moid=anna.moid, created_at=now - timedelta(hours=2))
    hold_conference(platform, "8802", creator_moid="bob", creator_name="Bob")
    hold_conference(platform, "8803", creator_moid=anna.moid)
    hold_conference(platform, "8804", user_domain="another")
    hold_conference(platform, "8805", state=ConferenceState.ENDED, ended_at=now)
    assert numbers(hers) == ["8803", "8801", "8802"]


def test_the_list_says_what_goes_on_and_no_secret(platform: str, hers: Browser) -> None:
    mts = (
        Terminal(mtid="1", name="Ben", online=1),
        Terminal(mtid="2", name="Eva", online=0),
    )
    c = hold_conference(platform, "8801", creator_name="Bob", mts=mts)
    reply = hers.get("/console/live")
    (listed,) = reply.json()["confs"]
    assert listed["says"] == "running"
    assert listed["left"] == "1 h 00 min left"
    assert listed["people"] == "1 of 8 people"
    assert "10.0.0.1" not in str(listed)  # the name of a unit tells people nothing
    assert listed["creator"] == "by Bob"
    assert "mts" not in listed
    assert not any(s in reply.content.decode() for s in (PASSWORD, PIN, TOKEN))
    (opened,) = hers.get("/console/live", {"open": c.e164}).json()["confs"]
    assert [(m["name"], m["online"]) for m in opened["mts"]] == [("Ben", True), ("Eva", False)]
    assert hers.get(listed["link"]).status_code == 200
    join = hers.get(listed["join"])
    assert join.context["start"]["name"] == "anna"


def test_a_look_is_one_query_beside_the_session(platform: str, hers: Browser) -> None:
    for n in range(5):
        hold_conference(platform, f"880{n}")
    hers.get("/console/live")
    with CaptureQueriesContext(connection) as queries:
        assert len(numbers(hers)) == 5
    statements = [q["sql"] for q in queries if "conferences_conference" in q["sql"]]
    assert len(statements) == 1
    assert len(queries) <= 3


@pytest.mark.parametrize("action", ACTIONS)
def test_another_tenants_conference_is_as_unknown_as_none(
    platform: str, hers: Browser, action: str
) -> None:
    hold_conference(platform, "8804", user_domain="another")
    for number in ("8804", "8899"):
        reply = hers.post(f"/console/{number}/{action}", {"minutes": 5, "name": "x", "id": "1"})
        assert reply.status_code == 409
        assert reply.json() == {"why": "This conference has ended."}


def test_nothing_is_done_without_the_pages_token(platform: str, anna: Account) -> None:
    strict = BareClient()
    strict.force_login(anna)
    hold_conference(platform, "8801")
    for path in ("start", "8801/end"):
        assert strict.post(f"/console/{path}").status_code == 403
        assert strict.get(f"/console/{path}").status_code == 405


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "a/b"}, "The name needs"),
        ({"name": ""}, "The name needs"),
        ({"name": "ok", "password": "ä"}, "A password has"),
        ({"name": "ok", "places": "9"}, "Choose 8, 32, 64 or 192"),
        ({"name": "ok", "duration": "soon"}, "whole number"),
    ],
)
def test_a_form_that_is_wrong_is_refused_in_words(
    hers: Browser, form: dict[str, str], words: str
) -> None:
    reply = hers.post("/console/start", form)
    assert reply.status_code == 409
    assert words in reply.json()["why"]


def test_an_exclusive_room_of_others_is_not_entered(hers: Browser, platform: str) -> None:
    now = clock.now()
    room = StoredConference(
        id="room",
        kind=Kind.ROOM,
        name="Board",
        user_domain=DEMO_TENANT,
        source_platform=platform,
        settings=ConferenceSettings(name="Board"),
        created_at=now,
        changed_at=now,
        owner="somebody",
        exclusive=True,
    )
    StoredRows("default").save(None, room)
    hold_conference(platform, "8800001", conftype=4, stored_id="room")
    (shown,) = hers.get("/console/live").json()["confs"]
    assert "?t=" not in shown["link"]
    assert hers.get(shown["join"]).status_code == 403
    hold_conference(platform, "8800002")
    assert hers.get("/join/8800002/").status_code == 200
