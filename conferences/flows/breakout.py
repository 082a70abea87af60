"""The people of a conference are split over breakout rooms, moved between them, and taken back (decision 0060).

    page of the call -> its pass is checked (conferences/pages/rooms_in_call.py)
      -> rules/breakout.py decides -> parent and rooms in one transaction -> requests for media units

Each room is created as any conference is, and restored when its media unit is lost. Pages learn where they belong by
the question that they ask every five seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from conferences.data import attendees
from conferences.data.begin import permitted_tenant
from conferences.data.commit import commit
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.rules.breakout import (
    Breakout,
    BreakoutRoom,
    Plan,
    fault_of_plan,
    members_of_plan,
    places_of_room,
)
from conferences.rules.create import CreateRefusal, Tenant, decide_create
from conferences.rules.decision import Decision
from conferences.rules.states import BY_TIMER, Asker, Conference, ConferenceState
from foundation.bus import wake_up
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import store_of
from wire.arrangement import MOST_CO_CHAIRS, arrangement_of
from wire.conference_manager import CreateConference, Creator
from wire.fields import Settings

MAX_CONFERENCE_NAME = 64


class BreakoutRefused(Exception):
    """A request about breakout rooms is refused; `why` is the word for which the page has a text."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def open_rooms(conference: Conference, plan: Plan, visitors: Collection[str], opener: str) -> None:
    """Split a running conference into rooms. One that is split already stays as it is. Raises BreakoutRefused.

    `visitors`: the ids of those who are in it; `opener`: that of the chair.
    """
    if fault := fault_of_plan(plan):
        raise BreakoutRefused(fault)
    browsers = attendees.browsers_of(
        store_of(conference.source_platform).database, conference.confid, conference.creator_moid
    )
    with _changed(conference) as (uow, parent):
        if parent.breakout and parent.breakout.is_open(uow.now):
            return
        if parent.state is not ConferenceState.RUNNING:
            raise BreakoutRefused("moving")
        ends_at = uow.now + timedelta(minutes=plan.minutes)
        ends_at = min(ends_at, parent.ends_at or ends_at)
        request = _room_request(parent, plan, len(visitors), browsers)
        tenant = permitted_tenant(uow, parent.user_domain, request)
        if isinstance(tenant, CreateRefusal):
            raise BreakoutRefused("not_allowed")
        uow.prepare([request] * len(plan.names))
        rooms = tuple(
            _create_room(uow, parent, tenant, request, name, ends_at) for name in plan.names
        )
        members = members_of_plan(plan, visitors, opener)
        breakout = Breakout(rooms, ends_at, members, plan.how == "choose")
        _save(uow, parent, breakout, f"split into {len(rooms)} rooms")


def close_rooms(conference: Conference) -> None:
    """Take the people of a conference back from its rooms, and end these. Raises BreakoutRefused."""
    with _changed(conference) as (uow, parent):
        if parent.breakout:
            _save(uow, parent, None, "its people are taken back")


def move_visitor(conference: Conference, visitor: str, index: int | None) -> None:
    """Send a visitor to the room with this index, or back to the conference (`None`). Raises BreakoutRefused."""
    with _changed(conference) as (uow, parent):
        breakout = parent.breakout
        if breakout is None or not breakout.is_open(uow.now):
            raise BreakoutRefused("closed")
        if index is not None and not breakout.has_place_for(visitor, index):
            raise BreakoutRefused("room")
        _save(uow, parent, breakout.move(visitor, index), "a visitor goes to another room")


@contextmanager
def _changed(
    conference: Conference,
) -> Iterator[tuple[ConferencesDatabaseUnitOfWork, Conference]]:
    """Lock a conference in a transaction, and yield both; its messages are sent afterwards. Raises BreakoutRefused.

    It is refused while another site decides about the platform, or if the conference has ended.
    """
    platform = conference.source_platform
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        locked = conferences.load(conference.e164) if uow.is_open else None
        if locked is None or locked.confid != conference.confid:
            raise BreakoutRefused("elsewhere")
        yield conferences, locked
    wake_up.wake_senders(platform)


def _save(
    uow: ConferencesDatabaseUnitOfWork, parent: Conference, after: Breakout | None, reason: str
) -> None:
    """Store how a conference is split now. `None` ends its rooms; it then counts as empty from now at the earliest."""
    empty_since = parent.empty_since and (uow.now if after is None else parent.empty_since)
    changed = parent.change(breakout=after, empty_since=empty_since)
    commit(uow, Decision(reason, parent, changed))


def _room_request(
    parent: Conference, plan: Plan, people: int, creators_browsers: Collection[str]
) -> CreateConference:
    """Return the request for a room: it is as the parent is, and whoever steers that has the rights of chairs in it."""
    arrangement = arrangement_of(parent.settings)
    chairs = dict.fromkeys([arrangement.chair, *arrangement.cochairs, *creators_browsers])
    kept = {
        "cochairs": [visitor for visitor in chairs if visitor][-MOST_CO_CHAIRS:],
        "chairsonly": [*arrangement.chairsonly],
    }
    return CreateConference(
        user_domain=parent.user_domain,
        name=parent.name,
        password=parent.password or None,
        creator=Creator(moid=parent.creator_moid or None, name=parent.creator_name or None),
        duration=plan.minutes,
        places=places_of_room(people, parent.places),  # type: ignore[arg-type]  # it is one of the sizes
        resolution=parent.resolution,
        bitrate=parent.bitrate,
        h265=parent.h265,
        protected=parent.protected,
        settings=Settings(extra={name: value for name, value in kept.items() if value}),
    )


def _create_room(
    uow: ConferencesDatabaseUnitOfWork,
    parent: Conference,
    tenant: Tenant,
    request: CreateConference,
    name: str,
    ends_at: datetime,
) -> BreakoutRoom:
    """Create the conference of a room, and request a media unit for it. Raises BreakoutRefused if no number is free."""
    number = uow.allocate_number(None)
    if number is None:
        raise BreakoutRefused("numbers")
    called = msgspec.structs.replace(request, name=f"{name} - {parent.name}"[:MAX_CONFERENCE_NAME])
    decision = decide_create(called, Asker("", BY_TIMER), tenant, number, uow.new_id(), uow.now)
    assert decision.after is not None
    room = msgspec.structs.replace(decision.after, parent=parent.e164, ends_at=ends_at)
    commit(uow, replace(decision, after=room))
    return BreakoutRoom(name, room.e164, room.confid)
