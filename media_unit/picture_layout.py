"""The layout of a composed picture: whom it shows, and in which rectangle each is, by the rules of the join page. Pure.

The page has them in `layout.js` and `join.css`; both read the same arrangement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil, sqrt
from typing import NamedTuple

import msgspec

from wire.arrangement import Arrangement, places_of_layout

_CHOSEN, _AUTOMATIC = 1, 2
"""Modes of a layout; the others show the members of a poll in batches."""
_GIVEN, _SPEAKER, _CHAIRMAN, _POLL, _TALKING, _OWN_POLL = range(1, 7)
_PLACES: Mapping[int, int] = {
    1: 1, 2: 2, 3: 2, 61: 2, 62: 2, 63: 2, 4: 3, 23: 3, 5: 4, 35: 5, 6: 6, 13: 7, 7: 8, 8: 9, 18: 10,
    38: 11, 39: 12, 19: 13, 17: 14, 20: 15, 11: 16, 46: 17, 48: 18, 51: 19, 14: 20, 54: 21, 56: 22,
    59: 24, 27: 25,
}  # fmt: skip
MOST_PICTURES = 25

WIDTH, HEIGHT = 1280, 720
"""The size of the composed picture in pixels."""

_ONE_ABOVE, _ONE_BESIDE = 4, 23
_INSETS: Mapping[int, tuple[int, int]] = {3: (1, 1), 61: (1, 0), 62: (0, 0), 63: (0, 1)}
"""Style with one picture inside another -> whether the small one is at the right, and whether it is at the bottom."""
_INSET_SHARE, _INSET_MARGIN = 0.26, 12
_SCREEN_SHARE, _LEAST_ROWS = 0.75, 4


class Rectangle(NamedTuple):
    """A part of the composed picture, in pixels from its top left corner; all numbers are even."""

    x: int
    y: int
    width: int
    height: int


class PlannedTile(msgspec.Struct, frozen=True):
    """One picture of a plan: where it lies, the SSRC of its RTP packets (0: none comes), and its terminal's name."""

    rectangle: Rectangle
    ssrc: int
    name: str
    shows_name: bool


class Plan(msgspec.Struct, frozen=True):
    """A plan says which pictures are composed, and to which addresses the stream is sent."""

    tiles: tuple[PlannedTile, ...]
    targets: tuple[tuple[str, int], ...]


def style_of(layout: Mapping[str, object]) -> int:
    """Return the number of the layout's documented style; 0 for a grid of all, as the automatic mode shows it."""
    style = layout.get("layout")
    return style if isinstance(style, int) and layout.get("mode") != _AUTOMATIC else 0


def shown_terminals(
    arrangement: Arrangement,
    layout: Mapping[str, object],
    roles: Mapping[str, str],
    online: Sequence[str],
    now: datetime,
) -> list[str]:
    """Return the ids of the terminals that a layout shows now, in the order of its places.

    `roles`: the terminal that is `chairman`, and `speaker`; "" where there is none. Nobody here knows who talks, so a
    place for the talking person shows the speaker.
    """
    mode = layout.get("mode", _CHOSEN)
    if mode == _AUTOMATIC:
        ids = [roles["speaker"], *arrangement.vips, *online]
    elif mode != _CHOSEN:
        ids = _terminals_whose_turn_it_is(
            layout.get("poll"), _PLACES.get(style_of(layout), MOST_PICTURES), now
        )
    else:
        places = sorted(places_of_layout(layout), key=_place_number)
        ids = [_terminal_at(place, arrangement, roles, now) for place in places]
    return list(dict.fromkeys(mtid for mtid in ids if mtid))[:MOST_PICTURES]


def _place_number(place: Mapping[str, object]) -> int:
    """Return the number of a place in its layout (`chn_idx`), from 0; 0 if it has none."""
    number = place.get("chn_idx")
    return number if isinstance(number, int) else 0


def _terminal_at(
    place: Mapping[str, object],
    arrangement: Arrangement,
    roles: Mapping[str, str],
    now: datetime,
) -> str:
    """Return the id of the terminal that a place of a layout shows now; "" for none.

    The place's `member_type` says whom: a given terminal, the speaker, the chairman, or whose turn it is in a poll.
    """
    match place.get("member_type"):
        case int(kind) if kind == _GIVEN:
            return str(place.get("mt_id") or "")
        case int(kind) if kind in (_SPEAKER, _TALKING):
            return roles["speaker"]
        case int(kind) if kind == _CHAIRMAN:
            return roles["chairman"]
        case int(kind) if kind == _POLL:
            poll = arrangement.poll
            index = poll.index_at(now) if poll else 0
            return poll.members[index - 1] if poll and index else ""
        case int(kind) if kind == _OWN_POLL:
            return next(iter(_terminals_whose_turn_it_is(place.get("poll"), 1, now)), "")
    return ""


def _terminals_whose_turn_it_is(poll: object, count: int, now: datetime) -> list[str]:
    """Return the ids of a poll's terminals whose turn it is, `count` at a time; [] if the poll has none.

    The time decides, as on the web pages. `poll`: an object of a layout, as JSON; each turn lasts its `keep_time`,
    by default 10 s.
    """
    rows = poll.get("members") if isinstance(poll, dict) else None
    ids = [str(row.get("mt_id")) for row in rows or () if isinstance(row, dict)]
    if not ids or not isinstance(poll, dict):
        return []
    keep_time = poll.get("keep_time")
    seconds = keep_time if isinstance(keep_time, int) and keep_time > 0 else 10
    turn = int(now.timestamp()) // seconds % ceil(len(ids) / count)
    return ids[turn * count : (turn + 1) * count]


def rectangles(style: int, count: int, width: int, height: int) -> list[Rectangle]:
    """Return where `count` pictures lie in a composed picture of this size, in the order of their places.

    `style`: the number of the layout's style; those without a constant here, also 0, are grids of equal cells.
    """
    if count and style in _INSETS:
        whole = Rectangle(0, 0, width, height)
        return [whole, *[_inset(*_INSETS[style], width, height)] * (count - 1)]
    if count > 1 and style == _ONE_ABOVE:
        rows = 1 + ceil((count - 1) / 2)
        first = _cell(0, 0, (1, rows), width, height)
        others = [(place % 2, 1 + place // 2) for place in range(count - 1)]
        return [first, *(_cell(*other, (2, rows), width, height) for other in others)]
    if count > 1 and style == _ONE_BESIDE:
        rows = max(2, count - 1)
        first = Rectangle(0, 0, *_cell(0, 0, (2, 1), width, height)[2:])
        return [first, *(_cell(1, row, (2, rows), width, height) for row in range(count - 1))]
    columns = 2 if count == 2 else ceil(sqrt(count))
    grid = (columns, ceil(count / columns)) if count else (1, 1)
    return [_cell(place % columns, place // columns, grid, width, height) for place in range(count)]


def film_rectangles(count: int, *, has_screen: bool) -> list[Rectangle]:
    """Return where `count` pictures of a film lie: in a grid, or the first one, a shared screen, large at the left."""
    if not has_screen or count < 2:
        return rectangles(0, count, WIDTH, HEIGHT)
    large = _even(WIDTH * _SCREEN_SHARE)
    rows = max(_LEAST_ROWS, count - 1)
    beside = [_cell(0, row, (1, rows), WIDTH - large, HEIGHT) for row in range(count - 1)]
    return [Rectangle(0, 0, large, HEIGHT), *(cell._replace(x=large) for cell in beside)]


def _cell(column: int, row: int, grid: tuple[int, int], width: int, height: int) -> Rectangle:
    """Return the cell at this column and row (from 0) of a grid; `grid`: how many columns and rows it has.

    `width`, `height`: the size of the whole grid in pixels.
    """
    left, right = (_even(width * edge / grid[0]) for edge in (column, column + 1))
    top, bottom = (_even(height * edge / grid[1]) for edge in (row, row + 1))
    return Rectangle(left, top, right - left, bottom - top)


def _inset(at_right: int, at_bottom: int, width: int, height: int) -> Rectangle:
    """Return the small rectangle in a corner of a picture of this size; `at_right`, `at_bottom` (1 or 0): which one."""
    small_width, small_height = _even(width * _INSET_SHARE), _even(height * _INSET_SHARE)
    x = width - small_width - _INSET_MARGIN if at_right else _INSET_MARGIN
    y = height - small_height - _INSET_MARGIN if at_bottom else _INSET_MARGIN
    return Rectangle(x, y, small_width, small_height)


def fit(width: int, height: int, into: Rectangle) -> Rectangle:
    """Return the part of a rectangle that a picture of this size fills, in the middle and in its own proportions."""
    scale = min(into.width / width, into.height / height)
    fitted_width = max(2, min(into.width, _even(width * scale)))
    fitted_height = max(2, min(into.height, _even(height * scale)))
    x = into.x + _even((into.width - fitted_width) / 2)
    y = into.y + _even((into.height - fitted_height) / 2)
    return Rectangle(x, y, fitted_width, fitted_height)


def overlap(first: Rectangle, second: Rectangle) -> bool:
    """Return whether two rectangles have pixels in common."""
    across = first.x < second.x + second.width and second.x < first.x + first.width
    return across and first.y < second.y + second.height and second.y < first.y + first.height


def _even(number: float) -> int:
    """Return a number rounded down to an even one: colours are stored for squares of two by two pixels."""
    return int(number) // 2 * 2
