"""A resource pool without Redis keeps the accounts of `conferences/data/pool_scripts.py` in Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from conferences.rules.room_order import DEFAULT
from conferences.rules.states import Conference, ConferenceState, Unit
from wire.resource_pool import (
    GetResources,
    NodeRegistered,
    ResourcesGranted,
    ResourcesRefused,
    ResourcesUsed,
    UnitAmounts,
)

HELD_FOR = timedelta(seconds=15)
TIRED_FOR = timedelta(seconds=60)
SILENT_AFTER = timedelta(seconds=12)
DRIFTS = 5
"""After so many heartbeats in a row that show less than we count, we count again."""


Amount = tuple[int, int, int]
NOTHING: Amount = (0, 0, 0)


def plus(amount: Amount, other: Amount, sign: int = 1) -> Amount:
    """Return the sum (or difference) of two amounts of conferences, ports and HD conferences."""
    return (amount[0] + sign * other[0], amount[1] + sign * other[1], amount[2] + sign * other[2])


@dataclass(slots=True)
class Allocation:
    """The places on a unit for a number, promised (`until`) or used."""

    amount: Amount
    until: datetime | None


@dataclass(slots=True)
class Node:
    """A media unit as the pool knows it."""

    room: str
    platform: str
    capacity: Amount
    seen: datetime
    load: Amount = NOTHING
    foreign: Amount = NOTHING
    turn: int = 0
    drift: int = 0
    overbooked: bool = False
    """True if the pool was rebuilt while the unit had yet to refuse a late promise."""
    allocations: dict[str, Allocation] = field(default_factory=dict)

    def total(self, held_only: bool = False) -> Amount:
        """Return all that is placed on the unit as far as the pool knows."""
        total = NOTHING
        for allocation in self.allocations.values():
            if allocation.until or not held_only:
                total = plus(total, allocation.amount)
        return total

    def free(self) -> Amount:
        """Return what can be promised: neither placed by us nor reported beyond that."""
        return plus(plus(self.capacity, self.total(), -1), self.foreign, -1)


class MemoryPool:
    """The RMS of a simulated site."""

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.nodes: dict[Unit, Node] = {}
        self.known: dict[Unit, NodeRegistered] = {}
        self._tired: dict[Unit, datetime] = {}
        self._failed: dict[Unit, int] = {}
        self._hungry = False
        self._turn = 0
        self._watched: datetime | None = None
        self._watching_since = datetime.min.replace(tzinfo=UTC)

    # ---- requests -------------------------------------------------------------------------------

    def ask(
        self, question: GetResources, rooms: Sequence[str], now: datetime
    ) -> ResourcesGranted | ResourcesRefused:
        """Choose and promise in one step."""
        self._lapse(now)
        e164 = question.e164 or ""
        for node in self.nodes.values():
            promise = node.allocations.get(e164)
            if promise and promise.until:
                self._release(node, e164)
        amount = (1, question.places, int(question.resolution == "1080p"))
        excluded = {Unit.of(excluded_unit, self.platform) for excluded_unit in question.exclude}
        unit = self._choose(rooms, amount, excluded, now)
        if unit is None:
            self._hungry = True
            return ResourcesGranted()
        self._place(self.nodes[unit], e164, amount, now + HELD_FOR)
        return ResourcesGranted(
            mcu=msgspec.structs.replace(unit.as_message_field, platform=self.platform)
        )

    def _choose(
        self, rooms: Sequence[str], amount: Amount, excluded: set[Unit | None], now: datetime
    ) -> Unit | None:
        for weak in (False, True):
            for room in rooms:
                fitting = [
                    (node.free()[1], -node.turn, name_of(unit), unit)
                    for unit, node in self.nodes.items()
                    if node.room == room
                    and unit not in excluded
                    and (self._tired.get(unit, now) > now) is weak
                    and min(plus(node.free(), amount, -1)) >= 0
                ]
                if fitting:
                    return max(fitting)[3]
        return None

    # ---- notices --------------------------------------------------------------------------------

    def state(self, heartbeat: NodeRegistered, now: datetime) -> str:
        """Take a heartbeat, and return what follows from it.

        `new`: the unit was not there; `drift`: it has long held less than we count; `hungry`: it
        holds less than before, and a conference waits for places; `known`: nothing follows.
        """
        unit = Unit(heartbeat.ip, heartbeat.pid, self.platform)
        node = self.nodes.get(unit)
        fresh = node is None
        if node is None:
            node = self.nodes[unit] = Node("", "", NOTHING, now)
            self.known[unit] = heartbeat
        node.room, node.platform = heartbeat.room or DEFAULT, heartbeat.platform
        node.capacity, node.seen = _amount(heartbeat.capacity), now
        was, node.load = node.load, _amount(heartbeat.load)
        beyond = plus(node.load, node.total(), -1)
        node.foreign = (max(0, beyond[0]), max(0, beyond[1]), max(0, beyond[2]))
        used = plus(node.total(), node.total(held_only=True), -1)
        drifts = max(plus(used, node.load, -1)) > 0
        node.drift = (node.drift + 1) % DRIFTS if drifts else 0
        if fresh:
            return "new"
        if drifts and node.drift == 0:
            return "drift"
        return "hungry" if max(plus(was, node.load, -1)) > 0 and self._fed() else "known"

    def _fed(self) -> bool:
        was, self._hungry = self._hungry, False
        return was

    def used_on(self, unit: Unit) -> list[str]:
        """Return the numbers that are counted on a unit, without promises."""
        return [e for e, a in self.nodes[unit].allocations.items() if a.until is None]

    def became(self, notice: ResourcesUsed, now: datetime) -> bool:
        """Take notice of what became of a promise; True if places are free that somebody waits for."""
        unit = Unit.of(notice.mcu, self.platform)
        node = self.nodes.get(unit) if unit else None
        if unit is None or node is None or notice.e164 not in node.allocations:
            return False
        promise = node.allocations[notice.e164]
        if notice.state == "used":
            if promise.until:
                self._failed.pop(unit, None)
            promise.until = None
            return False
        if promise.until:
            self._avoid(unit, now)
        return self.free(unit, notice.e164)

    def _avoid(self, unit: Unit, now: datetime) -> None:
        """Avoid a unit that did not take what it was offered, each time twice as long."""
        failed = self._failed[unit] = min(self._failed.get(unit, 0) + 1, 7)
        self._tired[unit] = now + min(TIRED_FOR * 2 ** (failed - 1), timedelta(hours=1))

    def free(self, unit: Unit, e164: str) -> bool:
        """Give places back; True if somebody waits for places."""
        self._release(self.nodes[unit], e164)
        return self._fed()

    def count_again(self, unit: Unit, c: Conference) -> None:
        """Count what a conference really takes on a unit."""
        self._place(self.nodes[unit], c.e164, amount_of(c), None)

    def gone(self, unit: Unit, now: datetime) -> None:
        """Remove a unit that is lost or has left."""
        self._tired[unit] = now + TIRED_FOR
        self.nodes.pop(unit, None)
        self.known.pop(unit, None)

    def silent_resources(self, now: datetime) -> list[Unit]:
        """Return the units without a heartbeat for 12 s during which we listened."""
        last, self._watched = self._watched, now
        if last is None or now - last > timedelta(seconds=4):
            self._watching_since = now
        if now - self._watching_since < SILENT_AFTER:
            return []
        return [unit for unit, node in self.nodes.items() if node.seen <= now - SILENT_AFTER]

    def wipe(self, live: Iterable[Conference], now: datetime) -> None:
        """Empty the pool, and build it again from known units and live conferences."""
        self.nodes = {
            unit: Node(
                registered.room or DEFAULT, registered.platform, _amount(registered.capacity), now
            )
            for unit, registered in self.known.items()
        }
        self._tired, self._hungry, self._watched = {}, False, None
        for c in live:
            if c.unit in self.nodes and c.state is not ConferenceState.PENDING_RESTORE:
                until = now + HELD_FOR if c.answer_by else None
                self._place(self.nodes[c.unit], c.e164, amount_of(c), until)
        for node in self.nodes.values():
            node.overbooked = min(plus(node.capacity, node.total(), -1)) < 0

    # ---- accounts -------------------------------------------------------------------------------

    def _place(self, node: Node, e164: str, amount: Amount, until: datetime | None) -> None:
        self._release(node, e164)
        node.allocations[e164] = Allocation(amount, until)
        self._turn += 1
        node.turn = self._turn

    def _release(self, node: Node, e164: str) -> None:
        node.allocations.pop(e164, None)

    def _lapse(self, now: datetime) -> None:
        for node in self.nodes.values():
            over = [e for e, a in node.allocations.items() if a.until and a.until <= now]
            for e164 in over:
                self._release(node, e164)


def amount_of(c: Conference) -> Amount:
    """Return what a conference takes on a unit."""
    return 1, c.places, int(c.resolution == "1080p")


def name_of(unit: Unit) -> str:
    """Return the name of a unit, as `conferences.data.pool.name_of` does, which needs Django."""
    return f"{unit.ip}#{unit.pid}"


def _amount(wire_amounts: UnitAmounts | None) -> Amount:
    return (wire_amounts.confs, wire_amounts.ports, wire_amounts.hd) if wire_amounts else NOTHING
