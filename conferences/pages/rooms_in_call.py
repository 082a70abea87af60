"""The breakout rooms of a call: its page splits the people over rooms, moves them, and takes them back."""

from __future__ import annotations

import logging
from contextlib import suppress

from django.db import OperationalError
from django.http import HttpRequest, QueryDict

from conferences.api import commands
from conferences.data.join_info import join_info
from conferences.data.queries import live_by_number
from conferences.flows import breakout
from conferences.flows.breakout import BreakoutRefused
from conferences.pages.entrance import facts_about_rooms, role_in
from conferences.pages.in_call import Answer, Insider, for_insiders, refused, whole_number
from conferences.rules.breakout import MAX_ROOMS, Plan
from conferences.rules.states import Conference
from foundation.plain_text import fault_of
from foundation.web.errors import Refusal
from wire.conference_control import SendText

log = logging.getLogger("conferences.breakout")

MAX_TEXT = 200
_STATUS = {"elsewhere": 503, "not_allowed": 403}
"""The HTTP status of refusals; others have 409."""


@for_insiders
def rooms_in_call(request: HttpRequest, insider: Insider) -> Answer:
    """Do what `act` says, and answer what the page shows of the rooms.

    "open" splits the conference: `names` (one a line), `minutes`, `how` ("even", "hand", "choose"), and for "hand"
    `chosen` (a visitor's id and the index of the room, one a line). "move" sends the `visitor` to the `room`, by its
    index, or without one back. "go" does so with the person itself. "say" shows a `text` in all rooms. "close" takes
    all back.
    """
    if insider.is_too_often("steer"):
        return refused("rate", 429)
    live = live_by_number(insider.conference.e164)
    if live is None:
        return refused("elsewhere", 503)
    try:
        _act(request.POST, insider, live)
    except BreakoutRefused as refusal:
        return refused(refusal.why, _STATUS.get(refusal.why, 409))
    except OperationalError as error:
        # Nothing was changed: another transaction held the rows.
        log.warning("breakout rooms of %s are not changed: %s", live.e164, error)
        return refused("busy", 409)
    changed = join_info(insider.conference.e164)
    return (facts_about_rooms(changed, insider.granted) if changed else {}), 200


def _act(form: QueryDict, insider: Insider, live: Conference) -> None:
    """Do what the form's `act` says. Raises BreakoutRefused."""
    conference, visitor, act = insider.conference, insider.granted.visitor, form.get("act", "")
    may_choose = conference.breakout is not None and conference.breakout.may_choose
    steers = role_in(conference, insider.granted).may("rooms")
    if not steers and not (act == "go" and may_choose):
        raise BreakoutRefused("not_allowed")
    match act:
        case "open":
            breakout.open_rooms(live, _plan_in(form), conference.present, visitor)
        case "move" if form.get("visitor") in conference.present:
            breakout.move_visitor(live, form.get("visitor", ""), _room_in(form))
        case "go":
            breakout.move_visitor(live, visitor, _room_in(form))
        case "say":
            _say_in_all_rooms(insider, live, form.get("text", ""))
        case "close":
            breakout.close_rooms(live)
        case _:
            raise BreakoutRefused("act")


def _room_in(form: QueryDict) -> int | None:
    """Return the index of the room in the form; `None` if it names none."""
    room = form.get("room", "")
    return whole_number(room) if room else None


def _plan_in(form: QueryDict) -> Plan:
    """Return the chair's wish to split the conference, as the form says; the rules check it."""
    names = (line.strip() for line in form.get("names", "").splitlines()[: MAX_ROOMS + 1])
    pairs = (line.rpartition(" ") for line in form.get("chosen", "").splitlines())
    chosen = {visitor: whole_number(index) for visitor, _, index in pairs if visitor}
    minutes = whole_number(form.get("minutes", ""))
    return Plan(tuple(filter(None, names)), minutes, form.get("how", ""), chosen)


def _say_in_all_rooms(insider: Insider, live: Conference, text: str) -> None:
    """Show a text on the pages of the conference and of its rooms. Raises BreakoutRefused if it is too long, or ""."""
    if not text or len(text) > MAX_TEXT or fault_of(text):
        raise BreakoutRefused("text")
    for held in (live, *insider.conference.breakout_rooms):
        if held and held.unit:
            order = SendText(e164=held.e164, user_domain=held.user_domain, text=text)
            with suppress(Refusal):  # A room whose unit is lost hears nothing; the others do.
                commands.ask_unit(order)
