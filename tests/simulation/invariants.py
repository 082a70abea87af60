"""The invariants hold at every step, or once everything has come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from conferences.rules.licence_counts import amounts_in_use
from conferences.rules.states import Conference, ConferenceState, EndReason, Unit, next_due
from licensing.rules.amounts import NONE, Amounts
from media_unit.simulated_faults import FaultyUnit
from tests.memory import MemoryUnitOfWork
from tests.memory_letter import Letter
from tests.memory_pool import MemoryPool, plus
from tests.simulation.broken import Broken
from tests.simulation.cells import Cell, Gate
from tests.simulation.dates import DateChecks
from tests.simulation.reports import UnitReports
from wire.routes import unit_key

_S = ConferenceState
_AFTER = {
    None: {_S.CREATING},
    _S.CREATING: {_S.CREATING, _S.RUNNING, _S.ENDED},
    _S.RUNNING: {_S.RUNNING, _S.PENDING_RESTORE, _S.ENDED},
    _S.PENDING_RESTORE: {_S.PENDING_RESTORE, _S.RESTORING, _S.RUNNING, _S.ENDED},
    _S.RESTORING: {_S.RESTORING, _S.RUNNING, _S.PENDING_RESTORE, _S.ENDED},
    _S.ENDED: set[ConferenceState](),
}
"""The specification's picture, written down again: a fault in `states.TRANSITIONS` must show."""

_COMMANDS = {"MAU_MCU_CREATECONF_REQ", "MAU_CMU_RESTORECONF_REQ"}
CREATED_IN = timedelta(seconds=15)
END_LATE = timedelta(seconds=1.5)


Place = tuple[str, str]
"""A unit: the site where it stands, and its key on the broker there."""


def place_of(unit: Unit) -> Place:
    """Return where to find a unit."""
    return unit.site, unit_key(unit.ip, unit.pid)


@dataclass(slots=True)
class Ledger:
    """The ledger has what units were told and have taken, whoever told them."""

    commanded: dict[tuple[str, int], Place] = field(default_factory=dict)
    dropped: dict[tuple[Place, str], int] = field(default_factory=dict)
    accepted: set[tuple[Place, str, int]] = field(default_factory=set)
    wished: dict[tuple[Unit, str, int], str] = field(default_factory=dict)
    """The last name of each conference, as wished on its unit."""
    reports: UnitReports = field(default_factory=UnitReports)

    def after_command(self, unit: Unit, faulty: FaultyUnit, e164: str) -> None:
        """Remember what a unit has taken."""
        if conference := faulty.unit.conferences.get(e164):
            self.accepted.add((place_of(unit), e164, conference.incarnation))

    def each_step(self, units: Mapping[Unit, FaultyUnit], pool: MemoryPool) -> None:
        """Check what can be seen of a site at any moment, from outside."""
        for unit, faulty in units.items():
            place, plate = place_of(unit), faulty.unit.description
            for e164, conference in faulty.unit.conferences.items():
                if self.commanded.get((e164, conference.incarnation)) != place:
                    raise Broken(
                        "I1", f"{place} holds {e164}:{conference.incarnation}, never given to it"
                    )
            load = faulty.unit.load
            if load.confs > plate.confs or load.ports > plate.ports or load.hd > plate.hd:
                raise Broken("I2", f"{place} holds {load}")
        for named, node in pool.nodes.items():
            if not node.overbooked and min(plus(node.capacity, node.total(), -1)) < 0:
                raise Broken("I2", f"{named}: {node.total()} promised of {node.capacity}")


@dataclass(slots=True)
class Invariants:
    """The invariants of a platform: they store what was seen, and compare."""

    uow: MemoryUnitOfWork
    ledger: Ledger
    latest: dict[str, Conference] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)
    in_use: set[Place] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)
    records: Counter[str] = field(default_factory=Counter)
    effective: set[str] = field(default_factory=set)
    counted: dict[str, tuple[Conference, Amounts]] = field(default_factory=dict)
    warnings: set[tuple[str, datetime | None, int]] = field(default_factory=set)
    dates: DateChecks = field(init=False)

    def __post_init__(self) -> None:
        self.dates = DateChecks(self.uow)

    # ---- after a transaction --------------------------------------------------------------------

    def after_request(self, request: str) -> None:
        """Check I4: what a request has prolonged it has prolonged once. After `after`."""
        if any(before and before.duration != c.duration for before, c in self.uow.changes):
            if request in self.effective:
                raise Broken("I4", f"{request} prolongs again")
            self.effective.add(request)

    def after(self, site: str, cell: Cell) -> None:
        """Check one committed transaction of the site `at`."""
        if self.uow.changes or self.uow.outgoing:
            _check_may_write(site, cell)
        for before, c in self.uow.changes:
            self._check_move(before, c)
            self._check_shape(c)
            self.latest[c.confid] = c
        messages = [(orjson.loads(letter.body), letter) for letter in self.uow.outgoing]
        for body, letter in messages:
            self._check_said(body, letter)
            self.ledger.reports.check_answer(body, self.uow.live)
        for before, c in self.uow.changes:
            self._check_left(before, c)
        if self.uow.changes:
            self._check_quota()
            self._check_numbers()
            self.dates.after()

    def _check_move(self, before: Conference | None, c: Conference) -> None:
        latest = self.latest.get(c.confid)
        if latest is not None and before is not latest:
            raise Broken("lost update", f"{c.e164}: {before} is not the latest value")
        if c.state not in _AFTER[before.state if before else None]:
            raise Broken("I5", f"{c.e164} {before and before.state} -> {c.state}")
        if c.end_reason == EndReason.EXPIRED and (c.ends_at is None or c.ends_at > self.uow.now):
            raise Broken("I5", f"{c.e164} has expired before {c.ends_at}")
        if before is None:
            self._check_made_once(c)
        elif c.state is _S.RUNNING and before.state is not _S.RUNNING:
            self._check_not_dropped(c)
        self.ledger.reports.check_taken(c)
        top = self.highest.get(c.e164, 0)
        if c.incarnation < top or (before is None and c.incarnation <= top):
            raise Broken("I1", f"{c.e164}: incarnation {c.incarnation} after {top}")
        self.highest[c.e164] = c.incarnation

    def _check_made_once(self, c: Conference) -> None:
        if c.request in self.made:
            raise Broken("I4", f"one request made {self.made[c.request]} and {c.confid}")
        self.made[c.request] = c.confid

    def _check_not_dropped(self, c: Conference) -> None:
        """Check that a conference is believed to run only on a unit that has taken it, and was not told to drop it."""
        there = place_of(c.unit or Unit(""))
        if (there, c.e164, c.incarnation) not in self.ledger.accepted:
            raise Broken("I1", f"{c.e164}:{c.incarnation} runs on {c.unit}, which never took it")
        dropped_up_to = self.ledger.dropped.get((there, c.e164), 0)
        if dropped_up_to >= c.incarnation:
            raise Broken(
                "dropped",
                f"{c.e164}:{c.incarnation} runs on {c.unit}, told to drop {dropped_up_to}",
            )

    def _check_left(self, before: Conference | None, c: Conference) -> None:
        """Check that a unit that was too slow to create a conference is told to drop it."""
        if before is None or before.state is not _S.CREATING or not before.unit:
            return
        if before.unit.site != self.uow.own_site:
            return  # its site is lost: what is there is dropped when it is heard again
        dropped_up_to = self.ledger.dropped.get((place_of(before.unit), c.e164), 0)
        if c.unit != before.unit and dropped_up_to < before.incarnation:
            raise Broken("I1", f"{before.unit} was not told to drop {c.e164}:{before.incarnation}")

    def _check_shape(self, c: Conference) -> None:
        """Check that a timer waits for each conference that waits, so that none is forgotten."""
        match c.state:
            case _S.CREATING | _S.RESTORING:
                ok = c.answer_by is not None and (c.state is _S.CREATING or c.unit is not None)
            case _S.PENDING_RESTORE:
                ok = c.answer_by is not None or c.restore_at is not None
            case _S.RUNNING:
                ok = c.unit is not None and c.answer_by is None and c.started_at is not None
                present = {"", *(str(terminal.mtid) for terminal in c.mts if terminal.online)}
                ok = ok and all(monitor.mtid in present for monitor in c.monitors)
            case _:
                ok = c.ended_at is not None and next_due(c) is None
        if not ok:
            raise Broken("shape", f"{c}")

    def _check_said(self, body: dict[str, Any], letter: Letter) -> None:
        kind, there = body["type"], (letter.destination or self.uow.own_site, letter.key)
        if kind in _COMMANDS:
            placing, commanded = (body["confE164"], body["incarnation"]), self.ledger.commanded
            if commanded.setdefault(placing, there) != there:
                raise Broken("I1", f"{placing} handed to {commanded[placing]} and {there}")
        elif kind == "MAU_MCU_RELEASECONF_CMD":
            dropped, named = self.ledger.dropped, (there, body["confE164"])
            dropped[named] = max(dropped.get(named, 0), body["incarnation"])
            c = self.uow.live.get(body["confE164"])
            here = c and c.unit and place_of(c.unit) == there
            if c and here and c.state is _S.RUNNING and body["incarnation"] >= c.incarnation:
                raise Broken("dropped", f"{c.e164} runs on {c.unit}, which is told to drop it")
        elif kind == "MAU_CM_CONFWILLEND_NTF":
            if c := self.uow.live.get(body["confE164"]):  # else its owner's, which hears of it
                self._check_warning(c)
        elif kind == "CSS_UPU_ADDCONF_NTF" and body["state"] == "running":
            self.in_use.add((there[0], body["confE164"]))
        elif kind == "CSS_UPU_DELCONF_NTF" and body["state"] == "running":
            self.in_use.discard((there[0], body["confE164"]))
        elif kind == "CSS_BMC_CDR_NTF":
            self.records[body["confid"]] += 1

    def _check_warning(self, c: Conference) -> None:
        announced = (c.confid, c.ends_at, c.warned)
        if announced in self.warnings:
            raise Broken("warning", f"{c.e164}: {c.warned} minutes announced twice")
        self.warnings.add(announced)
        if c.ends_at and (c.ends_at - self.uow.now) > timedelta(minutes=c.warned):
            raise Broken("warning", f"{c.e164}: {c.warned} minutes announced too early")

    def _in_use(self, c: Conference) -> Amounts:
        """Return the amounts counted anew; they are remembered as long as the value is the same."""
        counted = self.counted.get(c.confid)
        if counted is None or counted[0] is not c:
            counted = self.counted[c.confid] = (c, amounts_in_use(c))
        return counted[1]

    def _check_quota(self) -> None:
        uow = self.uow
        count: dict[str, Amounts] = {}
        for c in uow.live.values():
            for owner in (uow.platform, c.user_domain):
                count[owner] = count.get(owner, NONE) + self._in_use(c)
        if count != {owner: used for owner, used in uow.quota.items() if used != NONE}:
            raise Broken("I3", f"counted {count}, quota says {uow.quota}")
        assert uow.licence is not None
        ours, licence = uow.used(uow.platform), uow.licence
        if ours.small_conferences > licence.small or ours.large_conferences > licence.large:
            raise Broken("I3", f"{ours} is above the licence")
        if ours.media_ports > licence.site.media_ports:
            raise Broken("I3", f"{ours.media_ports} media ports are above the licence")
        if ours.monitors > licence.site.monitors:
            raise Broken("I3", f"{ours.monitors} monitors are above the licence")
        for moid, facts in uow.facts.items():
            limit, own = facts.small_limit, uow.used(moid).small_conferences
            if limit is not None and own > limit:
                raise Broken("I3", f"{moid} has {own} of {limit}")

    def _check_numbers(self) -> None:
        uow = self.uow
        taken_numbers = {e164 for e164, (_, is_taken) in uow.numbers.items() if is_taken}
        if taken_numbers != set(uow.live):
            raise Broken("numbers", f"taken {sorted(taken_numbers)}, live {sorted(uow.live)}")
        running = {
            (registry, c.e164)
            for c in uow.live.values()
            if c.state is _S.RUNNING and c.unit
            for registry in (c.source_platform, c.unit.site)
        }
        if running != self.in_use:
            raise Broken("UPU", f"knows {sorted(self.in_use)}, running {sorted(running)}")
        for _, c in uow.changes:
            due = 1 if not c.live and c.started_at else 0
            if self.records[c.confid] != due:
                raise Broken("CDR", f"{c.confid} has {self.records[c.confid]} records, not {due}")

    # ---- after a list, and after a takeover ------------------------------------------------------

    def after_list(self, notice: Mapping[str, Any], site: str) -> None:
        """Check I1: a unit of the site is told to drop what it holds and we do not believe."""
        uow, unit = self.uow, Unit(notice["ip"], notice.get("pid") or "", site)
        dropped_up_to = {
            (b["confE164"], b["incarnation"])
            for b in (
                orjson.loads(x.body)
                for x in uow.outgoing
                if (x.destination or uow.own_site, x.key) == place_of(unit)
            )
            if b["type"] == "MAU_MCU_RELEASECONF_CMD"
        }
        mine = uow.numbers_of_own_conferences(
            [e["confE164"] for e in notice["confs"]], site == uow.own_site
        )
        for entry in notice["confs"]:
            e164, incarnation = entry["confE164"], entry["incarnation"]
            c = uow.live.get(e164)
            if e164 not in mine or (c and c.unit == unit and c.incarnation == incarnation):
                continue
            if not any(e164 == number and n >= incarnation for number, n in dropped_up_to):
                raise Broken("I1", f"ghost {incarnation} of {e164} on {unit} may stay")

    def after_takeover(self, site: str, owners: Mapping[str, str]) -> None:
        """Check that only what ran at a lost site moves, and that what is protected lives."""
        for before, c in self.uow.changes:
            assert before is not None
            if owners[before.hosting_platform] != site or before.hosting_platform == site:
                raise Broken("moved", f"{c.e164} leaves {before.unit}, whose site is not lost")
            if not c.live and c.protected:
                raise Broken("moved", f"{c.e164} is protected, and ends as its site changes")

    def after_keep_up(self, lost: Collection[str]) -> None:
        """Check that what was placed at a lost site has been placed anew."""
        if left := [c.e164 for c in self.uow.live.values() if c.hosting_platform in lost]:
            raise Broken("moved", f"{left} stay at {lost}, which are lost")

    # ---- each step ------------------------------------------------------------------------------

    def in_time(self, now: datetime) -> None:
        """Check after the timer has run that nobody waits longer than promised."""
        self.dates.in_time(now)
        for c in self.uow.live.values():
            if c.state is _S.CREATING and now - c.created_at > CREATED_IN:
                raise Broken("in time", f"{c.e164} is created since {c.created_at}")
            over = c.ends_at is not None and now - c.ends_at > END_LATE
            if over and c.state is not _S.CREATING:
                raise Broken("in time", f"{c.e164} should have ended at {c.ends_at}")
            if late := [m for m in c.monitors if now - m.due_at > END_LATE]:
                raise Broken("in time", f"{c.e164} is still monitored: {late}")

    # ---- at rest --------------------------------------------------------------------------------

    def at_rest(self, units: Mapping[Unit, FaultyUnit]) -> set[tuple[Unit, str, int]]:
        """Check that everybody is served; return what is believed to run. `units`: those of its own site."""
        believed = set()
        for c in self.uow.live.values():
            if c.state is _S.RUNNING and c.unit:
                believed.add((c.unit, c.e164, c.incarnation))
            elif c.state is not _S.PENDING_RESTORE:
                raise Broken("rest", f"{c.e164} is still {c.state}")
            elif free := [u for u, f in units.items() if _fits(f, c)]:
                raise Broken("rest", f"{c.e164} waits while {free} are free")
        self._all_answered()
        self.dates.at_rest()
        return believed

    def _all_answered(self) -> None:
        """Check I11: each message was handled, or refused; nothing here is unreadable."""
        if self.uow.parked:
            raise Broken("I11", f"{self.uow.parked[0]} was parked")
        open_asks = [a for a in self.uow.inbox.values() if a.answer is None]
        for request in open_asks:
            if not request.wire_type.startswith(("CM_MCU_", "MCU_MAU_DELAYCONF_")):
                raise Broken("rest", f"{request.wire_type} {request.reqid} has no answer")


def _check_may_write(site: str, cell: Cell) -> None:
    """Check I10: only who owns the data writes it, with its copy, or alone where the register says so."""
    writing = [candidate for candidate in cell.sides if cell.gate(candidate) is Gate.OPEN]
    if writing != [site] or cell.row.owner != site:
        raise Broken("I10", f"{site} writes to {cell.row.platform}, which is open at {writing}")


def check_held(
    believed: set[tuple[Unit, str, int]], units: Mapping[Unit, FaultyUnit], pool: MemoryPool
) -> None:
    """Check at rest that a site's units hold what is believed of them, and that its pool counts it."""
    held_by_units = {
        (unit, e164, conference.incarnation)
        for unit, faulty in units.items()
        for e164, conference in faulty.unit.conferences.items()
    }
    believed_here = {conference for conference in believed if conference[0] in units}
    if held_by_units != believed_here:
        raise Broken(
            "rest",
            f"only held {held_by_units - believed_here}, only believed {believed_here - held_by_units}",
        )
    for unit, node in pool.nodes.items():
        used = plus(node.total(), node.total(held_only=True), -1)
        load = units[unit].unit.load
        if used[0] > load.confs or used[1] > load.ports or used[2] > load.hd:
            raise Broken("rest", f"the pool counts {used} on {unit}, which holds {load}")
    if missing := units.keys() - pool.nodes.keys():
        raise Broken("rest", f"the pool does not know {sorted(missing)}")


def _fits(faulty: FaultyUnit, c: Conference) -> bool:
    load, plate = faulty.unit.load, faulty.unit.description
    hd = int(c.resolution == "1080p")
    return (
        load.confs < plate.confs
        and load.ports + c.places <= plate.ports
        and load.hd + hd <= plate.hd
    )
