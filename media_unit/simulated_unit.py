"""A simulated media unit: a message in, messages out. No I/O; time is an argument."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foundation.bus.message import TYPES, BadMessage, Message, Raw, dumps, from_body
from media_unit import simulated_conference
from media_unit.simulated_conference import Held
from wire.conference_control import ControlAnswered
from wire.error_codes import Err
from wire.media_unit import (
    AskUnitForList,
    CreateOnUnit,
    DropOnUnit,
    RestoreOnUnit,
    UnitAsksToExtend,
    UnitAsksToRename,
    UnitCreated,
    UnitEnded,
    UnitEndMoved,
    UnitExtended,
    UnitHolds,
    UnitRefused,
    UnitRenameGranted,
    UnitRenameRefused,
    UnitReportsChange,
    UnitRestored,
    UnitRestoreRefused,
)
from wire.resource_pool import NodeRegistered, NodeState, NodeUnregistered

MOST_LISTED = 500
MOST_LIST_BYTES = 200 * 1024
"""Lists are split before they come near the wire's 256 KiB."""

REMEMBERED = timedelta(minutes=10)
"""How long a number's highest incarnation is known after it is gone; commands live for 15 s."""

LABELS = {"simulated": True}

Body = dict[str, Any]
Order = CreateOnUnit | RestoreOnUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """What a unit is: its name, where it stands, what it can hold."""

    ip: str
    pid: str = ""
    platform: str = ""
    room: str | None = None
    confs: int = 200
    ports: int = 1600
    hd: int = 200
    vrs: bool = False

    @property
    def label(self) -> str:
        """How people call it."""
        return self.pid or self.ip

    @property
    def restypes(self) -> tuple[str, ...]:
        """What it registers as."""
        return ("mcu", "vrs") if self.vrs else ("mcu",)


class SimulatedUnit:
    """What a unit holds, and how it answers. The highest incarnation of a number wins."""

    def __init__(self, plate: Plate) -> None:
        self.plate = plate
        self._me: Body = {"ip": plate.ip, "pid": plate.pid or None}
        self._held: dict[str, Held] = {}
        self._gone: dict[str, tuple[int, datetime]] = {}
        self._ports = self._hd = self._seq = self._asked = self._listed = 0
        self._renames: dict[str, tuple[str, str]] = {}

    # ---- what it holds ------------------------------------------------------------------------

    @property
    def held(self) -> dict[str, Held]:
        """Its conferences by number; to look at."""
        return self._held

    @property
    def load(self) -> dict[str, int]:
        """What is taken: `ports` are the places of all its conferences."""
        return {"confs": len(self._held), "ports": self._ports, "hd": self._hd}

    def highest(self, e164: str) -> int:
        """The highest incarnation that it has been told of; 0: never heard of it."""
        held = self._held.get(e164)
        return max(held.incarnation if held else 0, self._gone.get(e164, (0,))[0])

    def restart(self, image: SimulatedUnit | None = None) -> None:
        """Come up with nothing, or with what an image of it held; and forget what it knew."""
        image = copy.deepcopy(image) if image else SimulatedUnit(self.plate)
        self._held, self._gone = image._held, image._gone
        self._ports, self._hd = image._ports, image._hd
        self._renames.clear()

    def _keep(self, held: Held) -> None:
        self._held[held.e164] = held
        self._ports += held.places
        self._hd += held.hd

    def _drop(self, e164: str, incarnation: int, now: datetime) -> None:
        """Hold this number no more, and nothing of it up to this incarnation ever again."""
        highest = max(self.highest(e164), incarnation)
        if held := self._held.pop(e164, None):
            self._ports -= held.places
            self._hd -= held.hd
        self._gone.pop(e164, None)
        self._gone[e164] = (highest, now)
        while (oldest := next(iter(self._gone))) and now - self._gone[oldest][1] > REMEMBERED:
            del self._gone[oldest]

    def _has_room(self, order: Order) -> bool:
        return (
            len(self._held) < self.plate.confs
            and self._ports + order.places <= self.plate.ports
            and self._hd + (order.resolution == "1080p") <= self.plate.hd
        )

    # ---- what it says by itself ---------------------------------------------------------------

    def register(self) -> list[Message]:
        """Say that it is there."""
        self._seq = 0
        return [NodeRegistered(**self._node(restype)) for restype in self.plate.restypes]

    def beat(self) -> list[Message]:
        """The heartbeat, with its load."""
        self._seq += 1
        return [NodeState(**self._node(restype)) for restype in self.plate.restypes]

    def unregister(self) -> list[Message]:
        """Say that it goes."""
        name = {"ip": self.plate.ip, "pid": self.plate.pid}
        return [NodeUnregistered(restype=restype, **name) for restype in self.plate.restypes]

    def _node(self, restype: str) -> Body:
        plate = self.plate
        return {
            "restype": restype,
            "ip": plate.ip,
            "pid": plate.pid,
            "room": plate.room,
            "platform": plate.platform,
            "capacity": {"confs": plate.confs, "ports": plate.ports, "hd": plate.hd},
            "load": self.load if restype == "mcu" else self._recordings(),
            "labels": LABELS,
            "seq": self._seq,
        }

    def _recordings(self) -> dict[str, int]:
        recorded = [one for one in self._held.values() if one.recording]
        places, hd = sum(one.places for one in recorded), sum(one.hd for one in recorded)
        return {"confs": len(recorded), "ports": places, "hd": hd}

    def lists(self, now: datetime) -> list[Message]:
        """All that it holds, in as many messages as the wire's limits want."""
        pages = _pages([self._entry(held) for held in self._held.values()])
        self._listed += 1
        split: Body = {"listid": f"{self.plate.label}-{now.timestamp():.6f}-{self._listed}"}
        split |= {"parts": len(pages)}
        common: Body = {"ip": self.plate.ip, "pid": self.plate.pid}
        common |= {"at": now.isoformat(timespec="seconds")} | (split if len(pages) > 1 else {})
        return [UnitHolds(confs=page, part=i, **common) for i, page in enumerate(pages, 1)]

    def _entry(self, held: Held) -> Body:
        return {
            "confE164": held.e164,
            "incarnation": held.incarnation,
            "confname": held.name,
            "mts": held.mts,
            "join": held.join(self.plate.label),
        }

    def ask_to_rename(self, e164: str, name: str) -> list[Message]:
        """A wish of somebody in the conference (CSS §5.1); done when it is granted."""
        reqid = self._next_reqid(e164)
        self._renames[reqid] = (e164, name)
        return [UnitAsksToRename(reqid=reqid, e164=e164, name=name, **self._me)]

    def ask_to_extend(self, e164: str, minutes: int) -> list[Message]:
        """A wish of somebody in the conference (CSS §5.3); done when it is granted."""
        reqid = self._next_reqid(e164)
        return [UnitAsksToExtend(reqid=reqid, e164=e164, delay=minutes, **self._me)]

    def end(self, e164: str, now: datetime, reason: str = "released") -> list[Message]:
        """End a conference by itself, and say so."""
        if (held := self._held.get(e164)) is None:
            return []
        self._drop(e164, held.incarnation, now)
        incarnation = held.incarnation
        return [UnitEnded(e164=e164, incarnation=incarnation, reason=reason, **self._me)]

    def _next_reqid(self, e164: str) -> str:
        """One that no other unit has for this number: at another site one may have the same address,
        and this one, started anew, counts from the beginning."""
        self._asked += 1
        held = self._held.get(e164)
        return f"simulated-{self.plate.label}-{held.incarnation if held else 0}-{self._asked}"

    # ---- what it hears ------------------------------------------------------------------------

    def hear(self, body: Body, now: datetime) -> list[Message]:
        """Do what a message says; return what it answers. Raises BadMessage."""
        wire_type = body["type"]
        if wire_type.startswith("CM_MCU_"):
            return self._control(body)
        if wire_type == "MAU_MCU_STARTMONITOR_REQ" or wire_type == "MAU_MCU_STOPMONITOR_CMD":
            return self._monitor(body)
        cls = TYPES.get(wire_type)
        if cls is None:
            raise BadMessage("is unknown", "type")
        match message := from_body(cls, body):
            case CreateOnUnit() | RestoreOnUnit():
                return self._take(message, now)
            case DropOnUnit():
                self._release(message, now)
            case AskUnitForList():
                return self.lists(now)
            case UnitEndMoved() | UnitExtended():
                if held := self._held.get(message.e164):
                    held.endtime = message.endtime
            case UnitRenameGranted() | UnitRenameRefused():
                return self._renamed(message)
        return []

    def refuse(self, body: Body, now: datetime) -> list[Message]:
        """Refuse a create or restore command, whatever room there is. Raises BadMessage."""
        order: Order
        if body["type"] == CreateOnUnit.wire_type:
            order = from_body(CreateOnUnit, body)
        else:
            order = from_body(RestoreOnUnit, body)
        if order.incarnation > self.highest(order.e164):
            self._drop(order.e164, order.incarnation, now)
        return [self._refused(order)]

    def _take(self, order: Order, now: datetime) -> list[Message]:
        held = self._held.get(order.e164)
        if held and held.incarnation == order.incarnation:
            return [self._accepted(order, held)]
        # Older than what is here, or given up or refused before: a ghost's command.
        if order.incarnation <= self.highest(order.e164):
            return [self._refused(order)]
        if held:
            self._drop(order.e164, held.incarnation, now)
        if not self._has_room(order):
            self._drop(order.e164, order.incarnation, now)
            return [self._refused(order)]
        held = simulated_conference.begin(order)
        self._keep(held)
        return [self._accepted(order, held), *self._report(held, ("mts",) if held.members else ())]

    def _accepted(self, order: Order, held: Held) -> Message:
        cls = UnitRestored if isinstance(order, RestoreOnUnit) else UnitCreated
        join = held.join(self.plate.label)
        return cls(e164=held.e164, incarnation=held.incarnation, join=join, **self._me)

    def _refused(self, order: Order) -> Message:
        cls = UnitRestoreRefused if isinstance(order, RestoreOnUnit) else UnitRefused
        code = Err.UNIT_REFUSED.value
        return cls(e164=order.e164, incarnation=order.incarnation, errcode=code, **self._me)

    def _release(self, order: DropOnUnit, now: datetime) -> None:
        held = self._held.get(order.e164)
        if held is None or held.incarnation <= order.incarnation:
            self._drop(order.e164, order.incarnation, now)

    def _renamed(self, answer: UnitRenameGranted | UnitRenameRefused) -> list[Message]:
        e164, name = self._renames.pop(answer.reqid or "", ("", ""))
        held = self._held.get(e164)
        if held is None or isinstance(answer, UnitRenameRefused):
            return []
        held.name = name
        return self._report(held, ("name",))

    def _report(self, held: Held, changed: Sequence[str]) -> list[Message]:
        if not changed:
            return []
        now_is = {what: getattr(held, what) for what in changed}
        incarnation = held.incarnation
        return [UnitReportsChange(e164=held.e164, incarnation=incarnation, **now_is, **self._me)]

    def _control(self, body: Body) -> list[Message]:
        """Conference control; a request is answered, a command is not."""
        name, _, kind = body["type"].removeprefix("CM_MCU_").rpartition("_")
        held = self._held.get(str(body.get("confE164")))
        if held is None:
            done = simulated_conference.Outcome(refused=Err.NO_CONFERENCE, detail="not held here")
        else:
            done = simulated_conference.control(held, name, body)
        told = self._report(held, done.changed) if held else []
        if kind != "REQ":
            return told
        answer = {k: body[k] for k in ("reqid", "confE164") if k in body} | done.says
        if done.refused:
            answer |= {"errcode": str(done.refused), "detail": done.detail}
        answer["type"] = f"MCU_CM_{name}_{'NACK' if done.refused else 'ACK'}"
        return [ControlAnswered({**answer, **self._named}), *told]

    def _monitor(self, body: Body) -> list[Message]:
        held = self._held.get(str(body.get("confE164")))
        asks = body["type"].endswith("_REQ")
        if held and asks:
            held.monitors.append({key: body.get(key) for key in ("mtid", "ip", "port", "mode")})
        elif held:
            given = [one for one in body.get("monitors") or [] if isinstance(one, dict)]
            over = [(one.get("ip"), one.get("port")) for one in given]
            held.monitors = [m for m in held.monitors if (m["ip"], m["port"]) not in over]
        if not asks:
            return []
        echo: Body = {k: body[k] for k in ("reqid", "confE164", "incarnation") if k in body}
        kind = "ACK" if held else "NACK"
        why = {} if held else {"errcode": Err.NO_CONFERENCE.value}
        return [Raw({"type": f"MCU_MAU_STARTMONITOR_{kind}"} | echo | why | self._named)]

    @property
    def _named(self) -> Body:
        return {key: value for key, value in self._me.items() if value}


def _pages(entries: list[Body]) -> list[tuple[Body, ...]]:
    """At least one page; each within the wire's limits of number and size."""
    pages: list[tuple[Body, ...]] = []
    page: list[Body] = []
    size = 0
    for entry in entries:
        weight = len(dumps(entry)) + 1
        if page and (len(page) == MOST_LISTED or size + weight > MOST_LIST_BYTES):
            pages.append(tuple(page))
            page, size = [], 0
        page.append(entry)
        size += weight
    return [*pages, tuple(page)]
