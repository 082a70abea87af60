"""Who steers a conference from the own page, and that a name or an id that others see gives nobody the right."""

from __future__ import annotations

import pytest

from conferences.rules.chairs import Role, chairing_visitor, leads, role_of
from tests.factories import conference
from wire.arrangement import Arrangement
from wire.fields import Settings, Terminal

ANNA, BEN, CARL = "a" * 16, "b" * 16, "c" * 16
ARRANGED = Arrangement(chair=BEN, cochairs=(CARL,))


def role(visitor: str, account: str = "", chairman_visitor: str = BEN) -> Role:
    return role_of(ARRANGED, "anna", chairman_visitor, visitor=visitor, account=account)


def test_creator_chair_and_co_chairs_steer_and_nobody_else() -> None:
    assert role(ANNA, "anna") is Role.CREATOR
    assert role(BEN) is Role.CHAIR
    assert role(CARL) is Role.CO_CHAIR
    assert role(ANNA) is role(ANNA, "ben") is role("") is Role.NONE
    assert role_of(Arrangement(), "", "", visitor="", account="") is Role.NONE


def test_a_chairman_who_was_chosen_elsewhere_ends_the_chair_of_the_page() -> None:
    assert role(BEN, chairman_visitor=ANNA) is Role.NONE
    assert role(ANNA, chairman_visitor=ANNA) is Role.NONE


@pytest.mark.parametrize("command", ["mute", "drop", "lock", "lobby", "letin", "end"])
def test_all_who_steer_give_these_commands(command: str) -> None:
    assert Role.CREATOR.may(command)
    assert Role.CHAIR.may(command)
    assert Role.CO_CHAIR.may(command)
    assert not Role.NONE.may(command)


@pytest.mark.parametrize("command", ["chair", "cochair"])
def test_co_chairs_make_no_chairs(command: str) -> None:
    assert Role.CREATOR.may(command)
    assert Role.CHAIR.may(command)
    assert not Role.CO_CHAIR.may(command)
    assert not Role.CHAIR.may("rename")


def test_whoever_steers_leads_or_if_nobody_chairs_anybody_with_an_account() -> None:
    for role in (Role.CREATOR, Role.CHAIR, Role.CO_CHAIR):
        assert leads(role, is_chaired=True, account="")
    assert not leads(Role.NONE, is_chaired=True, account="anna")
    assert leads(Role.NONE, is_chaired=False, account="anna")
    assert not leads(Role.NONE, is_chaired=False, account="")


@pytest.mark.parametrize(
    ("terminal", "is_split", "chairing"),
    [
        (Terminal(mtid="1", online=1, visitor=BEN), False, BEN),
        (Terminal(mtid="1", online=0), False, ""),
        (Terminal(mtid="1", online=0), True, BEN),
        (Terminal(mtid="1", online=1, visitor=ANNA), True, ANNA),
        (Terminal(mtid="1", online=1), True, ""),
    ],
)
def test_a_chair_steers_from_a_breakout_room_while_nobody_else_has_the_chair(
    terminal: Terminal, is_split: bool, chairing: str
) -> None:
    held = conference(mts=(terminal,), chairman="1", settings=Settings(extra={"chair": BEN}))
    assert chairing_visitor(held, is_split=is_split) == chairing
    nobody = held.change(chairman="")
    assert chairing_visitor(nobody, is_split=is_split) == ""
