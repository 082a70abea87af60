"""People call each other: the call rings everywhere, is answered once, and ends for one reason.

Each function is one transaction. It locks the call, lets `rules.calls.decide` say what the event changes, stores that,
and tells both people. A repeated request changes nothing more, and is answered like the first one.
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
    decide_start,
    decide_summon,
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


class Summons(NamedTuple):
    """A summons is what all calls by which a conference calls people have in common."""

    session: int
    domain: str
    e164: str
    confid: str


class CallRefused(Exception):
    """A call is refused, or is over for the device that asks.

    `code` is a word for programs: a `CallRefusal`, or the `CallEnd` that the call has for the device. `call` is the
    call as it stands; `None` where none began.
    """

    def __init__(self, code: str, reason: str, call: Call | None = None) -> None:
        self.code, self.reason, self.call = code, reason, call
        super().__init__(reason)


def start(
    store: PlatformStore, me: Person, other: str, device: str, now: datetime, key: str = ""
) -> Call:
    """Call a person, and return the call, which has ended already if that person cannot answer.

    Somebody whose call rings here is answered. A repeated request with the same `key` gives the same call, even after
    its end. Raises Denied and CallRefused.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        person = call_facts.lock_people(store, me, other)
        if person is None:
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        if before := call_rows.started_as(store.database, me.id, key):
            return before
        call = replace(_new_call(me, person, device, now), request_key=key or None)
        decision = decide_start(call, call_facts.read_facts(store, me, person, now))
        match decision:
            case CallRefusal():
                raise _refusal(decision)
            case Joined(existing, is_answer):
                return (
                    apply(store, existing.id, Answered(me.id, device), now)
                    if is_answer
                    else existing
                )
            case Begun(begun):
                return _begin(store, me, begun, now)


def _new_call(me: Person, other: Person, device: str, now: datetime) -> Call:
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


def _begin(store: PlatformStore, me: Person, call: Call, now: datetime) -> Call:
    """Store a new call, with the conversation whose log will tell of it, and let it ring.

    A conference without a person as its creator has no conversation with those whom it calls.
    """
    conversation = open_direct(store, me, call.callee.id, is_known=True) if me.id else 0
    begun = replace(call, conversation=conversation)
    call_rows.insert(store.database, begun)
    call_notices.tell(store, None, begun, now)
    return begun


def add(
    store: PlatformStore, me: Person, call_id: int, other: str, device: str, now: datetime
) -> Call:
    """Bring a further person into a talk that goes on, and return the call that rings for this person.

    Raises Denied and CallRefused.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        talk = own(store, me, call_id)
        person = call_facts.lock_people(store, me, other)
        if person is None or not talk.confid:
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        call = replace(
            _new_call(me, person, device, now),
            session=talk.session,
            domain=talk.domain,
            e164=talk.e164,
            confid=talk.confid,
        )
        decision = decide_add(call, call_facts.read_facts(store, me, person, now))
        if isinstance(decision, CallRefusal):
            raise _refusal(decision)
        return (
            decision.call if isinstance(decision, Joined) else _begin(store, me, decision.call, now)
        )


def summon(store: PlatformStore, me: Person, other: str, summons: Summons, now: datetime) -> Call:
    """Let a running conference call a person of its tenant; `me` is its creator. Raises Denied and CallRefused."""
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        person = call_facts.lock_people(store, me, other)
        if person is None:
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        call = replace(_new_call(me, person, "", now), **summons._asdict())
        decision = decide_summon(call, call_facts.read_facts(store, me, person, now))
        if isinstance(decision, CallRefusal):
            raise _refusal(decision)
        return (
            decision.call if isinstance(decision, Joined) else _begin(store, me, decision.call, now)
        )


def _refusal(refusal: CallRefusal) -> Denied | CallRefused:
    """Return the exception for a call that does not begin."""
    if refusal is CallRefusal.NOT_FOUND:
        return Denied(DenyReason.NOT_FOUND, NOBODY)
    return CallRefused(refusal.value, _WORDS[refusal])


def apply(store: PlatformStore, call_id: int, event: Event, now: datetime) -> Call:
    """Let an event change a call, tell both people of it, and return the call as it is then.

    Raises Denied if the call does not exist or the person may not do this, and CallRefused if the call is over for the
    device that asks.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        call = call_rows.lock(store.database, call_id)
        if call is None:
            raise Denied(DenyReason.NOT_FOUND, NO_CALL)
        match decide(call, event, now):
            case Changed(after):
                call_rows.save(store.database, call, after)
                call_notices.tell(store, call, after, now)
                refused = isinstance(event, Answered) and not after.is_live
            case Refused(None):
                raise Denied(DenyReason.NOT_FOUND, NO_CALL)
            case Refused(reason):
                assert reason is not None
                raise CallRefused(reason.value, f"the call is over here: {reason.value}", call)
            case _:
                after, refused = call, False
    if refused:
        assert after.reason is not None
        raise CallRefused(after.reason.value, "the call is over", after)
    return after


def hang_up(store: PlatformStore, me: Person, call_id: int, now: datetime) -> Call:
    """Let a person hang up, and return that person's call. The whole session ends if nobody is left to talk to.

    Raises Denied if the call does not exist or is not this person's.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        call = call_rows.read(store.database, call_id)
        if call is None:
            raise Denied(DenyReason.NOT_FOUND, NO_CALL)
        session = call_rows.live_in_session(store.database, call.session, lock=True)
        talkers = frozenset[str]().union(*(other.talkers for other in session))
        others = len(talkers - {call.caller.id, call.callee.id})
        after = apply(store, call_id, HungUp(me.id, others), now)
        session = call_rows.live_in_session(store.database, call.session)
        is_talk = call_rows.read(store.database, call.session) is not None
        left = frozenset[str]().union(*(other.talkers for other in session))
        if is_talk and len(left) < 2 <= len(talkers):
            for other in session:
                ended = apply(store, other.id, SessionOver(), now)
                after = ended if ended.id == after.id else after
    return after


def own(store: PlatformStore, me: Person, call_id: int) -> Call:
    """Return a call of this person. Raises Denied, the same for a call of others and for none."""
    call = call_rows.read(store.database, call_id)
    if call is None or me.id not in (call.caller.id, call.callee.id):
        raise Denied(DenyReason.NOT_FOUND, NO_CALL)
    return call


def signal(
    store: PlatformStore, me: Person, call_id: int, device: str, data: Data, now: datetime
) -> None:
    """Pass a message of one person's browser on to the other one's; it is stored nowhere. Raises Denied."""
    call = own(store, me, call_id)
    if call.state is not CallState.ACTIVE:
        raise Denied(DenyReason.CLOSED, "there is no talk in this call")
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        call_notices.pass_on(store, call, me.id, device, data, now)
