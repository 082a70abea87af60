"""Define the states of a call between two people, and what each event changes (CONV, real-time call).

    inviting -> ringing -> active -> ended
        \\__________\\_________________/

Only `decide` changes a call. An event may arrive twice, late, or from several devices at once: the first one counts,
and the senders of all others learn the state of the call. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

CHECK_EVERY = timedelta(seconds=60)
"""An active call is checked so often: whether it is still permitted, and whether its conference still runs."""
MEDIA_WITHIN = timedelta(seconds=15)
"""A call that was answered fails if no media unit carries it after this time."""


class CallState(StrEnum):
    """The state of a call. INVITING: no device of the called person has reported yet that it rings."""

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
    """Represent a person in a call, with the name that the other one sees."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call is the attempt of one person to talk to another, and the talk that follows.

    `version` grows with every change, so that a device can drop a notice that comes late. `session` is the id of the
    first call of a session; all calls of a session share a conference, and each further call adds one more person to
    it. `left_by`: the id of the person of the first call who has left, while the other one goes on talking to further
    people. `conversation` is 0 if the two people have no conversation. `e164` and `confid` are number and id of the
    conference of an active call, "" until there is one. `is_released`: that conference has been ended, if necessary.
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
        """Return whether this is its session's first call, and caller and called person are both in the conference."""
        return self.id == self.session

    @property
    def talkers(self) -> frozenset[str]:
        """Return the ids of the people whom this call has brought into the conference, and who are still in it."""
        if self.state is not CallState.ACTIVE:
            return frozenset()
        people = {self.caller.id, self.callee.id} if self.is_first else {self.callee.id}
        return frozenset(people - {self.left_by})

    @property
    def occupied(self) -> frozenset[str]:
        """Return the ids of the people who cannot make or answer another call because of this one."""
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
        """Return when a timer has to handle the call next; `None` means never."""
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
    """A person declines the call with a device."""

    user: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """A person hangs up: cancels a ringing call, declines it, or leaves an active one.

    `others`: how many people besides the two of this call are in the conference of the session.
    """

    user: str
    others: int = 0


@dataclass(frozen=True, slots=True)
class SessionOver:
    """At most one person is left in the conference of the call's session."""


@dataclass(frozen=True, slots=True)
class TimeIsUp:
    """The time of a call is over: nobody has answered in time, or it did not get a conference in time."""


@dataclass(frozen=True, slots=True)
class MediaReady:
    """The conference of an active call has been created."""

    e164: str
    confid: str


@dataclass(frozen=True, slots=True)
class MediaFailed:
    """The conference of an active call could not be created."""


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
    """The event changes the call, whose next value is `call`; both people are notified."""

    call: Call


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The event has no effect: it was repeated, or came too late."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The event is refused. `reason`: why the call is over for the device; `None`: the person lacks the right."""

    reason: CallEnd | None = None


Decision = Changed | Unchanged | Refused
UNCHANGED = Unchanged()


def decide(call: Call, event: Event, now: datetime) -> Decision:
    """Decide what an event changes about a call: return the changed call, no change, or a refusal."""
    if not _may_cause(call, event):
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


def _may_cause(call: Call, event: Event) -> bool:
    """Return whether the person named in an event may cause it; events without a person are always allowed."""
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
    """Decide about an event that none of the call's people has caused, and that ends an active call."""
    if call.state is CallState.ACTIVE:
        has_failed = isinstance(event, MediaFailed | Forbidden)
        return _end(call, CallEnd.FAILED if has_failed else CallEnd.HUNG_UP, now)
    if call.state in WAITING and isinstance(event, SessionOver):
        return _end(call, CallEnd.CANCELLED, now)
    return UNCHANGED


def _answer(call: Call, device: str, now: datetime) -> Decision:
    """Decide about an answer: the first device gets the call; a repeated answer of this device changes nothing."""
    if call.state in WAITING:
        # The timer that ends it may be late.
        if call.ring_until <= now:
            return _end(call, CallEnd.NO_ANSWER, now)
        return _changed(
            call, state=CallState.ACTIVE, answered_by=device, answered_at=now, checked_at=now
        )
    if call.state is CallState.ACTIVE:
        return UNCHANGED if call.answered_by == device else Refused(CallEnd.ANSWERED_ELSEWHERE)
    return Refused(call.reason)


def _hang_up(call: Call, user: str, others: int, now: datetime) -> Decision:
    """Decide about a person who hangs up: the call ends, or only this person leaves it.

    Only the person leaves if the other one still talks to further people (`others`) in the conference.
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
    """Decide to end a call that is unanswered at its due time, or has no conference by then; else nothing."""
    due = call.next_due
    # A timer may fire twice or early.
    if due is None or due > now:
        return UNCHANGED
    if call.state in WAITING:
        return _end(call, CallEnd.NO_ANSWER, now)
    if call.state is CallState.ACTIVE and not call.confid:
        return _end(call, CallEnd.FAILED, now)
    return UNCHANGED


def _end(call: Call, reason: CallEnd, now: datetime, user: str = "") -> Changed:
    """Return the call ended for this reason; `user` is the id of the person who ended it, if any."""
    return _changed(call, state=CallState.ENDED, reason=reason, ended_at=now, ended_by=user)


def _changed(call: Call, **columns: object) -> Changed:
    """Return the call with these fields changed, and the next version."""
    return Changed(replace(call, version=call.version + 1, **columns))  # type: ignore[arg-type]  # of fields by name


def with_check_time(call: Call, now: datetime) -> Call:
    """Return an active call with the time of its last check; the version stays, as nobody is notified."""
    return replace(call, checked_at=now)


def with_conference_released(call: Call) -> Call:
    """Return an ended call, marked so that its conference is not ended again."""
    return replace(call, is_released=True)


def rings(call: Call, user: str) -> bool:
    """Return whether the devices of a person ring for a call in its present state."""
    return user == call.callee.id and call.state in WAITING


def end_for_device(call: Call, user: str, device: str) -> CallEnd | None:
    """Return why a call is over for one device of a person; `None` means that it is not over."""
    if call.state is CallState.ENDED:
        return call.reason
    is_silent = call.state is CallState.ACTIVE and user == call.callee.id
    return CallEnd.ANSWERED_ELSEWHERE if is_silent and device != call.answered_by else None
