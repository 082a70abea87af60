"""The functions here turn the arguments of picture composition (VmpLive, VmpT in the HTTP API) into layouts. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from conferences.api.request_parsing import items, number, words
from foundation.web.errors import Refusal
from wire.error_codes import Err

PLACES_OF_LAYOUT: dict[int, int] = {
    1: 1, 2: 2, 3: 2, 61: 2, 62: 2, 63: 2, 4: 3, 23: 3, 5: 4, 35: 5, 6: 6, 13: 7, 7: 8, 8: 9, 18: 10,
    38: 11, 39: 12, 19: 13, 17: 14, 20: 15, 11: 16, 46: 17, 48: 18, 51: 19, 14: 20, 54: 21, 56: 22,
    59: 24, 27: 25,
}  # fmt: skip
"""Number of a documented layout style -> how many pictures it shows."""

EMPTY, TERMINAL, OWN_POLL = 0, 1, 6
_MEMBER_TYPES = frozenset((EMPTY, TERMINAL, 2, 3, 4, 5, OWN_POLL, 7))
"""Types of a layout's members: 0 nothing, 1 a terminal, 6 its own poll; 2–5 and 7 special sources (HTTP API)."""
BAD_STYLE = 20331
_CHOSEN_MODE = 1
_BATCHES = (3, 4)
_Object = dict[str, object]


def terminal_id(value: object, name: str = "mt_id") -> str:
    """Return the id of a terminal, the value of an argument. Raises Refusal if it is missing. `name`: the argument."""
    mt_id = words(value, name)
    if not mt_id:
        raise Refusal(int(Err.MALFORMED), f"{name}: is missing")
    return mt_id


def parse_layout(params: Mapping[str, object]) -> _Object:
    """Return the layout of a composed picture (who is shown at which place) in the arguments. Raises Refusal."""
    mode = number(params.get("mode"), "mode", _CHOSEN_MODE)
    if mode not in (1, 2, 3, 4):
        raise Refusal(int(Err.MALFORMED), "mode: must be 1, 2, 3 or 4")
    style = number(params.get("layout"), "layout", 1)
    if style not in PLACES_OF_LAYOUT and mode == _CHOSEN_MODE:
        raise Refusal(BAD_STYLE, f"layout: {style} is no style of the documentation")
    parsed: _Object = {"mode": mode, "layout": style}
    for name in ("voice_hint", "broadcast", "show_mt_name"):
        parsed[name] = int(bool(number(params.get(name), name, 0)))
    if isinstance(names := params.get("mt_name_style"), dict):
        parsed["mt_name_style"] = _name_style(names)
    parsed["members"] = _layout_members(params.get("members"), PLACES_OF_LAYOUT.get(style, 25))
    if mode in _BATCHES:
        parsed["poll"] = _parse_poll(params.get("poll"), "poll")
    return parsed


def _name_style(names: Mapping[str, object]) -> _Object:
    """Return the style in which a composed picture shows the names of terminals. Raises Refusal."""
    return {
        "font_size": number(names.get("font_size"), "mt_name_style.font_size", 1),
        "font_color": words(names.get("font_color"), "mt_name_style.font_color")[:16],
        "position": number(names.get("position"), "mt_name_style.position", 1),
    }


def _layout_members(value: object, places: int) -> list[_Object]:
    """Return what a layout shows at each of its `places`. Raises Refusal. `value`: the argument `members`."""
    members: list[_Object] = []
    used_places: set[int] = set()
    for position, row in enumerate(items(value, "members", 25)):
        place = number(row.get("chn_idx"), "members.chn_idx", position)
        kind = number(row.get("member_type"), "members.member_type", TERMINAL)
        if not 0 <= place < places or place in used_places:
            text = f"members.chn_idx: different places from 0 to {places - 1} are needed"
            raise Refusal(int(Err.MALFORMED), text)
        if kind not in _MEMBER_TYPES:
            raise Refusal(int(Err.MALFORMED), "members.member_type: must be from 0 to 7")
        used_places.add(place)
        member: _Object = {"chn_idx": place, "member_type": kind}
        if kind == TERMINAL:
            member["mt_id"] = terminal_id(row.get("mt_id"), "members.mt_id")
        if kind == OWN_POLL:
            member["poll"] = _parse_poll(row.get("poll"), "members.poll")
        members.append(member)
    return members


def _parse_poll(value: object, name: str) -> _Object:
    """Return a poll (members that a place shows one after the other) from an argument.

    Raises Refusal. `value`, `name`: the argument and its name. A layout that shows members in batches has a poll, too.
    """
    poll = value if isinstance(value, dict) else {}
    rows = items(poll.get("members"), f"{name}.members")
    return {
        "num": number(poll.get("num"), f"{name}.num", 0),
        "keep_time": max(1, number(poll.get("keep_time"), f"{name}.keep_time", 10)),
        "members": [{"mt_id": terminal_id(row.get("mt_id"), f"{name}.mt_id")} for row in rows],
    }
