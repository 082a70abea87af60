"""The limits say whether there is a seat for one more conference."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.rules.amounts import NONE, Amounts, ports_enough_for
from licensing.rules.limits import (
    Limits,
    ReachedLimit,
    find_exceeded,
    find_reached_limit,
    find_short_resource,
)
from tests.factories import NOW

SITE = Amounts(media_ports=ports_enough_for(9, 9), access_ports=10, hardware_terminals=3)
LICENCE = Limits(2, 1, NOW - timedelta(days=1), None, SITE)
SMALL, LARGE = Amounts(1, 0, media_ports=8), Amounts(0, 1, media_ports=192)


@pytest.mark.parametrize(
    ("large", "platform", "domain_limit", "domain", "full"),
    [
        (False, Amounts(0, 0), None, Amounts(), None),
        (False, Amounts(1, 9), None, Amounts(), None),
        (False, Amounts(2, 0), None, Amounts(), ReachedLimit.SMALL),
        (True, Amounts(9, 0), None, Amounts(), None),
        (True, Amounts(0, 1), None, Amounts(), ReachedLimit.LARGE),
        (False, Amounts(1, 0), 1, Amounts(1, 0), ReachedLimit.DOMAIN),
        (False, Amounts(1, 0), 0, Amounts(), ReachedLimit.DOMAIN),
        (True, Amounts(0, 0), 1, Amounts(1, 0), None),
        (False, Amounts(2, 0), 1, Amounts(1, 0), ReachedLimit.SMALL),
    ],
)
def test_which_limit(
    large: bool,
    platform: Amounts,
    domain_limit: int | None,
    domain: Amounts,
    full: ReachedLimit | None,
) -> None:
    assert (
        find_reached_limit(LARGE if large else SMALL, LICENCE, platform, domain_limit, domain, NOW)
        == full
    )


def test_a_licence_counts_from_its_first_to_its_last_moment() -> None:
    ending = replace(LICENCE, valid_from=NOW, valid_to=NOW + timedelta(seconds=1))
    for moment, full in ((-1, ReachedLimit.LICENCE), (0, None), (1, ReachedLimit.LICENCE)):
        now = NOW + timedelta(seconds=moment)
        assert find_reached_limit(SMALL, ending, NONE, None, NONE, now) == full
    assert find_reached_limit(SMALL, None, NONE, None, NONE, NOW) == ReachedLimit.LICENCE


@given(st.integers(0, 5), st.integers(0, 5), st.lists(st.booleans(), min_size=12, max_size=30))
def test_seats_taken_one_by_one_never_exceed_the_limit(
    small: int, large: int, asked: list[bool]
) -> None:
    licence, used = replace(LICENCE, small=small, large=large), Amounts()
    for is_large in asked:
        wanted = Amounts(not is_large, is_large)
        if find_reached_limit(wanted, licence, used, None, used, NOW) is None:
            used += wanted
    assert used == Amounts(min(small, asked.count(False)), min(large, asked.count(True)))


def test_media_ports_limit_what_the_seats_would_allow() -> None:
    nearly = Amounts(media_ports=SITE.media_ports - 8)
    assert find_reached_limit(SMALL, LICENCE, nearly, None, NONE, NOW) is None
    assert find_reached_limit(LARGE, LICENCE, nearly, None, NONE, NOW) is ReachedLimit.PORTS
    full = Amounts(1, 0, media_ports=SITE.media_ports)
    assert find_reached_limit(SMALL, LICENCE, full, None, NONE, NOW) is ReachedLimit.PORTS


def test_terminals_are_refused_by_their_kind_and_by_their_ports() -> None:
    used = Amounts(access_ports=8, hardware_terminals=3)
    assert find_short_resource(Amounts(access_ports=2), used, SITE) == ""
    assert find_short_resource(Amounts(access_ports=3), used, SITE) == "access_ports"
    assert find_short_resource(Amounts(access_ports=1, hardware_terminals=1), used, SITE) == (
        "hardware_terminals"
    )
    assert find_short_resource(NONE, Amounts(access_ports=99), SITE) == ""


def test_what_nobody_could_refuse_is_named_when_it_is_beyond_the_licence() -> None:
    assert find_exceeded(Amounts(access_ports=11, hardware_terminals=3), SITE) == ["access_ports"]
