"""The media unit: what it holds, how it takes and drops it, and what it answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from foundation.bus.message import TYPES, BadMessage, Message, Raw, from_body
from media_unit import conference_copy as helds
from media_unit import reports
from media_unit.attendance import greet, has_fallen_silent, house
from media_unit.conference_copy import Held, Order
from media_unit.config import UnitConfig
from media_unit.controls import Desk, Refused, control, drop
from media_unit.janus_config import PLUGINS, TEXT, Secrets
from media_unit.janus_link import JanusAway, JanusError
from media_unit.recording import Recorder
from media_unit.rooms import Rooms
from media_unit.state_file import Kept
from wire.conference_control import Control, ControlAnswered
from wire.error_codes import Err
from wire.media_unit import (
    AskUnitForList,
    CreateOnUnit,
    DropOnUnit,
    RestoreOnUnit,
    UnitCreated,
    UnitEnded,
    UnitEndIsNear,
    UnitEndMoved,
    UnitRefused,
    UnitRestored,
    UnitRestoreRefused,
)
from wire.routes import Routes

log = logging.getLogger("conferences.media.unit")

Body = dict[str, Any]
Say = Callable[[Routes, Message, str], None]


class MediaUnit:
    """Conferences by number. All that concerns one number is done one after the other."""

    def __init__(
        self, config: UnitConfig, keys: Secrets, kept: Kept, say: Say, now: Callable[[], datetime]
    ) -> None:
        self.config, self.held = config, dict[str, Held]()
        self.rooms: Rooms | None = None
        self.recorder = Recorder(config.directory, now)
        self._keys, self._kept, self._say, self._now = keys, kept, say, now
        self._janus = ""
        self._beats = 0
        self._promised: dict[str, tuple[int, bool]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, e164: str) -> asyncio.Lock:
        """Held while something is done to this number; first come, first served."""
        lock = self._locks.get(e164)
        if lock is None:
            lock = self._locks[e164] = asyncio.Lock()
        return lock

    # ---- Janus comes and goes -----------------------------------------------------------------

    async def janus_is_up(self, rooms: Rooms, name: str) -> None:
        """Hold what is kept and is there in fact; drop rooms that nobody answers for."""
        found = await rooms.listed()
        kept = {one.room: one for one in self._kept.conferences(name)}
        for room in sorted(found.keys() - kept.keys()):
            log.warning("dropping room %s: not ours any more", room)
            await rooms.destroy(room)
        for room, held in kept.items():
            if found.get(room, set()) >= set(PLUGINS):
                self.held[held.e164] = held
                log.info("%s goes on with incarnation %s", held.e164, held.incarnation)
            else:
                log.warning("%s is kept, but Janus has not got it: forgotten", held.e164)
                self._kept.drop(held.e164)
        self.rooms, self._janus = rooms, name

    async def janus_is_back(self, rooms: Rooms) -> None:
        """Only the connection was lost: what was begun meanwhile and not finished is dropped."""
        self.rooms = rooms
        known = {held.room for held in self.held.values()}
        for room in sorted((await rooms.listed()).keys() - known):
            if room.rpartition("-")[0] not in self._promised:
                await rooms.destroy(room)

    def janus_is_gone(self) -> None:
        """Everything that it held is lost: nothing is rebuilt here, the platform decides where."""
        for held in self.held.values():
            self.recorder.closed(held)
            self._kept.drop(held.e164)
        self.held.clear()
        self.rooms = None
        self._kept.unlink_all()

    # ---- what it says by itself ---------------------------------------------------------------

    def introduce(self) -> list[tuple[Routes, Message]]:
        """Registration and list, for a new connection to the broker or a new Janus."""
        self._beats = 0
        registered = reports.registered(self.config, self.held.values())
        return [(Routes.NODE_TO_RMS, one) for one in registered] + [
            (Routes.UNIT_TO_CSS, one) for one in self.lists()
        ]

    def lists(self) -> list[Message]:
        """All that it holds."""
        entries = [self._entry(held) for held in self.held.values()]
        return reports.lists(self.config, entries, self._now())

    def _entry(self, held: Held) -> Body:
        return {
            "confE164": held.e164,
            "incarnation": held.incarnation,
            "confname": held.name,
            "mts": held.roster.mts,
            "join": self._join(held),
        }

    def beat(self) -> list[Message]:
        """The heartbeat; silence while there is no Janus."""
        self._beats += 1
        return reports.beat(self.config, self.held.values(), self._beats) if self.rooms else []

    def tell_css(self, message: Message, correlation_id: str = "") -> None:
        self._say(Routes.UNIT_TO_CSS, message, correlation_id)

    def _join(self, held: Held) -> Body:
        pin = self._keys.pin(held.room, held.password)
        webrtc = {
            "url": self.config.join_url,
            "audioroom": held.room,
            "videoroom": held.room,
            "textroom": held.room,
            "pin": pin,
            "token": self._keys.token(self._now().timestamp()),
        }
        return {"webrtc": webrtc}

    # ---- what it hears ------------------------------------------------------------------------

    async def hear(self, body: Body, correlation_id: str) -> None:
        """Do what a message says. Raises BadMessage."""
        wire_type = body["type"]
        if wire_type.startswith("CM_MCU_"):
            await self._control(body, correlation_id)
            return
        if wire_type == "MAU_MCU_STARTMONITOR_REQ":
            self.tell_css(_no_monitor(body), correlation_id)
            return
        cls = TYPES.get(wire_type)
        if cls is None:
            raise BadMessage("is unknown", "type")
        match message := from_body(cls, body):
            case CreateOnUnit() | RestoreOnUnit():
                await self._take(message, correlation_id)
            case DropOnUnit():
                await self._release(message)
            case AskUnitForList():
                for part in self.lists():
                    self.tell_css(part, correlation_id)
            case UnitEndMoved():
                await self._move_end(message)
            case UnitEndIsNear():
                await self._warn(message)
            case _:
                log.info("%s is nothing that this unit acts on", wire_type)

    async def _take(self, order: Order, correlation_id: str) -> None:
        async with self.lock(order.e164):
            held = self.held.get(order.e164)
            why = ""
            if held is None or held.incarnation != order.incarnation:
                held, why = await self._begin(order)
            answer = self._accepted(order, held) if held else self._refused(order, why)
            self.tell_css(answer, correlation_id)

    async def _begin(self, order: Order) -> tuple[Held | None, str]:
        """Start it, or say why not. Refused once is refused for good: the next try is another incarnation."""
        e164 = order.e164
        highest = self._kept.highest(e164)
        if order.incarnation <= highest:
            return None, f"incarnation {highest} was heard of"
        self._kept.heard_of(e164, order.incarnation)
        if e164 in self.held:
            log.info("%s: incarnation %s replaces what is here", e164, order.incarnation)
            await self._end(self.held[e164])
        if self.rooms is None:
            return None, "Janus is not up"
        if not self._has_place(order):
            return None, "no place left"
        self._promised[e164] = (order.places, order.resolution == "1080p")
        try:
            return await self._make(order, self.rooms), ""
        except (JanusError, JanusAway) as wrong:
            return None, str(wrong)
        finally:
            del self._promised[e164]

    async def _make(self, order: Order, rooms: Rooms) -> Held:
        held = helds.begin(order)
        try:
            await rooms.create(held.plan)
        except JanusError:
            await rooms.destroy(held.room)
            raise
        if rooms is not self.rooms:
            raise JanusAway("Janus died meanwhile")
        self.held[held.e164] = held
        # A recorder that was asked for and is not there: the conference is held without (CSS §1.3).
        if order.record and order.vrs:
            await self._try_to_record(held, rooms)
        self.keep(held)
        return held

    async def _try_to_record(self, held: Held, rooms: Rooms) -> None:
        try:
            await self.recorder.start(held, rooms)
        except (JanusError, OSError) as wrong:
            log.error("%s is not recorded: %s", held.e164, wrong)

    def _has_place(self, order: Order) -> bool:
        taken = [(one.places, one.hd) for one in self.held.values()]
        taken += self._promised.values()
        ports = sum(places for places, _ in taken)
        return len(taken) < self.config.confs and ports + order.places <= self.config.ports

    def _accepted(self, order: Order, held: Held) -> Message:
        cls = UnitRestored if isinstance(order, RestoreOnUnit) else UnitCreated
        log.info("%s: holding incarnation %s", held.e164, held.incarnation)
        return cls(
            e164=held.e164,
            incarnation=held.incarnation,
            join=self._join(held),
            ip=self.config.ip,
            pid=self.config.pid or None,
        )

    def _refused(self, order: Order, why: str) -> Message:
        log.info("%s: incarnation %s refused: %s", order.e164, order.incarnation, why)
        cls = UnitRestoreRefused if isinstance(order, RestoreOnUnit) else UnitRefused
        return cls(
            e164=order.e164,
            incarnation=order.incarnation,
            errcode=Err.UNIT_REFUSED.value,
            ip=self.config.ip,
            pid=self.config.pid or None,
        )

    async def _release(self, order: DropOnUnit) -> None:
        async with self.lock(order.e164):
            self._kept.heard_of(order.e164, order.incarnation)
            held = self.held.get(order.e164)
            if held and held.incarnation <= order.incarnation:
                log.info("%s: released with incarnation %s", held.e164, held.incarnation)
                await self._end(held)

    async def _end(self, held: Held) -> None:
        """Hold it no more. Its rooms may be beyond reach; then they die with their Janus."""
        self.held.pop(held.e164, None)
        self._kept.drop(held.e164)
        try:
            if self.rooms:
                await self.rooms.destroy(held.room)
        except (JanusError, JanusAway) as wrong:
            log.warning("%s: rooms not destroyed: %s", held.e164, wrong)
        self.recorder.closed(held)

    async def end_overdue(self, e164: str, reason: str) -> None:
        """End it by itself, and say so."""
        async with self.lock(e164):
            if held := self.held.get(e164):
                log.warning("%s: nobody has ended it (%s)", e164, reason)
                await self._end(held)
                who = {"ip": self.config.ip, "pid": self.config.pid or None}
                ended = UnitEnded(e164=e164, incarnation=held.incarnation, reason=reason, **who)
                self.tell_css(ended)

    async def _move_end(self, notice: UnitEndMoved) -> None:
        async with self.lock(notice.e164):
            if held := self.held.get(notice.e164):
                held.endtime = notice.endtime
                self.keep(held)

    async def _warn(self, notice: UnitEndIsNear) -> None:
        held = self.held.get(notice.e164)
        if held and self.rooms:
            log.info("%s: ends in %s minutes", held.e164, notice.minutes)
            await self.rooms.announce(held.room, {"kind": "willend", "minutes": notice.minutes})

    # ---- control ------------------------------------------------------------------------------

    async def _control(self, body: Body, correlation_id: str) -> None:
        asked = Control(body)
        name, _, kind = asked.type.removeprefix("CM_MCU_").rpartition("_")
        answer: Body = {"type": f"MCU_CM_{name}_ACK", "confE164": asked.e164}
        if asked.reqid:
            answer["reqid"] = asked.reqid
        async with self.lock(asked.e164):
            try:
                answer |= await self._do(asked, name)
            except Refused as no:
                answer |= {"errcode": no.errcode.value, "detail": str(no)}
            except (JanusError, JanusAway, OSError) as wrong:
                answer |= {"errcode": Err.UNIT_REFUSED.value, "detail": str(wrong)}
            if "errcode" in answer:
                log.info("%s: %s refused: %s", asked.e164, name, answer["detail"])
                answer["type"] = f"MCU_CM_{name}_NACK"
            if kind == "REQ":
                self.tell_css(ControlAnswered(answer), correlation_id)

    async def _do(self, asked: Control, name: str) -> Body:
        held = self.held.get(asked.e164)
        if held is None or self.rooms is None:
            raise Refused("not held here", Err.NO_CONFERENCE)
        said = await control(Desk(held, self.rooms, self.recorder), name, asked.body)
        await self._tell_changes(held, self.rooms)
        return said

    # ---- people -------------------------------------------------------------------------------

    async def refresh(self, e164: str) -> None:
        """See who is there, and tell what has changed."""
        async with self.lock(e164):
            held, rooms = self.held.get(e164), self.rooms
            if held is None or rooms is None:
                return
            try:
                parts = await rooms.people(held.room)
                readers = {one.mtid for one in held.roster.online if one.id_in(TEXT)}
                arrived = held.roster.seat(parts)
                await greet(Desk(held, rooms, self.recorder), arrived)
                await self._tell_changes(held, rooms)
                if {one.mtid for one in held.roster.online if one.id_in(TEXT)} - readers:
                    await rooms.announce(held.room, house(held))
            except JanusError as wrong:
                log.error("%s: its rooms are gone (%s); reported as lost", e164, wrong)
                await self._end(held)
                for part in self.lists():
                    self.tell_css(part)

    async def _tell_changes(self, held: Held, rooms: Rooms) -> None:
        if (state := held.state) != held.reported:
            held.reported = state
            self.keep(held)
            self.tell_css(reports.changed(self.config, held, state))
            await rooms.announce(held.room, house(held))

    def keep(self, held: Held) -> None:
        """Remember it over a restart of the agent."""
        self._kept.hold(self._janus, held)

    async def turn_out(self, room: str, plugin: str, person: str) -> None:
        """Somebody's media have stopped for good: end what is left of the connection."""
        e164 = room.rpartition("-")[0]
        async with self.lock(e164):
            held = self.held.get(e164)
            if held is None or held.room != room or self.rooms is None:
                return
            terminal = has_fallen_silent(held, plugin, person)
            if terminal is None:
                return
            log.warning("%s: %s sends no media any more: removed", e164, terminal.name)
            await drop(Desk(held, self.rooms, self.recorder), terminal)
            await self._tell_changes(held, self.rooms)


def _no_monitor(body: Body) -> Message:
    echo: Body = {key: body[key] for key in ("reqid", "confE164", "incarnation") if key in body}
    why: Body = {"errcode": Err.UNIT_REFUSED.value, "detail": "this unit can not be monitored"}
    return Raw({"type": "MCU_MAU_STARTMONITOR_NACK", **echo, **why})
