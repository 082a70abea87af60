"""The media units of one site, and the queues from which they read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from conferences.rules.states import Unit
from foundation.bus.message import dumps, to_body
from foundation.bus.outgoing import Send
from media_unit.simulated_faults import FaultOrder, FaultyUnit
from media_unit.simulated_unit import SimulatedUnit
from tests.memory_letter import Letter
from tests.simulation.scenery import unit_descriptions
from wire.routes import unit_key

if TYPE_CHECKING:
    from tests.simulation.world import World


class Units:
    """The simulated media units of a site, which use the broker of their site only."""

    def __init__(self, world: World, site: str) -> None:
        self.world, self.site = world, site
        plates = unit_descriptions(world.rng, site, len(world.sites))
        chance = world.rng.random
        self.all = {
            Unit(p.ip, p.pid, site): FaultyUnit(SimulatedUnit(p), chance, chance()) for p in plates
        }
        self.rooms = {Unit(p.ip, p.pid, site): p.room or "" for p in plates}
        self._keys = {unit: unit_key(unit.ip, unit.pid) for unit in self.all}
        self._units = {key: unit for unit, key in self._keys.items()}
        self._waiting: dict[str, list[Letter]] = {key: [] for key in self._units}

    def connect(self) -> None:
        """Let all units find the broker."""
        for unit, faulty in self.all.items():
            self.say(unit, faulty.connect(self.world.now))

    def has(self, key: str) -> bool:
        """Tell whether a unit reads with this key."""
        return key in self._units

    def tick(self) -> None:
        """Let units say what they say by themselves; one that was away reads what has waited in its queue."""
        for unit, faulty in self.all.items():
            self.say(unit, faulty.tick(self.world.now))
            if faulty.is_consuming and self._waiting[self._keys[unit]]:
                letters, self._waiting[self._keys[unit]] = self._waiting[self._keys[unit]], []
                for letter in letters:
                    self.world.at(self.world.t + 0.01, self.take, letter)

    def take(self, letter: Letter) -> None:
        """Deliver a letter to one of the units."""
        unit = self._units[letter.key]
        faulty = self.all[unit]
        if not faulty.is_consuming:
            self._waiting[letter.key].append(letter)
            return
        assert letter.sent_at is not None
        age = self.world.now - letter.sent_at
        if letter.expires_ms and age > timedelta(milliseconds=letter.expires_ms):
            return
        body = orjson.loads(letter.body)
        sends = faulty.handle(body, letter.correlation_id, self.world.now)
        if "incarnation" in body:
            self.world.ledger.after_command(unit, faulty, body["confE164"])
        self.say(unit, sends)

    def say(self, unit: Unit, sends: list[Send]) -> None:
        """Publish a unit's message."""
        for send in sends:
            self.world.ledger.reports.note(unit, send.message)
            route = send.route.value
            letter = Letter(
                body=dumps(to_body(send.message)),
                exchange=route.exchange,
                key=route.key,
                app_id=f"cmu@{unit}",
                correlation_id=send.correlation_id,
                sent_at=self.world.now,
            )
            self.world.post(letter, self.site)

    def wish(self, unit: Unit, body: dict[str, Any]) -> None:
        """Let a member of a conference on this unit ask for a change."""
        self.say(unit, self.all[unit].act_for_participant(body, self.world.now))

    def suffer(self, unit: Unit, order: FaultOrder) -> None:
        """Give a unit a fault, or heal it."""
        self.world.say(f"{self.site} {unit}: {order.fault} for {order.seconds} s")
        self.say(unit, self.all[unit].apply_fault(order, self.world.now))
