"""People call each other: a call rings on all devices of the called person, is answered once, and ends for one reason.

Each function is one transaction. It locks the call, asks `rules.calls.decide` what the event changes, saves the change
and notifies both people. A repeated request changes nothing more, and is answered like the first one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from foundation import clock
from foundation.cells.directory import PlatformStore
from im.data import journal
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.flows.conversations import open_direct
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data
from social.data import call_facts, call_notices, call_rows
from social.rules.call_start import (
    Begun,
    CallRefusal,
    Joined,
    decide_add,
    decide_call_from_conference,
    decide_start,
)
from social.rules.calls import (
    Answered,
    Call,
    CallState,
    Changed,
    Event,
    HungUp,
    Party,
    Refused,
    SessionOver,
    decide,
)

NOBODY = "there is no such person on your platform, or you may not call them"
NO_CALL = "there is no such call of yours"
_WORDS = {
    CallRefusal.NO_TENANT: "your account belongs to no organization, so there is nobody to hold the call for",
    CallRefusal.IN_A_CALL: "you are in a call already: hang up first",
    CallRefusal.NO_LICENCE: "no more calls are licensed at the moment: try again later",
    CallRefusal.NOT_PERMITTED: "you may not make calls now: ask your administrator",
}


class CallingConference(NamedTuple):
    """The values that all calls of one conference share: session, user domain, number and id of the conference."""

    session: int
    domain: str
    e164: str
    confid: str


class CallRefused(Exception):
    """The exception for a request about a call that is refused, or for a device for which the call is over.

    `code`: why, as a word for client applications: a `CallRefusal`, or the `CallEnd` of the call for this device.
    `reason`: the same as a sentence. `call`: the call in its present state; `None` if none began.
    """

    def __init__(self, code: str, reason: str, call: Call | None = None) -> None:
        """Keep a code for client software, a sentence for people, and the call as it is now, if there is one."""
        self.code, self.reason, self.call = code, reason, call
        super().__init__(reason)


def start_call(
    store: PlatformStore, me: Person, other: str, device: str, now: datetime, key: str = ""
) -> Call:
    """Call a person, and return the call, which has ended already if that person cannot answer.

    If the other person is just calling `me`, that call is answered instead. A repeated request with the same `key`
    gives the same call, even after its end. Raises Denied and CallRefused.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        person = call_facts.lock_people(store, me, other)
        if person is None:
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        if before := call_rows.call_of_request(store.database, me.id, key):
            return before
        call = replace(_new_call(me, person, device, now), request_key=key or None)
        decision = decide_start(call, call_facts.read_facts(store, me, person, now))
        match decision:
            case CallRefusal():
                raise _refusal(decision)
            case Joined(existing, is_answer):
                return (
                    apply_event(store, existing.id, Answered(me.id, device), now)
                    if is_answer
                    else existing
                )
            case Begun(begun):
                return _store_and_announce(store, me, begun, now)


def _new_call(me: Person, other: Person, device: str, now: datetime) -> Call:
    """Return a new call of `me` to another person, which begins a session of its own; nothing is stored."""
    number = clock.next_id()
    return Call(
        id=number,
        session=number,
        conversation=0,
        domain=me.domain,
        caller=Party(me.id, me.name),
        caller_device=device,
        callee=Party(other.id, other.name),
        created_at=now,
        ring_until=now + timedelta(seconds=settings.CALL_RING_SECONDS),
    )


def _store_and_announce(store: PlatformStore, me: Person, call: Call, now: datetime) -> Call:
    """Store a new call with the two people's conversation, whose log records it; notify their devices; return it.

    `me` has no id if a conference without a person as its creator calls; then there is no conversation.
    """
    conversation = open_direct(store, me, call.callee.id, is_known=True) if me.id else 0
    begun = replace(call, conversation=conversation)
    call_rows.insert_call(store.database, begun)
    call_notices.notify_both(store, None, begun, now)
    return begun


def add_person(
    store: PlatformStore, me: Person, call_id: int, other: str, device: str, now: datetime
) -> Call:
    """Call a further person into the conference of an active call (`call_id`), and return the new call.

    Raises Denied and CallRefused.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        first_call = own_call(store, me, call_id)
        person = call_facts.lock_people(store, me, other)
        if person is None or not first_call.confid:
            # Nobody has this id, or the call has no conference yet to which somebody could be added.
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        call = replace(
            _new_call(me, person, device, now),
            session=first_call.session,
            domain=first_call.domain,
            e164=first_call.e164,
            confid=first_call.confid,
        )
        decision = decide_add(call, call_facts.read_facts(store, me, person, now))
        if isinstance(decision, CallRefusal):
            raise _refusal(decision)
        return (
            decision.call
            # Joined: a call between the two exists already, so no second one begins.
            if isinstance(decision, Joined)
            else _store_and_announce(store, me, decision.call, now)
        )


def call_from_conference(
    store: PlatformStore, me: Person, other: str, conference: CallingConference, now: datetime
) -> Call:
    """Let a running conference call a person (the account's MOID `other`) of its tenant, and return the call.

    `me` is the conference's creator. If the conference calls the person already, or talks to the person, that call is
    returned. Raises Denied and CallRefused.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        person = call_facts.lock_people(store, me, other)
        if person is None:
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        call = replace(_new_call(me, person, "", now), **conference._asdict())
        decision = decide_call_from_conference(call, call_facts.read_facts(store, me, person, now))
        if isinstance(decision, CallRefusal):
            raise _refusal(decision)
        return (
            decision.call
            if isinstance(decision, Joined)
            else _store_and_announce(store, me, decision.call, now)
        )


def _refusal(refusal: CallRefusal) -> Denied | CallRefused:
    """Return the exception to raise for a call that does not begin for this reason."""
    if refusal is CallRefusal.NOT_FOUND:
        return Denied(DenyReason.NOT_FOUND, NOBODY)
    return CallRefused(refusal.value, _WORDS[refusal])


def apply_event(store: PlatformStore, call_id: int, event: Event, now: datetime) -> Call:
    """Change a call as an event demands, such as that a person answers; notify both people, and return the call.

    Raises Denied if the call does not exist or the person may not do this, and CallRefused if the call is over for the
    device that asks.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        call = call_rows.lock_call(store.database, call_id)
        if call is None:
            raise Denied(DenyReason.NOT_FOUND, NO_CALL)
        match decide(call, event, now):
            case Changed(after):
                call_rows.save_call(store.database, call, after)
                call_notices.notify_both(store, call, after, now)
                is_refused = isinstance(event, Answered) and not after.is_live
            case Refused(None):
                raise Denied(DenyReason.NOT_FOUND, NO_CALL)
            case Refused(reason):
                assert reason is not None
                raise CallRefused(reason.value, f"the call is over here: {reason.value}", call)
            case _:
                after, is_refused = call, False
    if is_refused:
        assert after.reason is not None
        raise CallRefused(after.reason.value, "the call is over", after)
    return after


def hang_up(store: PlatformStore, me: Person, call_id: int, now: datetime) -> Call:
    """End or leave a call for the person who hangs up, and return the call.

    All calls of the session end if at most one person is left in the conference.

    Raises Denied if the call does not exist or is not this person's.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        call = call_rows.read_call(store.database, call_id)
        if call is None:
            raise Denied(DenyReason.NOT_FOUND, NO_CALL)
        session = call_rows.live_calls_in_session(store.database, call.session, lock=True)
        talkers = frozenset[str]().union(*(other.talkers for other in session))
        others = len(talkers - {call.caller.id, call.callee.id})
        after = apply_event(store, call_id, HungUp(me.id, others), now)
        session = call_rows.live_calls_in_session(store.database, call.session)
        is_talk = call_rows.read_call(store.database, call.session) is not None
        remaining = frozenset[str]().union(*(other.talkers for other in session))
        if is_talk and len(remaining) < 2 <= len(talkers):
            for other in session:
                ended = apply_event(store, other.id, SessionOver(), now)
                after = ended if ended.id == after.id else after
    return after


def own_call(store: PlatformStore, me: Person, call_id: int) -> Call:
    """Return a call in which this person takes part. Raises Denied, the same for a call of others and an unknown id."""
    call = call_rows.read_call(store.database, call_id)
    if call is None or me.id not in (call.caller.id, call.callee.id):
        raise Denied(DenyReason.NOT_FOUND, NO_CALL)
    return call


def forward_signal(
    store: PlatformStore, me: Person, call_id: int, device: str, data: Data, now: datetime
) -> None:
    """Forward a WebRTC signalling message (`data`) to the other person's devices, without storing it. Raises Denied."""
    call = own_call(store, me, call_id)
    if call.state is not CallState.ACTIVE:
        raise Denied(DenyReason.CLOSED, "there is no talk in this call")
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        call_notices.forward_signal(store, call, me.id, device, data, now)
