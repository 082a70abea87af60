"""Twenty a second, a hundred at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from im.rules.rate import BYTES_A_MESSAGE, FLOOD, Excess, SenderRates, users_above_limit

NONE, FIRST, MORE = Excess.NONE, Excess.FIRST, Excess.MORE


def test_a_hundred_at_once_are_within_the_rate_and_no_more() -> None:
    buckets = SenderRates()
    assert [buckets.count_message("ann", 0.0) for _ in range(103)] == [NONE] * 100 + [
        FIRST,
        MORE,
        MORE,
    ]
    assert buckets.count_message("bob", 0.0) is NONE


def test_twenty_a_second_may_go_on_for_ever() -> None:
    buckets = SenderRates()
    assert {buckets.count_message("ann", n / 20) for n in range(10_000)} == {NONE}


@given(st.lists(st.floats(0, 0.5), max_size=300))
def test_in_no_span_is_more_taken_than_burst_and_rate_allow(pauses: list[float]) -> None:
    buckets, now, accepted = SenderRates(), 0.0, 0
    for pause in pauses:
        now += pause
        accepted += buckets.count_message("ann", now) is NONE
    assert accepted <= 100 + 20 * now + 1


def test_a_flood_is_counted_until_it_ends() -> None:
    buckets = SenderRates()
    found = [buckets.count_message("ann", n / 10_000) for n in range(1000)]
    assert found.count(Excess.FLOOD) == (found.count(MORE) + 1) // FLOOD
    assert buckets.count_message("ann", 60.0) is NONE
    assert [buckets.count_message("ann", 60.0) for _ in range(100)][-1] is FIRST


def test_bytes_count_as_messages_do() -> None:
    buckets = SenderRates()
    large = 8 * BYTES_A_MESSAGE
    assert [buckets.count_message("ann", 0.0, large) for _ in range(13)] == [NONE] * 12 + [FIRST]
    assert [buckets.count_message("bob", 0.0, 8192 + 500) for _ in range(100)] == [NONE] * 100


def test_who_floods_in_bytes_is_found_after_few_messages() -> None:
    buckets = SenderRates()
    found = [buckets.count_message("ann", 0.0, 8 * BYTES_A_MESSAGE) for _ in range(100)]
    assert found.index(Excess.FLOOD) < 40


def test_time_that_goes_back_gives_nothing() -> None:
    buckets = SenderRates()
    for _ in range(100):
        buckets.count_message("ann", 10.0)
    assert buckets.count_message("ann", 0.0) is FIRST


def test_the_senders_seen_last_are_remembered() -> None:
    buckets = SenderRates(most=2)
    for _ in range(101):
        buckets.count_message("ann", 0.0)
    buckets.count_message("bob", 0.0)
    assert buckets.count_message("ann", 0.0) is MORE
    buckets.count_message("cem", 0.0)
    buckets.count_message("dan", 0.0)
    assert buckets.count_message("ann", 0.0) is NONE


def test_what_waited_in_the_queue_is_counted_for_the_time_that_it_waited() -> None:
    buckets = SenderRates()
    buckets.count_message("ann", 0.0)
    buckets.allow_backlog(30.0)
    assert [buckets.count_message("ann", 30.0) for _ in range(700)] == [NONE] * 699 + [FIRST]
    assert [buckets.count_message("bob", 30.0) for _ in range(701)][-1] is FIRST
    buckets.allow_backlog(0.0)
    assert [buckets.count_message("cem", 31.0) for _ in range(101)][-1] is FIRST


def test_who_sends_more_than_a_person_may_is_loud() -> None:
    assert users_above_limit({"ann": 120, "bob": 121}, 1.0) == ["bob"]
    assert users_above_limit({"ann": 101}, 0.01) == ["ann"]
    assert users_above_limit({}, 1.0) == []
