"""Pages of creator, chair and co-chairs steer the conference; no other page can, whatever it says that it is."""

from __future__ import annotations

from typing import Any

import pytest

from conferences.api import commands
from conferences.data.join_links import join_link
from conferences.data.join_passes import visitor_of
from domains.models import Account
from tests.admin.conftest import conference_row
from tests.web_clients import BareClient, Browser
from wire.conference_control import Arrange, ControlOrder, MuteTerminals, SetChairman
from wire.fields import Settings, Terminal

NUMBER, CONFID = "8800078", "steered-1"
BEN, EVE = "be" * 16, "e0" * 16


@pytest.fixture
def orders(platform: str, monkeypatch: pytest.MonkeyPatch) -> list[ControlOrder]:
    """Return the orders that media units get; Ben is co-chair of a conference that anna has created."""
    ben, eve = (visitor_of(CONFID, browser) for browser in (BEN, EVE))
    settings = Settings(extra={"lobby": 1, "cochairs": [ben]})
    mts = (
        Terminal(mtid="1", name="Ben", online=1, visitor=ben),
        Terminal(mtid="2", name="Eve", online=1, visitor=eve),
        Terminal(mtid="3", name="Telephone", online=1),
    )
    creator = Account.objects.get(username="anna").moid
    facts = {"e164": NUMBER, "confid": CONFID, "password": "", "creator_moid": creator}
    conference_row(platform, **facts, settings=settings, mts=mts)
    sent: list[ControlOrder] = []
    monkeypatch.setattr(commands, "ask_unit", sent.append)
    return sent


def where(client: BareClient, browser: str, **more: str) -> Any:
    path, _, query = join_link(CONFID, NUMBER).partition("?")
    return client.post(f"{path}where?{query}&entering=1", {"browser": browser, **more}).json()


def steer(answer: Any, action: str, **fields: str) -> tuple[int, Any]:
    proof = {"pass": answer.get("pass", "")}
    reply = BareClient().post(f"/join/{NUMBER}/steer", {**proof, "action": action, **fields})
    return reply.status_code, reply.json()


def hers() -> Any:
    """Return what the page of the creator is answered."""
    client = Browser()
    client.force_login(Account.objects.get(username="anna"))
    return where(client, "a1" * 16)


def let_in(browser: str) -> Any:
    """Let a guest in by the creator's page, and return what the guest's page is answered then."""
    where(BareClient(), browser)
    assert steer(hers(), "letin", id=visitor_of(CONFID, browser)) == (200, {})
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
        assert steer(anna, action, **fields) == (200, {})
    ben, eve = (visitor_of(CONFID, browser) for browser in (BEN, EVE))
    assert isinstance(orders[0], MuteTerminals)
    assert isinstance(orders[4], SetChairman)
    changes = [order.changes for order in orders if isinstance(order, Arrange)]
    assert changes == [{"locked": 1}, {"cochairs": [ben, eve]}, {"chair": eve}]
    assert steer(anna, "cochair", id="3", value="1")[0] == 409
    assert steer(anna, "rename", name="x")[0] == 403


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
