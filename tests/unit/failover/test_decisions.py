"""Rooms, platforms, and what operators are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from failover.rules.cell_facts import Mode, RegisterRow
from failover.rules.decisions import (
    AgentReport,
    Room,
    decide_room,
    is_newer,
    refuse_handback,
    refuse_mode,
    refuse_takeover,
    state_of,
)

T = datetime(2026, 1, 1, tzinfo=UTC)
ROW = RegisterRow(platform="e", home="e", backup="w", epoch=4, owner="e", solo=False)
AWAY = RegisterRow(platform="e", home="e", backup="w", epoch=5, owner="w", solo=False)
NAMES = {"e": "east", "w": "west"}
WELL = AgentReport(well=True, role="copy", age=timedelta(seconds=1), sentence="protected")
ILL = AgentReport(well=False, age=timedelta(seconds=1), sentence="my database does not answer yet")
SILENT = AgentReport(well=True, age=timedelta(seconds=60), sentence="protected")


def after(room: Room, alive: int, *seconds: float, others: bool = True) -> tuple[Room, str]:
    """Return the room, looked at these many seconds after T."""
    because = ""
    for second in seconds:
        moment = T + timedelta(seconds=second)
        room, because = decide_room(room, 2, alive, moment, is_another_working=others)
    return room, because


def test_a_room_is_abnormal_when_all_its_units_are_lost_for_15_seconds() -> None:
    assert after(Room(), 0, 0, 14)[0].abnormal is False
    room, because = after(Room(), 0, 0, 15)
    assert (room.abnormal, room.number) == (True, 1)
    assert because == "all 2 media units are lost for 15 s"


def test_one_unit_that_speaks_begins_the_15_seconds_anew() -> None:
    room, _ = after(Room(), 0, 0, 10)
    room, _ = after(room, 1, 11)
    assert after(room, 0, 12, 20)[0].abnormal is False


def test_a_room_is_normal_again_after_30_seconds_of_health() -> None:
    down = Room(abnormal=True, number=1)
    assert after(down, 1, 0, 29)[0].abnormal is True
    room, because = after(down, 1, 0, 30)
    assert (room.abnormal, room.number) == (False, 2)
    assert because == "1 of 2 media units for 30 s"


def test_a_room_stays_normal_while_no_other_works_and_an_empty_one_too() -> None:
    assert after(Room(), 0, 0, 100, others=False)[0].abnormal is False
    assert (
        decide_room(Room(since=T), 0, 0, T + timedelta(hours=1), is_another_working=True)[1] == ""
    )


def test_an_operator_says_so_at_once_whatever_the_units_say() -> None:
    assert after(Room(mode="on"), 2, 0)[0].abnormal is True
    assert after(Room(mode="off", abnormal=True), 0, 0)[0].abnormal is False


@pytest.mark.parametrize(("row", "state"), [(None, "normal"), (ROW, "normal"), (AWAY, "abnormal")])
def test_a_platform_is_normal_while_its_own_site_serves_it(
    row: RegisterRow | None, state: str
) -> None:
    assert state_of(row) == state


def test_the_newest_notice_wins() -> None:
    assert is_newer(None, (1, 0))
    assert is_newer((1, 9), (2, 0))
    assert not is_newer((2, 3), (2, 3))
    assert not is_newer((2, 3), (1, 9))


def test_a_healthy_platform_is_taken_over_only_when_that_is_meant() -> None:
    reports = {"e": WELL, "w": WELL}
    assert "east is healthy" in refuse_takeover(ROW, reports, NAMES)
    assert refuse_takeover(ROW, reports, NAMES, anyway=True) == ""
    assert refuse_takeover(ROW, {"e": SILENT, "w": WELL}, NAMES) == ""
    assert "serves east already" in refuse_takeover(AWAY, reports, NAMES)


def test_a_backup_that_could_not_serve_takes_nothing_over() -> None:
    assert "has not spoken" in refuse_takeover(ROW, {"e": SILENT}, NAMES)
    assert "does not answer yet" in refuse_takeover(ROW, {"e": SILENT, "w": ILL}, NAMES)


def test_what_may_lose_writes_is_forced_or_refused() -> None:
    solo = RegisterRow(platform="e", home="e", backup="w", epoch=4, owner="e", solo=True)
    reports = {"e": SILENT, "w": WELL}
    assert "may lack its last writes" in refuse_takeover(solo, reports, NAMES)
    assert refuse_takeover(solo, reports, NAMES, force=True) == ""


def test_home_gets_its_platform_back_only_when_it_is_well() -> None:
    assert refuse_handback(AWAY, {"e": WELL, "w": WELL}, NAMES) == ""
    assert "east is not healthy" in refuse_handback(AWAY, {"e": ILL, "w": WELL}, NAMES)
    assert "is not there" in refuse_handback(AWAY, {"e": SILENT}, NAMES)
    assert "serves its platform already" in refuse_handback(ROW, {"e": WELL}, NAMES)


def test_a_hand_back_against_the_mode_is_refused() -> None:
    manual = RegisterRow(
        platform="e", home="e", backup="w", epoch=5, owner="w", solo=False, mode=Mode.MANUAL
    )
    assert "mode manual says" in refuse_handback(manual, {"e": WELL, "w": WELL}, NAMES)
    assert refuse_mode(manual, Mode.AUTO, {}, NAMES) == ""
    assert "already" in refuse_mode(manual, Mode.MANUAL, {}, NAMES)


def test_of_two_operators_the_second_is_told_of_the_first() -> None:
    wished = RegisterRow(
        platform="e", home="e", backup="w", epoch=4, owner="e", solo=False, wish="w", wish_by="ann"
    )
    reports = {"e": SILENT, "w": WELL}
    assert "ann has just asked that west" in refuse_takeover(wished, reports, NAMES)
    assert "ann has just asked" in refuse_mode(wished, Mode.MANUAL, reports, NAMES)
