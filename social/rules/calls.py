"""The states of a call between two people, and what each event changes (CONV, real-time call).

    inviting -> ringing -> active -> ended
        \\__________\\_________________/

A call is one row, which `decide` changes and nobody else. Every event may arrive twice, late, or from several devices
at once: the first one counts, and all others are told what has become of the call. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

CHECK_EVERY = timedelta(seconds=60)
"""So often an active call is looked at: may it go on, and is there still the conference that carries it?"""
MEDIA_WITHIN = timedelta(seconds=15)
"""A call that was answered fails if no media unit carries it after this time."""


class CallState(StrEnum):
    """The state of a call. INVITING: no device of the called person has said yet that it rings."""

    INVITING = "inviting"
    RINGING = "ringing"
    ACTIVE = "active"
    ENDED = "ended"


WAITING = frozenset({CallState.INVITING, CallState.RINGING})
"""In these states a call waits for an answer."""


class CallEnd(StrEnum):
    """The reason why a call has ended; ANSWERED_ELSEWHERE: why it has ended for one device, and goes on at another."""

    ANSWERED_ELSEWHERE = "answered_elsewhere"
    DECLINED = "declined"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    HUNG_UP = "hung_up"


MISSED = frozenset({CallEnd.BUSY, CallEnd.NO_ANSWER, CallEnd.CANCELLED, CallEnd.UNREACHABLE})
"""A call that ended for these reasons, before an answer, was missed by the person called."""
VOICEMAIL_AFTER = frozenset({CallEnd.BUSY, CallEnd.NO_ANSWER, CallEnd.UNREACHABLE})
"""After these ends the caller may leave a voicemail."""


@dataclass(frozen=True, slots=True)
class Party:
    """A person in a call, with the name that the other one sees."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call is the attempt of one person to talk to another, and the talk that follows.

    `version` grows with every change, so that a device can drop a notice that comes late. `session` is the id of the
    call that began the conference which all calls of a session share: each further call brings one more person into
    it. `left_by`: who of the two of the first call has left, while the other one goes on talking to further people.
    `conversation` is 0 where the two people have no conversation of their own. `e164` and `confid` name the conference that carries an active call, "" until there
    is one. `is_released`: nothing has to be done about that conference any more.
    """

    id: int
    session: int
    conversation: int
    domain: str
    caller: Party
    caller_device: str
    callee: Party
    created_at: datetime
    ring_until: datetime
    request_key: str | None = None
    state: CallState = CallState.INVITING
    reason: CallEnd | None = None
    ended_by: str = ""
    answered_by: str = ""
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    checked_at: datetime | None = None
    e164: str = ""
    confid: str = ""
    is_released: bool = False
    left_by: str = ""
    version: int = 1
    voicemail_seq: int = 0
    heard_seq: int = 0

    @property
    def is_live(self) -> bool:
        """Return whether the call has not ended."""
        return self.state is not CallState.ENDED

    @property
    def is_first(self) -> bool:
        """Return whether this call has begun its session, so that both its people are in the talk by it."""
        return self.id == self.session

    @property
    def talkers(self) -> frozenset[str]:
        """Return the people who are in the talk by this call."""
        if self.state is not CallState.ACTIVE:
            return frozenset()
        people = {self.caller.id, self.callee.id} if self.is_first else {self.callee.id}
        return frozenset(people - {self.left_by})

    @property
    def occupied(self) -> frozenset[str]:
        """Return the people whom this call keeps from calling somebody else."""
        return (
            frozenset({self.caller.id, self.callee.id}) if self.state in WAITING else self.talkers
        )

    @property
    def is_missed(self) -> bool:
        """Return whether the called person has missed the call."""
        return self.answered_at is None and self.reason in MISSED

    @property
    def talk_seconds(self) -> int:
        """Return for how many whole seconds the two could talk; 0 if the call was not answered or has not ended."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(0, int((self.ended_at - self.answered_at).total_seconds()))

    @property
    def next_due(self) -> datetime | None:
        """Return when a timer has to look at the call next; `None` means never."""
        if self.state in WAITING:
            return self.ring_until
        if self.state is CallState.ACTIVE:
            assert self.answered_at is not None
            if not self.confid:
                return self.answered_at + MEDIA_WITHIN
            return (self.checked_at or self.answered_at) + CHECK_EVERY
        return self.ended_at if self.confid and not self.is_released else None


# ---- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rang:
    """A device of the called person rings."""

    user: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A person answers the call with a device."""

    user: str
    device: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A person does not want the call, and says so with a device."""

    user: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """A person hangs up: gives up calling, declines, or ends the talk, as the call stands.

    `others`: how many people besides the two of this call are in the talk of its session.
    """

    user: str
    others: int = 0


@dataclass(frozen=True, slots=True)
class SessionOver:
    """Nobody is left with whom to talk in the session of the call."""


@dataclass(frozen=True, slots=True)
class TimeIsUp:
    """The timer has found the call: nobody has answered in time, or nothing carries it."""


@dataclass(frozen=True, slots=True)
class MediaReady:
    """A conference carries the call."""

    e164: str
    confid: str


@dataclass(frozen=True, slots=True)
class MediaFailed:
    """No media unit carries the call."""


@dataclass(frozen=True, slots=True)
class MediaEnded:
    """The conference that carried the call has ended."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The permission to talk was withdrawn during the call."""


Event = (
    Rang
    | Answered
    | Declined
    | HungUp
    | SessionOver
    | TimeIsUp
    | MediaReady
    | MediaFailed
    | MediaEnded
    | Forbidden
)


# ---- results --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """The event changes the call to this; both people are told."""

    call: Call


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The event has happened before, or comes too late to matter."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The event is refused. `reason` is why the call is over for the device; `None`: the person may not do this."""

    reason: CallEnd | None = None


Decision = Changed | Unchanged | Refused
UNCHANGED = Unchanged()


def decide(call: Call, event: Event, now: datetime) -> Decision:
    """Return what an event changes about a call."""
    if not _may(call, event):
        return Refused()
    match event:
        case Rang():
            is_first = call.state is CallState.INVITING
            return _changed(call, state=CallState.RINGING) if is_first else UNCHANGED
        case Answered(_, device):
            return _answer(call, device, now)
        case Declined(user):
            return _end(call, CallEnd.DECLINED, now, user) if call.state in WAITING else UNCHANGED
        case HungUp(user, others):
            return _hang_up(call, user, others, now)
        case MediaReady(e164, confid):
            return UNCHANGED if call.confid else _changed(call, e164=e164, confid=confid)
        case TimeIsUp():
            return _time_is_up(call, now)
        case _:
            return _end_talk(call, event, now)


def _may(call: Call, event: Event) -> bool:
    """Return whether a person may cause the event; what no person causes may always happen."""
    match event:
        case Rang(user) | Answered(user) | Declined(user):
            return user == call.callee.id
        case HungUp(user):
            is_talker = (
                call.state is not CallState.ACTIVE or call.is_first or user == call.callee.id
            )
            return user in (call.caller.id, call.callee.id) and is_talker
    return True


def _end_talk(
    call: Call, event: SessionOver | MediaFailed | MediaEnded | Forbidden, now: datetime
) -> Decision:
    """End a call for a reason that none of its people has caused."""
    if call.state is CallState.ACTIVE:
        has_failed = isinstance(event, MediaFailed | Forbidden)
        return _end(call, CallEnd.FAILED if has_failed else CallEnd.HUNG_UP, now)
    if call.state in WAITING and isinstance(event, SessionOver):
        return _end(call, CallEnd.CANCELLED, now)
    return UNCHANGED


def _answer(call: Call, device: str, now: datetime) -> Decision:
    """Let the first device that answers have the call; the same device may say so again."""
    if call.state in WAITING:
        if call.ring_until <= now:
            return _end(call, CallEnd.NO_ANSWER, now)
        return _changed(
            call, state=CallState.ACTIVE, answered_by=device, answered_at=now, checked_at=now
        )
    if call.state is CallState.ACTIVE:
        return UNCHANGED if call.answered_by == device else Refused(CallEnd.ANSWERED_ELSEWHERE)
    return Refused(call.reason)


def _hang_up(call: Call, user: str, others: int, now: datetime) -> Decision:
    """End the call; or let the person leave, if the other one has further people to talk to.

    The reason follows from who hangs up and whether anybody had answered.
    """
    if call.state is CallState.ACTIVE:
        if user == call.left_by:
            return UNCHANGED
        if call.is_first and others and not call.left_by:
            return _changed(call, left_by=user)
        return _end(call, CallEnd.HUNG_UP, now, user)
    if call.state in WAITING:
        reason = CallEnd.CANCELLED if user == call.caller.id else CallEnd.DECLINED
        return _end(call, reason, now, user)
    return UNCHANGED


def _time_is_up(call: Call, now: datetime) -> Decision:
    """End a call that nobody has answered in time, or that nothing carries in time."""
    due = call.next_due
    if due is None or due > now:
        return UNCHANGED
    if call.state in WAITING:
        return _end(call, CallEnd.NO_ANSWER, now)
    if call.state is CallState.ACTIVE and not call.confid:
        return _end(call, CallEnd.FAILED, now)
    return UNCHANGED


def _end(call: Call, reason: CallEnd, now: datetime, user: str = "") -> Changed:
    return _changed(call, state=CallState.ENDED, reason=reason, ended_at=now, ended_by=user)


def _changed(call: Call, **columns: object) -> Changed:
    return Changed(replace(call, version=call.version + 1, **columns))  # type: ignore[arg-type]  # of fields by name


def checked(call: Call, now: datetime) -> Call:
    """Return an active call that was looked at now; nobody has to be told of that."""
    return replace(call, checked_at=now)


def released(call: Call) -> Call:
    """Return an ended call about whose conference nothing has to be done any more."""
    return replace(call, is_released=True)


def rings(call: Call, user: str) -> bool:
    """Return whether the devices of a person ring for a call as it stands now."""
    return user == call.callee.id and call.state in WAITING


def end_for_device(call: Call, user: str, device: str) -> CallEnd | None:
    """Return why a call is over for one device of a person; `None` means that it is not."""
    if call.state is CallState.ENDED:
        return call.reason
    is_silent = call.state is CallState.ACTIVE and user == call.callee.id
    return CallEnd.ANSWERED_ELSEWHERE if is_silent and device != call.answered_by else None
