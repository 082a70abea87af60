"""The PMS of a site, and what its CSS believes of what it says: notices may be lost, late, doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from conferences.rules.states import Unit
from failover.rules import decisions
from failover.rules.cell_facts import RegisterRow
from failover.rules.decisions import Room
from foundation.bus.message import Message
from tests.simulation.broken import Broken
from wire.platforms import PlatformState, RoomState, State

ROOMS = ("room-a", "room-b")


@dataclass(slots=True)
class KnownNotices:
    """The newest notices that a site's CSS has heard of each room and platform. As `FailoverUnitOfWork.hears`."""

    orders: dict[str, tuple[int, int]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)

    def hears(self, subject: str, order: tuple[int, int], state: str) -> bool:
        """Record a notice, and tell whether it is news."""
        if not decisions.is_newer(self.orders.get(subject), order):
            return False
        self.orders[subject], self.states[subject] = order, state
        return True


@dataclass(slots=True)
class Pms:
    """The PMS of one site, which looks at its rooms and platforms."""

    platform: str
    tell: Callable[[Message], None]
    rooms: dict[str, Room] = field(default_factory=lambda: {room: Room() for room in ROOMS})
    _told: dict[str, PlatformState] = field(default_factory=dict)

    def watch_rooms(
        self, units: dict[Unit, str], alive: set[Unit], epoch: int, now: object
    ) -> None:
        """Do as `flows.rooms.update_rooms`. `units`: all that were ever seen, and the room in which each stands."""
        seen = Counter(units.values())
        living = Counter(room for unit, room in units.items() if unit in alive)
        for name, before in self.rooms.items():
            others = any(living[n] and not o.abnormal for n, o in self.rooms.items() if n != name)
            after, because = decisions.decide_room(
                before,
                seen[name],
                living[name],
                now,  # type: ignore[arg-type]
                is_another_working=others,
            )
            self.rooms[name] = after
            if because:
                self.tell(self.notice(name, epoch))

    def remind(self, down: set[str], epoch: int) -> None:
        """Do as `flows.rooms.repeat_notices`. `down`: the rooms that CSS believes to be abnormal."""
        for name, room in self.rooms.items():
            if room.abnormal is not (name in down):
                self.tell(self.notice(name, epoch))

    def notice(self, room: str, epoch: int) -> RoomState:
        """Return the notice of a room's state."""
        state: State = "abnormal" if self.rooms[room].abnormal else "normal"
        return RoomState(
            platform=self.platform,
            room=room,
            state=state,
            user_domains=(),
            epoch=epoch,
            number=self.rooms[room].number,
        )

    def watch_platforms(self, register: dict[str, tuple[RegisterRow, int]]) -> None:
        """Do as `flows.platforms.publish_changes`. `known`: the register, where it is reachable."""
        for platform, (row, number) in register.items():
            notice = self.state(row, number)
            if notice != self._told.get(platform):
                self._told[platform] = notice
                self.tell(notice)

    def state(self, row: RegisterRow, number: int) -> PlatformState:
        """Return the notice of a platform's state."""
        return PlatformState(
            platform=row.platform,
            state=decisions.state_of(row),
            epoch=row.epoch,
            serving=row.owner,
            mains=(),
            backups=(),
            number=number,
        )


@dataclass(slots=True)
class PmsChecks:
    """The checks that the newest notice wins, whatever order they come in."""

    newest: dict[tuple[str, str], tuple[tuple[int, int], str]] = field(default_factory=dict)

    def after(
        self, site: str, subject: str, order: tuple[int, int], state: str, of: KnownNotices
    ) -> None:
        """Check a notice that a site's CSS has heard."""
        newest = self.newest.get((site, subject))
        if newest is None or order > newest[0]:
            newest = self.newest[site, subject] = (order, state)
        if (of.orders[subject], of.states[subject]) != newest:
            raise Broken(
                "notice", f"{site} believes {of.states[subject]} of {subject}, not {newest}"
            )
