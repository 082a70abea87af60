"""A conference is one frozen value; its states and the moves between them are defined here. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from conferences.rules.monitor_states import Monitor
from wire.fields import Join, Resolution, Settings, Terminal, UnitName
from wire.number_registry import Stay, UsedUnit

SMALL_PLACES = 8
"""A conference with at most this many places is small (licensed apart from large ones)."""


class ConferenceState(StrEnum):
    """A conference is in one of these five states of the specification."""

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


RECORDER_AGAIN_IN = timedelta(seconds=60)
"""A conference that runs without its recorder asks for one so often, and at once when one becomes free."""


class WrongMove(Exception):
    """A decision asked for a change of state that MOVES does not allow: this is a bug."""


class NamesUnit(Protocol):
    """A message, or part of one, that may name a media unit: its address, and its instance name (`pid`)."""

    @property
    def ip(self) -> str | None: ...

    @property
    def pid(self) -> str | None: ...


class Unit(NamedTuple):
    """A media unit: its address, its instance name (`pid`; "" if it is alone at its address), and its site.

    `site` is the platform of the site where the unit stands: two sites may use the same private addresses.
    """

    ip: str
    pid: str = ""
    site: str = ""

    def __str__(self) -> str:
        return f"{self.ip}:{self.pid}" if self.pid else self.ip

    @property
    def as_message_field(self) -> UnitName:
        """The unit as it is written in messages: `{ip, pid?}`."""
        return UnitName(ip=self.ip, pid=self.pid or None)

    @staticmethod
    def of(message: NamesUnit | None, site: str = "") -> Unit | None:
        """Return the unit that a message names; `None` means that it names none."""
        return Unit(message.ip, message.pid or "", site) if message and message.ip else None


BY_TIMER = "book"
"""The `origin` of conferences that a timer creates for reservations."""


class Asker(NamedTuple):
    """Whoever asks for a conference: `request` is the key of the request in the inbox, and `reqid` its own id.

    `origin` is `mq` for a message of a conference manager, `http` for the HTTP API. `by_template`: the request names
    a template or virtual room, so several may wait for one conference.
    """

    request: str
    origin: str = "mq"
    reqid: str | None = None
    by_template: bool = False


class Rename(NamedTuple):
    """A media unit's wish for a new name, while the conference manager (CM) is asked (CSS §5.1).

    `question_id` is the id of our question to the manager; `request_key` and `reqid` are those of the unit's
    request.
    """

    question_id: str
    name: str
    request_key: str
    reqid: str | None
    answer_by: datetime


class Conference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conference as it is now; only the moves below lead to its next value. Times are UTC.

    It is a msgspec struct, because copying, saving and reading it, which every message does, is then done in C.
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
    stored_id: str = ""
    """The id of the template, virtual room or reservation that it came from."""
    stored_name: str = ""
    occurrence: str = ""
    """The date of the reservation that it came from."""
    # The request that created it, which is answered once, and those that wait for it as well.
    request: str = ""
    reqid: str | None = None
    origin: str = "mq"
    by_template: bool = False
    also_asked: tuple[Asker, ...] = ()
    # Its state and its unit.
    state: ConferenceState = ConferenceState.CREATING
    incarnation: int = 1
    revision: int = 0
    hosting_platform: str = ""
    unit: Unit | None = None
    vrs: Unit | None = None
    mps: Unit | None = None
    record_at: datetime | None = None
    """When a recorder is asked for again, as it runs without the one that it is to have."""
    join: Join | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str = ""
    end_code: str = ""
    # The search for a unit.
    question: int = 0
    tried: tuple[Unit, ...] = ()
    last_code: str = ""
    last_detail: str = ""
    give_up_at: datetime | None = None
    """In CREATING: when the create fails. Later: when it is ended although the site of its unit did not ask for it."""
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
    monitors: tuple[Monitor, ...] = ()
    # What only the call record shows.
    restores: int = 0
    units: tuple[UsedUnit, ...] = ()
    members: tuple[Stay, ...] = ()

    @property
    def large(self) -> bool:
        """Tell whether the licence counts it as a large conference."""
        return self.places > SMALL_PLACES

    @property
    def live(self) -> bool:
        """Tell whether it has not ended: it still holds a number, and counts for the licence."""
        return self.state is not ConferenceState.ENDED

    @property
    def askers(self) -> tuple[Asker, ...]:
        """Return all who asked for it and are to be answered: first the one for whom it was created.

        Nobody waits for an answer if a timer asked, because the time of a reservation had come.
        """
        if self.origin == BY_TIMER:
            return self.also_asked
        first = Asker(self.request, self.origin, self.reqid, self.by_template)
        return (first, *self.also_asked)

    def is_on(self, unit: Unit | None) -> bool:
        """Tell whether the conference is assigned to this unit.

        `None`, for a message that names no unit, counts as the assigned one. A conference without a unit is on none.
        """
        return self.unit is not None and unit in (None, self.unit)

    # ---- moves ------------------------------------------------------------------------------

    def _move(self, state: ConferenceState, **changes: object) -> Conference:
        """Return the conference in this state, with these fields changed. Raises WrongMove if MOVES forbids it."""
        if state not in MOVES[self.state]:
            raise WrongMove(f"{self.e164}: {self.state} -> {state}")
        return msgspec.structs.replace(self, state=state, **changes)

    def change(self, **changes: object) -> Conference:
        """Return the conference in the same state, with these fields changed."""
        return self._move(self.state, **changes)

    def ask(self, until: datetime) -> Conference:
        """Return the conference with one more question to the resource manager (RMS), to be answered by `until`.

        The number of the question tells its answer from answers to older questions.
        """
        return self.change(question=self.question + 1, answer_by=until)

    def place(
        self, unit: Unit, platform: str, until: datetime, **other_units: object
    ) -> Conference:
        """Return the conference assigned to a media unit, which must answer by `until`.

        Each assignment but the very first raises the incarnation. `other_units` are recorder (`vrs`) and media
        processor (`mps`).
        """
        is_first = self.state is ConferenceState.CREATING and not self.tried
        state = self.state if self.state is ConferenceState.CREATING else _S.RESTORING
        return self._move(
            state,
            unit=unit,
            hosting_platform=platform,
            incarnation=self.incarnation if is_first else self.incarnation + 1,
            tried=(*self.tried, unit),
            answer_by=until,
            restore_at=None,
            join=None,
            **other_units,
        )

    def unplace(self, code: str, until: datetime, detail: str = "") -> Conference:
        """Return the conference without its media unit, asking for another one.

        `code` says what was wrong with the unit, `detail` says it in the unit's own words.
        """
        return self._move(_S.CREATING, unit=None, last_code=code, last_detail=detail).ask(until)

    def begin_running(self, join: Join | None, now: datetime) -> Conference:
        """Return the conference running on its media unit. `join`: how to enter it there."""
        unit = self.unit or Unit("")
        used = UsedUnit(ip=unit.ip or None, pid=unit.pid or None, since=_iso_text(now))
        return self._move(
            _S.RUNNING,
            join=self.join if join is None or join.is_empty else join,
            started_at=self.started_at or now,
            placed_at=now,
            answer_by=None,
            give_up_at=None,
            restore_at=None,
            pending_since=None,
            record_at=now + RECORDER_AGAIN_IN if self.record and self.vrs is None else None,
            tried=(),
            last_code="",
            last_detail="",
            empty_since=self.empty_since
            or (None if any(terminal.online for terminal in self.mts) else now),
            restores=self.restores + (self.state is not _S.CREATING),
            units=(*self.units, used),
        )

    def lose_unit(
        self, now: datetime, *, avoid: tuple[Unit, ...] = (), dropped: bool = False
    ) -> Conference:
        """Return the conference waiting to be restored, because its media unit is gone or refused it.

        `avoid`: units that are not to be granted. `dropped`: the unit was told to drop it, so the unit is forgotten,
        and an old list of that unit brings nothing back.
        """
        return self._move(
            _S.PENDING_RESTORE,
            unit=None if dropped else self.unit,
            pending_since=self.pending_since or now,
            restore_at=now,
            answer_by=None,
            tried=avoid,
            rename=None,
            record_at=None,
            units=close_last(self.units, now),
        )

    def end(self, reason: EndReason, now: datetime, code: str = "") -> Conference:
        """Return the conference ended for good. `code`: the error code of a failed create."""
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
            members=tuple(stay if stay.until else _ended(stay, now) for stay in self.members),
        )


def _iso_text(moment: datetime) -> str:
    """Return a moment in whole seconds, ISO 8601."""
    return moment.isoformat(timespec="seconds")


def _ended(stay: Stay, now: datetime) -> Stay:
    """Return the stay of a member, ended now."""
    return msgspec.structs.replace(stay, until=_iso_text(now))


def close_last(units: tuple[UsedUnit, ...], now: datetime) -> tuple[UsedUnit, ...]:
    """Return the list of used units, in which the use of the last one ends now if it has not ended yet."""
    if not units or units[-1].until:
        return units
    return (*units[:-1], msgspec.structs.replace(units[-1], until=_iso_text(now)))


WARNINGS = (10, 5, 1)
"""Minutes before the end of a conference at which its managers and its media unit are warned (CSS §9.3)."""

EMPTY_FOR = timedelta(minutes=5)


def next_due(c: Conference) -> datetime | None:
    """Return when a timer has to look at a conference next; `None` means never.

    It is stored in the indexed column `due_at`.
    """
    if not c.live:
        return None
    moments = [c.answer_by, c.restore_at if c.state is _S.PENDING_RESTORE else None]
    moments += [monitor.due_at for monitor in c.monitors]
    if c.state is not _S.CREATING:
        moments.append(c.give_up_at or c.ends_at)
    if c.state is _S.RUNNING:
        warnings_left = [minutes for minutes in WARNINGS if not c.warned or minutes < c.warned]
        if c.ends_at and warnings_left:
            moments.append(c.ends_at - timedelta(minutes=warnings_left[0]))
        moments += [c.rename.answer_by if c.rename else None, c.record_at]
        moments.append(c.empty_since + EMPTY_FOR if c.auto_end and c.empty_since else None)
    return min((moment for moment in moments if moment), default=None)
