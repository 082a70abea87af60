"""Twenty a second, a hundred at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from im.rules.rate import FLOOD, Buckets


def test_a_hundred_at_once_are_within_the_rate_and_no_more() -> None:
    buckets = Buckets()
    assert [buckets.take("ann", 0.0) for _ in range(103)] == [0] * 100 + [1, 2, 3]
    assert buckets.take("bob", 0.0) == 0


def test_twenty_a_second_may_go_on_for_ever() -> None:
    buckets = Buckets()
    assert not any(buckets.take("ann", n / 20) for n in range(10_000))


@given(st.lists(st.floats(0, 0.5), max_size=300))
def test_in_no_span_is_more_taken_than_burst_and_rate_allow(pauses: list[float]) -> None:
    buckets, now, taken = Buckets(), 0.0, 0
    for pause in pauses:
        now += pause
        taken += buckets.take("ann", now) == 0
    assert taken <= 100 + 20 * now + 1


def test_a_flood_is_counted_until_it_ends() -> None:
    buckets = Buckets()
    assert max(buckets.take("ann", n / 10_000) for n in range(1000)) > FLOOD
    assert buckets.take("ann", 60.0) == 0
    assert [buckets.take("ann", 60.0) for _ in range(100)][-1] == 1


def test_time_that_goes_back_gives_nothing() -> None:
    buckets = Buckets()
    for _ in range(100):
        buckets.take("ann", 10.0)
    assert buckets.take("ann", 0.0) == 1


def test_the_senders_seen_last_are_remembered() -> None:
    buckets = Buckets(most=2)
    for _ in range(101):
        buckets.take("ann", 0.0)
    buckets.take("bob", 0.0)
    assert buckets.take("ann", 0.0) == 2
    buckets.take("cem", 0.0)
    buckets.take("dan", 0.0)
    assert buckets.take("ann", 0.0) == 0


def test_what_waited_in_the_queue_is_counted_for_the_time_that_it_waited() -> None:
    buckets = Buckets()
    buckets.take("ann", 0.0)
    buckets.behind(30.0)
    assert [buckets.take("ann", 30.0) for _ in range(700)] == [0] * 699 + [1]
    assert [buckets.take("bob", 30.0) for _ in range(701)][-1] == 1
    buckets.behind(0.0)
    assert [buckets.take("cem", 31.0) for _ in range(101)][-1] == 1
