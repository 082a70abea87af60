"""Faults befall units, our own processes, Redis, rooms, sites and links; and people wish for changes."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from conferences.rules.states import Unit
from media_unit.simulated_faults import Fault, FaultOrder
from tests.simulation.network import REGISTER
from tests.simulation.pms import ROOMS

if TYPE_CHECKING:
    from tests.simulation.place import Place
    from tests.simulation.world import World

_LASTS = {
    Fault.DIE: (2, 8, 20, 40),
    Fault.FREEZE: (3, 8, 16, 45),
    Fault.OLD_LIST: (3, 10, 20),
    Fault.REFUSE: (5, 20),
    Fault.SILENT: (5, 12, 30),
    Fault.LATE: (2, 6),
    Fault.TWICE: (10, 30),
}


class Trouble:
    """The trouble causes at most one fault a step, as the weather wants it."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def _rng(self) -> Random:
        return self.world.rng

    def _place(self) -> Place:
        return self._rng.choice(list(self.world.places.values()))

    def act(self) -> None:
        """Perhaps cause a fault; perhaps let somebody in a conference wish something."""
        weather, rng = self.world.weather, self._rng
        if weather.all_silent and rng.random() < weather.all_silent:
            for unit in self.world.units():
                self._suffer(unit, FaultOrder(fault=Fault.SILENT, seconds=20))
        if rng.random() < weather.unit_faults:
            self._fail_unit()
        if weather.part_faults and rng.random() < weather.part_faults:
            rng.choice((self._css, self._relay, self._pool, self._wipe, self._room))(self._place())
        if weather.site_faults and rng.random() < weather.site_faults:
            self._site()
        if weather.slow_hosts and rng.random() < weather.slow_hosts:
            rng.choice((self._slow, self._block_broker))(self._place())
        if rng.random() < 0.06:
            self._wish()
        if rng.random() < 0.01:
            self._move()

    def end(self) -> None:
        """End all faults."""
        world = self.world
        for place in world.places.values():
            self._back(place)
            place.css_sleeps_until = place.relay_sleeps_until = place.rms.away_until = 0.0
            place.broker_blocked_until = place.slow_until = place.agents_stall_until = 0.0
            for name, room in place.pms.rooms.items():
                place.pms.rooms[name] = replace(room, mode="auto")
        world.network.heal()
        world.network_changed()
        for managers in world.managers.values():
            managers.answers_renames = True
        for unit in world.units():
            self._suffer(unit, FaultOrder(fault=Fault.NONE))

    # ---- units ----------------------------------------------------------------------------------

    def _fail_unit(self) -> None:
        fault = self._rng.choice(list(_LASTS))
        seconds = self._rng.choice(_LASTS[fault])
        share = self._rng.choice((0.3, 1.0)) if fault in (Fault.REFUSE, Fault.LATE) else 1.0
        if fault is Fault.LATE and self._rng.random() < 0.5:
            fault, seconds = Fault.NONE, 0
        units = self.world.units()
        hit = units if self._rng.random() < 0.25 else [self._rng.choice(units)]
        for unit in hit:
            self._suffer(unit, FaultOrder(fault=fault, seconds=seconds, share=share))

    def _suffer(self, unit: Unit, order: FaultOrder) -> None:
        self.world.places[unit.site].units.suffer(unit, order)

    def _wish(self) -> None:
        units = [item for place in self.world.places.values() for item in place.units.all.items()]
        conferences = [(u, e) for u, f in units for e in f.unit.conferences]
        if not conferences:
            return
        unit, e164 = self._rng.choice(conferences)
        wish = self._rng.choices(("rename", "extend", "end"), (4, 3, 1))[0]
        name = f"name {self.world.events}"
        body = {"do": wish, "confE164": e164, "confname": name, "delay": 2}
        self.world.places[unit.site].units.wish(unit, body)

    def _move(self) -> None:
        place = self._place()
        for cell in place.served():
            if cell.data.live:
                place.move(cell, self._rng.choice(list(cell.data.live)))
                return

    # ---- our own parts --------------------------------------------------------------------------

    def _css(self, place: Place) -> None:
        # Agents look once a second: workers that lived for less in between were not seen.
        if self.world.t - place.css_sleeps_until > 1.0:
            place.css_slept_at = self.world.t
        place.css_sleeps_until = self.world.t + self._rng.choice((1, 5, 20, 70))
        self.world.say(f"{place.name}: all workers stop for a while")

    def _slow(self, place: Place) -> None:
        place.slow_until = self.world.t + self._rng.choice((10, 30, 60))
        self.world.say(f"{place.name}: the host is slow for a while")

    def _block_broker(self, place: Place) -> None:
        place.broker_blocked_until = self.world.t + self._rng.choice((5, 20, 60))
        self.world.say(f"{place.name}: the broker is blocked for a while")

    def _relay(self, place: Place) -> None:
        place.relay_sleeps_until = self.world.t + self._rng.choice((2, 5, 16))
        self.world.say(f"{place.name}: the relay stops for a while")

    def _pool(self, place: Place) -> None:
        place.rms.away_until = self.world.t + self._rng.choice((2, 10, 30))
        self.world.say(f"{place.name}: Redis is away for a while")

    def _wipe(self, place: Place) -> None:
        place.rms.wipe()
        self.world.say(f"{place.name}: Redis was emptied")

    def _room(self, place: Place) -> None:
        """Let an operator say how a room is, or leave it to the PMS."""
        name, mode = self._rng.choice(ROOMS), self._rng.choice(("on", "auto", "auto"))
        others = any(room.mode == "on" for n, room in place.pms.rooms.items() if n != name)
        mode = "auto" if others else mode
        place.pms.rooms[name] = replace(place.pms.rooms[name], mode=mode)
        self.world.say(f"{place.name}: mode of {name}: {mode}")

    # ---- sites, and what lies between them ------------------------------------------------------

    def _site(self) -> None:
        """Cause a fault that only a second site survives."""
        place = self._place()
        seconds = self._rng.choice((2, 6, 15, 40))
        choice = self._rng.randrange(7)
        if choice < 2:
            self._kill(place, seconds)
        elif choice == 2:
            self._down(place, seconds, Fault.FREEZE)
        elif choice == 3:
            self._isolate(place, seconds)
        elif choice == 4:
            self._cut(place, seconds)
        elif choice == 5:
            self._flap(place)
        else:
            self._drill(place)

    def _kill(self, place: Place, seconds: float) -> None:
        """Kill a process, sometimes between commit and publish."""
        if self._rng.random() < 0.5:
            place.relay_sleeps_until = self.world.t + seconds
            self.world.at(self.world.t + 0.5, self._down, place, seconds, Fault.DIE)
        else:
            self._down(place, seconds, Fault.DIE)

    def _down(self, place: Place, seconds: float, fault: Fault) -> None:
        """Kill or freeze the whole site, with all units."""
        world = self.world
        if not world.network.up(place.name) or world.weather.name == "calm":
            return
        world.say(f"{place.name}: {fault} for {seconds} s")
        world.network.down(place.name)
        world.network_changed()
        place.back_at = world.t + seconds
        for unit in place.units.all:
            self._suffer(unit, FaultOrder(fault=fault, seconds=seconds))
        world.at(place.back_at, self._back, place)
        place.wiped = fault is Fault.DIE

    def _back(self, place: Place) -> None:
        """Let a site run again; a Redis that was killed is filled again."""
        world = self.world
        if world.network.up(place.name):
            return
        world.say(f"{place.name}: back")
        world.network.back(place.name)
        place.back_at = 0.0
        if place.wiped:
            place.rms.wipe()
            place.told.clear()
        world.network_changed()

    def _isolate(self, place: Place, seconds: float) -> None:
        if self.world.weather.name == "calm":
            return
        self._change(place, "isolated", isolate=True)
        self.world.at(self.world.t + seconds, self._change, place, "linked again")

    def _change(self, place: Place, word: str, *, isolate: bool = False) -> None:
        self.world.say(f"{place.name}: {word}")
        self.world.network.isolate(place.name, on=isolate)
        self.world.network_changed()

    def _cut(self, place: Place, seconds: float) -> None:
        """Cut one link, to a peer or to the register, in one direction or both."""
        others = [name for name in (*self.world.sites, REGISTER) if name != place.name]
        other_site = self._rng.choice(others)
        ways = [(place.name, other_site), (other_site, place.name)]
        for way in ways if self._rng.random() < 0.5 else [self._rng.choice(ways)]:
            self._link(*way, True)
            self.world.at(self.world.t + seconds, self._link, *way, False)

    def _link(self, sender: str, receiver: str, cut: bool) -> None:
        change = self.world.network.cut if cut else self.world.network.mend
        change(sender, receiver)
        self.world.say(f"{sender} -> {receiver}: {'cut' if cut else 'mended'}")
        self.world.network_changed()

    def _flap(self, place: Place) -> None:
        for n in range(4):
            self.world.at(self.world.t + 3 * n, self._isolate, place, 1 + self._rng.random())

    def _drill(self, place: Place) -> None:
        """Let an operator hand a platform over, to its backup or home."""
        place.own.hand_over("an operator's wish")
