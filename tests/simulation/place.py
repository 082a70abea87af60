"""A simulated site has workers, a pool, units and a PMS, and handles letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from conferences.data.commit import commit
from conferences.flows.occurrences import handle_due
from conferences.rules.due import decide_due, decide_end_at_other_site
from conferences.rules.move import decide_move
from conferences.rules.outgoing import parse_rms_question, to_unit
from conferences.rules.restore import decide_lost, decide_restore
from conferences.rules.states import Conference, ConferenceState, Unit, next_due
from conferences.rules.takeover import decide_taken_over
from failover.rules.cell_facts import RegisterRow
from foundation.bus.message import Message
from foundation.bus.outgoing import Outgoing, Send
from tests import memory_closed
from tests.memory import MemoryUnitOfWork
from tests.memory_closed import Away
from tests.memory_letter import Letter
from tests.simulation import registries
from tests.simulation.broken import Broken
from tests.simulation.cells import Cell, Gate
from tests.simulation.judges import LIMITS, Signs
from tests.simulation.network import REGISTER
from tests.simulation.pms import KnownNotices, Pms
from tests.simulation.rms import Rms
from tests.simulation.units import Units
from wire.conference_manager import ReleaseConference
from wire.media_unit import AskUnitForList
from wire.platforms import PlatformState, RoomState
from wire.routes import Routes

if TYPE_CHECKING:
    from tests.simulation.world import World


_TO_REGISTRY = {"CSS_UPU_ADDCONF_NTF", "CSS_UPU_MDFCONF_NTF", "CSS_UPU_DELCONF_NTF"}
_TO_ALL = {"CMU_MAU_CONFLIST_NTF", "RMS_CSS_NODELOST_NTF"}
_ASKED_AGAIN_AFTER, _WARNED_AGAIN_AFTER = timedelta(seconds=10), timedelta(seconds=900)


class Place:
    """A site of the world."""

    def __init__(self, world: World, name: str, cells: Mapping[str, Cell]) -> None:
        self.world, self.name, self.cells = world, name, cells
        self.own = cells[name]
        self.units = Units(world, name)
        self.rms = Rms(self)
        self.heard = KnownNotices()
        self.pms = Pms(name, self._notice)
        self.css_sleeps_until = self.relay_sleeps_until = self.back_at = self.css_slept_at = 0.0
        self.broker_blocked_until = self.slow_until = self.agents_stall_until = self.beats_at = 0.0
        self.wiped = False
        self.told: dict[str, tuple[bool, int]] = {}
        """As `flows.number_reports._handled`: lost when the site is killed."""
        self._watched: dict[str, datetime] = {}

    @property
    def awake(self) -> bool:
        """Tell whether messages and timers get through to its software."""
        asleep = max(self.css_sleeps_until, self.broker_blocked_until) > self.world.t
        return self.world.network.up(self.name) and not asleep

    @property
    def software_lives(self) -> bool:
        """Tell whether a worker is alive. Whether the broker lets it work does not matter."""
        return self.world.network.up(self.name) and self.css_sleeps_until <= self.world.t

    @property
    def workers_dead_for(self) -> float:
        """Return the seconds for which no worker has been alive here; 0 while one is."""
        asleep = self.css_sleeps_until > self.world.t
        return self.world.t - self.css_slept_at if asleep else 0.0

    def signs(self) -> Signs:
        """Show once a second what the agents see; on a slow host they run, and beats come, now and then."""
        t, up, lives = self.world.t, self.world.network.up(self.name), self.software_lives
        runs, beats = up and self.agents_stall_until <= t, lives and self.beats_at <= t
        if self.slow_until > t:
            if runs:
                self.agents_stall_until = t + self.world.rng.choice((0, 4, 8, 14))
            if beats:
                self.beats_at = t + self.world.rng.choice((1, 4, 7))
        row = self.own.row
        asked = bool(row.backup) and row.wish == row.wish_by == row.backup
        doubted = row.owner != self.name or asked
        return Signs(runs=runs, lives=lives, beats=beats, doubted=doubted)

    def serves(self, cell: Cell) -> bool:
        """Tell whether it commits for this cell, with workers that are not known to be dead."""
        return cell.gate(self.name) is Gate.OPEN and self.workers_dead_for <= LIMITS.pulse

    def served(self) -> list[Cell]:
        """Return the cells that it may write now."""
        return [cell for cell in self.cells.values() if cell.gate(self.name) is Gate.OPEN]

    # ---- letters ------------------------------------------------------------------------------

    def take(self, letter: Letter, queue: str) -> None:
        """Deliver a letter to CSS: it is handled on the data of all platforms that it concerns. Raises Away."""
        if not self.awake:
            raise Away
        body = orjson.loads(letter.body)
        if body["type"] in (PlatformState.wire_type, RoomState.wire_type):
            self._hear_pms(body)
            return
        for cell in list(self._concerned(letter, body)):
            self._take(cell, letter, queue, body)

    def _concerned(self, letter: Letter, body: Mapping[str, Any]) -> Iterator[Cell]:
        """Yield the cells concerned, as `conferences.data.platform_resolver.platforms_of_messages` does."""
        kind = body["type"]
        if kind in _TO_ALL:
            yield from self.cells.values()
            return
        if kind in _TO_REGISTRY:
            yield self.cells[letter.via or self.name]
            return
        number = body.get("confE164") if kind != "CM_MAU_CREATECONF_REQ" else None
        if kind.startswith("GET_RES_"):
            number = parse_rms_question(letter.correlation_id)[0]
        home = self.home_of(number) if number else ""
        if not number:
            moid = body.get("moid")
            home = next((p for p, cell in self.cells.items() if moid in (p, *cell.data.facts)), "")
        yield self.cells[home or self.name]

    def home_of(self, number: str) -> str:
        """Return the platform of a number, as far as this site's data says so."""
        platforms = [p for p, cell in self.cells.items() if number in cell.seen_from(self.name)]
        platforms += [p for p, cell in self.cells.items() if number.startswith(cell.data.prefix)]
        return next(iter(platforms), "")

    def _take(self, cell: Cell, letter: Letter, queue: str, body: Mapping[str, Any]) -> None:
        gate, data, now = cell.gate(self.name), cell.data, self.world.now
        data.home_of = self.home_of if len(self.cells) > 1 else None
        if gate is Gate.OPEN:
            data.own_site = self.name
            data.take(letter, queue, now)
            self.commit(cell, letter.body[9:41].decode(errors="replace"))
            kind, asker = body["type"], body.get("ip") or letter.app_id
            checks = self.world.checks[cell.row.platform]
            checks.after_request(f"{kind} {body.get('reqid')} {body.get('confE164')} {asker}")
            if body["type"] == "CMU_MAU_CONFLIST_NTF":
                checks.after_list(body, letter.via or self.name)
        elif gate in (Gate.CLOSED, Gate.SHUT):
            serving = cell.serving_site(self.name)
            data.begin(now, self.name)
            memory_closed.take(data, letter, queue, now, serving, cell.seen_from(self.name))
            self._keep_at_home(data.outgoing)
        elif gate is Gate.BLOCKED or cell is self.own:
            raise Away

    def _keep_at_home(self, letters: list[Letter]) -> None:
        """Store letters about data that is closed here in our own outbox, or send them at once."""
        gate = self.own.gate(self.name)
        for letter in letters:
            if gate is Gate.OPEN:
                self.own.outbox[letter.destination].append(letter)
            elif self.world.network.carries(self.name, letter.destination or self.name):
                self.world.post(letter, letter.destination or self.name)
            else:
                raise Away
        self.world.drain(self, self.own)

    # ---- transactions -------------------------------------------------------------------------

    def begin(self, cell: Cell) -> MemoryUnitOfWork:
        """Return a transaction of a timer."""
        cell.data.home_of = self.home_of if len(self.cells) > 1 else None
        cell.data.begin(self.world.now, self.name)
        return cell.data

    def commit(self, cell: Cell, why: str) -> None:
        """End the transaction: log it, check it, and send its messages."""
        data = cell.data
        for note in data.notes:
            self.world.say(f"{self.name} {why}: {note}")
        self.world.checks[cell.row.platform].after(self.name, cell)
        for letter in data.outgoing:
            if letter.exchange == registries.EXCHANGE and not letter.message_id:
                letter = replace(letter, message_id=self.world.next_message_id())
            cell.outbox[letter.destination].append(letter)
        if data.outgoing:
            self.world.drain(self, cell)

    def tell(self, outgoing: Outgoing) -> None:
        """Say something that follows from no conference, by our own platform's outbox."""
        data = self.begin(self.own)
        data.send(outgoing)
        self.commit(self.own, outgoing.message.type)

    # ---- timers -------------------------------------------------------------------------------

    def every_second(self) -> None:
        """Run the timers of one second."""
        if not self.awake:
            return
        if self.world.many:
            self._keep_up()
        for cell in self.served():
            self._due(cell)
            self._start_reservations(cell)
        registries.follow(self)
        if self.world.many:
            self._watch_hosted()
        self.rms.watch()
        self._watch_pms()

    def _keep_up(self) -> None:
        """Do as `flows.takeover.follow_serving_sites`."""
        served = self.served()
        for cell in served:
            side = cell.sides[self.name]
            if side.served_epoch != side.epoch:
                side.served_epoch = side.epoch
                cell.outbox[""] += cell.outbox.pop(self.name, [])
        if lost := [c.row.platform for c in served if c is not self.own]:
            for cell in served:
                self._take_over(cell, lost)
                self.world.checks[cell.row.platform].after_keep_up(lost)

    def _take_over(self, cell: Cell, lost: list[str]) -> None:
        data = self.begin(cell)
        for c in data.claim_hosted_at(lost):
            commit(data, decide_taken_over(c, data.now))
        if data.changes:
            self.world.checks[cell.row.platform].after_takeover(self.name, self.world.owners())
            self.commit(cell, "takeover")

    def _due(self, cell: Cell) -> None:
        data = self.begin(cell)
        for c in list(data.live.values()):
            moment = next_due(c)
            if moment is None or moment > data.now:
                continue
            changes = len(data.changes)
            at_other_site = c.unit is not None and c.unit.site != self.name
            commit(data, decide_due(c, data.now, at_other_site=at_other_site))
            if len(data.changes) == changes:
                raise Broken("hot loop", f"{c.e164} is due at {moment}, and nothing is done")
        if data.changes:
            self.commit(cell, "due")
        if self.world.prompt:
            self.world.checks[cell.row.platform].in_time(data.now)

    def _start_reservations(self, cell: Cell) -> None:
        """Do as `flows.occurrences.start_due`."""
        data = self.begin(cell)
        due = data.reservations.due(data.now)
        for reservation, date in due:
            handle_due(data, reservation, date)
        if due:
            self.commit(cell, "reservations")
            self.world.checks[cell.row.platform].dates.after_timer()

    def _watch_hosted(self) -> None:
        """Do as `flows.due.watch_hosted`."""
        for cell in self.cells.values():
            if cell.gate(self.name) is not Gate.CLOSED:
                continue
            for c in cell.seen_from(self.name).values():
                if c.hosting_platform == self.name:
                    self._watch(c, cell.serving_site(self.name))

    def _watch(self, c: Conference, owner: str) -> None:
        now = self.world.now
        step = decide_end_at_other_site(c, now, owner)
        if (
            not step.send
            or self._watched.get(name := f"{c.confid} {c.ends_at} {step.reason}", now) > now
        ):
            return
        asks = any(isinstance(outgoing.message, ReleaseConference) for outgoing in step.send)
        self._watched[name] = now + (_ASKED_AGAIN_AFTER if asks else _WARNED_AGAIN_AFTER)
        if self.own.gate(self.name) is Gate.OPEN:
            for outgoing in step.send:
                self.tell(outgoing)

    def ask_lists(self) -> None:
        """Do as `pool.units.ask_for_lists`."""
        if not self.awake or self.own.gate(self.name) is not Gate.OPEN:
            return
        data = self.begin(self.own)
        units = [*self.units.all, *(c.unit for c in data.live.values() if c.unit)]
        for unit in dict.fromkeys(units):
            local_unit = Unit(unit.ip, unit.pid, self.name)
            data.send(to_unit(local_unit, AskUnitForList(), expires_ms=15_000))
        self.commit(self.own, "lists")

    def keep_room(self, cell: Cell) -> None:
        """Let somebody keep a personal template or a virtual room, over HTTP."""
        data = self.begin(cell)
        if self.world.people[cell.row.platform].act(data):
            self.commit(cell, "kept")

    def restore_pending(self) -> None:
        """Do as `flows.due.restore_pending`: places are free, and a unit is requested for all that wait."""
        for cell in self.served():
            data = self.begin(cell)
            for c in sorted(data.live.values(), key=lambda c: c.created_at):
                if c.answer_by is None and c.state is ConferenceState.PENDING_RESTORE:
                    commit(data, decide_restore(c, data.now))
            self.commit(cell, "places are free")

    def move(self, cell: Cell, e164: str) -> None:
        """Let an operator move a conference off its unit, as `flows.move` does."""
        data = self.begin(cell)
        commit(data, decide_move(data.live[e164], data.now))
        self.commit(cell, "operator")

    # ---- PMS ----------------------------------------------------------------------------------

    def _notice(self, message: Message) -> None:
        room = isinstance(message, RoomState)
        self.tell(
            Send(message=message, route=Routes.ROOM_NOTICE if room else Routes.PLATFORM_NOTICE)
        )

    def _watch_pms(self) -> None:
        if self.own.gate(self.name) is not Gate.OPEN:
            return
        alive = set(self.rms.pool.nodes)
        epoch = self.own.sides[self.name].epoch
        self.pms.watch_rooms(self.units.rooms, alive, epoch, self.world.now)
        if self.world.many:
            self.pms.watch_platforms({p: self._known(c) for p, c in self.cells.items()})

    def _known(self, cell: Cell) -> tuple[RegisterRow, int]:
        """The register, or else what the cells of this site say. As `flows.platforms.read_register`."""
        if self.world.network.linked(self.name, REGISTER):
            return cell.row, cell.number
        side = cell.sides[self.name]
        return replace(cell.row, owner=side.owner, epoch=side.epoch), 0

    def poll_pms(self) -> None:
        """Do as `flows.platforms.request_states`, with its answers, and as `flows.rooms.repeat_notices`."""
        if self.awake and self.own.gate(self.name) is Gate.OPEN:
            self.pms.remind(self.own.data.abnormal_rooms, self.own.sides[self.name].epoch)
            for room in sorted(self.own.data.abnormal_rooms):
                self._leave(room)
            for cell in self.cells.values() if self.world.many else ():
                self.world.answer_pms(self, self.pms.state(*self._known(cell)))

    def _hear_pms(self, body: Mapping[str, Any]) -> None:
        """Do as `on_platform_state` and `on_room_state`."""
        if self.own.gate(self.name) is not Gate.OPEN:
            raise Away
        order = (body.get("epoch") or 0, body.get("number") or 0)
        subject = body.get("roommoid") or body["platformmoid"]
        news = self.heard.hears(subject, order, body["state"])
        self.world.pms_checks.after(self.name, subject, order, body["state"], self.heard)
        if not news or "roommoid" not in body:
            return
        rooms = self.own.data.abnormal_rooms
        rooms.discard(subject) if body["state"] == "normal" else rooms.add(subject)
        self.world.say(f"{self.name} abnormal rooms: {sorted(rooms)}")
        if body["state"] == "abnormal":
            self._leave(subject)

    def _leave(self, room: str) -> None:
        for cell in self.served():
            data = self.begin(cell)
            for unit, stands in self.units.rooms.items():
                for c in data.hosted_on(unit) if stands == room else ():
                    commit(data, decide_lost(c, unit, data.now))
            self.commit(cell, "room")
