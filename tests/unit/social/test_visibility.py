"""Visibility of moments, cards and people: the stricter rule wins, whatever the facts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from social.rules.cards import (
    Closeness,
    FoundBy,
    Matching,
    ShownTo,
    is_match,
    may_find,
    shows_field,
)
from social.rules.visibility import CONTACTS, PRIVATE, Audience, Viewer, may_see, people_who_see_now

AUTHOR, CIRCLE = "ada", 7
FACTS = st.fixed_dictionaries(
    {
        name: st.booleans()
        for name in ("contact", "blocked", "member", "named", "excluded", "has_only", "has_except")
    }
)
PLACES = st.sampled_from((CONTACTS, PRIVATE, CIRCLE))


def sees(place: int, facts: dict[str, bool]) -> bool:
    """Tell whether ben sees a moment of ada's, given these facts."""
    audience = Audience(AUTHOR, place, facts["has_only"], facts["has_except"])
    viewer = Viewer(
        "ben",
        {AUTHOR: ""} if facts["contact"] else {},
        frozenset({AUTHOR} if facts["blocked"] else ()),
        frozenset({CIRCLE} if facts["member"] else ()),
    )
    return may_see(audience, viewer, facts["named"], facts["excluded"])


@given(PLACES, FACTS)
def test_one_reason_against_it_is_enough(place: int, facts: dict[str, bool]) -> None:
    reasons = [
        place == PRIVATE,
        facts["blocked"],
        place == CONTACTS and not facts["contact"],
        place == CIRCLE and not facts["member"],
        facts["has_only"] and not facts["named"],
        facts["has_except"] and facts["excluded"],
    ]
    assert sees(place, facts) == (not any(reasons))


@given(PLACES, FACTS)
def test_the_list_of_readers_is_what_each_of_them_may_see(
    place: int, facts: dict[str, bool]
) -> None:
    is_near = facts["contact"] if place == CONTACTS else facts["member"]
    readers = people_who_see_now(
        Audience(AUTHOR, place, facts["has_only"], facts["has_except"]),
        ["ben", AUTHOR] if is_near else [AUTHOR],
        {"ben"} if facts["blocked"] else set(),
        {"ben"} if facts["named"] else set(),
        {"ben"} if facts["excluded"] else set(),
    )
    assert readers == (["ben"] if sees(place, facts) else [])


def test_an_author_always_sees_the_own_moment() -> None:
    author = Viewer(AUTHOR, {}, frozenset({AUTHOR}))
    for place in (CONTACTS, PRIVATE, CIRCLE):
        assert may_see(Audience(AUTHOR, place, True, True), author, is_excluded=True)


CLOSENESS = st.builds(
    Closeness,
    is_blocked=st.booleans(),
    is_contact=st.booleans(),
    shares_circle=st.booleans(),
    same_tenant=st.booleans(),
    has_number=st.booleans(),
)


@given(CLOSENESS, st.sampled_from(("note", "phone", "email")))
def test_a_wider_choice_never_hides_a_field_and_a_block_always_does(
    reader: Closeness, name: str
) -> None:
    shown = [shows_field(name, choice, reader) for choice in ShownTo]
    assert shown == sorted(shown)
    if reader.is_blocked:
        assert not any(shown)


def test_each_group_sees_a_field_from_its_own_choice_on() -> None:
    readers = {
        ShownTo.CONTACTS: Closeness(is_contact=True),
        ShownTo.CIRCLE: Closeness(shares_circle=True),
        ShownTo.TENANT: Closeness(same_tenant=True),
        ShownTo.EVERYBODY: Closeness(),
    }
    words = list(ShownTo)
    for group, reader in readers.items():
        seen = [word for word in words if shows_field("email", word, reader)]
        assert seen == words[words.index(group) :]


def test_an_exchanged_number_is_seen_by_the_other_one_alone() -> None:
    assert shows_field("phone", ShownTo.NOBODY, Closeness(has_number=True))
    assert not shows_field("email", ShownTo.NOBODY, Closeness(has_number=True))
    assert not shows_field("phone", ShownTo.NOBODY, Closeness(has_number=True, is_blocked=True))


@given(CLOSENESS)
def test_contacts_find_each_other_and_blocked_people_never_do(reader: Closeness) -> None:
    may_find_by_choice = [may_find(choice, reader) for choice in FoundBy]
    assert may_find_by_choice == sorted(may_find_by_choice)
    if reader.is_blocked:
        assert not any(may_find_by_choice)
    elif reader.is_contact:
        assert all(may_find_by_choice)


def test_a_number_is_told_when_it_is_mutual_or_chosen() -> None:
    assert not is_match(Matching.MUTUAL, has_other_number=False)
    assert is_match(Matching.MUTUAL, has_other_number=True)
    assert is_match(Matching.EVERYBODY, has_other_number=False)
    assert not is_match(Matching.NOBODY, has_other_number=True)
