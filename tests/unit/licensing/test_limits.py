"""Is there room for one more?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.limits import Full, Limits, Used, room_for_one
from tests.factories import NOW

LICENCE = Limits(small=2, large=1, valid_from=NOW - timedelta(days=1), valid_to=None)


@pytest.mark.parametrize(
    ("large", "platform", "domain_limit", "domain", "full"),
    [
        (False, Used(0, 0), None, Used(), None),
        (False, Used(1, 9), None, Used(), None),
        (False, Used(2, 0), None, Used(), Full.SMALL),
        (True, Used(9, 0), None, Used(), None),
        (True, Used(0, 1), None, Used(), Full.LARGE),
        (False, Used(1, 0), 1, Used(1, 0), Full.DOMAIN),
        (False, Used(1, 0), 0, Used(), Full.DOMAIN),
        (True, Used(0, 0), 1, Used(1, 0), None),
        (False, Used(2, 0), 1, Used(1, 0), Full.SMALL),
    ],
)
def test_which_limit(
    large: bool, platform: Used, domain_limit: int | None, domain: Used, full: Full | None
) -> None:
    assert room_for_one(large, LICENCE, platform, domain_limit, domain, NOW) == full


def test_a_licence_counts_from_its_first_to_its_last_moment() -> None:
    ending = replace(LICENCE, valid_from=NOW, valid_to=NOW + timedelta(seconds=1))
    for moment, full in ((-1, Full.LICENCE), (0, None), (1, Full.LICENCE)):
        now = NOW + timedelta(seconds=moment)
        assert room_for_one(False, ending, Used(), None, Used(), now) == full
    assert room_for_one(False, None, Used(), None, Used(), NOW) == Full.LICENCE


@given(st.integers(0, 5), st.integers(0, 5), st.lists(st.booleans(), min_size=12, max_size=30))
def test_seats_taken_one_by_one_never_exceed_the_limit(
    small: int, large: int, asked: list[bool]
) -> None:
    licence, used = replace(LICENCE, small=small, large=large), Used()
    for is_large in asked:
        if room_for_one(is_large, licence, used, None, used, NOW) is None:
            used = Used(used.small + (not is_large), used.large + is_large)
    assert used == Used(min(small, asked.count(False)), min(large, asked.count(True)))
