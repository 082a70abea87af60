"""The gate takes a token for what it says, and a participant for no more than that."""

from __future__ import annotations

from typing import Any

import pytest

from media_unit.gate import RateLimit
from media_unit.gate_rules import (
    AUDIO,
    MOST_HANDLES,
    TOKEN_LASTS,
    VIDEO,
    Refused,
    Visitor,
    make_token,
    read_token,
)
from wire.visitor_token import visitor_token

TOKEN = make_token("key", "1-1-abc", 1000.0)
BEN, EVE = "be" * 8, "e0" * 8
BENS = visitor_token(TOKEN, BEN)


def visitor(plugin: str = AUDIO) -> Visitor:
    """Return a participant with a session and one handle, 7."""
    guest = Visitor(TOKEN, "1-1-abc")
    guest.check({"janus": "create", "transaction": "c", "token": TOKEN})
    guest.remember_ids({"transaction": "c", "data": {"id": 5}})
    attach(guest, "a", plugin)
    guest.remember_ids({"transaction": "a", "data": {"id": 7}})
    return guest


def attach(guest: Visitor, transaction: str, plugin: str = AUDIO) -> None:
    message = {"janus": "attach", "transaction": transaction, "token": TOKEN, "session_id": 5}
    guest.check(message | {"plugin": plugin})


def ask(guest: Visitor, body: object, handle: object = 7) -> None:
    message = {"janus": "message", "transaction": "m", "token": TOKEN, "session_id": 5}
    guest.check(message | {"handle_id": handle, "body": body})


def test_a_token_names_the_room_that_it_is_good_for() -> None:
    assert read_token("key", TOKEN, 1000.0) == ("1-1-abc", "", TOKEN)
    assert read_token("key", BENS, 1000.0) == ("1-1-abc", BEN, TOKEN)


@pytest.mark.parametrize(
    ("token", "now"),
    [
        (None, 0.0),
        ("", 0.0),
        (":", 0.0),
        ("1,janus:é", 0.0),
        (TOKEN.replace("abc", "abd"), 1000.0),
        (TOKEN[:-2], 1000.0),
        (make_token("other", "1-1-abc", 1000.0), 1000.0),
        (TOKEN, 1000.0 + TOKEN_LASTS + 1),
        (BENS, 1000.0 + TOKEN_LASTS + 1),
        (BENS.replace(BEN, EVE), 1000.0),
        (BENS.replace(f",visitor={BEN}", ""), 1000.0),
        (BENS.replace(f"visitor={BEN}", "visitor="), 1000.0),
        (visitor_token(make_token("other", "1-1-abc", 1000.0), BEN), 1000.0),
        (visitor_token(BENS, EVE), 1000.0),
    ],
)
def test_a_token_that_is_forged_or_old_is_refused(token: object, now: float) -> None:
    with pytest.raises(Refused, match="token"):
        read_token("key", token, now)


def test_who_has_the_token_of_a_visitor_enters_as_no_other() -> None:
    for plugin, enter in ((AUDIO, "join"), (VIDEO, "joinandconfigure"), (VIDEO, "join")):
        guest = visitor(plugin)
        guest.visitor, guest.room_token = BEN, "the token of the room"
        join = {"request": enter, "room": "1-1-abc"} | (
            {"ptype": "publisher"} if plugin == VIDEO else {}
        )
        ask(guest, join | {"id": BEN + "12345678"})
        for participant in (EVE + "12345678", BEN, BEN + "1" * 20, "7", None):
            with pytest.raises(Refused, match="id"):
                ask(guest, join | {"id": participant} if participant else join)
    ask(guest, {"request": "join", "ptype": "subscriber", "room": "1-1-abc", "streams": []})
    assert guest.message_for_janus({"janus": "keepalive", "token": BENS}) == {
        "janus": "keepalive",
        "token": "the token of the room",
    }


def test_what_pages_ask_is_passed_on() -> None:
    guest = visitor()
    ask(guest, {"request": "join", "room": "1-1-abc", "pin": "p", "id": "a", "display": "Anna"})
    ask(guest, {"request": "configure", "muted": True})
    watcher = visitor(VIDEO)
    streams = [{"feed": "a", "mid": "0"}]
    ask(watcher, {"request": "join", "ptype": "subscriber", "room": "1-1-abc", "streams": streams})


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"request": None},
        {"request": "join", "room": 1},
        {"request": "join", "room": {"$": "1-1-abc"}},
        {"request": "join", "room": "1-1-abc", "display": "x" * 513},
        {"request": "join", "room": "1-1-abc", "id": [{"id": {}}]},
        {"request": "configure", "muted": {"record": True}},
        {"request": "configure", "muted": True, "record": True},
    ],
)
def test_what_is_not_of_the_form_is_refused(body: Any) -> None:
    with pytest.raises(Refused):
        ask(visitor(), body)


@pytest.mark.parametrize("handle", [None, 8, "7", True, [7], 7.5])
def test_a_handle_is_one_of_its_own(handle: object) -> None:
    with pytest.raises(Refused, match="handle_id"):
        ask(visitor(), {"request": "leave"}, handle)


def test_a_handle_that_is_given_back_is_gone() -> None:
    guest = visitor()
    detach = {"janus": "detach", "transaction": "d", "token": TOKEN, "session_id": 5}
    guest.check(detach | {"handle_id": 7})
    with pytest.raises(Refused, match="handle_id"):
        ask(guest, {"request": "leave"})


def test_handles_and_requests_have_limits() -> None:
    guest = visitor()
    for number in range(MOST_HANDLES - 1):
        attach(guest, f"t{number}")
    with pytest.raises(Refused, match="at most"):
        attach(guest, "one more")
    with pytest.raises(Refused, match="too many"):
        take(RateLimit(), 10_000)


def take(pace: RateLimit, times: int) -> None:
    for _ in range(times):
        pace.count_request()
