"""The rules of breakout rooms: the people of a conference are split over rooms for a while, and come back. Pure.

Each room is a conference of its own on a media unit. Which rooms there are, and who is in which, is kept with the
conference that was split (the parent), so it outlives media units and sites.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from foundation.plain_text import fault_of
from wire.fields import SIZES

MIN_ROOMS, MAX_ROOMS = 2, 20
MAX_NAME = 40
MAX_MINUTES = 600
MAX_MEMBERS = 2000
"""So many visitors are listed at most, those who have left included, so that nobody fills the conference's row."""
SPARE_PLACES = 2
"""A room has so many places more than there are people: for chairs who visit, and for those who come late."""

How = Literal["even", "hand", "choose"]
"""The name says how people come into rooms: spread evenly, by the chair's hand, or as everybody chooses."""


class BreakoutRoom(msgspec.Struct, frozen=True):
    """A breakout room: its name, and the number and id of the conference that is held in it."""

    name: str
    e164: str
    confid: str


class Breakout(msgspec.Struct, frozen=True, omit_defaults=True):
    """The split of a conference into rooms, until `ends_at`.

    `members`: id of a visitor -> index of the room; whoever is not there is in the conference itself. `may_choose`:
    people go from room to room as they like.
    """

    rooms: tuple[BreakoutRoom, ...]
    ends_at: datetime
    members: dict[str, int] = msgspec.field(default_factory=dict)
    may_choose: bool = False

    def is_open(self, now: datetime) -> bool:
        """Return whether people are in the rooms now; when the time is over they are back without anybody's doing."""
        return now < self.ends_at

    def index_of(self, visitor: str, now: datetime) -> int | None:
        """Return the index of the room in which a visitor is to be now; `None` means the conference itself."""
        return self.members.get(visitor) if self.is_open(now) else None

    def has_place_for(self, visitor: str, index: int) -> bool:
        """Return whether there is a room with this index, and the list of members has a place for the visitor."""
        is_listed = visitor in self.members or len(self.members) < MAX_MEMBERS
        return is_listed and 0 <= index < len(self.rooms)

    def move(self, visitor: str, index: int | None) -> Breakout:
        """Return the split after a visitor was sent to the room with this index; `None`: back to the conference."""
        others = {other: room for other, room in self.members.items() if other != visitor}
        return msgspec.structs.replace(
            self, members=others if index is None else others | {visitor: index}
        )


class Plan(NamedTuple):
    """A chair's wish to split a conference: the rooms' names, for how many minutes, and how people come into them.

    `chosen`: id of a visitor -> index of the room, for rooms that are filled by hand.
    """

    names: tuple[str, ...]
    minutes: int
    how: str
    chosen: Mapping[str, int]


def fault_of_plan(plan: Plan) -> str:
    """Return which part of a plan is not allowed: "names", "minutes", "how" or "chosen"; "" if all is well."""
    names = plan.names
    if not MIN_ROOMS <= len(names) <= MAX_ROOMS or len({*names}) < len(names):
        return "names"
    if any(not name or len(name) > MAX_NAME or fault_of(name) for name in names):
        return "names"
    if not 1 <= plan.minutes <= MAX_MINUTES:
        return "minutes"
    if plan.how not in ("even", "hand", "choose"):
        return "how"
    return "" if all(0 <= index < len(names) for index in plan.chosen.values()) else "chosen"


def members_of_plan(plan: Plan, visitors: Collection[str], opener: str) -> dict[str, int]:
    """Return in which room each visitor begins: id -> index. Whoever is left out stays in the conference.

    `visitors`: those who are in the conference; `opener`: who has split it, and goes nowhere unless sent by hand.
    """
    if plan.how == "choose":
        return {}
    if plan.how == "hand":
        return {visitor: index for visitor, index in plan.chosen.items() if visitor in visitors}
    spread = sorted({*visitors} - {opener})
    return {visitor: place % len(plan.names) for place, visitor in enumerate(spread)}


def places_of_room(people: int, most: int) -> int:
    """Return the places of each room: for all `people` of the conference, since all may come, and at most `most`."""
    needed = people + SPARE_PLACES
    return min(next((size for size in SIZES if size >= needed), most), most)
