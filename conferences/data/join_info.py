"""The query of the join page: which conference, virtual room or reservation has a number, and how it is entered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from conferences.data.queries import breakout_rooms_of, carries_call, live_by_number, room_id_of
from conferences.data.reservation_queries import live_reservation_by_number
from conferences.data.stored_rows import room_by_number, stored_by_id
from conferences.rules.breakout import Breakout
from conferences.rules.chairs import chairing_visitor, visitors_present
from conferences.rules.reservation import bookid_of
from conferences.rules.states import Conference, ConferenceState
from conferences.rules.stored import Kind, StoredConference
from foundation import clock
from foundation.cells.directory import store_of
from wire.arrangement import DEFAULT_ARRANGEMENT, Arrangement, arrangement_of
from wire.fields import Join


class PersonPresent(NamedTuple):
    """A visitor who is in a conference (`room`: `None`), or in the breakout room with this index."""

    visitor: str
    name: str
    room: int | None


@dataclass(frozen=True, slots=True)
class JoinInfo:
    """Represent the facts that the join page needs of a conference, or of a virtual room without one."""

    confid: str
    e164: str
    name: str
    state: str
    password: str
    user_domain: str
    join: Join | None
    platform: str
    """The platform to whose data the conference belongs."""
    room: StoredConference | None = None
    """The virtual room in which the conference is held."""
    bookid: str = ""
    """The id of the reservation of which the conference is an occurrence."""
    is_call: bool = False
    """The conference carries a call of people, which nobody else enters by its number."""
    creator_moid: str = ""
    arrangement: Arrangement = DEFAULT_ARRANGEMENT
    chairman_visitor: str = ""
    """The visitor's id of the terminal that is chairman."""
    people: tuple[PersonPresent, ...] = ()
    """The visitors who are in it or in one of its breakout rooms, as the media units reported last."""
    breakout: Breakout | None = None
    """Its split into breakout rooms, while that goes on."""
    breakout_rooms: tuple[Conference | None, ...] = ()
    """The conferences of the breakout rooms, in their order; `None` for one that has ended."""

    @property
    def present(self) -> frozenset[str]:
        """Return the ids of the visitors who are in it, or in one of its breakout rooms."""
        return frozenset(person.visitor for person in self.people)

    def room_index_of(self, visitor: str) -> int | None:
        """Return the index of the breakout room in which a visitor is to be; `None` means the conference itself.

        Visitors stay in the conference itself while their room has not begun to run, and return when it has ended
        before the others. A room that has lost its media unit keeps them.
        """
        index = self.breakout.members.get(visitor) if self.breakout else None
        room = self.breakout_rooms[index] if index is not None else None
        return index if room and room.started_at else None

    def place_of(self, visitor: str) -> Conference | None:
        """Return the conference of the breakout room in which a visitor is to be; `None`: in the conference itself."""
        index = self.room_index_of(visitor)
        return None if index is None else self.breakout_rooms[index]

    def join_of(self, visitor: str) -> Join | None:
        """Return how a visitor enters the conference or the breakout room; `None` while a media unit is looked for."""
        room = self.place_of(visitor)
        if room is None:
            return self.join
        return room.join if room.state is ConferenceState.RUNNING else None

    @property
    def is_idle(self) -> bool:
        """Return whether this is a virtual room in which no conference is held; `confid` is then the room's id."""
        return self.state == IDLE


IDLE, PLANNED = "idle", "planned"


def join_info(e164: str) -> JoinInfo | None:
    """Return the facts of the live conference with this number, or else of the virtual room or reservation with it.

    `None` means that there is none of them. A breakout room is entered through the conference that was split.
    """
    conference = live_by_number(e164)
    if conference is not None and conference.parent:
        return None
    if conference is not None:
        is_split = conference.breakout and conference.breakout.is_open(clock.now())
        rooms = tuple(breakout_rooms_of(conference)) if is_split else ()
        room_id = room_id_of(conference)
        room = (
            stored_by_id(store_of(conference.source_platform).database, Kind.ROOM, room_id)
            if room_id
            else None
        )
        join = conference.join if conference.state.value == "running" else None
        facts = (
            conference.confid,
            conference.e164,
            conference.name,
            conference.state.value,
            conference.password,
            conference.user_domain,
        )
        bookid = bookid_of(conference.occurrence)
        return JoinInfo(
            *facts,
            join,
            conference.source_platform,
            room,
            bookid,
            carries_call(conference),
            conference.creator_moid,
            arrangement_of(conference.settings),
            chairing_visitor(conference, is_split=bool(is_split)),
            _people_in(conference, rooms),
            conference.breakout if is_split else None,
            rooms,
        )
    room = room_by_number(e164)
    if room is None:
        return _booked_info(e164)
    facts = (room.id, room.e164, room.name, IDLE, room.settings.password or "", room.user_domain)
    return JoinInfo(*facts, None, room.source_platform, room)


def _people_in(
    conference: Conference, rooms: Sequence[Conference | None]
) -> tuple[PersonPresent, ...]:
    """Return the visitors who are in a conference or in its breakout rooms, each once.

    Whoever is reported in two of them is moving just now, and counts in the later one.
    """
    places = [(None, conference), *enumerate(rooms)]
    people = {
        visitor: PersonPresent(visitor, name, index)
        for index, held in places
        if held
        for visitor, name in visitors_present(held).items()
    }
    return tuple(people.values())


def _booked_info(e164: str) -> JoinInfo | None:
    """Return what the join page needs of the reservation with this number, while its conference has not begun.

    Returns `None` if no such reservation exists.
    """
    reservation = live_reservation_by_number(e164)
    if reservation is None:
        return None
    settings, bookid = reservation.settings, reservation.bookid
    facts = (bookid, e164, settings.name, PLANNED, settings.password or "", reservation.user_domain)
    return JoinInfo(*facts, None, reservation.source_platform, None, bookid)
