"""The rules for beginning a call: who may call whom, and how a call ends that cannot be answered. Pure functions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from social.rules.calls import WAITING, Call, CallEnd, CallState


class CallRefusal(StrEnum):
    """The reason why a call is refused, so that no call is stored."""

    NOT_FOUND = "not_found"
    NO_TENANT = "no_tenant"
    IN_A_CALL = "in_a_call"
    NO_LICENCE = "no_licence"
    NOT_PERMITTED = "not_permitted"


@dataclass(frozen=True, slots=True)
class Facts:
    """Represent the facts by which it is decided whether a person may call another one.

    `is_contact`: the called person is a contact of the caller. `shares_tenant`, `shares_circle`: both are in one.
    `is_blocked`: one of the two has blocked the other. `is_online`: a device of the called person is. `is_licensed`:
    the licence has room for one more conference of two. `is_permitted`: no plugin (balance, permission) forbids it.
    `live` are all calls of either person that have not ended.
    """

    is_contact: bool = False
    shares_tenant: bool = False
    shares_circle: bool = False
    is_blocked: bool = False
    has_tenant: bool = True
    is_online: bool = True
    is_licensed: bool = True
    is_permitted: bool = True
    live: Collection[Call] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """The decision that a call begins. If the called person cannot answer, it has ended already, as a missed call."""

    call: Call


@dataclass(frozen=True, slots=True)
class Joined:
    """Represent the decision that no second call begins, because `call` exists already.

    `is_answer`: the other person has begun it, so this request answers it; else the request was repeated.
    """

    call: Call
    is_answer: bool


def decide_start(call: Call, facts: Facts) -> Begun | Joined | CallRefusal:
    """Decide whether `call`, a new call between two people, begins, and in which state.

    If the called person is just calling the caller, that call is answered, so that two people who call each other at
    the same moment talk. A refusal does not tell whether somebody has blocked the caller or does not exist.
    """
    if refusal := refuse_person(facts):
        return refusal
    between = [
        other for other in facts.live if {other.caller.id, other.callee.id} == _people_of(call)
    ]
    for other in between:
        is_reverse = other.caller.id == call.callee.id
        if not is_reverse or other.state in WAITING:
            return Joined(other, is_answer=is_reverse)
    if any(call.caller.id in other.occupied for other in facts.live):
        return CallRefusal.IN_A_CALL
    if not facts.is_permitted:
        return CallRefusal.NOT_PERMITTED
    if not facts.is_licensed:
        return CallRefusal.NO_LICENCE
    return _begin_ringing(call, facts)


def decide_add(call: Call, facts: Facts) -> Begun | Joined | CallRefusal:
    """Decide whether `call`, a new call that adds a further person to the conference of an active call, begins.

    A person who is called or talks in the same session already is not called again.
    """
    if refusal := refuse_person(facts):
        return refusal
    same_session = [other for other in facts.live if other.session == call.session]
    for other in same_session:
        if call.callee.id in other.occupied:
            return Joined(other, is_answer=False)
    if not any(call.caller.id in other.talkers for other in same_session):
        return CallRefusal.NOT_FOUND
    return _begin_ringing(call, facts) if facts.is_permitted else CallRefusal.NOT_PERMITTED


def decide_call_from_conference(call: Call, facts: Facts) -> Begun | Joined | CallRefusal:
    """Decide on `call`, by which a conference calls a person of its tenant: it rings, joins another, or is refused.

    If the same conference calls that person already, the new call joins that one and does not ring once more.
    """
    if facts.is_blocked or not facts.shares_tenant:
        return CallRefusal.NOT_FOUND
    for other in facts.live:
        if other.session == call.session and call.callee.id in other.occupied:
            return Joined(other, is_answer=False)
    return _begin_ringing(call, facts)


def _begin_ringing(call: Call, facts: Facts) -> Begun:
    """Return the decision that a call begins; it has ended already if the called person is busy or not online."""
    if any(call.callee.id in other.occupied for other in facts.live):
        return Begun(_ended(call, CallEnd.BUSY))
    return Begun(call) if facts.is_online else Begun(_ended(call, CallEnd.UNREACHABLE))


def refuse_person(facts: Facts) -> CallRefusal | None:
    """Return why one person may never call the other; `None` means that it is allowed.

    Whether one of them is in a call with somebody else just now makes no difference here.
    """
    is_near = facts.is_contact or facts.shares_tenant or facts.shares_circle
    if not is_near or facts.is_blocked:
        return CallRefusal.NOT_FOUND
    return None if facts.has_tenant else CallRefusal.NO_TENANT


def _people_of(call: Call) -> set[str]:
    """Return the ids of the two people of a call."""
    return {call.caller.id, call.callee.id}


def _ended(call: Call, reason: CallEnd) -> Call:
    """Return a new call, ended for this reason at the moment of its beginning."""
    return replace(call, state=CallState.ENDED, reason=reason, ended_at=call.created_at)
