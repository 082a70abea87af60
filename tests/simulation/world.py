"""One simulated site: its workers, its pool, its units, its managers, and the bus between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from heapq import heappop, heappush
from random import Random
from typing import Any

import orjson

from conferences import flows
from conferences.commit import commit
from conferences.decisions.due import decide_due
from conferences.decisions.move import decide_move
from conferences.decisions.restore import decide_restore
from conferences.decisions.says import to_unit
from conferences.media.simulated_faults import FaultyUnit, Order
from conferences.media.simulated_unit import SimulatedUnit
from conferences.messages.pool import (
    GetResources,
    NodeLost,
    NodeRegistered,
    NodeUnregistered,
    ResourcesRefused,
    ResourcesUsed,
)
from conferences.messages.unit import AskUnitForList
from conferences.pool.choice import Room, rooms_for
from conferences.states import ConferenceState, Unit, next_due
from confplatform.bus import registry
from confplatform.bus.message import Message, dumps, to_body
from confplatform.bus.sending import Send
from confplatform.bus.topology import Routes, unit_key
from tests.memory import Letter
from tests.memory_pool import MemoryPool
from tests.simulation.invariants import Broken, Invariants
from tests.simulation.managers import PATIENCE, REPLY_QUEUE, Managers
from tests.simulation.scenery import EPOCH, PLATFORM, a_site, plates_of
from tests.simulation.trouble import Trouble
from tests.simulation.weather import CALM, Weather, weather_of

flows.register()

CONFERENCES = 10
SETTLES_IN = 170.0
"""Seconds until all is at rest: a list from every unit (60 s), restores (10 s), and once more."""

_CSS = {r.value.queue for r in (Routes.CM_TO_CSS, Routes.CM_TO_UNIT, Routes.UNIT_TO_CSS)} | {
    Routes.RMS_TO_CSS.value.queue
}
_QUEUES = {(r.value.exchange, r.value.key): r.value.queue for r in Routes if r.value.queue}
_RMS = {Routes.TO_RMS.value.queue, Routes.NODE_TO_RMS.value.queue}
_CM = {Routes.CSS_TO_CM.value.queue, Routes.STATE_TO_CM.value.queue, REPLY_QUEUE}


class World:
    """Everything, and one event after the other. The same seed tells the same story."""

    def __init__(self, seed: int, weather: Weather | None = None) -> None:
        self.seed, self.rng = seed, Random(seed)
        self.weather = weather or weather_of(seed)
        self.t = 0.0
        self.now = EPOCH
        self.log: list[str] = []
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.events = 0
        self.site = a_site()
        self.invariants = Invariants(self.site)
        self.pool = MemoryPool(PLATFORM)
        plates = plates_of(self.rng)
        self.units = {
            Unit(p.ip, p.pid, "main"): FaultyUnit(
                SimulatedUnit(p), self.rng.random, self.rng.random()
            )
            for p in plates
        }
        self._waiting: dict[str, list[Letter]] = {
            unit_key(unit.ip, unit.pid): [] for unit in self.units
        }
        self._by_key = {unit_key(unit.ip, unit.pid): faulty for unit, faulty in self.units.items()}
        rooms = {Unit(p.ip, p.pid, "main"): p.room or "" for p in plates}
        self.site.room_of_unit = lambda unit: rooms.get(unit, "")
        self.managers = Managers(self.rng, self.post, lambda: self.t)
        self.trouble = Trouble(self)
        self.css_sleeps_until = self.relay_sleeps_until = self.pool_away_until = 0.0
        self.timers_run = True
        for seconds, timer in ((1.0, self._due), (1.0, self._watch_pool), (60.0, self._ask_lists)):
            self.at(self.t + seconds * self.rng.random(), self._every, seconds, timer)
        for unit, faulty in self.units.items():
            self._post_of(unit, faulty.connect(self.now))

    # ---- time -----------------------------------------------------------------------------------

    def at(self, t: float, event: Callable[..., None], *arguments: Any) -> None:
        """Let this happen at that time."""
        self.events += 1
        heappush(self._heap, (t, self.events, event, arguments))

    def _move_to(self, t: float) -> None:
        self.t = t
        self.now = EPOCH + timedelta(seconds=t)

    def _until(self, t: float) -> None:
        while self._heap and self._heap[0][0] <= t:
            at, _, event, arguments = heappop(self._heap)
            self._move_to(at)
            event(*arguments)
        self._move_to(t)

    def _every(self, seconds: float, timer: Callable[[], None]) -> None:
        self.at(self.t + seconds, self._every, seconds, timer)
        if self.timers_run and self.css_sleeps_until <= self.t:
            timer()

    def step(self) -> None:
        """Half a second or so: what arrives, what units say by themselves, what somebody does."""
        self._until(self.t + self.rng.random())
        for unit, faulty in self.units.items():
            was_away = bool(self._waiting[unit_key(unit.ip, unit.pid)])
            self._post_of(unit, faulty.tick(self.now))
            if was_away and faulty.consumes:
                self._catch_up(unit_key(unit.ip, unit.pid))
        self.trouble.act()
        self.managers.act(CONFERENCES)
        self.check()

    def check(self) -> None:
        """What must hold between two steps."""
        self.invariants.each_step(self.units.values(), self.pool)
        if self.weather.healthy_bus:
            self.managers.check_answered(PATIENCE)
        else:
            self.managers.insist()

    def settle(self) -> None:
        """No more faults, and nobody asks for more: everything must come to rest, served."""
        self.say("faults stop")
        self.weather = CALM
        self.trouble.end()
        end = self.t + SETTLES_IN
        while self.t < end:
            self._quiet_step()
        self.timers_run = False
        for _ in range(4):
            self._quiet_step()
        self.managers.check_answered(PATIENCE)
        self.invariants.at_rest(self.units, self.pool)

    def _quiet_step(self) -> None:
        self._until(self.t + 0.5)
        for unit, faulty in self.units.items():
            self._post_of(unit, faulty.tick(self.now))
            if faulty.consumes and self._waiting[unit_key(unit.ip, unit.pid)]:
                self._catch_up(unit_key(unit.ip, unit.pid))
        self.invariants.each_step(self.units.values(), self.pool)
        self.managers.insist()

    def say(self, what: str) -> None:
        """One line of the log."""
        self.log.append(f"{self.t:9.3f} {what}")

    # ---- the bus --------------------------------------------------------------------------------

    def post(self, letter: Letter) -> None:
        """Send: it arrives soon; or late, twice, or never."""
        weather, rng = self.weather, self.rng
        if letter.sent_at is None:
            letter = replace(letter, sent_at=self.now)
        if weather.lost and rng.random() < weather.lost:
            self.say(f"lost {letter.body[:48].decode()}")
            return
        copies = 2 if weather.doubled and rng.random() < weather.doubled else 1
        for _ in range(copies):
            late = weather.late and rng.random() < weather.late
            delay = rng.random() * weather.latest if late else 0.005 + rng.random() * 0.03
            self.at(self.t + delay, self._arrive, letter)

    def _arrive(self, letter: Letter) -> None:
        queue = _QUEUES.get((letter.exchange, letter.key)) or (
            letter.key if not letter.exchange else ""
        )
        if queue in _CSS:
            self._to_css(letter, queue)
        elif queue in _RMS:
            self._to_pool(letter)
        elif queue in _CM:
            self.managers.hear(letter)
        elif letter.key in self._by_key:
            self._to_unit(letter)

    # ---- CSS ------------------------------------------------------------------------------------

    def _to_css(self, letter: Letter, queue: str) -> None:
        if self.css_sleeps_until > self.t:
            self.at(self.css_sleeps_until + self.rng.random() * 0.1, self._arrive, letter)
            return
        self.site.take(letter, queue, self.now)
        self._committed(letter.body[9:41].decode(errors="replace"))
        body = orjson.loads(letter.body)
        if body["type"] == "CMU_MAU_CONFLIST_NTF":
            self.invariants.after_list(body)

    def _committed(self, why: str) -> None:
        """A transaction of CSS: logged, checked, and what it says is sent."""
        site = self.site
        for note in site.notes:
            self.say(f"{why}: {note}")
        self.invariants.after()
        for letter in site.outgoing:
            if self.relay_sleeps_until > self.t:
                self.at(self.relay_sleeps_until, self.post, letter)
            else:
                self.post(letter)

    def _due(self) -> None:
        site = self.site
        site.begin(self.now)
        for c in list(site.live.values()):
            moment = next_due(c)
            if moment is None or moment > self.now:
                continue
            changes = len(site.changes)
            commit(site, decide_due(c, self.now))
            if len(site.changes) == changes:
                raise Broken("hot loop", f"{c.e164} is due at {moment}, and nothing is done")
        if site.changes:
            self._committed("due")
        if self.weather.healthy_bus:
            self.invariants.in_time(self.now)

    def _restore_pending(self) -> None:
        """As `flows.due.restore_pending`: places are free, all that wait are asked for."""
        site = self.site
        site.begin(self.now)
        for c in sorted(site.live.values(), key=lambda c: c.created_at):
            if c.answer_by is None and c.state is ConferenceState.PENDING_RESTORE:
                commit(site, decide_restore(c, self.now))
        self._committed("places are free")

    def _tell(self, message: Message, route: Routes) -> None:
        """Say something that follows from no conference."""
        self.site.begin(self.now)
        self.site.send(Send(message=message, route=route))
        self._committed(message.type)

    def _ask_lists(self) -> None:
        self.site.begin(self.now)
        asked = [*self.units, *(c.unit for c in self.site.live.values() if c.unit)]
        for unit in dict.fromkeys(asked):
            self.site.send(to_unit(unit, AskUnitForList(), expires_ms=15_000))
        self._committed("lists")

    # ---- RMS ------------------------------------------------------------------------------------

    def _to_pool(self, letter: Letter) -> None:
        message = registry.read(orjson.loads(letter.body))
        away = self.pool_away_until > self.t
        match message:
            case GetResources():
                self._answer_question(letter, message, away)
            case NodeUnregistered():
                self._lost(Unit(message.ip, message.pid, "main"))
            case NodeRegistered() if not away:
                self._beat(message)
            case ResourcesUsed() if not away and self.pool.became(message):
                self._restore_pending()

    def _beat(self, message: NodeRegistered) -> None:
        unit = Unit(message.ip, message.pid, "main")
        heard = self.pool.state(message, self.now)
        if heard == "drift" and self._recount(unit):
            heard = "hungry"
        if heard in ("new", "hungry"):
            self._restore_pending()

    def _recount(self, unit: Unit) -> bool:
        """As `pool.units.recount`: what no longer lives on a unit is given back."""
        hungry = False
        for e164 in self.pool.used_on(unit):
            c = self.site.live.get(e164)
            if c is None or c.unit != unit or c.state is ConferenceState.PENDING_RESTORE:
                self.say(f"the pool counted {e164} on {unit}")
                hungry |= self.pool.free(unit, e164)
            else:
                self.pool.count_again(unit, c)
        return hungry

    def _answer_question(self, letter: Letter, question: GetResources, away: bool) -> None:
        if away and self.rng.random() < 0.5:
            return
        answer: Message = ResourcesRefused()
        if not away:
            room = self.site.facts[question.user_domain].room
            rooms = rooms_for(room, self._rooms())
            answer = self.pool.ask(question, rooms, self.now)
        words = dumps(to_body(answer))
        answered = Letter(
            body=words,
            exchange="",
            key=letter.reply_to,
            app_id="rms@main",
            correlation_id=letter.correlation_id,
        )
        slow = self.rng.random() < self.weather.slow_pool
        self.at(self.t + (self.rng.random() * 2.2 if slow else 0), self.post, answered)

    def _rooms(self) -> list[Room]:
        down = self.site.abnormal_rooms
        return [("room-a", True, "room-a" in down), ("room-b", False, "room-b" in down)]

    def _watch_pool(self) -> None:
        if self.pool_away_until <= self.t:
            for unit in self.pool.silent(self.now):
                self._lost(unit)

    def _lost(self, unit: Unit) -> None:
        self.say(f"{unit} is lost")
        self._tell(NodeLost(restype="mcu", ip=unit.ip, pid=unit.pid), Routes.UNIT_TO_CSS)
        self.pool.gone(unit, self.now)

    # ---- units ----------------------------------------------------------------------------------

    def _to_unit(self, letter: Letter) -> None:
        faulty = self._by_key[letter.key]
        if not faulty.consumes:
            self._waiting[letter.key].append(letter)
            return
        assert letter.sent_at is not None
        age = self.now - letter.sent_at
        if letter.expires_ms and age > timedelta(milliseconds=letter.expires_ms):
            return
        body = orjson.loads(letter.body)
        plate = faulty.unit.plate
        said = faulty.hear(body, letter.correlation_id, self.now)
        if "incarnation" in body:
            self.invariants.after_command(letter.key, faulty, body["confE164"])
        self._post_of(Unit(plate.ip, plate.pid, "main"), said)

    def _catch_up(self, key: str) -> None:
        """A unit that was away takes what has waited in its queue."""
        letters, self._waiting[key] = self._waiting[key], []
        for letter in letters:
            self.at(self.t + 0.01, self._arrive, letter)

    def _post_of(self, unit: Unit, said: list[Send]) -> None:
        for send in said:
            route = send.route.value
            letter = Letter(
                body=dumps(to_body(send.message)),
                exchange=route.exchange,
                key=route.key,
                app_id=f"cmu@{unit}",
                correlation_id=send.correlation_id,
                sent_at=self.now,
            )
            self.post(letter)

    def wish(self, unit: Unit, body: dict[str, Any]) -> None:
        """Somebody in a conference on this unit wishes something."""
        self._post_of(unit, self.units[unit].wish(body, self.now))

    def suffer(self, unit: Unit, order: Order) -> None:
        """A unit takes a fault on, or is healed."""
        self._post_of(unit, self.units[unit].suffer(order, self.now))

    def move(self, e164: str) -> None:
        """An operator moves a conference off its unit, as `flows.move` does."""
        self.site.begin(self.now)
        commit(self.site, decide_move(self.site.live[e164], self.now))
        self._committed("operator")

    def wipe_pool(self) -> None:
        """Redis is emptied, and built again from the database."""
        self.pool.wipe(self.site.live.values(), self.now)


def run(seed: int, steps: int = 500, weather: Weather | None = None) -> World:
    """One world, to its rest. Raises Broken, with the world as `world`."""
    world = World(seed, weather)
    try:
        for _ in range(steps):
            world.step()
        world.settle()
    except Exception as wrong:
        wrong.world = world  # type: ignore[attr-defined]
        raise
    return world
