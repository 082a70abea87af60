"""Raised hands: who raises and lowers whose, and in which order they are."""

from __future__ import annotations

import json

import pytest

from media_unit.conference_copy import HostedConference
from media_unit.gate_rules import AUDIO, TEXT
from media_unit.hands import terminals_of_change
from media_unit.roster import JanusConnection
from tests.unit.media_unit.conferences import hosted_conference

CONNECTIONS = [JanusConnection(AUDIO, name, name.title()) for name in ("anna", "ben", "carl")]
ANNA, BEN, CARL = "1", "2", "3"


def conference_of_three() -> HostedConference:
    conference = hosted_conference(chairman=CARL)
    conference.update_people([*CONNECTIONS, JanusConnection(TEXT, "anna", "Anna")])
    for mtid in (BEN, ANNA):
        conference.change_hand(mtid, True)
    return conference


@pytest.mark.parametrize(
    ("sender", "change", "changed"),
    [
        ("anna", {"up": True}, (ANNA,)),
        ("anna", {"up": False, "mtid": ANNA}, (ANNA,)),
        ("anna", {"up": False, "mtid": BEN}, ()),
        ("anna", {"up": False, "all": True}, ()),
        ("carl", {"up": False, "mtid": BEN}, (BEN,)),
        ("carl", {"up": False, "all": True}, (BEN, ANNA)),
        ("carl", {"up": True, "mtid": BEN}, ()),
        ("carl", {"up": False, "mtid": "9"}, ()),
        ("stranger", {"up": True}, ()),
    ],
)
def test_everybody_raises_the_own_hand_and_the_chairman_lowers_all(
    sender: str, change: dict[str, object], changed: tuple[str, ...]
) -> None:
    text = json.dumps({"kind": "hand"} | change)
    mtids, up = terminals_of_change(conference_of_three(), sender, text)
    assert mtids == changed
    assert up == bool(changed and change["up"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 200,
        "7",
        '{"kind": "hand"}',
        '{"kind": "hand", "up": "yes"}',
        '{"kind": "hand", "up": true, "mtid": 7}',
        '{"kind": "reaction", "emoji": "x", "up": true}',
        json.dumps({"kind": "hand", "up": True, "why": "x" * 300}),
    ],
)
def test_what_is_no_change_of_a_hand_changes_none(text: str) -> None:
    assert terminals_of_change(conference_of_three(), "anna", text)[0] == ()


def test_hands_keep_their_order_and_go_down_when_their_people_leave() -> None:
    conference = conference_of_three()
    conference.change_hand(BEN, True)
    conference.change_hand("9", True)
    assert list(conference.arrangement.hands) == [BEN, ANNA]
    conference.update_people(CONNECTIONS[1:])
    assert list(conference.arrangement.hands) == [BEN]


def test_a_restored_conference_keeps_the_hands_of_people_who_are_still_on_their_way() -> None:
    restored = HostedConference.from_stored(conference_of_three().to_stored())
    for terminal in restored.roster.terminals.values():
        terminal.links = set()
    restored.update_people(CONNECTIONS[:1])
    assert restored.arrangement.hands == (BEN, ANNA)
