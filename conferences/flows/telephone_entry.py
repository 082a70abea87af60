"""Gates of telephones (APS) ask whether a caller may enter a conference, by its number and PIN.

APS -> CSS  APS_CSS_ENTER_REQ                            on_ask_to_enter
CSS -> APS  CSS_APS_ENTER_ACK | CSS_APS_ENTER_NACK

A number that nobody has is answered like a wrong PIN, so that nobody learns by dialling which numbers are in use.
"""

from __future__ import annotations

from conferences.data import lobby
from conferences.data.callers import (
    count_wrong_pin,
    may_try_pin,
    terminal_of_call,
    visitor_of_caller,
)
from conferences.data.join_info import join_info
from conferences.data.join_passes import Pass, pass_of, signed_pass
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import telephone_entry as rules
from conferences.rules.admission import Entry as WebEntry
from conferences.rules.lobby import Lobby
from conferences.rules.states import Conference
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.outgoing import Answer
from foundation.bus.registry import handles
from foundation.plain_text import cleaned
from wire.routes import Routes
from wire.telephones import AskToEnter, Entry, TelephoneMayEnter, TelephoneRefused

_OF_LOBBY: dict[Lobby, Entry] = {
    Lobby.WAITING: "waiting",
    Lobby.REFUSED: "refused",
    Lobby.FULL: "later",
    Lobby.LATE: "refused",
}
_MOST_CHARACTERS_OF_NAME = 48
_ALL_TELEPHONES = "telephones"
"""In the lobby all telephones count as one address, since a caller's number can be forged."""


@handles(AskToEnter)
def on_ask_to_enter(uow: ConferencesUnitOfWork, request: AskToEnter, envelope: Envelope) -> None:
    """Answer a gate whether a telephone may enter a conference now, and on which media unit."""
    if not envelope.reply_to:
        raise NotTaken("is missing; the answer has no other way", "reply_to")
    answer = _admit_or_refuse(uow, request)
    uow.send(Answer(request=envelope.request, message=answer, route=Routes.TO_GATES))


def _admit_or_refuse(
    uow: ConferencesUnitOfWork, request: AskToEnter
) -> TelephoneMayEnter | TelephoneRefused:
    """Return the answer to a gate: where the telephone enters, or why it does not enter now."""
    if uow.missing_resource(rules.TELEPHONE):
        return rules.refusal(request, "full")
    conference = uow.load(request.e164)
    if conference is None or not _is_reachable(conference):
        return _refuse_pin(request)
    granted = pass_of(request.granted, conference.confid)
    caller = rules.Caller(
        granted.visitor if granted else visitor_of_caller(conference.confid, request.caller),
        terminal_of_call(request.callid),
        has_pass=granted is not None,
    )
    if granted is None and conference.password:
        if not may_try_pin(request.e164, request.caller):
            return rules.refusal(request, "later")
        if not rules.is_pin(conference, request.pin):
            return _refuse_pin(request)
    if reason := _why_kept_out(conference, caller, request):
        return rules.refusal(request, reason)
    if reason := rules.why_no_place(conference, caller, uow.own_site):
        return rules.refusal(request, reason)
    signed = signed_pass(Pass(conference.confid, caller.visitor, ""))
    return rules.admission(request, conference, caller, signed)


def _is_reachable(conference: Conference) -> bool:
    """Return whether telephones may enter a conference at all: not a call of two, nor an exclusive room."""
    facts = join_info(conference.e164)
    if facts is None or facts.confid != conference.confid:
        return False
    is_open = facts.room is None or facts.room.admits("")
    return rules.is_open_to_telephones(conference, is_call=facts.is_call, is_open=is_open)


def _refuse_pin(request: AskToEnter) -> TelephoneRefused:
    """Return the answer that number and PIN are wrong, or were tried too often; count a PIN that was tried."""
    if not may_try_pin(request.e164, request.caller):
        return rules.refusal(request, "later")
    if request.pin:
        count_wrong_pin(request.e164, request.caller)
    return rules.refusal(request, "pin")


def _why_kept_out(
    conference: Conference, caller: rules.Caller, request: AskToEnter
) -> Entry | None:
    """Return why a caller with the right PIN is kept out of a conference; `None`: not at all.

    With a lobby it is noted that the caller waits there.
    """
    entry = rules.why_kept_out(conference, caller)
    if entry is WebEntry.LOCKED:
        return "locked"
    if entry is WebEntry.REMOVED:
        return "removed"
    if entry is not WebEntry.WAITING:
        return None
    name = cleaned(request.name or request.caller)[:_MOST_CHARACTERS_OF_NAME]
    place = lobby.ask_to_enter(
        conference.source_platform, conference.confid, caller.visitor, name, _ALL_TELEPHONES
    )
    return None if place is Lobby.LET_IN else _OF_LOBBY[place]
