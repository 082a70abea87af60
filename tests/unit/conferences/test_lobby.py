"""How long and how many guests wait in the lobby, and what was decided about them."""

from __future__ import annotations

from conferences.rules.lobby import (
    GONE_AFTER,
    LONGEST_WAIT,
    MOST_OF_ADDRESS,
    MOST_WAITING,
    REFUSED_FOR,
    Lobby,
    Waiting,
    decide_waiting,
)

NOW = 1_900_000_000


def test_a_guest_waits_while_there_is_a_place() -> None:
    assert decide_waiting(None, MOST_WAITING - 1, 0, NOW) is Lobby.WAITING
    assert decide_waiting(None, MOST_WAITING, 0, NOW) is Lobby.FULL
    others = MOST_OF_ADDRESS
    assert decide_waiting(None, others, MOST_OF_ADDRESS - 1, NOW) is Lobby.WAITING
    assert decide_waiting(None, others, MOST_OF_ADDRESS, NOW) is Lobby.FULL, "from one address"
    there = Waiting(Lobby.WAITING, NOW - 60, NOW - GONE_AFTER)
    assert decide_waiting(there, MOST_WAITING, 0, NOW) is Lobby.WAITING
    gone = there._replace(asked_at=NOW - GONE_AFTER - 1)
    assert not gone.is_there(NOW)
    assert decide_waiting(gone, MOST_WAITING, 0, NOW) is Lobby.FULL


def test_nobody_waits_for_ever() -> None:
    there = Waiting(Lobby.WAITING, NOW - LONGEST_WAIT - 1, NOW - 1)
    assert decide_waiting(there, 0, 0, NOW) is Lobby.LATE
    assert decide_waiting(there._replace(asked_at=NOW - GONE_AFTER - 1), 0, 0, NOW) is Lobby.WAITING


def test_a_decision_holds_and_whoever_was_refused_may_ask_again_later() -> None:
    assert decide_waiting(Waiting(Lobby.LET_IN, NOW - 9999, NOW - 9999), 0, 0, NOW) is Lobby.LET_IN
    refused = Waiting(Lobby.REFUSED, NOW - REFUSED_FOR + 1, NOW - 500)
    assert decide_waiting(refused, 0, 0, NOW) is Lobby.REFUSED
    assert decide_waiting(refused, 0, 0, NOW + 1) is Lobby.WAITING
