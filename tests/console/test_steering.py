"""Pages of creator, chair and co-chairs steer the conference; no other page can, whatever it says that it is."""

from __future__ import annotations

from typing import Any

import pytest

from conferences.api import commands
from conferences.data import join_passes
from conferences.data.join_links import join_link
from conferences.data.join_passes import visitor_of
from conferences.pages import entrance, in_call
from domains.models import Account
from tests.admin.conftest import conference_row
from tests.web_clients import BareClient, Browser
from wire.conference_control import Arrange, ControlOrder, MuteTerminals, SetChairman
from wire.conference_manager import ExtendConference
from wire.fields import Settings, Terminal

NUMBER, CONFID = "8800078", "steered-1"
ANNA, BEN, EVE, GUS = "a1" * 16, "be" * 16, "e0" * 16, "90" * 16


@pytest.fixture
def orders(platform: str, monkeypatch: pytest.MonkeyPatch) -> list[ControlOrder]:
    """Return the orders that media units get; Ben is co-chair of a conference that anna has created."""
    hold(platform, lobby=1, cochairs=[visitor_of(CONFID, BEN)])
    sent: list[ControlOrder] = []
    monkeypatch.setattr(commands, "ask_unit", sent.append)
    return sent


def hold(platform: str, **arrangement: object) -> None:
    """Write a running conference that anna has created, with Ben, Eve, a telephone and herself in it."""
    anna, ben, eve = (visitor_of(CONFID, browser) for browser in (ANNA, BEN, EVE))
    settings = Settings(extra=arrangement)
    mts = (
        Terminal(mtid="1", name="Ben", online=1, visitor=ben),
        Terminal(mtid="2", name="Eve", online=1, visitor=eve),
        Terminal(mtid="3", name="Telephone", online=1),
        Terminal(mtid="4", name="Anna", online=1, visitor=anna),
    )
    creator = Account.objects.get(username="anna").moid
    facts = {"e164": NUMBER, "confid": CONFID, "password": "", "creator_moid": creator}
    conference_row(platform, **facts, settings=settings, mts=mts)


def where(client: BareClient, browser: str, **more: str) -> Any:
    path, _, query = join_link(CONFID, NUMBER).partition("?")
    return client.post(f"{path}where?{query}&entering=1", {"browser": browser, **more}).json()


def steer(answer: Any, action: str, **fields: str) -> tuple[int, Any]:
    return say(BareClient(), answer, action=action, **fields)


def say(
    client: BareClient, answer: Any, what: str = "steer", origin: str = "", **fields: str
) -> tuple[int, Any]:
    headers = {"Origin": origin} if origin else {}
    form = {"pass": answer.get("pass", ""), **fields}
    reply = client.post(f"/join/{NUMBER}/{what}", form, headers=headers)
    return reply.status_code, reply.json()


def signed_in() -> Browser:
    """Return a browser in which anna has signed in, who has created the conference."""
    client = Browser()
    client.force_login(Account.objects.get(username="anna"))
    return client


def steer_as_anna(answer: Any, action: str, **fields: str) -> tuple[int, Any]:
    return say(signed_in(), answer, action=action, **fields)


def hers() -> Any:
    """Return what the page of the creator is answered."""
    return where(signed_in(), ANNA)


def let_in(browser: str) -> Any:
    """Let a guest in by the creator's page, and return what the guest's page is answered then."""
    where(BareClient(), browser)
    assert steer_as_anna(hers(), "letin", id=visitor_of(CONFID, browser)) == (200, {})
    return where(BareClient(), browser)


def test_a_creator_steers_and_says_who_else_does(orders: list[ControlOrder]) -> None:
    where(BareClient(), EVE, name="Eve")
    anna = hers()
    assert anna["role"] == "creator"
    assert anna["waiting"] == [{"visitor": visitor_of(CONFID, EVE), "name": "Eve"}]
    for action, fields in (
        ("mute", {"id": "2", "value": "1"}),
        ("lock", {"value": "1"}),
        ("cochair", {"id": "2", "value": "1"}),
        ("chair", {"id": "2"}),
    ):
        assert steer_as_anna(anna, action, **fields) == (200, {})
    ben, eve = (visitor_of(CONFID, browser) for browser in (BEN, EVE))
    assert isinstance(orders[0], MuteTerminals)
    assert isinstance(orders[4], SetChairman)
    changes = [order.changes for order in orders if isinstance(order, Arrange)]
    assert changes == [{"locked": 1}, {"cochairs": [ben, eve]}, {"chair": eve}]
    assert steer_as_anna(anna, "cochair", id="3", value="1")[0] == 409
    assert steer_as_anna(anna, "restrict", id="share", value="1") == (200, {})
    assert isinstance(orders[-1], Arrange)
    kept = {"cochairs": [ben, visitor_of(CONFID, ANNA)], "chairsonly": ["share"]}
    assert orders[-1].changes == kept, "the unit knows no accounts, so the creator is a co-chair"
    assert steer_as_anna(anna, "restrict", id="leave", value="1")[0] == 409
    assert steer_as_anna(anna, "rename", name="x")[0] == 403


def test_a_creator_who_comes_with_another_browser_has_the_rights_that_are_kept(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[ControlOrder] = []
    monkeypatch.setattr(commands, "ask_unit", sent.append)
    hold(platform, chairsonly=["share"], cochairs=[visitor_of(CONFID, BEN)])
    for browser in (BEN, EVE):
        assert where(BareClient(), browser)["join"]
    assert sent == []
    hers()
    (order,) = sent
    assert isinstance(order, Arrange)
    assert order.changes == {"cochairs": [visitor_of(CONFID, BEN), visitor_of(CONFID, ANNA)]}


def test_a_co_chair_steers_but_makes_no_chairs_and_a_guest_steers_nothing(
    orders: list[ControlOrder],
) -> None:
    ben, eve = let_in(BEN), let_in(EVE)
    assert ben["role"] == "cochair"
    assert steer(ben, "lock", value="1") == (200, {})
    assert steer(ben, "chair", id="1")[0] == steer(ben, "cochair", id="2", value="1")[0] == 403
    assert not {"role", "waiting"} & eve.keys()
    assert steer(eve, "lock", value="1")[0] == steer(eve, "end")[0] == 403
    assert len(orders) == 1


def test_the_id_of_a_co_chair_that_all_see_is_no_right(orders: list[ControlOrder]) -> None:
    seen = visitor_of(CONFID, BEN)
    assert "pass" not in where(BareClient(), seen)
    eve = let_in(EVE)
    for forged in (seen, eve["pass"].replace(eve["visitor"], seen), ""):
        assert steer({"pass": forged}, "lock", value="1")[0] == 403
    assert orders == []


def test_a_pass_is_good_for_whoever_is_in_the_call_and_for_nobody_else(
    orders: list[ControlOrder],
) -> None:
    gus = let_in(GUS)
    assert gus["pass"], "he was let in, and has not entered"
    for what in ("chat", "polls", "steer"):
        fields = {"act": "vote", "poll": "1", "choices": "0", "action": "lock", "value": "1"}
        assert say(BareClient(), gus, what, **fields) == (409, {"refused": "absent"})
    assert steer(let_in(BEN), "lock", value="1") == (200, {})


def test_whoever_signs_out_steers_no_more_and_pages_of_other_sites_need_no_cookie(
    orders: list[ControlOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    west = "https://west.example"
    for module in (entrance, in_call):
        monkeypatch.setattr(module, "site_urls_of", lambda platform: (west,))
    anna = hers()
    lock = {"action": "lock", "value": "1"}
    assert say(BareClient(), anna, **lock)[0] == 403
    assert say(BareClient(), anna, origin="https://evil.example", **lock)[0] == 403
    assert say(BareClient(), anna, origin=west, **lock) == (200, {})
    later = where(BareClient(), ANNA, **{"pass": anna["pass"]})
    assert "role" not in later, "the page that goes on after signing out is that of a guest"


def test_a_pass_that_is_old_is_none(
    orders: list[ControlOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = let_in(BEN)
    monkeypatch.setattr(join_passes, "PASS_LASTS", -1)
    assert steer(ben, "lock", value="1")[0] == 403


def test_to_extend_a_conference_twice_by_one_press_extends_it_once(
    orders: list[ControlOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[ExtendConference] = []
    monkeypatch.setattr(commands, "ask_scheduler", sent.append)
    ben = let_in(BEN)
    for key in ("k1", "k1", "k2", ""):
        assert steer(ben, "extend", minutes="15", key=key) == (200, {})
    first, repeated, second, old_page = (command.reqid for command in sent)
    assert first == repeated != second, "the scheduler carries out one id once"
    assert first is not None
    assert old_page is None
