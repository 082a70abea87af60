"""The module makes what people's devices, and the log of their conversation, are told about a call. It is pure."""

from __future__ import annotations

from im.rules.messages import Data, wire_time
from im.rules.vocabulary import MISSED_CALL, Cmd
from social.rules.calls import Call, CallEnd, CallState, Party

STARTED, ENDED = "started", "ended"
"""With MISSED_CALL the things that a log tells of a call."""
_NOTICES = {
    CallState.INVITING: Cmd.CALL_RINGING,
    CallState.RINGING: Cmd.CALL_RINGING,
    CallState.ACTIVE: Cmd.CALL_ANSWERED,
    CallState.ENDED: Cmd.CALL_ENDED,
}


def notice_cmd(call: Call) -> Cmd:
    """Return the kind of notice that tells devices how a call stands."""
    return _NOTICES[call.state]


def describe(call: Call) -> Data:
    """Return a call as notices and the HTTP API show it to both of its people.

    A device drops what has a lower `version` than it knows. `missed`: the called person has missed it.
    """
    return {
        "call_id": str(call.id),
        "session_id": str(call.session),
        "conversation_id": str(call.conversation) if call.conversation else None,
        "state": call.state.value,
        "reason": call.reason.value if call.reason else None,
        "version": call.version,
        "caller": _party(call.caller),
        "caller_device": call.caller_device,
        "callee": _party(call.callee),
        "answered_by": call.answered_by or None,
        "ended_by": call.ended_by or None,
        "created_at": wire_time(call.created_at),
        "ring_until": wire_time(call.ring_until),
        "answered_at": wire_time(call.answered_at) if call.answered_at else None,
        "ended_at": wire_time(call.ended_at) if call.ended_at else None,
        "seconds": call.talk_seconds,
        "missed": call.is_missed,
        "has_media": bool(call.confid),
        "voicemail_seq": call.voicemail_seq or None,
    }


def _party(party: Party) -> Data:
    return {"user_id": party.id, "name": party.name}


def entries_of(before: Call | None, after: Call) -> list[str]:
    """Return what a change of a call adds to the log of the conversation: STARTED, MISSED_CALL, ENDED, or nothing.

    `before` is `None` for a new call. A call that ends as it begins leaves one entry.
    """
    if after.state is CallState.ENDED and (before is None or before.is_live):
        return [MISSED_CALL if after.is_missed else ENDED]
    return [STARTED] if before is None else []


def entry_data(call: Call, what: str) -> Data:
    """Return what an entry of the log tells of a call."""
    data: Data = {
        "what": what,
        "call_id": str(call.id),
        "caller_id": call.caller.id,
        "callee_id": call.callee.id,
    }
    if what != STARTED:
        data["reason"] = (call.reason or CallEnd.FAILED).value
        data["seconds"] = call.talk_seconds
    return data
