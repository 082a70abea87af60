"""The rules order the machine rooms in which a unit is looked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conferences.rules.room_order import DEFAULT, Room, rooms_for

A, B, C = ("a", True, False), ("b", False, False), ("c", False, False)
DOWN_A, DOWN_B = ("a", True, True), ("b", False, True)


def test_the_bound_room_comes_first_then_the_others_in_order() -> None:
    assert rooms_for("b", [A, B, C]) == ["b", "a", DEFAULT, "c"]


def test_without_a_room_the_default_one_comes_first() -> None:
    assert rooms_for(None, [B, A, C]) == ["a", DEFAULT, "b", "c"]


def test_an_abnormal_room_is_never_named() -> None:
    assert rooms_for("b", [A, DOWN_B, C]) == ["a", DEFAULT, "c"]
    assert rooms_for("b", [DOWN_A, B]) == ["b"]


def test_without_rooms_units_without_a_room_serve() -> None:
    assert rooms_for(None, []) == [DEFAULT]


rooms = st.lists(
    st.tuples(st.sampled_from("abcd"), st.booleans(), st.booleans()), unique_by=lambda r: r[0]
)


@given(st.none() | st.sampled_from("abcd"), rooms)
def test_every_healthy_room_is_named_once(bound: str | None, all_rooms: list[Room]) -> None:
    named = rooms_for(bound, all_rooms)
    assert len(named) == len(set(named))
    down = {moid for moid, _, abnormal in all_rooms if abnormal}
    assert not down & set(named)
    assert {moid for moid, _, _ in all_rooms} - down <= set(named)
