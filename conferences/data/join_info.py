"""The query of the join page: which conference, virtual room or reservation has a number, and how it is entered."""

from __future__ import annotations

from dataclasses import dataclass

from conferences.data.queries import carries_call, live_by_number, room_id_of
from conferences.data.reservation_queries import live_reservation_by_number
from conferences.data.stored_rows import room_by_number, stored_by_id
from conferences.rules.chairs import visitor_of_terminal, visitors_present
from conferences.rules.reservation import bookid_of
from conferences.rules.stored import Kind, StoredConference
from foundation.cells.directory import store_of
from wire.arrangement import DEFAULT_ARRANGEMENT, Arrangement, arrangement_of
from wire.fields import Join


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
    present: frozenset[str] = frozenset()
    """The ids of the visitors who are in it, as its media unit has reported last."""

    @property
    def is_idle(self) -> bool:
        """Return whether this is a virtual room in which no conference is held; `confid` is then the room's id."""
        return self.state == IDLE


IDLE, PLANNED = "idle", "planned"


def join_info(e164: str) -> JoinInfo | None:
    """Return the facts of the live conference with this number, or else of the virtual room or reservation with it.

    `None` means that there is none of them.
    """
    conference = live_by_number(e164)
    if conference is not None:
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
            visitor_of_terminal(conference, conference.chairman),
            visitors_present(conference),
        )
    room = room_by_number(e164)
    if room is None:
        return _booked_info(e164)
    facts = (room.id, room.e164, room.name, IDLE, room.settings.password or "", room.user_domain)
    return JoinInfo(*facts, None, room.source_platform, room)


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
