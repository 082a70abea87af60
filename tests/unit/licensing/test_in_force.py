"""A site's own licence limits conferences, and the sum of all limits resources (CSS §4.2, §4.4)."""

from __future__ import annotations

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from licensing.rules.amounts import MAX_AMOUNT, NONE, RESOURCES, Amounts
from licensing.rules.limits import sum_site_limits

amounts = st.builds(Amounts, *[st.integers(0, MAX_AMOUNT)] * 7)
maybe = st.none() | amounts


@given(maybe, st.lists(maybe, max_size=6))
def test_conferences_are_the_own_licences_alone(
    own: Amounts | None, possible: list[Amounts | None]
) -> None:
    amounts, mine = sum_site_limits(own, possible), own or NONE
    assert amounts.small_conferences == mine.small_conferences
    assert amounts.large_conferences == mine.large_conferences


@given(maybe, st.lists(maybe, max_size=6))
def test_each_resource_is_the_sum_over_own_and_possible_platforms(
    own: Amounts | None, possible: list[Amounts | None]
) -> None:
    amounts = asdict(sum_site_limits(own, possible))
    for name in RESOURCES:
        assert amounts[name] == sum(
            getattr(site_amounts, name) for site_amounts in (own, *possible) if site_amounts
        )


@given(maybe, st.lists(maybe, max_size=6), st.randoms())
def test_the_order_of_the_possible_platforms_does_not_matter(
    own: Amounts | None, possible: list[Amounts | None], chance: object
) -> None:
    mixed = list(possible)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert sum_site_limits(own, mixed) == sum_site_limits(own, possible)


@given(amounts, amounts, amounts)
def test_a_possible_platforms_possible_platform_does_not_add(
    own: Amounts, other: Amounts, far: Amounts
) -> None:
    """`other` may have to serve `far`; we take its own licence, not what is in force there."""
    assert sum_site_limits(own, [other]) != sum_site_limits(
        own, [sum_site_limits(other, [far])]
    ) or not any(getattr(far, name) for name in RESOURCES)
