"""Twenty a second, a hundred at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from im.rules.rate import FLOOD, SenderRates


def test_a_hundred_at_once_are_within_the_rate_and_no_more() -> None:
    buckets = SenderRates()
    assert [buckets.count_message("ann", 0.0) for _ in range(103)] == [0] * 100 + [1, 2, 3]
    assert buckets.count_message("bob", 0.0) == 0


def test_twenty_a_second_may_go_on_for_ever() -> None:
    buckets = SenderRates()
    assert not any(buckets.count_message("ann", n / 20) for n in range(10_000))


@given(st.lists(st.floats(0, 0.5), max_size=300))
def test_in_no_span_is_more_taken_than_burst_and_rate_allow(pauses: list[float]) -> None:
    buckets, now, accepted = SenderRates(), 0.0, 0
    for pause in pauses:
        now += pause
        accepted += buckets.count_message("ann", now) == 0
    assert accepted <= 100 + 20 * now + 1


def test_a_flood_is_counted_until_it_ends() -> None:
    buckets = SenderRates()
    assert max(buckets.count_message("ann", n / 10_000) for n in range(1000)) > FLOOD
    assert buckets.count_message("ann", 60.0) == 0
    assert [buckets.count_message("ann", 60.0) for _ in range(100)][-1] == 1


def test_time_that_goes_back_gives_nothing() -> None:
    buckets = SenderRates()
    for _ in range(100):
        buckets.count_message("ann", 10.0)
    assert buckets.count_message("ann", 0.0) == 1


def test_the_senders_seen_last_are_remembered() -> None:
    buckets = SenderRates(most=2)
    for _ in range(101):
        buckets.count_message("ann", 0.0)
    buckets.count_message("bob", 0.0)
    assert buckets.count_message("ann", 0.0) == 2
    buckets.count_message("cem", 0.0)
    buckets.count_message("dan", 0.0)
    assert buckets.count_message("ann", 0.0) == 0


def test_what_waited_in_the_queue_is_counted_for_the_time_that_it_waited() -> None:
    buckets = SenderRates()
    buckets.count_message("ann", 0.0)
    buckets.allow_backlog(30.0)
    assert [buckets.count_message("ann", 30.0) for _ in range(700)] == [0] * 699 + [1]
    assert [buckets.count_message("bob", 30.0) for _ in range(701)][-1] == 1
    buckets.allow_backlog(0.0)
    assert [buckets.count_message("cem", 31.0) for _ in range(101)][-1] == 1
