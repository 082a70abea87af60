"""A caller leaves a voicemail after a call that was not answered; the called person lists, hears and deletes it.

A voicemail is a message of type `voice` with a `call_id` in the log of the two people's conversation. When it was
heard, another entry is added to this log. The row of the call has the numbers of both entries, and is written in the
same transaction, so that the mailbox and its count cannot differ from the log. All functions raise Denied.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal, presence_store
from im.data.files.queries import own_upload
from im.data.locked_conversation import Denied, lock_conversation
from im.data.membership import MemberCache
from im.data.people import Person
from im.flows import own_view
from im.flows.process import process
from im.models import File
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import IncomingRequest, Say, msg_id
from im.rules.vocabulary import Cmd, Type
from social.data import call_rows
from social.data.voicemail_rows import save_greeting
from social.flows.calls import NO_CALL, CallRefused, own_call
from social.rules.calls import Call
from social.rules.voicemail import VoicemailRefusal, refuse_recording, refuse_voicemail

_WORDS = {
    VoicemailRefusal.NOT_OFFERED: "after this call you cannot leave a message",
    VoicemailRefusal.TOO_SHORT: "file_id: the recording is too short; record at least 3 s",
    VoicemailRefusal.TOO_LONG: "file_id: the recording is too long",
    VoicemailRefusal.NO_SOUND: "file_id: this is not a complete recording of yours",
}


def leave_voicemail(
    store: PlatformStore, me: Person, call_id: int, file_id: UUID, now: datetime
) -> Call:
    """Store the recording `file_id` as the voicemail of a call, and return the call. A second one changes nothing.

    Raises CallRefused if the recording is not accepted, and Denied.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        call = call_rows.lock_call(store.database, call_id)
        if call is None or me.id not in (call.caller.id, call.callee.id):
            raise Denied(DenyReason.NOT_FOUND, NO_CALL)
        if call.voicemail_seq:
            return call
        file = _complete_upload(me, file_id)
        duration = file.duration_ms if file else None
        if refusal := refuse_voicemail(call, me.id, duration, settings.VOICEMAIL_MAX_SECONDS):
            raise CallRefused(refusal.value, _WORDS[refusal], call)
        seq = _post_message(store, me, call, file_id, now)
        after = replace(call, voicemail_seq=seq, version=call.version + 1)
        call_rows.save_call(store.database, call, after)
    return after


def _complete_upload(me: Person, file_id: UUID) -> File | None:
    """Return a complete upload of a person; `None` if there is none with this id."""
    upload = own_upload(me.id, file_id)
    return upload[1] if upload and upload[1].ready else None


def _post_message(
    store: PlatformStore, me: Person, call: Call, file_id: UUID, now: datetime
) -> int:
    """Add the voicemail to the conversation's log as a message, and return its number there.

    Raises Denied if it is refused.
    """
    say = Say(call.conversation, Type.VOICE, "", str(file_id), call=str(call.id))
    request = IncomingRequest(me.id, "", say, f"voicemail-{call.id}")
    outcome = process(store, MemberCache(), [request], now)
    if outcome.refused:
        raise Denied(DenyReason.NOT_ALLOWED, outcome.refused[0].reason)
    people = [me.id, call.callee.id]
    protocols = presence_store.protocols_of_online(people, now.timestamp())
    journal.stage_publications(store, outcome.entries, protocols, now)
    return outcome.entries[0].seq


def mark_heard(store: PlatformStore, me: Person, call_id: int, now: datetime) -> Call:
    """Record that the called person has heard a call's voicemail, write this to the log, and return the call.

    Raises Denied.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        call = call_rows.lock_call(store.database, call_id)
        if call is None or me.id != call.callee.id or not call.voicemail_seq:
            raise Denied(DenyReason.NOT_FOUND, "there is no such voicemail of yours")
        if call.heard_seq:
            return call
        with lock_conversation(store, call.conversation, me, now) as locked:
            about = msg_id(call.conversation, call.voicemail_seq)
            entry = locked.log(Cmd.HEARD, {"msg_id": about, "call_id": str(call.id)})
        after = replace(call, heard_seq=entry.seq, version=call.version + 1)
        call_rows.save_call(store.database, call, after)
    return after


def delete_voicemail(store: PlatformStore, me: Person, call_id: int, now: datetime) -> None:
    """Hide the voicemail of a call from the called person; the caller still sees the message. Raises Denied."""
    call = own_call(store, me, call_id)
    if me.id != call.callee.id or not call.voicemail_seq:
        raise Denied(DenyReason.NOT_FOUND, "there is no such voicemail of yours")
    own_view.hide_message(store, call.conversation, me.id, call.voicemail_seq, now)


def set_greeting(store: PlatformStore, me: Person, file_id: UUID | None, now: datetime) -> None:
    """Make a recording the greeting that callers hear before they leave a voicemail; `None` removes the greeting.

    Raises CallRefused if the recording is not accepted.
    """
    if file_id is not None:
        file = _complete_upload(me, file_id)
        duration = file.duration_ms if file else None
        if refusal := refuse_recording(duration, settings.VOICEMAIL_MAX_SECONDS):
            raise CallRefused(refusal.value, _WORDS[refusal])
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        save_greeting(store.database, me.id, file_id, now)
