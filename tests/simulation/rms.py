"""The RMS of a site: the memory pool behind its queue, as `conferences.api.pool_requests` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from conferences.rules.room_order import Room, rooms_for
from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.bus import registry
from foundation.bus.message import Message, dumps, to_body
from foundation.bus.outgoing import Send
from tests.memory_closed import Away
from tests.memory_letter import Letter
from tests.memory_pool import MemoryPool
from tests.simulation.cells import Gate
from tests.simulation.pms import ROOMS
from wire.resource_pool import (
    GetResources,
    NodeLost,
    NodeRegistered,
    NodeUnregistered,
    ResourcesRefused,
    ResourcesUsed,
)
from wire.routes import Routes

if TYPE_CHECKING:
    from tests.simulation.place import Place


class Rms:
    """The RMS of a site, which knows which of its units is free."""

    def __init__(self, place: Place) -> None:
        self.place, self.world = place, place.world
        self.pool = MemoryPool(place.name)
        self.away_until = 0.0

    @property
    def _away(self) -> bool:
        return self.away_until > self.world.t

    def take(self, letter: Letter) -> None:
        """Deliver a letter to the RMS. Raises Away."""
        if not self.world.network.up(self.place.name):
            raise Away
        message = registry.read_message(orjson.loads(letter.body))
        match message:
            case GetResources():
                self._answer(letter, message)
            case NodeUnregistered():
                self._lost(Unit(message.ip, message.pid, self.place.name))
            case NodeRegistered() if not self._away:
                self._beat(message)
            case ResourcesUsed() if not self._away and self.pool.became(message, self.world.now):
                self.place.restore_pending()

    def _beat(self, message: NodeRegistered) -> None:
        unit = Unit(message.ip, message.pid, self.place.name)
        answer = self.pool.state(message, self.world.now)
        if answer == "drift" and self._recount(unit):
            answer = "hungry"
        if answer in ("new", "hungry"):
            self.place.restore_pending()

    def _recount(self, unit: Unit) -> bool:
        """Do as `pool.units.recount`: release what no longer lives on a unit."""
        hungry = False
        for e164 in self.pool.used_on(unit):
            c = self._known(e164)
            if c is None or c.unit != unit or c.state is ConferenceState.PENDING_RESTORE:
                self.world.say(f"the pool of {self.place.name} counted {e164} on {unit}")
                hungry |= self.pool.free(unit, e164)
            else:
                self.pool.count_again(unit, c)
        return hungry

    def _known(self, e164: str) -> Conference | None:
        candidates = (
            cell.seen_from(self.place.name).get(e164) for cell in self.place.cells.values()
        )
        return next((c for c in candidates if c), None)

    def _answer(self, letter: Letter, question: GetResources) -> None:
        rng = self.world.rng
        if self._away and rng.random() < 0.5:
            return
        answer: Message = ResourcesRefused()
        if not self._away:
            facts = self.place.own.data.facts.get(question.user_domain)
            rooms = rooms_for(facts.room if facts else None, self._rooms())
            answer = self.pool.ask(question, rooms, self.world.now)
        answered = Letter(
            body=dumps(to_body(answer)),
            exchange="",
            key=letter.reply_to,
            app_id=f"rms@{self.place.name}",
            correlation_id=letter.correlation_id,
        )
        slow = rng.random() < self.world.weather.slow_pool
        late = rng.random() * 2.2 if slow else 0
        self.world.at(self.world.t + late, self.world.post, answered, self.place.name)

    def _rooms(self) -> list[Room]:
        down = self.place.own.data.abnormal_rooms
        return [(room, room == ROOMS[0], room in down) for room in ROOMS]

    def watch(self) -> None:
        """Report silent units as lost."""
        if not self._away:
            for unit in self.pool.silent_resources(self.world.now):
                self._lost(unit)

    def _lost(self, unit: Unit) -> None:
        """Tell CSS first, durably, that a unit is lost; tell nobody while our own data is closed."""
        if self.place.own.gate(self.place.name) is not Gate.OPEN:
            return
        self.world.say(f"{self.place.name} {unit} is lost")
        notice = NodeLost(restype="mcu", ip=unit.ip, pid=unit.pid)
        self.place.tell(Send(message=notice, route=Routes.UNIT_TO_CSS))
        self.pool.gone(unit, self.world.now)

    def wipe(self) -> None:
        """Empty Redis, and build it again from the databases."""
        units = [
            c
            for cell in self.place.cells.values()
            for c in cell.seen_from(self.place.name).values()
        ]
        self.pool.wipe(units, self.world.now)
