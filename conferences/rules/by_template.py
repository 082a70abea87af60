"""The rules for whoever asks for the conference of a template or virtual room. Pure."""

from __future__ import annotations

from conferences.rules import outgoing
from conferences.rules.create import CreateRefusal, decide_refuse
from conferences.rules.decision import Decision
from conferences.rules.states import Asker, Conference, ConferenceState
from conferences.rules.stored import WIRE_FIELDS, StoredConference, refuse_use
from wire.error_codes import Err
from wire.templates import CreateByTemplate

MAX_ASKERS = 200
"""So many askers may wait for one conference that is being created; further ones are told to ask again shortly."""


def refuse_begin(
    stored: StoredConference | None, request: CreateByTemplate
) -> CreateRefusal | None:
    """Return why a request may not begin or join the conference of a template or virtual room; `None` if it may."""
    refusal = refuse_use(stored, request.user_domain, WIRE_FIELDS)
    if refusal or stored is None:
        return refusal
    person = (request.creator.moid if request.creator else None) or ""
    return None if stored.admits(person) else CreateRefusal(Err.NOT_PERMITTED, WIRE_FIELDS.creator)


def decide_join(conference: Conference, asker: Asker) -> Decision:
    """Decide what is answered to somebody who asks for a conference that exists already (`asker`).

    It is the conference, once it runs; while it is being created the asker waits, and is refused if too many wait.
    """
    if conference.state is not ConferenceState.CREATING:
        return Decision(
            "asked for again", conference, None, (outgoing.created_answer(conference, asker),)
        )
    if len(conference.also_asked) >= MAX_ASKERS:
        return decide_refuse(asker, Err.WRONG_STATE)
    after = conference.change(also_asked=(*conference.also_asked, asker))
    return Decision("one more waits for it", conference, after)
