"""A conference is one frozen value. This module defines its states, and methods that return its next value. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from conferences.rules.breakout import Breakout
from conferences.rules.monitor_states import Monitor
from conferences.rules.open_rename import Rename
from wire.fields import Join, Resolution, Settings, Terminal, UnitName
from wire.number_registry import Stay, UsedUnit

SMALL_PLACES = 8
"""A conference with at most this many places is small (licensed apart from large ones)."""


class ConferenceState(StrEnum):
    """The state of a conference, as the specification defines it."""

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

TRANSITIONS: dict[ConferenceState, frozenset[ConferenceState]] = {
    _S.CREATING: frozenset({_S.CREATING, _S.RUNNING, _S.ENDED}),
    _S.RUNNING: frozenset({_S.RUNNING, _S.PENDING_RESTORE, _S.ENDED}),
    _S.PENDING_RESTORE: frozenset({_S.PENDING_RESTORE, _S.RESTORING, _S.RUNNING, _S.ENDED}),
    _S.RESTORING: frozenset({_S.RESTORING, _S.RUNNING, _S.PENDING_RESTORE, _S.ENDED}),
    _S.ENDED: frozenset(),
}


RECORDER_AGAIN_IN = timedelta(seconds=60)
"""For a conference that runs without its recorder one is requested so often, and at once when one becomes free."""


class InvalidTransition(Exception):
    """The exception for a change of state that TRANSITIONS does not allow: this is a bug."""


class NamesUnit(Protocol):
    """A message, or part of one, that may name a media unit: its address, and its instance name (`pid`)."""

    @property
    def ip(self) -> str | None: ...

    @property
    def pid(self) -> str | None: ...


class Unit(NamedTuple):
    """Represent a media unit: its address, its instance name (`pid`; "" if it is alone at its address), and its site.

    `site` is the platform of the site where the unit stands: two sites may use the same private addresses.
    """

    ip: str
    pid: str = ""
    site: str = ""

    def __str__(self) -> str:
        return f"{self.ip}:{self.pid}" if self.pid else self.ip

    @property
    def as_message_field(self) -> UnitName:
        """Return the unit as a field of messages: `{ip, pid?}`."""
        return UnitName(ip=self.ip, pid=self.pid or None)

    @staticmethod
    def of(message: NamesUnit | None, site: str = "") -> Unit | None:
        """Return the unit that a message names; `None` means that it names none."""
        return Unit(message.ip, message.pid or "", site) if message and message.ip else None


BY_TIMER = "book"
"""The `origin` of conferences that a timer creates for reservations."""


class Asker(NamedTuple):
    """The asker is the party that requested a conference and waits for an answer.

    `request`: the key of its request in the inbox. `reqid`: the id that the request itself carries. `origin`: `mq` for
    a message of a conference manager, `http` for the HTTP API, BY_TIMER. `by_template`: the request names a template or
    virtual room, so several askers may wait for one conference.
    """

    request: str
    origin: str = "mq"
    reqid: str | None = None
    by_template: bool = False


class Conference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conference as it is now. Only the methods below ("transitions") lead to its next value. Times are UTC.

    It is a msgspec struct, because every message copies, saves and reads one, which msgspec does in C.
    """

    # The conference that was requested.
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
    """The id of the template, virtual room or reservation from which it was started."""
    stored_name: str = ""
    occurrence: str = ""
    """The id of the occurrence of the reservation from which it was started."""
    # The request that created it, which is answered once, and the requests of others that wait for it.
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
    """When a recorder is requested again, because it runs without the one that it is to have."""
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
    """In CREATING: when the create fails. Later: when it is ended although its unit's site has not requested it."""
    answer_by: datetime | None = None
    restore_at: datetime | None = None
    pending_since: datetime | None = None
    placed_at: datetime | None = None
    # The conference while it runs.
    warned: int = 0
    empty_since: datetime | None = None
    mts: tuple[Terminal, ...] = ()
    chairman: str = ""
    speaker: str = ""
    settings: Settings | None = None
    report_seq: int = 0
    """The highest `seq` of the reports of its unit that were taken in this incarnation; 0: none that had one."""
    rename: Rename | None = None
    monitors: tuple[Monitor, ...] = ()
    breakout: Breakout | None = None
    """Its split into breakout rooms, also after their time is over; `None`: it is not split."""
    parent: str = ""
    """The number of the conference of which it is a breakout room."""
    # Fields for the call record alone.
    restores: int = 0
    units: tuple[UsedUnit, ...] = ()
    members: tuple[Stay, ...] = ()

    @property
    def large(self) -> bool:
        """Return whether the licence counts the conference as a large one."""
        return self.places > SMALL_PLACES

    @property
    def live(self) -> bool:
        """Return whether the conference has not ended; a live one has its number, and counts for the licence."""
        return self.state is not ConferenceState.ENDED

    @property
    def empty_from(self) -> datetime | None:
        """Return since when it is empty, also of its breakout rooms; `None` means that somebody is there."""
        split_until = self.breakout.ends_at if self.breakout else self.empty_since
        return max(self.empty_since, split_until) if self.empty_since and split_until else None

    @property
    def askers(self) -> tuple[Asker, ...]:
        """Return all askers who wait for an answer; the first is the one for whom the conference was created.

        If a timer created it for a reservation, only the others are returned.
        """
        if self.origin == BY_TIMER:
            return self.also_asked
        first = Asker(self.request, self.origin, self.reqid, self.by_template)
        return (first, *self.also_asked)

    def is_on(self, unit: Unit | None) -> bool:
        """Return whether the conference is assigned to this unit.

        `None`, from a message that names no unit, counts as the assigned unit. Without an assigned unit it is `False`.
        """
        return self.unit is not None and unit in (None, self.unit)

    # ---- transitions ------------------------------------------------------------------------------

    def _enter(self, state: ConferenceState, **changes: object) -> Conference:
        """Return the conference in this state, with these fields changed.

        Raises InvalidTransition if the table TRANSITIONS forbids it.
        """
        if state not in TRANSITIONS[self.state]:
            raise InvalidTransition(f"{self.e164}: {self.state} -> {state}")
        return msgspec.structs.replace(self, state=state, **changes)

    def change(self, **changes: object) -> Conference:
        """Return the conference in the same state, with these fields changed."""
        return self._enter(self.state, **changes)

    def ask(self, until: datetime) -> Conference:
        """Return the conference with one more question to the resource manager (RMS), which has to answer by `until`.

        The number of the question tells its answer from answers to older questions.
        """
        return self.change(question=self.question + 1, answer_by=until)

    def place(
        self, unit: Unit, platform: str, until: datetime, **other_units: object
    ) -> Conference:
        """Return the conference assigned to a media unit, which must answer by `until`.

        Each assignment but the very first raises the incarnation, its number. `platform`: that of the unit.
        `other_units`: recorder (`vrs`) and media processor (`mps`).
        """
        is_first = self.state is ConferenceState.CREATING and not self.tried
        state = self.state if self.state is ConferenceState.CREATING else _S.RESTORING
        return self._enter(
            state,
            unit=unit,
            hosting_platform=platform,
            incarnation=self.incarnation if is_first else self.incarnation + 1,
            tried=(*self.tried, unit),
            answer_by=until,
            restore_at=None,
            join=None,
            report_seq=0,
            **other_units,
        )

    def unplace(self, code: str, until: datetime, detail: str = "") -> Conference:
        """Return the conference without its media unit, asking for another one.

        `code`: the error code of the unit's failure. `detail`: the unit's own sentence about it. `until`: when the
        resource manager (RMS) has to answer.
        """
        return self._enter(_S.CREATING, unit=None, last_code=code, last_detail=detail).ask(until)

    def begin_running(self, join: Join | None, now: datetime) -> Conference:
        """Return the conference as it is once its media unit runs it. `join`: how to enter it there.

        The search for a unit is over; a missing recorder (`vrs`) is asked for soon. `restores` counts its later units.
        """
        unit = self.unit or Unit("")
        used = UsedUnit(ip=unit.ip or None, pid=unit.pid or None, since=_iso_text(now))
        return self._enter(
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

        `avoid`: units that the resource manager must not grant. `dropped`: the unit was told to drop the conference, so
        it is no longer assigned, and an old list of that unit does not bring it back.
        """
        return self._enter(
            _S.PENDING_RESTORE,
            unit=None if dropped else self.unit,
            pending_since=self.pending_since or now,
            restore_at=now,
            answer_by=None,
            tried=avoid,
            rename=None,
            record_at=None,
            units=close_last_use(self.units, now),
        )

    def end(self, reason: EndReason, now: datetime, code: str = "") -> Conference:
        """Return the conference ended for good. `code`: the error code of a failed create."""
        return self._enter(
            _S.ENDED,
            ended_at=now,
            end_reason=reason,
            end_code=code,
            answer_by=None,
            give_up_at=None,
            restore_at=None,
            rename=None,
            units=close_last_use(self.units, now),
            members=tuple(stay if stay.until else _ended_stay(stay, now) for stay in self.members),
        )


def _iso_text(moment: datetime) -> str:
    """Return a time in whole seconds, ISO 8601."""
    return moment.isoformat(timespec="seconds")


def _ended_stay(stay: Stay, now: datetime) -> Stay:
    """Return a member's stay in a conference as one that ends now."""
    return msgspec.structs.replace(stay, until=_iso_text(now))


def close_last_use(units: tuple[UsedUnit, ...], now: datetime) -> tuple[UsedUnit, ...]:
    """Return the media units that a conference has used, with times; the last use ends now, if it has not ended yet."""
    if not units or units[-1].until:
        return units
    return (*units[:-1], msgspec.structs.replace(units[-1], until=_iso_text(now)))


WARNINGS = (10, 5, 1)
"""Minutes before the end of a conference at which its managers and its media unit are warned (CSS §9.3)."""

EMPTY_FOR = timedelta(minutes=5)


def next_due(conference: Conference) -> datetime | None:
    """Return when a timer has to look at a conference next, for its end, a warning or an overdue answer; `None`: never.

    It is stored in the indexed column `due_at`.
    """
    if not conference.live:
        return None
    moments = [
        conference.answer_by,
        conference.restore_at if conference.state is _S.PENDING_RESTORE else None,
    ]
    moments += [monitor.due_at for monitor in conference.monitors]
    if conference.state is not _S.CREATING:
        moments.append(conference.give_up_at or conference.ends_at)
    if conference.state is _S.RUNNING:
        warnings_left = [
            minutes for minutes in WARNINGS if not conference.warned or minutes < conference.warned
        ]
        if conference.ends_at and warnings_left:
            moments.append(conference.ends_at - timedelta(minutes=warnings_left[0]))
        moments += [
            conference.rename.answer_by if conference.rename else None,
            conference.record_at,
        ]
        moments.append(
            conference.empty_from + EMPTY_FOR
            if conference.auto_end and conference.empty_from
            else None
        )
    return min((moment for moment in moments if moment), default=None)
