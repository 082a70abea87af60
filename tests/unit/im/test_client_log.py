"""The one rule of the conformance kit's clients: nothing is missed, nothing is shown twice."""

from __future__ import annotations

from im.conformance.log import DeviceLog, Entry


def entry(seq: int) -> Entry:
    return {"cmd": "msg", "data": {"seq": seq}}


def seqs(entries: list[Entry]) -> list[int]:
    return [entry["data"]["seq"] for entry in entries]


def test_what_comes_in_order_is_shown_at_once_and_what_comes_again_is_dropped() -> None:
    log = DeviceLog()
    assert [seqs(log.add(entry(n))) for n in (1, 2, 2, 1, 3)] == [[1], [2], [], [], [3]]


def test_what_comes_too_early_waits_for_what_is_missing() -> None:
    log = DeviceLog()
    assert [seqs(log.add(entry(n))) for n in (3, 2)] == [[], []]
    assert log.has_gap
    assert seqs(log.add(entry(1))) == [1, 2, 3]
    assert not log.has_gap


def test_a_page_fills_the_hole_and_lets_go_what_waited_for_it() -> None:
    log = DeviceLog()
    log.add(entry(4))
    assert seqs(log.add_page(0, 3, map(entry, (1, 2, 3)))) == [1, 2, 3, 4]


def test_what_one_does_not_see_is_no_hole() -> None:
    log = DeviceLog()
    log.add(entry(6))
    assert seqs(log.begin(5)) == [6]
    assert log.begin(2) == []
    assert log.last == 6
