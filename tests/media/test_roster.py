"""The roster makes terminals of connections. No Janus, no broker."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from media_unit import reports
from media_unit.config import BadConfig, UnitConfig, from_environment
from media_unit.gate_rules import AUDIO, TEXT, VIDEO
from media_unit.janus_config import Secrets
from media_unit.janus_events import hint_of
from media_unit.roster import MOST_TERMINALS, JanusConnection, Roster
from wire.fields import Terminal
from wire.media_unit import UnitListEntry


def terminals_of(roster: Roster) -> list[tuple[str, str, int]]:
    return [
        (str(terminal.mtid), str(terminal.name), int(terminal.online or 0))
        for terminal in roster.mts
    ]


def test_sound_picture_and_notices_of_one_id_are_one_terminal() -> None:
    roster = Roster()
    roster.update(
        [
            JanusConnection(AUDIO, "a", "Anna"),
            JanusConnection(VIDEO, "a", "Anna"),
            JanusConnection(TEXT, "a", "Anna"),
        ]
    )
    roster.update([JanusConnection(AUDIO, "a", "Anna"), JanusConnection(AUDIO, "b", "Anna")])
    assert terminals_of(roster) == [("1", "Anna", 1), ("2", "Anna", 1)]


def test_without_a_common_id_the_name_joins_sound_and_picture() -> None:
    roster = Roster()
    roster.update(
        [
            JanusConnection(VIDEO, "v", "Anna"),
            JanusConnection(AUDIO, "s", "Anna"),
            JanusConnection(VIDEO, "w", "Ben"),
        ]
    )
    assert sorted(str(terminal.name) for terminal in roster.mts) == ["Anna", "Ben"]


def test_who_was_called_keeps_the_number_through_coming_and_going() -> None:
    roster = Roster()
    roster.add_called([Terminal(account="anna@u", name="Anna Ahorn", mtid="7", mute=1)])
    arrived = roster.update(
        [JanusConnection(AUDIO, "x", "Carl"), JanusConnection(AUDIO, "y", " anna ahorn")]
    )
    assert {terminal.name for terminal in arrived} == {"Anna Ahorn", "Carl"}
    assert terminals_of(roster) == [("7", "Anna Ahorn", 1), ("1", "Carl", 1)]
    assert roster.terminals["7"].mute, "muted before it came: muted when it comes"
    roster.update([])
    roster.update([JanusConnection(AUDIO, "z", "Carl")])
    assert terminals_of(roster) == [("7", "Anna Ahorn", 0), ("1", "Carl", 1)]


def test_it_is_the_same_after_the_unit_restarts() -> None:
    roster = Roster()
    roster.add_called([Terminal(account="ben@u", name="Ben")])
    roster.update(
        [JanusConnection(AUDIO, "a", "Anna", muted=True), JanusConnection(VIDEO, "a", "Anna")]
    )
    again = Roster.from_stored(roster.to_stored())
    assert again.mts == roster.mts
    assert again.update([JanusConnection(AUDIO, "a", "Anna")]) == []


def test_a_full_list_forgets_who_came_by_himself_and_left() -> None:
    roster = Roster()
    for number in range(MOST_TERMINALS + 20):
        roster.update([JanusConnection(AUDIO, f"p{number}", f"Guest {number}")])
    assert len(roster.mts) == MOST_TERMINALS
    assert roster.online[0].name == f"Guest {MOST_TERMINALS + 19}"
    full = Roster()
    full.add_called([Terminal(account=str(number)) for number in range(MOST_TERMINALS)])
    with pytest.raises(ValueError, match="at most"):
        full.add_called([Terminal(account="one more")])
    assert full.update([JanusConnection(AUDIO, "p", "Nobody")]) == []


def test_events_are_hints() -> None:
    joined = {
        "type": 64,
        "handle_id": 5,
        "event": {"plugin": AUDIO, "data": {"event": "joined", "room": "8-1", "id": "a"}},
    }
    hint = hint_of(joined)
    assert hint is not None
    assert (hint.kind, hint.janus_room, hint.participant) == ("joined", "8-1", "a")
    stopped = {"type": 32, "subtype": 1, "handle_id": 5, "event": {"mid": "0", "receiving": False}}
    hint = hint_of(stopped)
    assert hint is not None
    assert not hint.receiving
    for event in ({}, {"type": 64, "event": []}, {"type": 64, "event": {"data": 7}}, {"type": "x"}):
        assert hint_of(event) is None


@pytest.mark.parametrize(
    ("kind", "screen", "shares"),
    [
        ("published", {"description": "screen"}, True),
        ("updated", {"description": "screen"}, True),
        ("updated", {"description": "camera"}, False),
        ("updated", {"description": "screen", "disabled": True}, False),
        ("unpublished", None, False),
        ("configured", None, None),
    ],
)
def test_an_event_of_the_video_room_says_whether_a_screen_is_sent(
    kind: str, screen: dict[str, object] | None, shares: bool | None
) -> None:
    streams = {"streams": [{"description": "camera"}, screen]} if screen else {}
    data = {"event": kind, "room": "8-1", "id": "a", **streams}
    hint = hint_of({"type": 64, "handle_id": 5, "event": {"plugin": VIDEO, "data": data}})
    assert hint is not None
    assert hint.shares is shares


def test_who_shares_a_screen_is_listed_with_it_also_after_the_roster_was_stored() -> None:
    roster = Roster()
    anna, ben = JanusConnection(VIDEO, "a", "Anna"), JanusConnection(VIDEO, "b", "Ben")
    roster.note_sharing("b", True)
    roster.update([anna, ben])
    assert [terminal.dual for terminal in roster.mts] == [None, 1]
    roster = Roster.from_stored(roster.to_stored())
    assert [terminal.dual for terminal in roster.mts] == [None, 1]
    roster.note_sharing("b", False)
    roster.note_sharing("a", True)
    roster.update([anna, ben])
    assert [terminal.dual for terminal in roster.mts] == [1, None]
    roster.update([ben])
    roster.update([anna, ben])
    assert [terminal.dual for terminal in roster.mts] == [None, None], "who comes again sends none"


def test_long_lists_are_split(tmp_path: Path) -> None:
    config = UnitConfig(amqp_url="", ip="127.0.0.1", pid="u", directory=tmp_path, port_base=20000)
    entries = [UnitListEntry(e164=str(i), incarnation=1, name="x" * 1000) for i in range(700)]
    parts = reports.conference_lists(config, entries, datetime(2026, 1, 1, tzinfo=UTC))
    assert len(parts) == 4
    assert len({part.listid for part in parts}) == 1  # type: ignore[attr-defined]
    assert [part.part for part in parts] == [1, 2, 3, 4]  # type: ignore[attr-defined]
    assert len(reports.conference_lists(config, [], datetime(2026, 1, 1, tzinfo=UTC))) == 1


def test_settings_that_make_no_sense_are_named() -> None:
    good = {
        "AMQP_URL": "amqp://x",
        "CMU_IP": "127.0.0.1",
        "CMU_DIR": "/x",
        "CMU_PORT_BASE": "20000",
    }
    assert from_environment(good).pid == ""
    for name, value in {"CMU_IP": "", "CMU_PORT_BASE": "70000", "CMU_PID": "Unit 1"}.items():
        with pytest.raises(BadConfig, match=name):
            from_environment(good | {name: value})


def test_a_pin_opens_one_room_and_a_secret_never_shows() -> None:
    keys = Secrets("api", "admin", "rooms", "tokens", "events")
    assert (
        len(
            {
                keys.pin("8-1", ""),
                keys.pin("8-2", ""),
                keys.pin("8-1", "1"),
                keys.room_secret("8-1"),
            }
        )
        == 4
    )
    assert not any(word in keys.token(0, "8-1") for word in ("api", "admin", "tokens", "rooms"))
