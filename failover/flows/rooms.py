"""The PMS, platform management, detects lost machine rooms; CSS, the scheduler, moves their conferences away.

PMS -> CSS  SERVER_ROOM_STATE_NOTIFY                     update_rooms
PMS -> CSS  SERVER_ROOM_STATE_NOTIFY                     on_room_state
CSS -> CM   MAU_CM_CONFRESTORE_NTF
CSS -> RMS  GET_RES_REQ

The rules are in CSS §1.2. A notice that CSS has not received is repeated every 10 s (`repeat_notices`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from conferences.data.commit import commit
from conferences.data.queries import units_in_abnormal_rooms
from conferences.rules.restore import decide_lost
from conferences.rules.states import Unit
from domains.models import MachineRoom
from failover.data import register_view
from failover.data.unit_of_work import FailoverUnitOfWork
from failover.models import RoomWatch
from failover.rules.decisions import Room, decide_room
from foundation.bus.envelope import Envelope
from foundation.bus.outgoing import Send
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import own_platform, possible_platforms
from wire.platforms import MAX_LISTED_DOMAINS, RoomState, State
from wire.routes import Routes

log = logging.getLogger("failover.rooms")

LONGEST_SUBJECT = 48
MODES = {"auto": "its units say how it is", "on": "drained", "off": "never abnormal"}


class Closed(Exception):
    """Another site serves this platform, so nothing was done."""


def update_rooms(platform: str) -> None:
    """Decide for each machine room, by its media units, whether it is normal or abnormal (not to be used).

    Publish changes. Nothing is decided while another site may write the platform's data.
    """
    with begin(platform) as uow:
        failover = uow.part(FailoverUnitOfWork)
        changed = _decide_rooms(failover) if failover.is_open else []
    for sentence in changed:
        register_view.add_event(platform, own_platform(), "room", sentence)


def _decide_rooms(uow: FailoverUnitOfWork) -> list[str]:
    """Decide and store each machine room's state, normal or abnormal (not to be used); send a notice for each change.

    Return a sentence for each changed room, which says what changed and why.
    """
    rooms, stored_states = uow.rooms(), uow.lock_states()
    default = next((room.moid for room in rooms if room.is_default), "")
    units = uow.units_by_room(default)
    states = {room.moid: stored_states.get(room.moid, Room()) for room in rooms}
    alive = {moid: sum(online for _, _, online in units.get(moid, [])) for moid in states}
    changed = []
    for room in rooms:
        before, units_here = states[room.moid], units.get(room.moid, [])
        is_another_working = any(
            alive[moid] and not other.abnormal
            for moid, other in states.items()
            if moid != room.moid
        )
        after, because = decide_room(
            before,
            len(units_here),
            alive[room.moid],
            uow.now,
            is_another_working=is_another_working,
        )
        states[room.moid] = after
        if after != stored_states.get(room.moid):
            uow.store_state(room.moid, after, because)
        if because:
            changed.append(_send_notice(uow, room, after, because))
    return changed


def repeat_notices(platform: str) -> None:
    """Send notices of machine rooms' states again that the scheduler (CSS) has not recorded; they may be lost.

    Does nothing while another site serves the platform.
    """
    with begin(platform) as uow:
        failover = uow.part(FailoverUnitOfWork)
        stored_states = failover.lock_states() if failover.is_open else {}
        rooms = [room for room in failover.rooms() if room.moid in stored_states]
        unrecorded = [
            room for room in rooms if room.abnormal is not stored_states[room.moid].abnormal
        ]
        for room in unrecorded:
            _send_notice(failover, room, stored_states[room.moid], "told again")


def _send_notice(uow: FailoverUnitOfWork, room: MachineRoom, stored: Room, because: str) -> str:
    """Send the notice that a machine room has this state, and return a sentence about it.

    The notice has several parts if the room has more than MAX_LISTED_DOMAINS user domains.
    """
    state: State = "abnormal" if stored.abnormal else "normal"
    sentence = f"room {room.name} is {state}: {because}"
    log.warning("%s: %s", uow.platform, sentence)
    bound = uow.domains_bound_to(room)
    pages = [
        bound[start : start + MAX_LISTED_DOMAINS]
        for start in range(0, len(bound), MAX_LISTED_DOMAINS)
    ] or [[]]
    for part, page in enumerate(pages, 1):
        part_of = {
            "listid": f"{room.moid}:{stored.number}",
            "part": part,
            "parts": len(pages),
        }
        notice = RoomState(
            platform=uow.platform,
            room=room.moid,
            state=state,
            user_domains=tuple(page),
            epoch=uow.epoch,
            number=stored.number,
            **(part_of if len(pages) > 1 else {}),  # type: ignore[arg-type]  # each key of the mapping is a field of its type
        )
        uow.send(Send(message=notice, route=Routes.ROOM_NOTICE))
    return sentence


@handles(RoomState)
def on_room_state(uow: FailoverUnitOfWork, notice: RoomState, envelope: Envelope) -> None:
    """Mark a machine room as normal, or as abnormal (not to be used): then take the conferences off its media units.

    These conferences wait for a unit in another room. They are all that run on the room's units,
    whichever platform they belong to. If a foreign PMS names a room that our tree does not have,
    the conferences of the user domains that the notice lists are moved instead (CSS §1.2). A notice about another
    site's room, or one that is not newer than the stored one, is ignored.
    """
    if notice.platform != own_platform():
        return
    order = (notice.epoch or uow.epoch, notice.number or 0)
    parts = f"#{notice.part}" if (notice.part or 1) > 1 else ""
    if not uow.store_notice(f"{notice.room}{parts}"[:LONGEST_SUBJECT], order, notice.state):
        return
    if uow.is_room_of(notice.platform, notice.room):
        uow.mark_room(notice.room, notice.state == "abnormal")
        if notice.state == "abnormal":
            _move_off_units(uow, uow.units_of(notice.platform, notice.room))
    elif uow.platform == notice.platform:
        log.warning("%s is no room of our tree: its user domains are %s", notice.room, notice.state)
        if notice.state == "abnormal":
            _move_domains_off_units(uow, notice.user_domains)


def move_off_abnormal_rooms(platform: str) -> None:
    """Move conferences off abnormal (lost) machine rooms in which they were placed before the notice arrived here.

    Does nothing without such rooms, or while another site serves the platform.
    """
    units = [
        Unit(ip, pid, site)
        for site in possible_platforms()
        for ip, pid in sorted(units_in_abnormal_rooms(site))
    ]
    if not units:
        return
    with begin(platform) as uow:
        if uow.is_open:
            _move_off_units(uow.part(FailoverUnitOfWork), units)


def _move_off_units(uow: FailoverUnitOfWork, units: Sequence[Unit]) -> None:
    """Take all conferences off these media units; each waits for another unit."""
    conferences = uow.conferences
    for unit in units:
        for conference in conferences.hosted_on(unit):
            commit(conferences, decide_lost(conference, unit, uow.now))


def _move_domains_off_units(uow: FailoverUnitOfWork, domains: Sequence[str]) -> None:
    """Take the conferences of these user domains off their media units; each waits for another unit."""
    conferences = uow.conferences
    for conference in conferences.of_user_domains(domains):
        if unit := conference.unit:
            commit(conferences, decide_lost(conference, unit, uow.now, avoid=(unit,)))


def set_mode(platform: str, room: str, mode: str, operator: str) -> None:
    """Set a machine room's mode: "on": abnormal (not to be used); "off": normal; "auto": its media units decide.

    The change is published at once; `operator` is the name of who asks. Raises Closed if another site serves
    the platform.
    """
    with begin(platform) as uow:
        if not uow.is_open:
            raise Closed("the rooms of this platform are decided on at the site that serves it now")
        rooms = RoomWatch.objects.using(uow.database)
        rooms.update_or_create(room=room, defaults={"mode": mode})
        name = MachineRoom.objects.using(uow.database).get(pk=room).name
    register_view.add_event(
        platform, own_platform(), "room", f"room {name}: {MODES[mode]}, says {operator}"
    )
    update_rooms(platform)
