"""The rules by which telephones enter conferences: number and PIN, lock, lobby, places and the licence. Pure."""

from __future__ import annotations

import hmac
from typing import NamedTuple

from conferences.rules.admission import Entry as WebEntry
from conferences.rules.admission import decide_entry
from conferences.rules.licence_counts import amounts_of_terminals
from conferences.rules.outgoing import COMMAND_EXPIRES_MS
from conferences.rules.states import Conference, ConferenceState
from foundation.bus.outgoing import Send
from wire.arrangement import arrangement_of
from wire.error_codes import Err
from wire.fields import Terminal
from wire.routes import Routes
from wire.telephones import (
    AskToEnter,
    ConferenceHasMoved,
    Entry,
    TelephoneMayEnter,
    TelephoneRefused,
)

TELEPHONE = amounts_of_terminals([Terminal(type="e164")])
"""A telephone in a conference uses these amounts of the licence: an access port."""

_CODES: dict[Entry, Err] = {
    "pin": Err.NOT_PERMITTED,
    "later": Err.NOT_PERMITTED,
    "locked": Err.NOT_PERMITTED,
    "waiting": Err.WRONG_STATE,
    "refused": Err.NOT_PERMITTED,
    "removed": Err.NOT_PERMITTED,
    "full": Err.NO_RESOURCE,
    "moving": Err.WRONG_STATE,
    "elsewhere": Err.NOT_SERVED,
}
_DETAILS: dict[Entry, str] = {
    "pin": "number and PIN are not those of a conference that telephones may enter",
    "later": "too many wrong PINs; wait a minute",
    "locked": "the conference is locked",
    "waiting": "a chair has to let the caller in; ask again in some seconds",
    "refused": "a chair has refused the caller",
    "removed": "the caller was removed from the conference",
    "full": "no place, or no licensed access port, is left",
    "moving": "the conference waits for a media unit; ask again in a second",
    "elsewhere": "the media unit stands at another site; call that site",
}


class Caller(NamedTuple):
    """The object holds a caller's id in the conference, the terminal's id, and whether an earlier pass is shown."""

    visitor: str
    mtid: str
    has_pass: bool


def refusal(request: AskToEnter, entry: Entry) -> TelephoneRefused:
    """Return the answer that a telephone is not let in, for this reason."""
    return TelephoneRefused(
        reqid=request.reqid,
        e164=request.e164,
        errcode=_CODES[entry].value,
        detail=_DETAILS[entry],
        entry=entry,
    )


def is_open_to_telephones(conference: Conference | None, *, is_call: bool, is_open: bool) -> bool:
    """Return whether anybody may enter a conference by telephone who knows its number, and its PIN if it has one.

    As on the page "Join by number" that needs a password or a lobby. A call of two people (`is_call`), and a room that
    admits certain people only (not `is_open`), have no telephones; nor has a conference that does not exist (`None`).
    """
    if conference is None or is_call or not is_open:
        return False
    return bool(conference.password) or bool(arrangement_of(conference.settings).lobby)


def is_pin(conference: Conference, pin: str) -> bool:
    """Return whether a PIN is the conference's password; compare in constant time."""
    return hmac.compare_digest(pin.encode(), conference.password.encode())


def why_kept_out(conference: Conference, caller: Caller) -> WebEntry:
    """Return whether a caller with the right PIN may enter now: by the lock, the lobby, and the list of the removed."""
    return decide_entry(
        arrangement_of(conference.settings),
        caller.visitor,
        was_let_in=caller.has_pass,
        is_of_tenant=False,
        is_creator=False,
    )


def why_no_place(conference: Conference, caller: Caller, own_site: str) -> Entry | None:
    """Return why a caller who may enter finds no place on a media unit now; `None`: there is one."""
    if conference.state is not ConferenceState.RUNNING or conference.unit is None:
        return "moving"
    if conference.unit.site != own_site:
        return "elsewhere"
    others = [
        terminal for terminal in conference.mts if terminal.online and terminal.mtid != caller.mtid
    ]
    return "full" if len(others) >= conference.places else None


def admission(
    request: AskToEnter, conference: Conference, caller: Caller, granted: str
) -> TelephoneMayEnter:
    """Return the answer that lets a telephone in; `granted` is the pass with which it may come back."""
    assert conference.unit is not None
    return TelephoneMayEnter(
        reqid=request.reqid,
        e164=conference.e164,
        incarnation=conference.incarnation,
        name=conference.name,
        mtid=caller.mtid,
        visitor=caller.visitor,
        mcu=conference.unit.as_message_field,
        granted=granted,
    )


def tell_gates(conference: Conference) -> Send:
    """Return the notice to the gates of a site which media unit has a restored conference, so that callers follow."""
    assert conference.unit is not None
    return Send(
        message=ConferenceHasMoved(
            e164=conference.e164,
            incarnation=conference.incarnation,
            mcu=conference.unit.as_message_field,
        ),
        route=Routes.TO_GATES,
        destination=conference.unit.site,
        expires_ms=COMMAND_EXPIRES_MS,
    )
