"""The commands by which people steer a running conference: each button sends the order that the HTTP API sends, too.

Each function takes the conference and the fields of the form, and raises Refusal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import get_args

from django.http import QueryDict

from conferences.api import commands, request_parsing
from conferences.api.call import NO_TERMINAL, as_invited, terminal_of
from conferences.data import attendees, lobby
from conferences.rules.chairs import visitor_of_terminal
from conferences.rules.lobby import Lobby
from conferences.rules.states import Conference
from foundation.cells.directory import store_of
from foundation.web.errors import Refusal
from wire.arrangement import MOST_CO_CHAIRS, Right, arrangement_of
from wire.conference_control import (
    Arrange,
    CallTerminals,
    HangUpTerminals,
    MuteTerminals,
    RenameConference,
    SetChairman,
    StartRecording,
    StopRecording,
)
from wire.conference_manager import ExtendConference, ReleaseConference
from wire.error_codes import Err


def _end_conference(conference: Conference, form: QueryDict) -> None:
    """End a conference for everybody; the form has no fields. Raises Refusal."""
    commands.ask_scheduler(
        ReleaseConference(e164=conference.e164, user_domain=conference.user_domain)
    )


def _extend_conference(conference: Conference, form: QueryDict) -> None:
    """Let a conference end later, by the minutes in the form.

    The page's own `key` of the command makes it safe to send it again, to another site as well. Raises Refusal.
    """
    minutes = request_parsing.number(form.get("minutes"), "duration", 0)
    key = form.get("key", "")
    repeatable = f"{conference.confid}:{key}".encode()
    commands.ask_scheduler(
        ExtendConference(
            reqid=hashlib.sha256(repeatable).hexdigest()[:32] if key else None,
            e164=conference.e164,
            user_domain=conference.user_domain,
            delay=minutes,
        )
    )


def _rename_conference(conference: Conference, form: QueryDict) -> None:
    """Give a conference the name in the form. Raises Refusal."""
    name = request_parsing.conference_name(form.get("name"))
    commands.ask_unit(
        RenameConference(e164=conference.e164, user_domain=conference.user_domain, name=name)
    )


def _mute_members(conference: Conference, form: QueryDict) -> None:
    """Mute or unmute the member whose id is in the form, or all members without an id. Raises Refusal."""
    value, mtid = request_parsing.switch(form.get("value"), "value"), form.get("id") or None
    commands.ask_unit(
        MuteTerminals(
            e164=conference.e164, user_domain=conference.user_domain, value=value, mtid=mtid
        )
    )


def _lower_hands(conference: Conference, form: QueryDict) -> None:
    """Lower the hand of the member whose id is in the form, or all hands without an id. Raises Refusal."""
    mtid = form.get("id")
    hands = arrangement_of(conference.settings).hands if mtid else ()
    still_up = [other for other in hands if other != mtid]
    _arrange(conference, hands=still_up)


def _lock_conference(conference: Conference, form: QueryDict) -> None:
    """Let nobody new enter a conference (`value` 1 in the form), or let people enter again (0)."""
    _arrange(conference, locked=int(request_parsing.switch(form.get("value"), "value")))


def _switch_lobby(conference: Conference, form: QueryDict) -> None:
    """Let guests wait until they are let in (`value` 1 in the form), or enter by themselves (0). Raises Refusal."""
    is_on = request_parsing.switch(form.get("value"), "value")
    _arrange(conference, lobby=int(is_on))
    if not is_on:
        lobby.decide_about(conference.source_platform, conference.confid, "", Lobby.LET_IN)


def _restrict_right(conference: Conference, form: QueryDict) -> None:
    """Keep a right for chairs and co-chairs (`value` 1 in the form), or give it back to everybody (0).

    `id` in the form is the right: "share" a screen, write in the "chat", or "unmute" the own microphone. A command that
    is sent again changes nothing. Raises Refusal.
    """
    right = form.get("id", "")
    if right not in get_args(Right):
        raise Refusal(int(Err.MALFORMED), f"id: one of {', '.join(get_args(Right))} is needed")
    arrangement = arrangement_of(conference.settings)
    others = [other for other in arrangement.chairsonly if other != right]
    if not request_parsing.switch(form.get("value"), "value"):
        _arrange(conference, chairsonly=others)
        return
    # The unit knows visitors, and no accounts: it learns here which of them is the creator.
    database = store_of(conference.source_platform).database
    creators = attendees.browsers_of(database, conference.confid, conference.creator_moid)
    cochairs = list(dict.fromkeys([*arrangement.cochairs, *creators]))[-MOST_CO_CHAIRS:]
    _arrange(conference, cochairs=cochairs, chairsonly=[*others, right])


def _let_in(conference: Conference, form: QueryDict) -> None:
    """Let the visitor in who waits in the lobby with the id in the form, or all without an id."""
    visitor = form.get("id", "")
    lobby.decide_about(conference.source_platform, conference.confid, visitor, Lobby.LET_IN)


def _refuse_visitor(conference: Conference, form: QueryDict) -> None:
    """Refuse the visitor who waits in the lobby with the id in the form."""
    if visitor := form.get("id", ""):
        lobby.decide_about(conference.source_platform, conference.confid, visitor, Lobby.REFUSED)


def _record(conference: Conference, form: QueryDict) -> None:
    """Record a conference or let its recording go on (`value` 1 in the form), pause it (2), or stop it (0).

    Each may be sent twice: a recording that runs goes on, and one that is stopped stays so. Raises Refusal.
    """
    e164, user_domain = conference.e164, conference.user_domain
    value = request_parsing.number(form.get("value"), "value", -1)
    if value not in (0, 1, 2):
        raise Refusal(int(Err.MALFORMED), "value: 1 to record, 2 to pause or 0 to stop is needed")
    if value == 1:
        commands.ask_unit(StartRecording(e164=e164, user_domain=user_domain))
    else:
        commands.ask_unit(StopRecording(e164=e164, user_domain=user_domain, pause=value == 2))


def _appoint_chair(conference: Conference, form: QueryDict) -> None:
    """Hand the chair over to the member whose id is in the form.

    Raises Refusal unless the member came by the join page.
    """
    mtid = form.get("id", "")
    visitor = _visitor_of_member(conference, mtid)
    # A chair may steer who is named by both: the arrangement and the unit. So nobody may before the second step.
    _arrange(conference, chair=visitor)
    order = SetChairman(e164=conference.e164, user_domain=conference.user_domain, mtid=mtid)
    commands.ask_unit(order)


def _appoint_co_chair(conference: Conference, form: QueryDict) -> None:
    """Make the member whose id is in the form a co-chair (`value` 1), or take that role back (0). Raises Refusal."""
    visitor = _visitor_of_member(conference, form.get("id", ""))
    others = [other for other in arrangement_of(conference.settings).cochairs if other != visitor]
    is_on = request_parsing.switch(form.get("value"), "value")
    _arrange(conference, cochairs=[*others, visitor] if is_on else others)


def _visitor_of_member(conference: Conference, mtid: str) -> str:
    """Return the visitor's id of a member who is there by the join page. Raises Refusal."""
    visitor = visitor_of_terminal(conference, mtid)
    if not visitor:
        raise Refusal(NO_TERMINAL, "only people on the join page can steer the conference")
    return visitor


def _arrange(conference: Conference, **changes: object) -> None:
    """Let the media unit change who is heard, shown or let in (the conference's arrangement).

    `changes`: name of a part of the arrangement -> its new value. Raises Refusal.
    """
    order = Arrange(e164=conference.e164, user_domain=conference.user_domain, changes=changes)
    commands.ask_unit(order)


def _remove_member(conference: Conference, form: QueryDict) -> None:
    """Remove the member whose id is in the form, and keep the person out until called again. Raises Refusal."""
    mtids = (form.get("id", ""),)
    order = HangUpTerminals(
        e164=conference.e164, user_domain=conference.user_domain, mtids=mtids, ban=True
    )
    commands.ask_unit(order)


def _call_member_again(conference: Conference, form: QueryDict) -> None:
    """Call a member whose id is in the form again; a removed one may then enter. Raises Refusal."""
    terminal = terminal_of(conference, form.get("id", ""))
    commands.ask_unit(
        CallTerminals(
            e164=conference.e164, user_domain=conference.user_domain, mts=(as_invited(terminal),)
        )
    )


ACTIONS: dict[str, Callable[[Conference, QueryDict], None]] = {
    "end": _end_conference,
    "extend": _extend_conference,
    "rename": _rename_conference,
    "mute": _mute_members,
    "lower": _lower_hands,
    "lock": _lock_conference,
    "lobby": _switch_lobby,
    "restrict": _restrict_right,
    "letin": _let_in,
    "refuse": _refuse_visitor,
    "record": _record,
    "chair": _appoint_chair,
    "cochair": _appoint_co_chair,
    "drop": _remove_member,
    "admit": _call_member_again,
}
"""The buttons of console and join page: name -> function that carries it out, with the fields of the form."""
