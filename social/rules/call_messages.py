"""Pure functions build the notices to devices, and the entries of the conversation's log, about a call."""

from __future__ import annotations

from im.rules.messages import Data, wire_time
from im.rules.vocabulary import MISSED_CALL, Cmd
from social.rules.calls import Call, CallEnd, CallState, Party

STARTED, ENDED = "started", "ended"
"""With MISSED_CALL the kinds of log entries about a call."""
_NOTICES = {
    CallState.INVITING: Cmd.CALL_RINGING,
    CallState.RINGING: Cmd.CALL_RINGING,
    CallState.ACTIVE: Cmd.CALL_ANSWERED,
    CallState.ENDED: Cmd.CALL_ENDED,
}


def notice_cmd(call: Call) -> Cmd:
    """Return the kind of notice by which devices learn the present state of a call."""
    return _NOTICES[call.state]


def describe(call: Call) -> Data:
    """Return a description of a call for notices and the HTTP API, the same for both of its people.

    A device ignores a description with a lower `version` than the last one. `missed`: the called person has missed it.
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
    """Return the caller or the called person as JSON."""
    return {"user_id": party.id, "name": party.name}


def log_entries_of(before: Call | None, after: Call) -> list[str]:
    """Return the kinds of entries that a change of a call adds to the conversation's log: at most one.

    They are STARTED, MISSED_CALL or ENDED. `before` is the call before the change, `None` for a new one.
    """
    if after.state is CallState.ENDED and (before is None or before.is_live):
        return [MISSED_CALL if after.is_missed else ENDED]
    return [STARTED] if before is None else []


def entry_data(call: Call, kind: str) -> Data:
    """Return the field `data` of a log entry of this kind (STARTED, MISSED_CALL or ENDED) about a call."""
    data: Data = {
        "what": kind,
        "call_id": str(call.id),
        "caller_id": call.caller.id,
        "callee_id": call.callee.id,
    }
    if kind != STARTED:
        data["reason"] = (call.reason or CallEnd.FAILED).value
        data["seconds"] = call.talk_seconds
    return data
