"""Who is let in at the join page, and how the page asks where the conference is."""

from __future__ import annotations

from typing import Any

import pytest

from conferences.data.join_links import join_link
from conferences.data.tries import MOST_PER_MINUTE
from tests.media.whereabouts import BACKUP, JOIN, Whereabouts
from tests.web_clients import BareClient, Browser
from wire.arrangement import Arrangement, Banned


def address(e164: str = "8800001", confid: str = "c1") -> str:
    path, _, query = join_link(confid, e164).partition("?")
    return f"{path}where?{query}"


def test_a_link_opens_its_own_conference_and_no_other(conference: Whereabouts) -> None:
    client = Browser()
    assert client.get(join_link("c1", "8800001")).status_code == 200
    assert client.get(address()).json() == {
        "state": "running",
        "name": "Weekly Board",
        "join": JOIN,
    }
    for path in ("/join/8800001/", "/join/8800001/?t=c1:forged:x", "/join/77/", "/join/x/"):
        reply = client.get(path)
        assert reply.status_code == 403
        assert b"Weekly Board" not in reply.content
    assert client.get("/join/8800001/where").json() == {"state": "refused"}
    assert client.get(address(confid="other")).json() == {"state": "ended"}
    assert b"Weekly Board" not in client.get(join_link("other", "8800001")).content
    conference.state = "ended"
    assert client.get(address()).json() == {"state": "ended"}


def test_while_it_moves_there_is_no_way_in(conference: Whereabouts) -> None:
    conference.state = "pending_restore"
    assert Browser().get(address()).json()["join"] is None


def test_the_password_is_asked_and_not_for_ever(conference: Whereabouts) -> None:
    conference.password = "sesame, öffne dich"
    client = BareClient()
    assert "join" not in client.get(address()).json()
    assert "join" not in client.get(address() + "&password=sesame, öffne dich").json()
    good = {"password": conference.password}
    assert client.post(address(), good).json()["join"] == JOIN
    assert client.post(address(), good, content_type="application/json").json()["join"] == JOIN
    for _ in range(MOST_PER_MINUTE):
        reply = client.post(address(), {"password": "guess"})
        assert (reply.status_code, reply.json()["password"]) == (403, "wrong")
    reply = client.post(address(), good)
    assert (reply.status_code, reply.json()["password"]) == (429, "later")
    assert client.post(address(), good, REMOTE_ADDR="192.0.2.9").json()["join"] == JOIN


def test_one_visitor_behind_a_proxy_does_not_use_up_the_tries_of_the_others(
    conference: Whereabouts, settings: Any
) -> None:
    settings.PROXIES, conference.password = 1, "sesame"
    for _ in range(MOST_PER_MINUTE + 1):
        reply = BareClient().post(address(), {"password": "no"}, HTTP_X_FORWARDED_FOR="203.0.113.1")
    assert reply.status_code == 429
    good = BareClient().post(address(), {"password": "sesame"}, HTTP_X_FORWARDED_FOR="203.0.113.2")
    assert good.json()["join"] == JOIN


def test_a_visitor_with_a_network_of_addresses_has_no_more_tries(conference: Whereabouts) -> None:
    conference.password, client = "sesame", BareClient()
    for number in range(MOST_PER_MINUTE + 1):
        address_of_try = f"2001:db8:1:2::{number:x}"
        reply = client.post(address(), {"password": "no"}, REMOTE_ADDR=address_of_try)
    assert reply.status_code == 429


def test_a_locked_conference_has_no_way_in_but_for_those_who_were_inside(
    conference: Whereabouts,
) -> None:
    client = BareClient()
    ben, eve = {"browser": "be" * 16}, {"browser": "e0" * 16}
    inside = client.post(address(), ben).json()
    assert inside["join"] == JOIN
    conference.arrangement = Arrangement(locked=1)
    for guest in (eve, eve | {"pass": inside["visitor"]}, {}):
        reply = client.post(address(), guest).json()
        assert reply == {"state": "running", "name": "Weekly Board", "entry": "locked"}
    assert client.get(address()).json()["entry"] == "locked"
    back = client.post(address(), ben | {"pass": inside["pass"]}).json()
    assert (back["join"], back["visitor"]) == (JOIN, inside["visitor"])
    conference.arrangement = Arrangement(locked=1, banned=(Banned(visitor=inside["visitor"]),))
    removed = client.post(address(), ben | {"pass": inside["pass"]}).json()
    assert (removed["entry"], "join" in removed) == ("removed", False)


def test_a_typed_number_and_its_password_lead_in_and_a_wrong_one_tells_nothing(
    conference: Whereabouts,
) -> None:
    client, right = Browser(), {"number": "880-00 01", "password": "sesame"}
    conference.password = "sesame"
    link = client.post("/join/", right).headers["Location"]
    assert client.get(link).status_code == 200
    for number, password in (("8800001", "no"), ("8800001", ""), ("8800002", "sesame")):
        reply = client.post("/join/", {"number": number, "password": password})
        assert reply.status_code == 403
        assert b"There is no conference with this number and password." in reply.content
    conference.is_call = True
    assert client.post("/join/", right).status_code == 403
    conference.is_call, conference.password = False, ""
    for password in ("", "sesame"):
        alone = {"number": "8800001", "password": password}
        assert client.post("/join/", alone).status_code == 403, "a number alone admits nobody"
    there = client.post("/join/", {"number": "99 1"}).headers["Location"]
    assert there == f"{BACKUP}/join/?number=991"
    assert b'value="991"' in client.get("/join/?number=991").content


def test_numbers_are_not_tried_for_ever_also_by_whoever_knows_one(conference: Whereabouts) -> None:
    client, conference.password = Browser(), "sesame"
    right = {"number": "8800001", "password": "sesame"}
    for tried in range(MOST_PER_MINUTE):
        assert client.post("/join/", {"number": str(77 + tried)}).status_code == 403
        if tried < MOST_PER_MINUTE - 1:
            assert client.post("/join/", right).status_code == 302
    assert client.post("/join/", right).status_code == 429
    assert client.post("/join/", right, REMOTE_ADDR="192.0.2.9").status_code == 302


def test_pages_of_the_other_sites_may_ask_and_nobody_else_s(conference: Whereabouts) -> None:
    client = BareClient()
    conference.password = "sesame"
    for origin, allowed in ((BACKUP, BACKUP), ("https://evil.example", None), ("null", None)):
        reply = client.post(address(), {"password": "sesame"}, headers={"Origin": origin})
        assert reply.headers.get("Access-Control-Allow-Origin") == allowed
        assert "Origin" in reply.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in reply.headers


def test_a_page_knows_where_else_to_ask(conference: Whereabouts) -> None:
    reply = Browser().get(join_link("c1", "8800001"))
    assert f"{BACKUP}/join/8800001/where?t=c1:" in reply.content.decode()
    assert BACKUP in reply.headers["Content-Security-Policy"]


def test_a_site_that_does_not_serve_it_sends_nobody_anywhere(conference: Whereabouts) -> None:
    conference.elsewhere = "east"
    reply = Browser().get(address())
    assert (reply.status_code, reply.json()) == (503, {"state": "elsewhere"})


@pytest.mark.parametrize(
    "body",
    [rb'{"password": "\ud800"}', b"[" * 100_000, b"\xff", b"[]"],
    ids=["a lone surrogate", "nested too deeply", "no text", "a list"],
)
def test_what_is_no_password_is_a_wrong_one(conference: Whereabouts, body: bytes) -> None:
    conference.password = "sesame"
    reply = BareClient().post(
        address(), body, content_type="application/json", REMOTE_ADDR="192.0.2.8"
    )
    assert reply.status_code == 403
    assert reply.json()["password"] == "wrong"


def test_the_page_speaks_the_visitors_language(conference: Whereabouts) -> None:
    for languages, lang, heading in (
        ("zh-CN,zh;q=0.9", "zh-hans", "加入会议"),
        ("en-GB", "en", "Join the conference"),
        ("fi", "en", "Join the conference"),
    ):
        page = Browser().get(join_link("c1", "8800001"), headers={"Accept-Language": languages})
        text = page.content.decode()
        assert f'<html lang="{lang}"' in text
        assert f">{heading}</h2>" in text
    refusal = Browser().get("/join/77/", headers={"Accept-Language": "zh-CN"}).content.decode()
    assert "此链接无法打开会议" in refusal
