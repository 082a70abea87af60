"""The observer reads all facts by which a cell agent decides: the register, and the databases of both sites.

A cell is one platform's data, with a database at each of two sites; the agent decides which of them is written. The
observer also remembers, between the agent's cycles, what one reading cannot show, such as since when a database has
been silent.
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
from failover.data.cells.liveness import Punctuality, WorkersLife, call_every
from failover.data.cells.peer import ANSWER_LATE, Peer
from failover.data.cells.register import Register, RegisterReading
from failover.data.cells.server_process import Server
from failover.rules.cell_facts import Database, Facts, RegisterRow

CAUGHT_UP_SECONDS = 0.3
"""A copy that lacks, when it answers, only the writes of the last 0.3 seconds counts as caught up."""
REPORT_LIVES_SECONDS = 5.0
"""The last report of the other site's agent counts for this many seconds."""
LOOK_LATE, THREAD_LATE = 2.0, 0.5
"""The agent counts as held up after so many seconds without a cycle, or without a thread's turn."""
NEVER = float("-inf")


@dataclass(slots=True)
class Memory:
    """An object holds what this process of the agent remembers between two cycles; it is lost when the process ends.

    Moments are by this machine's monotonic clock. A field that `Facts` has, too, means the same
    there.
    """

    unprotected_epoch: int = 0
    last: RegisterRow | None = None
    changed_at: float = NEVER
    """The time at which the register was first seen with its present owner and epoch (number of the ownership)."""
    database: Database = field(default_factory=Database)
    answered_at: float = NEVER
    started_at: float = NEVER
    acked_at: float = NEVER
    acknowledged: int = -1  # How many commits the copy has acknowledged so far.
    followed_at: float = NEVER
    diverged_at: float | None = None
    asked_at: float | None = None
    well_since: float | None = None
    pulse: int | None = None  # The liveness counter of the owner's workers, as last read.
    pulse_at: float | None = None
    run_id: str = ""  # The id of the present run of the database process.
    unsafe_setting: str = ""
    report: datetime | None = None  # The time in the other site's last report.
    reported_at: float = NEVER
    vouched_at: float = NEVER
    doubted_since: float | None = None
    goal: int | None = None  # The owner's position at which this copy is complete.
    fed_since: float | None = None  # Since when this copy has received the owner's writes.
    diverged_from: int = 0
    own_positions: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=200))
    """(moment, position of the own database's log at that moment)."""
    peer_positions: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=200))
    """(moment, position of the other site's log, as it was known here at that moment)."""


class Health:
    """The health page of this site's workers. `is_good`: it last answered with status 200, or has no URL."""

    def __init__(self, url: str) -> None:
        """Prepare to request the page at this URL; "": the workers have no health page, and count as well."""
        self._url = url
        self.is_good = not url

    def request_page(self) -> None:
        """Request the health page once, and note whether it answers with status 200."""
        try:
            with urllib.request.urlopen(self._url, timeout=1) as answer:  # noqa: S310  ours
                self.is_good = answer.status == 200
        except (OSError, urllib.error.URLError, ValueError):
            self.is_good = False


class CellObserver:
    """The observer of one platform's data gathers the facts from which the platform's agent decides."""

    def __init__(self, cell: Cell, site: str, server: Server, register: Register) -> None:
        """Prepare to observe a cell (one platform's data) at this site. `server` runs its database here."""
        self.cell, self.site, self.server, self.register = cell, site, server, register
        self.memory = Memory()
        self.peer, self.health = Peer(cell), Health(cell.health)
        self.workers = WorkersLife(cell, str(server.socket))
        self.thread_punctuality = Punctuality(THREAD_LATE)
        self.cycle_punctuality = Punctuality(LOOK_LATE)
        self.register_answers = Punctuality(ANSWER_LATE)
        self.link = DatabaseLink(unix_socket=str(server.socket), user="root")
        self.lag: int | None = None
        """How many transactions the copy is behind; `None` if unknown."""
        # These are files, since their facts must outlive the agent: in which run of the database
        # process the copy was complete, and whether the database has taken writes since then.
        self.complete, self.served = cell.directory / "complete", cell.directory / "served"

    def begin(self, end: Event) -> None:
        """Start the threads that work beside the agent's cycles, until the event `end` is set.

        They ask the other site's database, check the locks of this site's workers, count up the
        liveness counter (pulse), ask the health page, and note whether this process gets its turns in time.
        """
        call_every(0.25, self.peer.ask_state, end)
        call_every(0.1, self.thread_punctuality.tick, end)
        call_every(1.0, self.workers.check_locks, end)
        call_every(1.0, self.workers.count_pulse, end)
        if self.cell.health:
            call_every(2.0, self.health.request_page, end)

    def read_facts(self) -> Facts:
        """Read the register and both databases, and return the facts for the agent's next decision."""
        self.cycle_punctuality.tick()
        reading = self._read_register()
        now = time.monotonic()
        memory = self.memory
        row = reading.row if reading else None
        self._forget_other_owner(row)
        self._remember_row(row, now)
        database = self._read_database(now)
        self._remember_own_request(reading, now)
        self._remember_report(reading, now)
        owns = memory.last is not None and memory.last.owner == self.site
        self.workers.is_pulse_wanted = owns and not database.read_only
        copy_caught_up = self._has_copy_caught_up()
        other_well = self._is_other_well(reading, now)
        self._remember_health(reading, copy_caught_up and other_well, now)
        return Facts(
            me=self.site,
            row=row,
            last=memory.last,
            on_time_since=max(self.thread_punctuality.since, self.cycle_punctuality.since),
            unchanged_since=max(memory.changed_at, self.register_answers.since),
            hearing_since=self.peer.answers.since,
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
            software_at=self.workers.seen_at,
            caught_up=copy_caught_up,
            pulse_at=memory.pulse_at,
            asked_at=memory.asked_at,
            well_since=memory.well_since,
            unprotected_epoch=memory.unprotected_epoch,
        )

    def _forget_other_owner(self, row: RegisterRow | None) -> None:
        """Forget signs of life and divergence that were seen while another site owned the platform's data."""
        last = self.memory.last
        if row is not None and (last is None or last.owner != row.owner):
            self.memory.pulse_at = self.memory.well_since = self.memory.diverged_at = None

    def is_well(self, facts: Facts) -> bool:
        """Return whether this site serves the platform, or could serve it if it took over now."""
        database = facts.own
        is_good_copy = (
            database.follows and database.receiving and database.applying and database.complete
        )
        serves = not database.follows and not database.read_only
        is_life_visible = self.cell.health or self.workers.seen_at is not None
        workers_live = self.health.is_good and (
            not is_life_visible or self.workers.is_alive(REPORT_LIVES_SECONDS)
        )
        return (
            database.answers
            and not database.unsafe_setting
            and workers_live
            and (is_good_copy or serves)
        )

    def _read_register(self) -> RegisterReading | None:
        """Return the register's row about this platform and the other site's report; `None` if it does not answer."""
        try:
            return self.register.read()
        except Failure:
            return None

    def _read_database(self, now: float) -> Database:
        """Read and return the state of this site's database; if it does not answer, return the state that it last had.

        The settings are checked once for each run of the database process.
        """
        memory = self.memory
        run_id = self.server.run_id()
        if run_id != memory.run_id:
            self._forget_former_process(run_id, now)
        if not run_id:
            memory.database = Database()
            return memory.database
        try:
            memory.unsafe_setting = (
                memory.unsafe_setting
                if memory.answered_at > memory.started_at
                else self._find_unsafe_setting()
            )
            own_reading = own_database.DatabaseReading(
                self.link, self.cell.platform, self.cell.schema, self.cell.number
            )
        except Failure:
            memory.database = replace(memory.database, alive=True, answers=False)
            return memory.database
        memory.answered_at = now
        self._remember_replication(own_reading, now)
        complete = self._is_complete(own_reading)
        memory.database = own_reading.to_facts(
            complete=complete, unsafe_setting=memory.unsafe_setting
        )
        return memory.database

    def _find_unsafe_setting(self) -> str:
        """Return which setting of the own database could lose or change data; "" if none."""
        return own_database.find_unsafe_setting(self.link, self.cell.server, self.cell.number)

    def _forget_former_process(self, run_id: str, now: float) -> None:
        """Forget what was remembered of the former database process, since another one runs now, or none.

        `run_id` is the id of the process that runs now (`Server.run_id`).
        """
        memory = self.memory
        self.link.close()
        memory.run_id, memory.started_at, memory.goal = run_id, now, None
        memory.acknowledged, memory.acked_at, memory.followed_at = -1, now, NEVER
        memory.diverged_at, memory.fed_since = None, None
        memory.own_positions.clear()
        memory.database = Database()

    def _remember_replication(self, own_reading: own_database.DatabaseReading, now: float) -> None:
        """Remember when the copy last acknowledged commits, and when the workers' liveness counter (pulse) last grew.

        While no commit waits and the copy is connected, or commits do not wait for it, commits count as acknowledged
        now. While this copy lacks newer writes, the counter counts as grown now, since it may have grown unseen.
        `lag`: by how many transactions the copy is behind.
        """
        memory = self.memory
        if self.peer.sequence is None:
            self.lag = None
        else:
            ahead = own_reading.sequence - self.peer.sequence
            # A read-only database is itself the copy, and may be behind; else the other site's is the copy.
            self.lag = max(0, -ahead if own_reading.read_only else ahead)
        peer_answers = now - self.peer.heard_at < 1.0
        has_no_open_commit = own_reading.attached and not own_reading.waiting and peer_answers
        if (
            not own_reading.semi
            or has_no_open_commit
            or own_reading.acknowledged > memory.acknowledged >= 0
        ):
            memory.acked_at = now
        memory.acknowledged = own_reading.acknowledged
        self._remember_divergence(own_reading, now)
        memory.own_positions.append((now, own_reading.sequence))
        if own_reading.pulse != memory.pulse:
            memory.pulse_at = now if memory.pulse is not None else None
            memory.pulse = own_reading.pulse
        elif memory.pulse_at is not None and self._lacks_recent_writes(own_reading, now):
            memory.pulse_at = now

    def _lacks_recent_writes(self, own_reading: own_database.DatabaseReading, now: float) -> bool:
        """Return whether this copy lacks writes that the other site's database had a second ago.

        Then an old pulse (the counter that the workers there count up) does not prove that they are dead: newer
        counts may be on their way.
        """
        memory = self.memory
        if self.peer.sequence is not None:
            memory.peer_positions.append((now, self.peer.sequence))
        before = [sequence for at, sequence in memory.peer_positions if at <= now - 1.0]
        return bool(before) and own_reading.sequence < before[-1]

    def _remember_divergence(self, own_reading: own_database.DatabaseReading, now: float) -> None:
        """Remember since when the owner's database refuses this copy, as it holds transactions that the owner lacks.

        The refusal counts until the copy has received something again. A new attempt to connect
        alone does not end it: the error vanishes from the status for a moment and comes back.
        """
        memory = self.memory
        memory.fed_since = (memory.fed_since or now) if own_reading.receiving else None
        if own_reading.diverged and memory.diverged_at is None:
            memory.diverged_at, memory.diverged_from = now, own_reading.sequence
        elif own_reading.sequence > memory.diverged_from or memory.database.complete:
            memory.diverged_at = None

    def _is_complete(self, own_reading: own_database.DatabaseReading) -> bool:
        """Return whether this copy has, since its database process started, once had all that the owner had.

        What a copy had received but not applied is lost when its process dies. Until the copy has
        been complete again it must not take over. That it was complete is kept in a file, because
        the agent may die too. It is complete when it reaches the goal: the owner's position at the
        time when the copy had been receiving for 0.25 s.
        """
        memory = self.memory
        if self.complete.exists() and self.complete.read_text() == memory.run_id:
            return True
        # A copy that the owner is about to refuse also seems to receive for a moment.
        is_receiving = memory.fed_since is not None and time.monotonic() - memory.fed_since > 0.25
        if (
            not is_receiving
            or self.peer.sequence is None
            or self.peer.heard_at < memory.followed_at
        ):
            memory.goal = None
            return False
        memory.goal = self.peer.sequence if memory.goal is None else memory.goal
        if memory.goal is None or own_reading.sequence < memory.goal:
            return False
        self.complete.write_text(memory.run_id)
        self.served.unlink(missing_ok=True)
        return True

    def _has_copy_caught_up(self) -> bool:
        """Return, at the owner's site, whether the copy lacked at most the last 0.3 s of writes when it last answered.

        `memory.own_positions` holds, for recent moments, the number of this database's last transaction.
        """
        latest = self.peer.heard_at - CAUGHT_UP_SECONDS
        before = [sequence for moment, sequence in self.memory.own_positions if moment <= latest]
        return bool(before) and self.peer.sequence is not None and self.peer.sequence >= before[-1]

    def _remember_row(self, row: RegisterRow | None, now: float) -> None:
        """Remember the register's row, and since when it has named the same owner. `None` (no answer): do nothing."""
        if row is None:
            return
        memory = self.memory
        self.register_answers.tick()
        if memory.last is None or _ownership(memory.last) != _ownership(row):
            memory.changed_at = now
        memory.last = row

    def _remember_own_request(self, reading: RegisterReading | None, now: float) -> None:
        """Remember since when this agent's own request for the platform is open; not if the register was not read."""
        if reading is None:
            return
        is_own_request = reading.row.wish == self.site == reading.row.wish_by
        self.memory.asked_at = (self.memory.asked_at or now) if is_own_request else None

    def _remember_report(self, reading: RegisterReading | None, now: float) -> None:
        """Remember when the other site's agent last wrote a report, by this machine's clock alone.

        The first report that this process sees may be old, so only a changed one counts.
        `vouched_at`: when that agent last reported that its database answers and takes writes.
        `doubted_since`: since when the other site has had, or asks for, this site's own platform.
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
        """Return whether the other site's agent has lately reported that its site serves the platform, or could."""
        return (
            reading is not None
            and reading.well
            and now - self.memory.reported_at < REPORT_LIVES_SECONDS
        )

    def _remember_health(
        self, reading: RegisterReading | None, copy_caught_up: bool, now: float
    ) -> None:
        """Remember since when a platform that this site serves as its backup could go back to its own site.

        `copy_caught_up`: the copy there has caught up, and that site's agent reports that it could serve.
        """
        memory = self.memory
        is_backup = reading is not None and reading.row.owner == self.site != reading.row.home
        could_return = is_backup and reading is not None and not reading.row.solo and copy_caught_up
        if reading is not None:
            memory.well_since = (memory.well_since or now) if could_return else None


def _ownership(row: RegisterRow) -> tuple[str, int, bool]:
    """Return site, epoch (number of the ownership) and whether unprotected, of the ownership in a register row."""
    return row.owner, row.epoch, row.solo
