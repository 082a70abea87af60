"""What goes wrong in a world: units, our own processes, Redis, rooms; and what people wish."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from conferences.media.simulated_faults import Fault, Order
from conferences.states import Unit

if TYPE_CHECKING:
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
    """Does at most one bad thing a step, as the weather wants it."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def _rng(self) -> Random:
        return self.world.rng

    def act(self) -> None:
        """Perhaps something fails now; perhaps somebody in a conference wishes something."""
        weather = self.world.weather
        if weather.all_silent and self._rng.random() < weather.all_silent:
            for unit in self.world.units:
                self._suffer(unit, Order(fault=Fault.SILENT, seconds=20))
        if self._rng.random() < weather.unit_faults:
            self._fail_unit()
        if self._rng.random() < weather.site_faults:
            self._rng.choice((self._css, self._relay, self._pool, self._wipe, self._room))()
        if self._rng.random() < 0.06:
            self._wish()
        if self.world.site.live and self._rng.random() < 0.01:
            self.world.move(self._rng.choice(list(self.world.site.live)))

    def end(self) -> None:
        """All is well again."""
        world = self.world
        world.css_sleeps_until = world.relay_sleeps_until = world.pool_away_until = 0.0
        world.site.abnormal_rooms.clear()
        world.managers.answers_renames = True
        for unit in world.units:
            self._suffer(unit, Order(fault=Fault.NONE))

    def _fail_unit(self) -> None:
        fault = self._rng.choice(list(_LASTS))
        seconds = self._rng.choice(_LASTS[fault])
        share = self._rng.choice((0.3, 1.0)) if fault in (Fault.REFUSE, Fault.LATE) else 1.0
        if fault is Fault.LATE and self._rng.random() < 0.5:
            fault, seconds = Fault.NONE, 0
        units = list(self.world.units)
        hit = units if self._rng.random() < 0.25 else [self._rng.choice(units)]
        for unit in hit:
            self._suffer(unit, Order(fault=fault, seconds=seconds, share=share))

    def _suffer(self, unit: Unit, order: Order) -> None:
        world = self.world
        world.say(f"{unit}: {order.fault} for {order.seconds} s")
        world.suffer(unit, order)

    def _wish(self) -> None:
        held = [(u, e) for u, f in self.world.units.items() for e in f.unit.held]
        if not held:
            return
        unit, e164 = self._rng.choice(held)
        wish = self._rng.choices(("rename", "extend", "end"), (4, 3, 1))[0]
        self.world.wish(unit, {"do": wish, "confE164": e164, "confname": "new name", "delay": 2})

    # ---- our own parts --------------------------------------------------------------------------

    def _css(self) -> None:
        self.world.css_sleeps_until = self.world.t + self._rng.choice((1, 5, 20, 70))
        self.world.say("all workers stop for a while")

    def _relay(self) -> None:
        self.world.relay_sleeps_until = self.world.t + self._rng.choice((2, 5, 16))
        self.world.say("the relay stops for a while")

    def _pool(self) -> None:
        self.world.pool_away_until = self.world.t + self._rng.choice((2, 10, 30))
        self.world.say("Redis is away for a while")

    def _wipe(self) -> None:
        self.world.wipe_pool()
        self.world.say("Redis was emptied")

    def _room(self) -> None:
        rooms = self.world.site.abnormal_rooms
        room = self._rng.choice(("room-a", "room-b"))
        if room in rooms:
            rooms.discard(room)
        elif not rooms:
            rooms.add(room)
        self.world.say(f"abnormal rooms: {sorted(rooms)}")
