"""A consumer holds little, however large the messages are that others send it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.bus import arrivals
from foundation.bus.arrivals import Arrivals

MIB = 1024 * 1024


def small() -> Arrivals[int]:
    return Arrivals(100, 2 * MIB, 400, 16 * MIB)


def test_small_messages_are_limited_by_their_number_alone() -> None:
    box = small()
    for number in range(250):
        box.put(number, 500)
    assert box.prefetch == 400
    assert [len(box.take_batch()) for _ in range(4)] == [100, 100, 50, 0]


def test_a_batch_of_large_messages_is_short() -> None:
    box = small()
    for number in range(20):
        box.put(number, MIB)
    assert box.is_full
    assert box.take_batch() == [0, 1]


def test_one_message_is_a_batch_however_large_it_is() -> None:
    box = small()
    box.put(1, 50 * MIB)
    assert box.is_full
    assert box.take_batch() == [1]
    assert not box.is_full


@given(st.lists(st.integers(0, 40 * MIB), max_size=60))
def test_all_that_came_is_taken_in_its_order_and_no_more_is_asked_for_than_fits(
    sizes: list[int],
) -> None:
    box, taken = small(), []
    for number, size in enumerate(sizes):
        box.put(number, size)
    while box:
        taken += box.take_batch()
    assert taken == [*range(len(sizes))]
    assert box.prefetch == 1 or box.prefetch * max(sizes, default=0) <= 16 * MIB
    assert not box.is_full


def test_after_a_while_without_large_messages_as_many_as_before_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("foundation.bus.arrivals.time.monotonic", lambda: now)
    box = small()
    box.put(1, 128 * 1024)
    assert box.prefetch == 100
    now += arrivals.FORGET_SECONDS
    box.put(2, 128 * 1024)
    now += 1
    box.reset_prefetch()
    assert box.prefetch == 100
    now += arrivals.FORGET_SECONDS
    box.reset_prefetch()
    assert box.prefetch == 400
