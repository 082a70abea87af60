"""A conference on a media unit carries the media of each answered call, so the call survives the loss of unit or site.

The conference is an ordinary one of the caller's tenant, and counts for its limits. The first of the two people who
asks for the media has it created; the request key contains the id of the session, so repeated requests create no second
conference. Only the people in the call get its password; others of the tenant could enter a conference without one.
"""

from __future__ import annotations

import hashlib
import hmac

import orjson
from django.db import transaction

from conferences.data.queries import CALL_REQUEST, live_by_number
from conferences.flows.due import end_conference_now
from conferences.rules.states import Conference, EndReason
from foundation import clock
from foundation.bus.gateway import gateway
from foundation.bus.message import from_body
from foundation.cells.directory import PlatformStore
from foundation.signing import shared_key
from im.data import journal
from social.data import call_rows
from social.flows.calls import apply_event
from social.rules.calls import Call, CallState, MediaFailed, MediaReady, with_conference_released
from wire.conference_manager import ConferenceCreated, CreateConference, Creator

NAME = "Call"
LONGEST_MINUTES = 24 * 60
"""A call lasts at most so long; the scheduler warns its people before the end."""


def ensure_conference(store: PlatformStore, call: Call) -> Call:
    """Create the conference of an active call if it has none, and return the call with it.

    If the scheduler does not answer in time, the call is returned unchanged, and the client asks again. Raises Denied,
    CallRefused and database errors.
    """
    if call.state is not CallState.ACTIVE or call.confid:
        return call
    result = gateway().ask(_create_request(call))
    if result.answer is None:
        if result.created_conference is None:
            return call
        return _attach_conference(store, call, *result.created_conference)
    answer = orjson.loads(result.answer)
    if answer["type"].endswith("_NACK"):
        return apply_event(store, call.id, MediaFailed(), clock.now())
    created = from_body(ConferenceCreated, answer)
    return _attach_conference(store, call, created.e164, created.confid)


def _create_request(call: Call) -> CreateConference:
    """Return the request that creates the conference of a call; it is the same for both people and each repetition."""
    return CreateConference(
        reqid=f"{CALL_REQUEST}{call.session}",
        user_domain=call.domain,
        creator=Creator(moid=call.caller.id, name=call.caller.name),
        name=NAME,
        password=password_of(call),
        places=8,  # for the two, and for people who are added later
        duration=LONGEST_MINUTES,
        auto_end=True,
    )


def password_of(call: Call) -> str:
    """Return the password of a call's conference, which is computed from the session and a secret of the platform."""
    text = f"call {call.session}".encode()
    return hmac.new(shared_key().encode(), text, hashlib.sha256).hexdigest()[:24]


def _attach_conference(store: PlatformStore, call: Call, e164: str, confid: str) -> Call:
    """Store which conference carries a call, and return the call.

    End the conference if the call has ended meanwhile.
    """
    after = apply_event(store, call.id, MediaReady(e164, confid), clock.now())
    if not after.is_live:
        release_conference(store, after)
    return after


def conference_of(call: Call) -> Conference | None:
    """Return the live conference that carries a call; `None`: there is none, or it has ended."""
    conference = live_by_number(call.e164) if call.e164 else None
    return conference if conference and conference.confid == call.confid else None


def release_conference(store: PlatformStore, call: Call) -> None:
    """End the conference of a call that has ended, unless other calls of its session go on.

    A conference that itself has called people goes on without them. Repeating it does no harm. Raises ReadOnly while
    another site serves the platform.
    """
    if call.is_live or not call.confid or call.is_released:
        return
    is_talk = call_rows.read_call(store.database, call.session) is not None
    is_last = is_talk and not call_rows.live_calls_in_session(store.database, call.session)
    if is_last and conference_of(call):
        end_conference_now(store.platform, call.e164, EndReason.RELEASED)
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        row = call_rows.lock_call(store.database, call.id)
        if row is not None and not row.is_released:
            call_rows.save_call(store.database, row, with_conference_released(row))
