"""The browser says which account was in a conference, and not the name that somebody typed."""

from __future__ import annotations

from conferences.rules.attendance import account_of, attendance_of, called_names, may_export
from conferences.rules.states import Conference, ConferenceState
from conferences.rules.sync import with_members
from tests.factories import NOW, conference, seconds
from wire.fields import Terminal
from wire.number_registry import Stay

ANNA, BEN = "0123456789abcdef", "fedcba9876543210"
STAYS = (
    Stay(mtid="1", account="1", name="anna", visitor=ANNA, since="2030-01-01T10:00:00+00:00"),
    Stay(mtid="2", account="ben", name="ben", visitor=BEN, since="x", until="y"),
    Stay(
        mtid="3",
        account="7001",
        name="Board room",
        since="2030-01-01T10:00:00+00:00",
        until="2030-01-01T10:20:01+00:00",
    ),
)


def ended(**more: object) -> Conference:
    """Return a conference that anna, somebody with the typed name "ben", and a called terminal were in."""
    fields = {"members": STAYS, "chairman": "1", "creator_moid": "carol", **more}
    return conference(ConferenceState.ENDED, **fields)


def accounts(held: Conference) -> list[str]:
    called = {"ben": "moid-ben", "7001": "moid-room"}
    return [account_of(stay, {ANNA: "moid-anna"}, called) for stay in held.members]


def test_a_stay_keeps_the_browser_of_who_entered() -> None:
    held = with_members(conference(), (Terminal(mtid="1", online=1, visitor=ANNA),), NOW)
    held = with_members(held, (), NOW + seconds(9))
    assert [(stay.visitor, bool(stay.until)) for stay in held.members] == [(ANNA, True)]


def test_who_types_the_name_of_an_account_is_a_guest() -> None:
    assert accounts(ended()) == ["moid-anna", "", "moid-room"]
    assert called_names(ended()) == {"ben", "7001"}


def test_guests_names_are_for_those_who_were_there_and_who_made_it() -> None:
    held = ended()
    for person, name in (("moid-anna", "ben"), ("carol", "ben"), ("moid-ben", "")):
        rows = attendance_of(held, accounts(held), {"moid-anna": "Anna Li"}, person)
        assert [row.name for row in rows] == ["Anna Li", name, "Board room"]
        assert [row.minutes for row in rows] == [None, None, 21]


def test_the_list_is_for_the_creator_and_the_chairman() -> None:
    held = ended()
    may = [
        may_export(held, accounts(held), person)
        for person in ("carol", "moid-anna", "moid-room", "")
    ]
    assert may == [True, True, False, False]
