"""Groups are shown as rooms, contacts as a roster, and presences both ways."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest

from im.rules.messages import Data
from im.rules.vocabulary import Presence
from im.rules.xmpp import muc, roster, stanzas
from im.rules.xmpp.addresses import Domain, Jid
from tests.unit.im.xmpp.trees import read

DOMAIN = Domain("chat.example")
DORA = Jid("dora", "chat.example", "phone")


def member(user: str, name: str, role: str = "member") -> Data:
    return {"user_id": user, "name": name, "role": role}


def codes(node: Element) -> list[str]:
    return [status.get("code", "") for status in node.iter(f"{{{stanzas.MUC_USER}}}status")]


def test_everybody_in_a_room_has_a_name_of_their_own() -> None:
    rows = [member("a-1", "Anna"), member("a-2", "Anna"), member("b", " Ben  B "), member("c", "")]
    names = {user: occupant.nick for user, occupant in muc.occupants_of(rows).items()}
    assert names == {"a-1": "Anna", "a-2": "Anna (a-2)", "b": "Ben B", "c": "?"}


def test_a_client_is_told_that_it_has_another_name() -> None:
    room, occupant = DOMAIN.room(7, "Dora"), muc.Occupant("Dora", "owner")
    node = muc.presence_in_room(room, DORA, occupant, DORA, is_self=True, is_renamed=True)
    assert codes(node) == ["110", "210"]
    item = node.find(f".//{{{stanzas.MUC_USER}}}item")
    assert item is not None
    assert (item.get("affiliation"), item.get("role")) == ("owner", "moderator")


def test_whoever_leaves_the_group_is_out_of_the_room() -> None:
    room = DOMAIN.room(7, "Dora")
    assert codes(muc.leave_presence(room, DORA, is_self=True)) == ["110"]
    assert codes(muc.leave_presence(room, DORA, is_self=True, for_good=True)) == ["110", "321"]


@pytest.mark.parametrize(
    ("history", "count"),
    [
        ("", 20),
        ('<history maxstanzas="0"/>', 0),
        ('<history maxchars="0"/>', 0),
        ('<history maxstanzas="5"/>', 5),
        ('<history maxstanzas="100000"/>', 20),
        ('<history maxstanzas="x"/>', 20),
        ('<history maxstanzas="5000"/>', muc.LONGEST_HISTORY),
    ],
)
def test_a_client_says_how_much_history_it_wants(history: str, count: int) -> None:
    text = f'<presence xmlns="{stanzas.STREAM}"><x xmlns="{stanzas.MUC}">{history}</x></presence>'
    assert muc.wanted_history(read(text), 20) == count


@pytest.mark.parametrize(
    ("state", "subscription"),
    [("friend", "both"), ("asking", "none"), ("asked", None), ("blocked", None)],
)
def test_contacts_are_a_roster(state: str, subscription: str | None) -> None:
    item = roster.roster_item(DOMAIN, {"user_id": "e-1", "name": "Emil", "state": state})
    assert (None if item is None else item.get("subscription")) == subscription


@pytest.mark.parametrize(
    ("state", "kind", "show"),
    [
        (Presence.ONLINE, None, ""),
        (Presence.AWAY, None, "away"),
        (Presence.BUSY, None, "dnd"),
        (Presence.OFFLINE, "unavailable", ""),
        (Presence.INVISIBLE, "unavailable", ""),
    ],
)
def test_a_presence_is_shown(state: Presence, kind: str | None, show: str) -> None:
    node = stanzas.presence(DOMAIN.person("e-1"), DORA, state)
    assert (node.get("type"), stanzas.text_of(node, "show")) == (kind, show)


@pytest.mark.parametrize(
    ("show", "state"),
    [
        ("", Presence.ONLINE),
        ("chat", Presence.ONLINE),
        ("dnd", Presence.BUSY),
        ("xa", Presence.AWAY),
    ],
)
def test_a_presence_is_chosen(show: str, state: Presence) -> None:
    text = f'<presence xmlns="{stanzas.STREAM}">{f"<show>{show}</show>" if show else ""}</presence>'
    assert stanzas.chosen_state(read(text)) is state
