"""A composed picture shows the terminals of its layout, each in a rectangle of its own, as the join page does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_unit.picture_layout import (
    MOST_PICTURES,
    Rectangle,
    fit,
    overlap,
    rectangles,
    shown_terminals,
    style_of,
)
from wire.arrangement import Arrangement, Poll

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ROLES = {"chairman": "c", "speaker": "s"}
INSETS = (3, 61, 62, 63)


def shown(layout: dict[str, Any], arrangement: Arrangement | None = None) -> list[str]:
    """Return whom a layout shows in a conference of three terminals."""
    return shown_terminals(arrangement or Arrangement(), layout, ROLES, ["c", "s", "x"], NOW)


def places(*members: dict[str, Any], style: int = 5) -> dict[str, Any]:
    rows = [{"chn_idx": number, **member} for number, member in enumerate(members)]
    return {"mode": 1, "layout": style, "members": rows}


def test_each_place_shows_what_it_names_once_and_in_its_order() -> None:
    given_places: list[dict[str, Any]] = [
        {"member_type": 1, "mt_id": "x"},
        {"member_type": 3},
        {"member_type": 2},
    ]
    layout = places(*given_places, {"member_type": 1, "mt_id": "c"}, {"member_type": 0})
    assert shown(layout) == ["x", "c", "s"]
    layout["members"].reverse()
    assert shown(layout) == ["x", "c", "s"]


def test_polls_go_by_the_time() -> None:
    poll = {"keep_time": 10, "members": [{"mt_id": "x"}, {"mt_id": "c"}]}
    own = places({"member_type": 6, "poll": poll})
    batch = {"mode": 3, "layout": 1, "poll": poll}
    assert shown(own) == shown(batch) == ["x"]
    later = datetime(2030, 1, 1, 0, 0, 10, tzinfo=UTC)
    assert shown_terminals(Arrangement(), own, ROLES, [], later) == ["c"]
    arrangement = Arrangement(poll=Poll(members=("x", "s"), poll_index=2, state=2))
    assert shown(places({"member_type": 4}), arrangement) == ["s"]
    assert shown(places({"member_type": 4})) == []


def test_the_automatic_mode_shows_the_speaker_first_and_then_everybody() -> None:
    layout = {"mode": 2, "layout": 4}
    assert shown(layout, Arrangement(vips=("x",))) == ["s", "x", "c"]
    assert style_of(layout) == 0


def test_whatever_stands_in_a_layout_shows_somebody_or_nobody() -> None:
    for layout in ({}, {"members": 7}, {"mode": 3, "poll": {"members": ["x"]}}, {"mode": "2"}):
        assert shown(layout) == []


@given(st.integers(0, MOST_PICTURES), st.sampled_from([0, 1, 2, 4, 5, 8, 23, 27, *INSETS, 99]))
def test_pictures_lie_inside_and_only_insets_lie_upon_another(count: int, style: int) -> None:
    found = rectangles(style, count, 1280, 720)
    assert len(found) == count
    for place in found:
        assert all(number % 2 == 0 for number in place)
        assert 0 <= place.x < place.x + place.width <= 1280
        assert 0 <= place.y < place.y + place.height <= 720
    if style not in INSETS:
        pairs = [(a, b) for n, a in enumerate(found) for b in found[n + 1 :]]
        assert not any(overlap(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("style", "count", "wanted"),
    [
        (1, 1, [(0, 0, 1280, 720)]),
        (2, 2, [(0, 0, 640, 720), (640, 0, 640, 720)]),
        (5, 4, [(0, 0, 640, 360), (640, 0, 640, 360), (0, 360, 640, 360), (640, 360, 640, 360)]),
        (4, 3, [(0, 0, 1280, 360), (0, 360, 640, 360), (640, 360, 640, 360)]),
        (23, 3, [(0, 0, 640, 720), (640, 0, 640, 360), (640, 360, 640, 360)]),
        (3, 2, [(0, 0, 1280, 720), (936, 522, 332, 186)]),
        (62, 2, [(0, 0, 1280, 720), (12, 12, 332, 186)]),
    ],
)
def test_styles_look_as_on_the_page(style: int, count: int, wanted: list[Any]) -> None:
    assert rectangles(style, count, 1280, 720) == wanted


def test_a_picture_keeps_its_proportions() -> None:
    assert fit(320, 180, Rectangle(640, 0, 640, 720)) == (640, 180, 640, 360)
    assert fit(480, 640, Rectangle(0, 0, 640, 360)) == (184, 0, 270, 360)
    assert fit(5000, 2, Rectangle(0, 0, 4, 4)) == (0, 0, 4, 2)
