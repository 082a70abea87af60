"""The observer reads what a cell agent decides by: the register, the own and the other database.

A cell is one platform's data, with a database at each of two sites. The observer remembers facts between
cycles.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event

from failover.data.cells import own_database
from failover.data.cells.config import Cell
from failover.data.cells.connection import DatabaseLink, Failure
from failover.data.cells.liveness import Punctuality, Software, every
from failover.data.cells.register import Register, RegisterReading
from failover.data.cells.server_process import Server
from failover.rules.cell_facts import Database, Facts, RegisterRow

NEAR = 0.3
"""Seconds of work that a copy may lack, when it answers, and still be called caught up."""
REPORTED = 5.0
"""Seconds for which the last report of the other site's agent is believed."""
LOOK_LATE, THREAD_LATE = 2.0, 0.5
"""Seconds without a cycle, or without a thread's turn, after which the agent was held up."""
NEVER = float("-inf")


@dataclass(slots=True)
class Memory:
    """The memory of this process of the agent between cycles; it is lost when the process ends."""

    unprotected_epoch: int = 0
    last: RegisterRow | None = None
    database: Database = field(default_factory=Database)
    answered_at: float = NEVER
    started_at: float = NEVER
    acked_at: float = NEVER
    acknowledged: int = -1
    followed_at: float = NEVER
    diverged_at: float | None = None
    asked_at: float | None = None
    well_since: float | None = None
    pulse: int | None = None
    pulse_at: float | None = None
    life: str = ""
    unsafe_setting: str = ""
    report: datetime | None = None
    reported_at: float = NEVER
    vouched_at: float = NEVER
    doubted_since: float | None = None
    goal: int | None = None
    fed_since: float | None = None
    diverged_from: int = 0
    past: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=200))
    """Moments, and the position of the own log at each of them."""
    peer_past: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=200))
    """The same of the peer's log, as it was known here."""


class Peer:
    """The peer is the other site's database of the platform.

    A thread of its own asks it four times a second.
    """

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._link = DatabaseLink(
            host=cell.peer_host, port=cell.peer_port, user="copy", password=cell.copy_password
        )
        self.heard_at = time.monotonic()  # a new agent gives it the time to answer
        self.is_open = False
        self.sequence: int | None = None

    def ask(self) -> None:
        """Ask the other site's database once for its state; silence shows as an old `heard_at`."""
        try:
            values = self._link.one("SELECT @@gtid_binlog_pos AS position, @@read_only AS closed")
        except Failure:
            self.is_open = False
            return
        self.sequence = own_database.sequence(values["position"], self._cell.number)
        self.is_open = not values["closed"]
        self.heard_at = time.monotonic()


class Health:
    """The health page of this site's software: `good` while it answers 200."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.good = not url

    def ask(self) -> None:
        """Request the health page once."""
        try:
            with urllib.request.urlopen(self._url, timeout=1) as answer:  # noqa: S310  ours
                self.good = answer.status == 200
        except (OSError, urllib.error.URLError, ValueError):
            self.good = False


class CellObserver:
    """The observer of one platform's data gathers the facts for its agent's decisions."""

    def __init__(self, cell: Cell, site: str, server: Server, register: Register) -> None:
        self.cell, self.site, self.server, self.register = cell, site, server, register
        self.memory = Memory()
        self.peer, self.health = Peer(cell), Health(cell.health)
        self.software = Software(cell, str(server.socket))
        self.thread, self.cycle = Punctuality(THREAD_LATE), Punctuality(LOOK_LATE)
        self.link = DatabaseLink(unix_socket=str(server.socket), user="root")
        self.lag: int | None = None
        self.complete, self.served = cell.directory / "complete", cell.directory / "served"

    def begin(self, end: Event) -> None:
        """Start the threads that ask the other database, the locks of the software, and the health page."""
        every(0.25, self.peer.ask, end)
        every(0.1, self.thread.tick, end)
        every(1.0, self.software.look, end)
        every(1.0, self.software.count, end)
        if self.cell.health:
            every(2.0, self.health.ask, end)

    def look(self) -> Facts:
        """Read the register and both databases, and return the facts for the agent's next decision."""
        self.cycle.tick()
        reading = self._read()
        now = time.monotonic()
        memory = self.memory
        row = reading.row if reading else None
        if row is not None and (memory.last is None or memory.last.owner != row.owner):
            memory.pulse_at = memory.well_since = memory.diverged_at = None
        memory.last = row or memory.last
        database = self._database(now)
        self._remember_wishes(reading, now)
        self._remember_report(reading, now)
        owns = memory.last is not None and memory.last.owner == self.site
        self.software.counts = owns and not database.read_only
        near = self._is_near()
        other_well = self._is_other_well(reading, now)
        self._remember_health(reading, near and other_well, now)
        return Facts(
            me=self.site,
            row=row,
            last=memory.last,
            on_time_since=max(self.thread.since, self.cycle.since),
            takeovers=reading.takeovers if reading else 0,
            takeovers_today=reading.takeovers_today if reading else 0,
            doubted_since=memory.doubted_since,
            own=database,
            started_at=memory.started_at,
            answered_at=memory.answered_at,
            heard_at=self.peer.heard_at,
            acked_at=memory.acked_at,
            followed_at=memory.followed_at,
            diverged_at=memory.diverged_at,
            peer_open=self.peer.is_open and now - self.peer.heard_at < 1.0,
            served=self.served.exists(),
            other_well=other_well,
            vouched_at=memory.vouched_at,
            software_at=self.software.seen_at,
            caught_up=near,
            pulse_at=memory.pulse_at,
            asked_at=memory.asked_at,
            well_since=memory.well_since,
            unprotected_epoch=memory.unprotected_epoch,
        )

    def is_well(self, facts: Facts) -> bool:
        """Tell whether this site could serve the platform, or serves it."""
        database = facts.own
        fed = database.follows and database.receiving and database.applying and database.complete
        serves = not database.follows and not database.read_only
        asked = self.cell.health or self.software.seen_at is not None
        lives = self.health.good and (not asked or self.software.is_alive(REPORTED))
        return database.answers and not database.unsafe_setting and lives and (fed or serves)

    def _read(self) -> RegisterReading | None:
        try:
            return self.register.read()
        except Failure:
            return None

    def _database(self, now: float) -> Database:
        """Return the state of the own database.

        One that does not answer keeps the state that it last had.
        """
        memory = self.memory
        life = self.server.life()
        if life != memory.life:
            self._another_life(life, now)
        if not life:
            memory.database = Database()
            return memory.database
        try:
            memory.unsafe_setting = (
                memory.unsafe_setting if memory.answered_at > memory.started_at else self._fit()
            )
            look = own_database.DatabaseReading(
                self.link, self.cell.platform, self.cell.schema, self.cell.number
            )
        except Failure:
            memory.database = replace(memory.database, alive=True, answers=False)
            return memory.database
        memory.answered_at = now
        self._remember(look, now)
        complete = self._is_complete(look)
        memory.database = look.database(complete=complete, unsafe_setting=memory.unsafe_setting)
        return memory.database

    def _fit(self) -> str:
        return own_database.unsafe_setting(self.link, self.cell.server, self.cell.number)

    def _another_life(self, life: str, now: float) -> None:
        """Forget what was remembered of the former database process: another one runs now, or none."""
        memory = self.memory
        self.link.close()
        memory.life, memory.started_at, memory.goal = life, now, None
        memory.acknowledged, memory.acked_at, memory.followed_at = -1, now, NEVER
        memory.diverged_at, memory.fed_since = None, None
        memory.past.clear()
        memory.database = Database()

    def _remember(self, look: own_database.DatabaseReading, now: float) -> None:
        """Remember when commits were last acknowledged and the pulse last grew, from this reading."""
        memory = self.memory
        ahead = None if self.peer.sequence is None else look.sequence - self.peer.sequence
        self.lag = None if ahead is None else max(0, -ahead if look.read_only else ahead)
        peer_answers = now - self.peer.heard_at < 1.0
        idle = look.attached and not look.waiting and peer_answers
        if not look.semi or idle or look.acknowledged > memory.acknowledged >= 0:
            memory.acked_at = now
        memory.acknowledged = look.acknowledged
        self._remember_divergence(look, now)
        memory.past.append((now, look.sequence))
        if look.pulse != memory.pulse:
            memory.pulse_at = now if memory.pulse is not None else None
            memory.pulse = look.pulse
        elif memory.pulse_at is not None and self._lags(look, now):
            memory.pulse_at = now

    def _lags(self, look: own_database.DatabaseReading, now: float) -> bool:
        """Tell whether this copy lacks what the other database had a second ago.

        What the other database counted as pulse since is then not known here.
        """
        memory = self.memory
        if self.peer.sequence is not None:
            memory.peer_past.append((now, self.peer.sequence))
        before = [sequence for at, sequence in memory.peer_past if at <= now - 1.0]
        return bool(before) and look.sequence < before[-1]

    def _remember_divergence(self, look: own_database.DatabaseReading, now: float) -> None:
        """Remember since when the owner refuses this copy.

        The refusal counts until the copy has received something again. A new attempt to connect alone does
        not end it: the error vanishes from the status for a moment and comes back.
        """
        memory = self.memory
        memory.fed_since = (memory.fed_since or now) if look.receiving else None
        if look.diverged and memory.diverged_at is None:
            memory.diverged_at, memory.diverged_from = now, look.sequence
        elif look.sequence > memory.diverged_from or memory.database.complete:
            memory.diverged_at = None

    def _is_complete(self, look: own_database.DatabaseReading) -> bool:
        """Tell whether this copy, since its process started, has once had all that the owner had.

        What a copy had received and not applied is lost when its process dies. Until it has been complete
        again it must not take over. The fact is kept in a file, because the agent may die too. The goal is
        the owner's position once the copy has received for 0.25 s: one that is refused looks connected
        for a moment.
        """
        memory = self.memory
        if self.complete.exists() and self.complete.read_text() == memory.life:
            return True
        # A copy that is going to be refused looks fed for a moment.
        fed = memory.fed_since is not None and time.monotonic() - memory.fed_since > 0.25
        if not fed or self.peer.sequence is None or self.peer.heard_at < memory.followed_at:
            memory.goal = None
            return False
        memory.goal = self.peer.sequence if memory.goal is None else memory.goal
        if memory.goal is None or look.sequence < memory.goal:
            return False
        self.complete.write_text(memory.life)
        self.served.unlink(missing_ok=True)
        return True

    def _is_near(self) -> bool:
        """Tell, as owner, whether the copy had all but the last 0.3 s of work when it last answered."""
        then = self.peer.heard_at - NEAR
        before = [sequence for moment, sequence in self.memory.past if moment <= then]
        return bool(before) and self.peer.sequence is not None and self.peer.sequence >= before[-1]

    def _remember_wishes(self, reading: RegisterReading | None, now: float) -> None:
        """Remember since when this agent's own request to take over has been open."""
        if reading is None:
            return
        mine = reading.row.wish == self.site == reading.row.wish_by
        self.memory.asked_at = (self.memory.asked_at or now) if mine else None

    def _remember_report(self, reading: RegisterReading | None, now: float) -> None:
        """Remember when the other site's agent last reported, by this machine's clock alone.

        The first report that is seen may be old.
        """
        memory = self.memory
        if reading is None:
            return
        if reading.report != memory.report:
            if memory.report is not None:
                memory.reported_at = now
                memory.vouched_at = now if reading.role.startswith("owner") else NEVER
            memory.report = reading.report
        memory.doubted_since = (memory.doubted_since or now) if reading.doubted else None

    def _is_other_well(self, reading: RegisterReading | None, now: float) -> bool:
        return reading is not None and reading.well and now - self.memory.reported_at < REPORTED

    def _remember_health(self, reading: RegisterReading | None, near: bool, now: float) -> None:
        """Remember, as owner of another site's platform, since when that site could have it back."""
        memory = self.memory
        away = reading is not None and reading.row.owner == self.site != reading.row.home
        good = away and reading is not None and not reading.row.solo and near
        if reading is not None:
            memory.well_since = (memory.well_since or now) if good else None
