"""A conference is one frozen value; its states and its moves are defined here. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import msgspec

from wire.fields import Join, Resolution, Settings, Terminal, UnitName
from wire.number_registry import Stay, UsedUnit

SMALL_PLACES = 8
"""A conference with at most this many places is small (licensed apart from large ones)."""


class ConferenceState(StrEnum):
    """A conference is in one of the five states of the specification's picture."""

    CREATING = "creating"
    RUNNING = "running"
    PENDING_RESTORE = "pending"
    RESTORING = "restoring"
    ENDED = "ended"


class EndReason(StrEnum):
    """The reason why a conference ended."""

    RELEASED = "released"
    EXPIRED = "expired"
    AUTO_END = "auto_end"
    CREATE_FAILED = "create_failed"
    MCU_LOST = "mcu_lost"
    DOMAIN_DISABLED = "domain_disabled"


_S = ConferenceState

MOVES: dict[ConferenceState, frozenset[ConferenceState]] = {
    _S.CREATING: frozenset({_S.CREATING, _S.RUNNING, _S.ENDED}),
    _S.RUNNING: frozenset({_S.RUNNING, _S.PENDING_RESTORE, _S.ENDED}),
    _S.PENDING_RESTORE: frozenset({_S.PENDING_RESTORE, _S.RESTORING, _S.RUNNING, _S.ENDED}),
    _S.RESTORING: frozenset({_S.RESTORING, _S.RUNNING, _S.PENDING_RESTORE, _S.ENDED}),
    _S.ENDED: frozenset(),
}


class WrongMove(Exception):
    """A decision asked for a move that does not exist: this is a bug."""


class NamesUnit(Protocol):
    """What names a unit by its address, and by its instance name where there are several."""

    @property
    def ip(self) -> str | None: ...

    @property
    def pid(self) -> str | None: ...


class Unit(NamedTuple):
    """A media unit: its address, its instance, and the site where it stands.

    `pid` names the instance where there are several at one address. `at` is the platform of the site: two
    sites may use the same private addresses.
    """

    ip: str
    pid: str = ""
    at: str = ""

    def __str__(self) -> str:
        return f"{self.ip}:{self.pid}" if self.pid else self.ip

    @property
    def wire(self) -> UnitName:
        """The unit as messages name it: `{ip, pid?}`."""
        return UnitName(ip=self.ip, pid=self.pid or None)

    @staticmethod
    def of(named: NamesUnit | None, at: str = "") -> Unit | None:
        """Return the unit that a message names; None means that it names none."""
        return Unit(named.ip, named.pid or "", at) if named and named.ip else None


class Rename(NamedTuple):
    """A unit's wish for a new name, while CM is asked (CSS §5.1)."""

    ask: str
    name: str
    request: str
    reqid: str | None
    answer_by: datetime


class Conference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conference as it is now; only the moves below lead to its next value. Times are UTC.

    It is a struct of msgspec, so that it is copied, saved and read in C: each of that happens with every message.
    """

    # What was asked for.
    confid: str
    e164: str
    source_platform: str
    user_domain: str
    name: str
    created_at: datetime
    creator_moid: str = ""
    creator_name: str = ""
    password: str = ""
    conftype: int = 1
    places: int = SMALL_PLACES
    duration: int = 240
    resolution: Resolution = "720p"
    bitrate: int = 1024
    h265: bool = False
    record: bool = False
    protected: bool = True
    auto_end: bool = False
    shortnum: str = ""
    ends_at: datetime | None = None
    # The request that created it, which is answered once.
    request: str = ""
    reqid: str | None = None
    origin: str = "mq"
    # Its state and its unit.
    state: ConferenceState = ConferenceState.CREATING
    incarnation: int = 1
    revision: int = 0
    hosting_platform: str = ""
    unit: Unit | None = None
    vrs: Unit | None = None
    mps: Unit | None = None
    join: Join | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str = ""
    end_code: str = ""
    # The search for a unit.
    question: int = 0
    tried: tuple[Unit, ...] = ()
    last_code: str = ""
    give_up_at: datetime | None = None
    """In CREATING: the moment when the create fails. Later: when it ends although its site did not ask."""
    answer_by: datetime | None = None
    restore_at: datetime | None = None
    pending_since: datetime | None = None
    placed_at: datetime | None = None
    # What happens while it runs.
    warned: int = 0
    empty_since: datetime | None = None
    mts: tuple[Terminal, ...] = ()
    chairman: str = ""
    speaker: str = ""
    settings: Settings | None = None
    rename: Rename | None = None
    # What only the call record shows.
    restores: int = 0
    units: tuple[UsedUnit, ...] = ()
    members: tuple[Stay, ...] = ()

    @property
    def large(self) -> bool:
        """Tell whether it takes a seat for a large conference."""
        return self.places > SMALL_PLACES

    @property
    def live(self) -> bool:
        """Tell whether it holds a number and a seat."""
        return self.state is not ConferenceState.ENDED

    def on(self, unit: Unit | None) -> bool:
        """Tell whether the conference is assigned to this unit.

        `None`, for a message that names no unit, counts as the assigned one.
        """
        return self.unit is not None and unit in (None, self.unit)

    # ---- moves ------------------------------------------------------------------------------

    def _move(self, state: ConferenceState, **changes: Any) -> Conference:
        """Return the conference in this state. Raises WrongMove if MOVES does not allow it."""
        if state not in MOVES[self.state]:
            raise WrongMove(f"{self.e164}: {self.state} -> {state}")
        return msgspec.structs.replace(self, state=state, **changes)

    def change(self, **changes: Any) -> Conference:
        """Return the conference with other fields, in the same state."""
        return self._move(self.state, **changes)

    def ask(self, until: datetime) -> Conference:
        """Return it with a new question to the RMS, to be answered by `until`.

        The number of the question tells its answer from older ones.
        """
        return self.change(question=self.question + 1, answer_by=until)

    def place(self, unit: Unit, platform: str, until: datetime, **others: Any) -> Conference:
        """Return it assigned to a unit, which must answer by `until`.

        Each placing is one more incarnation, except the very first. `others` are the other resources.
        """
        first = self.state is ConferenceState.CREATING and not self.tried
        state = self.state if self.state is ConferenceState.CREATING else _S.RESTORING
        return self._move(
            state,
            unit=unit,
            hosting_platform=platform,
            incarnation=self.incarnation if first else self.incarnation + 1,
            tried=(*self.tried, unit),
            answer_by=until,
            restore_at=None,
            join=None,
            **others,
        )

    def unplace(self, code: str, until: datetime) -> Conference:
        """Return it without its unit, which refused or was silent, asking for another one."""
        return self._move(_S.CREATING, unit=None, last_code=code).ask(until)

    def begin_running(self, join: Join | None, now: datetime) -> Conference:
        """Return it running on its unit."""
        unit = self.unit or Unit("")
        used = UsedUnit(ip=unit.ip or None, pid=unit.pid or None, since=_in_seconds(now))
        return self._move(
            _S.RUNNING,
            join=self.join if join is None or join.is_empty else join,
            started_at=self.started_at or now,
            placed_at=now,
            answer_by=None,
            give_up_at=None,
            restore_at=None,
            pending_since=None,
            tried=(),
            last_code="",
            empty_since=self.empty_since
            or (None if any(terminal.online for terminal in self.mts) else now),
            restores=self.restores + (self.state is not _S.CREATING),
            units=(*self.units, used),
        )

    def lose_unit(
        self, now: datetime, *, avoid: tuple[Unit, ...] = (), dropped: bool = False
    ) -> Conference:
        """Return it waiting to be restored, because its unit is gone or refused it.

        A unit that was told to drop it (`dropped`) is forgotten, so that an old list of that unit brings
        nothing back.
        """
        return self._move(
            _S.PENDING_RESTORE,
            unit=None if dropped else self.unit,
            pending_since=self.pending_since or now,
            restore_at=now,
            answer_by=None,
            tried=avoid,
            rename=None,
            units=close_last(self.units, now),
        )

    def end(self, reason: EndReason, now: datetime, code: str = "") -> Conference:
        """Return it ended for good."""
        return self._move(
            _S.ENDED,
            ended_at=now,
            end_reason=reason,
            end_code=code,
            answer_by=None,
            give_up_at=None,
            restore_at=None,
            rename=None,
            units=close_last(self.units, now),
            members=tuple(stay if stay.until else _until(stay, now) for stay in self.members),
        )


def _in_seconds(moment: datetime) -> str:
    """Return a moment in whole seconds, ISO 8601."""
    return moment.isoformat(timespec="seconds")


def _until(stay: Stay, now: datetime) -> Stay:
    return msgspec.structs.replace(stay, until=_in_seconds(now))


def close_last(units: tuple[UsedUnit, ...], now: datetime) -> tuple[UsedUnit, ...]:
    """Return the list of units used, whose last one was left at `now`."""
    if not units or units[-1].until:
        return units
    return (*units[:-1], msgspec.structs.replace(units[-1], until=_in_seconds(now)))


WARNINGS = (10, 5, 1)
"""Minutes before its end at which a conference is announced to end (CSS §9.3)."""

EMPTY_FOR = timedelta(minutes=5)


def next_due(c: Conference) -> datetime | None:
    """Return when a timer has to look at a conference next; None means never.

    The value is kept in one indexed column.
    """
    if not c.live:
        return None
    moments = [c.answer_by, c.restore_at if c.state is _S.PENDING_RESTORE else None]
    if c.state is not _S.CREATING:
        moments.append(c.give_up_at or c.ends_at)
    if c.state is _S.RUNNING:
        left = [m for m in WARNINGS if not c.warned or m < c.warned]
        if c.ends_at and left:
            moments.append(c.ends_at - timedelta(minutes=left[0]))
        moments.append(c.rename.answer_by if c.rename else None)
        moments.append(c.empty_since + EMPTY_FOR if c.auto_end and c.empty_since else None)
    return min((m for m in moments if m), default=None)
