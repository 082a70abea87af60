"""A world has one, two or three simulated sites, the register between them, and messages on their way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from conferences.rules.states import Unit
from failover.rules.cell_facts import RegisterRow
from foundation.bus.message import Message, dumps, to_body
from foundation.clock import id_at
from tests.memory_closed import Away
from tests.memory_letter import Letter
from tests.simulation import registries, rest
from tests.simulation.broken import Broken
from tests.simulation.cells import Cell
from tests.simulation.clock import Clock
from tests.simulation.invariants import Invariants, Ledger
from tests.simulation.judges import LIMITS, since
from tests.simulation.managers import PATIENCE, REPLY_QUEUE, Managers
from tests.simulation.network import Network
from tests.simulation.people import People
from tests.simulation.place import Place
from tests.simulation.pms import PmsChecks
from tests.simulation.scenery import SITES, unit_of_work_of
from tests.simulation.trouble import Trouble
from tests.simulation.weather import CALM, Weather, weather_of
from wire.routes import DEAD_QUEUE, Routes

CONFERENCES = 10
SETTLES_IN = 170.0
"""Seconds until all is at rest: a list from every unit (60 s), restores (10 s), and once more."""
LAST_WISHES_IN = 30.0
"""Of these, the last ones: nothing is lost any more, and whoever asks has his answer."""
JUST_BACK = 1.0
"""Seconds between two looks of an agent, in which it may not have heard yet that a site is back."""
SAID_AGAIN_IN = 12.0
"""Until then a site has asked once more for an end that was not heard (10 s, and the timers)."""
HOME_IN = 12.0
"""Until then each site serves its own platform again; before, it asks for nothing (well for 8 s, and the agents)."""

_CSS = {
    r.value.queue
    for r in (
        Routes.TO_UPU,
        Routes.CM_TO_CSS,
        Routes.CM_TO_UNIT,
        Routes.UNIT_TO_CSS,
        Routes.RMS_TO_CSS,
        Routes.PLATFORM_NOTICE,
    )
}
_QUEUES = {(r.value.exchange, r.value.key): r.value.queue for r in Routes if r.value.queue}
_RMS = {Routes.TO_RMS.value.queue, Routes.NODE_TO_RMS.value.queue}
_CM = {Routes.CSS_TO_CM.value.queue, Routes.STATE_TO_CM.value.queue, REPLY_QUEUE}
_TO_UNIT = Routes.CSS_TO_UNIT.value.exchange


def sites_of(seed: int) -> int:
    """Return the number of sites of a seed: a third each has one, two and three, with each kind of weather."""
    return seed // 5 % 3 + 1


class World(Clock):
    """A world runs one event after the other. The same seed gives the same story."""

    def __init__(self, seed: int, weather: Weather | None = None, sites: int = 0) -> None:
        super().__init__()
        self.seed, self.rng = seed, Random(seed)
        self.sites = SITES[sites or sites_of(seed)]
        self.many = len(self.sites) > 1
        self.weather = weather or weather_of(seed, many=self.many)
        self.network = Network(self.sites)
        self.cells = {name: self._cell(n) for n, name in enumerate(self.sites)}
        self.ledger, self.pms_checks = Ledger(), PmsChecks()
        self.checks = {p: Invariants(cell.data, self.ledger) for p, cell in self.cells.items()}
        self.places = {name: self._place(name) for name in self.sites}
        for cell in self.cells.values():
            cell.data.stands_in_abnormal_room = self._is_room_down
        self.managers = {
            p: Managers(self.rng, self.post, lambda: self.t, p, tuple(cell.sides))
            for p, cell in self.cells.items()
        }
        self.people = {p: People(self.rng, p) for p in self.cells}
        self.trouble = Trouble(self)
        self._last_id = 0
        self.timers_run = True
        self._prompt_from = 0.0
        self._start()

    def _cell(self, n: int) -> Cell:
        home, backup = self.sites[n], self.sites[(n + 1) % len(self.sites)] if self.many else ""
        row = RegisterRow(platform=home, home=home, backup=backup, epoch=1, owner=home, solo=False)
        return Cell(row, unit_of_work_of(home), self.network, self.say)

    def _place(self, name: str) -> Place:
        cells = {p: cell for p, cell in self.cells.items() if name in cell.sides}
        own = {name: cells.pop(name)}
        return Place(self, name, own | cells)

    def _start(self) -> None:
        if self.many:
            self._repeat(1.0, self._agents)
        for place in self.places.values():
            self._repeat(1.0, place.every_second)
            self._repeat(1.0, self._relay, place)
            self._repeat(60.0, place.ask_lists)
            self._repeat(10.0, place.poll_pms)
            place.units.connect()

    # ---- time -----------------------------------------------------------------------------------

    def _repeat(self, seconds: float, timer: Callable[..., None], *arguments: Place) -> None:
        self.at(self.t + seconds * self.rng.random(), self._every, seconds, timer, arguments)

    def _every(
        self, seconds: float, timer: Callable[..., None], arguments: tuple[Place, ...]
    ) -> None:
        self.at(self.t + seconds, self._every, seconds, timer, arguments)
        if self.timers_run:
            timer(*arguments)

    def step(self) -> None:
        """Run about half a second: deliver messages, and let units and people act."""
        self.run_until(self.t + self.rng.random())
        self._tick()
        self.trouble.act()
        self.rng.choice(list(self.managers.values())).act(CONFERENCES // len(self.sites) + 1)
        self._people()
        for managers in self.managers.values():
            if self.weather.healthy_bus:
                managers.check_answered(PATIENCE)
            else:
                managers.insist()

    def _people(self) -> None:
        """Let somebody keep something, where that is possible now."""
        if self.rng.random() < 0.05:
            place = self.rng.choice(list(self.places.values()))
            for cell in place.served() if place.awake else ():
                place.keep_room(cell)
                if kept := list(self.people[cell.row.platform].answered.values()):
                    room = self.rng.choice(kept)
                    self.managers[cell.row.platform].begin_kept(room.id, room.user_domain)

    def next_message_id(self) -> str:
        """Return the id of a row of an outbox, as `foundation.clock.next_id` makes it."""
        self._last_id = max(self._last_id + 1, id_at(self.now))
        return f"{self._last_id:x}"

    def _tick(self) -> None:
        for place in self.places.values():
            if self.network.up(place.name):
                place.units.tick()
            self.ledger.each_step(place.units.all, place.rms.pool)

    @property
    def prompt(self) -> bool:
        """Tell whether everything happens at once. What was lost during faults is sent again first."""
        return self.weather.healthy_bus and self.t >= self._prompt_from

    def settle(self) -> None:
        """Let everything come to rest: no more faults, and no new requests."""
        self.say("faults stop")
        self.weather = CALM
        self._prompt_from = self.t + HOME_IN + SAID_AGAIN_IN
        self.trouble.end()
        self._wait(SETTLES_IN - LAST_WISHES_IN)
        self._last_wishes()
        self._wait(LAST_WISHES_IN)
        self.timers_run = False
        self._wait(2.0)
        rest.check(self)

    def _wait(self, seconds: float) -> None:
        end = self.t + seconds
        while self.t < end:
            self._quiet_step()

    def _last_wishes(self) -> None:
        """Rename, prolong and control all that has outlived the faults, which is as good as new."""
        for place in self.places.values():
            for unit, faulty in place.units.all.items():
                for conference in list(faulty.unit.conferences.values()):
                    name = self.ledger.wished[unit, conference.e164, conference.incarnation] = (
                        f"last {conference.e164}"
                    )
                    body = {"do": "rename", "confE164": conference.e164, "confname": name}
                    place.units.wish(unit, body)
        for platform, managers in self.managers.items():
            managers.agrees = True
            managers.last_wishes(list(self.cells[platform].data.live))

    def _quiet_step(self) -> None:
        self.run_until(self.t + 1.0)
        self._tick()
        for managers in self.managers.values():
            managers.insist()

    # ---- cells --------------------------------------------------------------------------------

    def _agents(self) -> None:
        signs = {place.name: place.signs() for place in self.places.values()}
        for cell in self.cells.values():
            serves = self.places[cell.row.owner].serves(cell)
            cell.served_since = since(cell.served_since, self.t, serves)
            cell.tick(self.t, signs)
            self._check_moves(cell)

    def _check_moves(self, cell: Cell) -> None:
        """Check that no cell leaves an owner that serves, and none moves to a dead site. Raises Broken."""
        for loser, taker in cell.moves:
            if cell.served_since is not None and self.t - cell.served_since > JUST_BACK:
                raise Broken("moved", f"{cell.row.platform} moves from {loser}, which lives")
            if self.places[taker].workers_dead_for > LIMITS.pulse / 2 + JUST_BACK:
                raise Broken("moved", f"{cell.row.platform} moves to {taker}, which is dead")
        cell.moves.clear()

    def network_changed(self) -> None:
        """Let every cell look anew at what its copy has received."""
        for cell in self.cells.values():
            cell.look()

    def owners(self) -> dict[str, str]:
        """Return the owner of each platform, as the register says."""
        return {platform: cell.row.owner for platform, cell in self.cells.items()}

    # ---- what is on its way ---------------------------------------------------------------------

    def drain(self, place: Place, cell: Cell) -> None:
        """Send what lies in an outbox, in order, as `bus.relay.send_due_rows` does; forget what another site has."""
        if place.relay_sleeps_until > self.t or cell.row.owner != place.name:
            return
        for to, letters in list(cell.outbox.items()):
            if not to:
                letters = self._keep_for_writers(letters, cell, place.name)
            if letters and self.network.carries(place.name, to or place.name):
                for letter in letters:
                    if to or not _for_lost_unit(letter, place.name):
                        if letter.expires_ms and letter.sent_at != self.now:
                            letter = replace(letter, sent_at=self.now)
                        self.post(letter, to or place.name)
                if not to or self.network.linked(place.name, to):
                    letters.clear()

    def _keep_for_writers(self, letters: list[Letter], cell: Cell, site: str) -> list[Letter]:
        """Do as `bus.relay`: leave what another site wrote for its own registry to that site's broker."""
        kept: list[Letter] = []
        for letter in letters:
            meant = letter.via or letter.app_id.partition("@")[2]
            elsewhere = letter.exchange == registries.EXCHANGE and meant != site
            (cell.outbox[meant] if elsewhere else kept).append(letter)
        letters[:] = kept
        return letters

    def _relay(self, place: Place) -> None:
        if self.network.up(place.name):
            for cell in place.served():
                self.drain(place, cell)

    def post(self, letter: Letter, broker: str) -> None:
        """Send: it arrives soon; or late, twice, or never."""
        weather, rng = self.weather, self.rng
        if letter.sent_at is None:
            letter = replace(letter, sent_at=self.now)
        # What a registry is told is confirmed, and lies in a durable queue: it may be late, not lost.
        may_be_lost = letter.exchange != registries.EXCHANGE
        if weather.lost and may_be_lost and rng.random() < weather.lost:
            self.say(f"lost {letter.body[:48].decode()}")
            return
        copies = 2 if weather.doubled and rng.random() < weather.doubled else 1
        for _ in range(copies):
            late = weather.late and rng.random() < weather.late
            delay = rng.random() * weather.latest if late else 0.005 + rng.random() * 0.03
            self.at(self.t + delay, self._arrive, letter, broker)

    def _arrive(self, letter: Letter, broker: str) -> None:
        queue = _QUEUES.get((letter.exchange, letter.key)) or (
            letter.key if not letter.exchange else ""
        )
        place = self.places[broker]
        try:
            if queue in _CSS:
                place.take(letter, queue)
            elif queue in _RMS:
                place.rms.take(letter)
            elif queue in _CM:
                for managers in self.managers.values():
                    managers.hear(letter, broker)
            elif queue == DEAD_QUEUE:
                self.say(f"parked {letter.body[:48].decode()}")
            elif letter.exchange == _TO_UNIT and place.units.has(letter.key):
                place.units.take(letter)
        except Away:
            again = max(self.t + 0.9, place.back_at, place.css_sleeps_until)
            again += self.rng.random() * 0.1
            self.at(again, self._arrive, letter, broker)

    def answer_pms(self, place: Place, message: Message) -> None:
        """Let the PMS answer a question of CSS."""
        route = Routes.PLATFORM_NOTICE.value
        body = dumps(to_body(message))
        self.post(Letter(body=body, exchange=route.exchange, key=route.key), place.name)

    def _is_room_down(self, unit: Unit) -> bool:
        """Return whether a unit's room is down, as `conferences.data.queries.units_in_abnormal_rooms` does."""
        place = self.places[unit.site]
        rooms = {(u.ip, u.pid): room for u, room in place.units.rooms.items()}
        return rooms.get((unit.ip, unit.pid)) in place.own.data.abnormal_rooms

    def units(self) -> list[Unit]:
        """Return all media units."""
        return [unit for place in self.places.values() for unit in place.units.all]


def _for_lost_unit(letter: Letter, site: str) -> bool:
    """Do as `bus.relay`: tell whether another site wrote it for a unit of its own; a stranger here has that address."""
    return letter.exchange == _TO_UNIT and letter.app_id != f"css@{site}"


def run(seed: int, steps: int = 500, weather: Weather | None = None, sites: int = 0) -> World:
    """Run one world to its rest. Raises Broken, with the world as `world`."""
    world = World(seed, weather, sites)
    try:
        for _ in range(steps):
            world.step()
        world.settle()
    except Exception as error:
        error.world = world  # type: ignore[attr-defined]
        raise
    return world
