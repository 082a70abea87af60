"""A simulated media unit with its timers and faults on demand. Pure: time and chance are arguments."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from foundation.bus.message import Message
from foundation.bus.outgoing import Send
from media_unit.simulated_unit import SimulatedUnit
from wire.media_unit import CreateOnUnit, RestoreOnUnit
from wire.routes import Routes

HEARTBEAT_INTERVAL = timedelta(seconds=3)
LIST_INTERVAL = timedelta(seconds=60)
LATE_SECONDS = 6.0
"""Longer than the 4 s for which the platform waits for a unit."""

_REFUSED_REQUESTS = {CreateOnUnit.wire_type, RestoreOnUnit.wire_type}
"""The types of requests that a unit with the fault `refuse` refuses."""


class Fault(StrEnum):
    """A fault is a way in which a simulated unit misbehaves; `manage.py cmu_simulator -h` explains each."""

    REFUSE = "refuse"
    SILENT = "silent"
    LATE = "late"
    TWICE = "twice"
    DIE = "die"
    FREEZE = "freeze"
    OLD_LIST = "old_list"
    NONE = "none"


_WHOLE_UNIT_FAULTS = (Fault.DIE, Fault.FREEZE, Fault.OLD_LIST)
"""The faults that affect a whole unit and not single messages."""


class ParticipantAction(StrEnum):
    """An action of a participant that the simulator can cause."""

    RENAME = "rename"
    EXTEND = "extend"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOrder:
    """A fault order tells one simulated unit, or all ("*"), to fail in some way, for tests.

    The fault affects the part `share` (0 to 1) of the commands, or of the units if whole units fail.
    `seconds` depends on the fault: late answers are that late, and a dead or frozen unit is back after that time. With
    the fault `old_list` a unit restarts after that time, at once if it is 0, with the conferences that it holds now.
    Every other fault ends after that time; with 0 it lasts until the order `none`.
    """

    fault: Fault
    unit: str = "*"
    seconds: float = 0.0
    share: float = 1.0

    @classmethod
    def of(cls, body: dict[str, Any]) -> FaultOrder:
        """Return the fault order in a JSON object from the simulator's control queue. Raises ValueError."""
        seconds, share = float(body.get("seconds") or 0), float(body.get("share", 1))
        if not 0 <= share <= 1 or not 0 <= seconds < 10**7:
            raise ValueError("share must lie between 0 and 1, seconds must not be negative")
        unit = str(body.get("unit") or "*")
        return cls(fault=Fault(str(body.get("fault"))), unit=unit, seconds=seconds, share=share)

    @classmethod
    def parse(cls, text: str) -> FaultOrder:
        """Return the order to have a fault that a word of the command line gives. Raises ValueError.

        Examples: `refuse`, `refuse:s3`, `refuse:0.1`, `late:s3:seconds=2`, `die:*:seconds=20`.
        """
        name, *rest = text.split(":")
        body: dict[str, Any] = {"fault": name}
        for part in rest:
            key, equals, value = part.partition("=")
            if equals:
                body[key] = value
            else:
                body["share" if part.replace(".", "", 1).isdigit() else "unit"] = part
        if unknown := body.keys() - {"fault", "unit", "share", "seconds"}:
            raise ValueError(f"{text}: {', '.join(sorted(unknown))} is unknown")
        return cls.of(body)

    @property
    def body(self) -> dict[str, Any]:
        """Return this order (to have a fault) as the JSON object that is sent to the simulator's control queue."""
        spelt: dict[str, Any] = {"unit": self.unit, "fault": self.fault.value}
        return spelt | {"seconds": self.seconds, "share": self.share}


class ProcessState(StrEnum):
    """The state of a unit's process."""

    UP = "up"
    FROZEN = "frozen"
    DEAD = "dead"


class FaultyUnit:
    """A faulty unit is a simulated media unit that misbehaves on demand; it also sends heartbeats and lists in time."""

    def __init__(
        self, unit: SimulatedUnit, chance: Callable[[], float], phase: float = 0.0
    ) -> None:
        """Begin without faults; `chance` returns a random number below 1, `phase` (0 to 1) delays the heartbeats."""
        self.unit = unit
        self.state = ProcessState.UP
        self._chance = chance
        self._phase = HEARTBEAT_INTERVAL * phase
        self._faults: dict[Fault, tuple[FaultOrder, datetime | None]] = {}
        """Present fault -> its order, and when it ends; `None`: with the order `none`."""
        self._delayed: list[tuple[datetime, Send]] = []
        """Answers that are sent late, each with the time for it."""
        self._state_to_restore: SimulatedUnit | None = None
        """The earlier state with which the unit restarts (fault `old_list`); `None`: it restarts empty."""
        self._returns_at: datetime | None = None
        self._lost_connection = False
        self._next_heartbeat_at: datetime | None = None
        self._next_list_at: datetime | None = None

    @property
    def is_consuming(self) -> bool:
        """Return whether the unit's process runs, so that it consumes its queue."""
        return self.state is ProcessState.UP

    # ---- connecting, and the clock ------------------------------------------------------------

    def connect(self, now: datetime) -> list[Send]:
        """Return what the unit sends on a new connection to the broker: its registration and list of conferences.

        A unit that is down sends nothing (CSS §1.2).
        """
        if not self.is_consuming:
            self._lost_connection = True
            return []
        self._lost_connection = False
        self._next_heartbeat_at, self._next_list_at = (
            now + self._phase,
            now + LIST_INTERVAL + self._phase,
        )
        return _addressed([*self.unit.register(), *self._conference_lists(now)])

    def unregister(self) -> list[Send]:
        """Return the messages by which the unit unregisters when the simulator stops; none if the unit is down."""
        return _addressed(self.unit.unregister()) if self.is_consuming else []

    def tick(self, now: datetime) -> list[Send]:
        """Return the messages that the unit sends now: heartbeats, lists of conferences, and delayed answers.

        It is called again and again. A dead or frozen unit whose time is over runs again; until then it sends
        nothing.
        """
        sends = self._resume(now) if self._returns_at and self._returns_at <= now else []
        if not self.is_consuming:
            return sends
        due = [send for moment, send in self._delayed if moment <= now]
        self._delayed = [(moment, send) for moment, send in self._delayed if moment > now]
        if self._next_heartbeat_at is None or _is_due(
            self._next_heartbeat_at, now, HEARTBEAT_INTERVAL
        ):
            self._next_heartbeat_at = now + HEARTBEAT_INTERVAL
            sends += _addressed(self.unit.heartbeats())
        if self._next_list_at is None or _is_due(
            self._next_list_at, now, LIST_INTERVAL + HEARTBEAT_INTERVAL
        ):
            self._next_list_at = now + LIST_INTERVAL
            sends += _addressed(self._conference_lists(now))
        return sends + due

    def _conference_lists(self, now: datetime) -> list[Message]:
        """Return the unit's list of conferences as messages; none while the fault "silent" hits."""
        return [] if self._fault_hits(Fault.SILENT, now) else self.unit.conference_lists(now)

    def _resume(self, now: datetime) -> list[Send]:
        """Let a frozen unit go on, or a dead one start again; return the messages that it then sends."""
        is_thawing = self.state is ProcessState.FROZEN and self._state_to_restore is None
        self.state, self._returns_at = ProcessState.UP, None
        if is_thawing:
            return self.connect(now) if self._lost_connection else []
        self.unit.restart(now, self._state_to_restore)
        self._state_to_restore = None
        self._delayed.clear()
        return self.connect(now)

    # ---- messages -----------------------------------------------------------------------------

    def handle(self, body: dict[str, Any], correlation_id: str, now: datetime) -> list[Send]:
        """Handle a message (`body`) with the unit's present faults: refuse it, or answer late, twice or not at all.

        Return the answers to send now. Raises BadMessage.
        """
        if not self._faults:
            return _addressed(self.unit.handle(body, now), correlation_id)
        if body["type"] in _REFUSED_REQUESTS and self._fault_hits(Fault.REFUSE, now):
            answers = self.unit.refuse(body, now)
        else:
            answers = self.unit.handle(body, now)
        sends = _addressed(answers, correlation_id)
        if self._fault_hits(Fault.SILENT, now):
            return []
        if self._fault_hits(Fault.TWICE, now):
            sends = sends * 2
        if self._fault_hits(Fault.LATE, now):
            moment = now + timedelta(seconds=self._faults[Fault.LATE][0].seconds or LATE_SECONDS)
            self._delayed += [(moment, send) for send in sends]
            return []
        return sends

    def _fault_hits(self, fault: Fault, now: datetime) -> bool:
        """Return whether a fault is set for this unit and hits now: at random if only a share of messages is hit.

        A fault whose time is over is removed.
        """
        if fault not in self._faults:
            return False
        order, until = self._faults[fault]
        if until and until <= now:
            del self._faults[fault]
            return False
        return order.share >= 1 or self._chance() < order.share

    # ---- faults -------------------------------------------------------------------------------

    def apply_fault(self, order: FaultOrder, now: datetime) -> list[Send]:
        """Make the simulated unit have a fault, as an order says; return the messages that it sends because of that.

        A unit that dies or freezes is back after the order's seconds; a fault of messages ends after them, but for
        LATE, of which they are the delay. With OLD_LIST the unit restarts after them with the conferences that it has
        now.
        """
        duration = timedelta(seconds=order.seconds)
        if order.fault in _WHOLE_UNIT_FAULTS and order.share < 1 and self._chance() >= order.share:
            return []
        match order.fault:
            case Fault.NONE:
                return self._end_all_faults(now)
            case Fault.DIE:
                self.state = ProcessState.DEAD
                self.unit.restart(now)
                self._delayed.clear()
                self._state_to_restore = None
                self._returns_at = now + duration if duration else None
            case Fault.FREEZE if self.is_consuming:
                self.state = ProcessState.FROZEN
                self._returns_at = now + duration if duration else None
            case Fault.OLD_LIST:
                self._state_to_restore, self._returns_at = copy.deepcopy(self.unit), now + duration
            case Fault.REFUSE | Fault.SILENT | Fault.LATE | Fault.TWICE:
                ends = now + duration if duration and order.fault is not Fault.LATE else None
                self._faults[order.fault] = (order, ends)
        return []

    def _end_all_faults(self, now: datetime) -> list[Send]:
        """End all faults of the unit; one that is dead or frozen runs again. Return the messages that it then sends."""
        self._faults.clear()
        self._returns_at = None
        return [] if self.is_consuming else self._resume(now)

    def act_for_participant(self, body: dict[str, Any], now: datetime) -> list[Send]:
        """Rename, extend or end a conference as a participant would; return the messages that the unit sends then.

        [] if the unit does not run or does not have the conference. Raises ValueError for an unknown action.
        """
        e164 = str(body.get("confE164"))
        if not self.is_consuming or e164 not in self.unit.conferences:
            return []
        match ParticipantAction(body["do"]):
            case ParticipantAction.RENAME:
                return _addressed(self.unit.ask_to_rename(e164, str(body["confname"])))
            case ParticipantAction.EXTEND:
                return _addressed(self.unit.ask_to_extend(e164, int(body["delay"])))
            case ParticipantAction.END:
                return _addressed(self.unit.end(e164, now))


def _is_due(moment: datetime, now: datetime, period: timedelta) -> bool:
    """Return whether a time is reached, or is further away than `period`, the longest possible wait.

    The second happens when the clock was set back: the unit would send nothing until the clock has caught up.
    """
    return moment <= now or moment - now > period


_TO_RMS = frozenset({"RMS_NODE_REGISTER_NTF", "RMS_NODE_STATE_NTF", "RMS_NODE_UNREGISTER_NTF"})


def _addressed(messages: Iterable[Message], correlation_id: str = "") -> list[Send]:
    """Return messages with routes: registrations and heartbeats to the resource manager, others to the scheduler."""
    return [
        Send(
            message=message,
            route=Routes.NODE_TO_RMS if message.type in _TO_RMS else Routes.UNIT_TO_CSS,
            correlation_id=correlation_id,
        )
        for message in messages
    ]
