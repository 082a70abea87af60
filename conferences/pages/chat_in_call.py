"""The chat of a call: its page reads the conference's conversation, and writes into it, for members and guests."""

from __future__ import annotations

from django.http import HttpRequest

from conferences.data.join_passes import Pass
from conferences.pages.entrance import role_in
from conferences.pages.in_call import MAX_KEY, Answer, Insider, for_insiders, refused, whole_number
from conferences.rules.chairs import Role
from domains.data import hooks
from domains.data.hooks import CallMessage, CallText
from foundation.cells.directory import store_of

_STATUS = {"away": 503, "rate": 429}
"""The HTTP status of refusals; others have 409."""


@for_insiders
def chat_in_call(request: HttpRequest, insider: Insider) -> Answer:
    """Write the `text`, if there is one, into the conversation; answer what was written after the entry number `after`.

    `insider`: the person in the call. `key`: the page's own id of the text, with which it may be sent again. `last`
    of the answer is the number of the entry after which to ask next. Refused are too many requests, a bad key, and
    what the chat refuses.
    """
    conference, granted = insider.conference, insider.granted
    text, key = request.POST.get("text", ""), request.POST.get("key", "")
    if insider.is_too_often("write" if text else "read"):
        return refused("rate", 429)
    if text:
        if not 0 < len(key) <= MAX_KEY:
            return refused("key", 400)
        is_chair = role_in(conference, granted) is not Role.NONE
        if "chat" in conference.arrangement.chairsonly and not is_chair:
            return refused("muted", 409)
        writer = (granted.account, granted.visitor, insider.name)
        message = CallText(*writer, text, key, is_chair)
        why_not = hooks.WRITE_CHAT.call(conference.platform, conference.confid, message)
        if why_not != "":
            return refused(why_not or "away", _STATUS.get(why_not or "away", 409))
    after = whole_number(request.POST.get("after", ""))
    database = store_of(conference.platform).database
    messages, last = hooks.READ_CHAT.call(database, conference.confid, after) or ([], 0)
    return {"messages": [_shown(message, granted) for message in messages], "last": last}, 200


def _shown(message: CallMessage, granted: Pass) -> dict[str, object]:
    """Return a chat message as the page shows it; it contains no id of an account or of a browser.

    `granted`: the reader's pass, by which the reader's own messages (`mine`) are found.
    """
    own = granted.visitor if message.is_guest else granted.account
    return {
        "seq": message.seq,
        "name": message.name,
        "guest": message.is_guest,
        "mine": bool(own) and message.author == own,
        "text": message.text,
        "at": message.sent_at.isoformat(),
        "file": message.is_file,
        "gone": message.is_gone,
    }
