"""Define the view by which somebody in a call who is its creator, chair or co-chair steers the conference."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _

from conferences.data.queries import live_by_number
from conferences.pages import steering, texts
from conferences.pages.entrance import role_in
from conferences.pages.in_call import Answer, Insider, for_insiders
from conferences.rules.chairs import IN_BREAKOUT_ROOM, NOT_IN_BREAKOUT_ROOM
from foundation.web.errors import Refusal


@for_insiders
def steer_conference(request: HttpRequest, insider: Insider) -> Answer:
    """Carry out a command (`action` in the form) of a person in the call who may give it; refuse all others with 403.

    The right follows from the pass (proof of being let in) alone, which no other page has. A refusal has a sentence for
    the person (`why`). The answer to a command that was carried out is {}.
    """
    action, live = request.POST.get("action", ""), live_by_number(insider.conference.e164)
    if live is None or not role_in(insider.conference, insider.granted).may(action):
        return _refused("not_allowed", _("Only a chair may do this."), 403)
    room = insider.conference.place_of(insider.granted.visitor)
    if room and action in NOT_IN_BREAKOUT_ROOM:
        return _refused("in_room", _("This is not possible in a breakout room."), 409)
    if room and action in IN_BREAKOUT_ROOM:
        live = room
    if insider.is_too_often("steer"):
        return _refused("too_often", _("These were many commands. Please wait a moment."), 429)
    try:
        steering.ACTIONS[action](live, request.POST)
    except Refusal as refusal:
        return _refused("refused", texts.refusal_text(refusal), 409)
    return {}, 200


def _refused(code: str, why: str, status: int) -> Answer:
    """Return the answer that says why a command is refused, as a code and as a sentence for the person."""
    return {"refused": code, "why": why}, status
