"""The pause before a reconnect doubles while sessions fail soon, and is short after a good one."""

from __future__ import annotations

from foundation.bus.reconnect import Backoff


def test_the_pause_doubles_up_to_the_longest() -> None:
    backoff = Backoff()
    assert [backoff.next_pause(0.1) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_the_longest_pause_can_be_chosen() -> None:
    backoff = Backoff(longest=0.5)
    assert [backoff.next_pause() for _ in range(4)] == [0.2, 0.4, 0.5, 0.5]


def test_after_a_session_that_lasted_the_pause_is_short_again() -> None:
    backoff = Backoff()
    backoff.next_pause()
    assert [backoff.next_pause(lasted) for lasted in (10.0, 10.1, 0.0)] == [0.4, 0.2, 0.4]


def test_after_a_reset_the_pause_is_short_again() -> None:
    backoff = Backoff()
    backoff.next_pause()
    backoff.reset()
    assert backoff.next_pause() == 0.2
