"""Define the rules for a media unit that wants to rename its conference (CSS §5.1).

The unit asks the scheduler (CSS), which asks the conference manager (CM). Only the unit's later report changes
the name.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.rules import outgoing
from conferences.rules.decision import Decision, no_change
from conferences.rules.open_rename import Rename
from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.bus.outgoing import Answer, Send
from wire.conference_manager import AskToRename, RenameDenied, RenameGranted
from wire.error_codes import MEANING, Err
from wire.media_unit import UnitAsksToRename, UnitRenameGranted, UnitRenameRefused
from wire.routes import Routes

CM_ANSWERS_IN = timedelta(seconds=5)
MAX_NAME_LENGTH = 64


def decide_unit_rename(
    conference: Conference | None,
    request: UnitAsksToRename,
    unit: Unit | None,
    request_key: str,
    question_id: str,
    now: datetime,
) -> Decision:
    """Decide to ask the conference manager (CM) whether a media unit may rename its conference.

    Refused is a unit that does not run it, and a wish while the conference does not run or another name is asked
    about. `request_key`: the unit's request in the inbox. `question_id`: the id of our question to the manager.
    """
    if conference is None or conference.unit is None or not conference.is_on(unit):
        if unit is None:
            return no_change("no such conference, and no unit to tell")
        return Decision("refused", send=(_refusal(unit, request_key, request, Err.NO_CONFERENCE),))
    if conference.state is not ConferenceState.RUNNING or conference.rename:
        return Decision(
            "refused", send=(_refusal(conference.unit, request_key, request, Err.WRONG_STATE),)
        )
    rename = Rename(question_id, request.name, request_key, request.reqid, now + CM_ANSWERS_IN)
    question = outgoing.ask_to_rename(
        AskToRename(reqid=question_id, e164=conference.e164, name=request.name)
    )
    return Decision(
        "asking CM for the new name", conference, conference.change(rename=rename), (question,)
    )


def _refusal(unit: Unit, request_key: str, request: UnitAsksToRename, code: Err) -> Answer:
    """Return the NACK to a media unit's request for a new name."""
    nack = UnitRenameRefused(
        reqid=request.reqid, e164=request.e164, errcode=code, detail=MEANING[code]
    )
    return outgoing.answer_unit(unit, request_key, nack)


def decide_cm_on_rename(
    conference: Conference, reply: RenameGranted | RenameDenied, question_id: str = ""
) -> Decision:
    """Decide to pass the conference manager's answer to the media unit, which then applies the name and reports it.

    `question_id`: the id of the question that the answer's correlation id names. An answer that names no question, as
    in the specification, belongs to the open one.
    """
    rename = conference.rename
    question_id = reply.reqid or question_id
    if rename is None or question_id not in ("", rename.question_id) or conference.unit is None:
        return no_change("no such question to CM is open")
    if isinstance(reply, RenameGranted):
        ack = UnitRenameGranted(reqid=rename.reqid, e164=conference.e164)
        return _answer_rename(conference, rename, ack, "CM agrees")
    return _answer_rename(
        conference, rename, _nack(conference, rename, reply.errcode), "CM does not agree"
    )


def decide_cm_is_silent(conference: Conference, now: datetime) -> Decision:
    """Decide to refuse the new name that a media unit wants, as the conference manager (CM) did not answer in time.

    Nothing is decided while there is time left.
    """
    if conference.rename is None or conference.rename.answer_by > now:
        return no_change("CM has time left")
    return _answer_rename(
        conference,
        conference.rename,
        _nack(conference, conference.rename, Err.CM_SILENT),
        "CM did not answer",
    )


def refuse_open_rename(conference: Conference, code: Err) -> tuple[Answer, ...]:
    """Return the refusal of an undecided new name, as the conference leaves the unit that requested it; else ()."""
    if conference.rename is None or conference.unit is None:
        return ()
    return (
        outgoing.answer_unit(
            conference.unit,
            conference.rename.request_key,
            _nack(conference, conference.rename, code),
        ),
    )


def _nack(conference: Conference, rename: Rename, code: str) -> UnitRenameRefused:
    """Return the message that refuses a media unit's request for a new name."""
    detail = MEANING.get(code)
    return UnitRenameRefused(reqid=rename.reqid, e164=conference.e164, errcode=code, detail=detail)


def _answer_rename(
    conference: Conference,
    rename: Rename,
    message: UnitRenameGranted | UnitRenameRefused,
    reason: str,
) -> Decision:
    """Decide to answer the media unit that requested a new name, and remove the request from the conference."""
    answers = (
        (outgoing.answer_unit(conference.unit, rename.request_key, message),)
        if conference.unit
        else ()
    )
    return Decision(reason, conference, conference.change(rename=None), answers)


def decide_as_cm(question: AskToRename) -> Send:
    """Answer in the role of a conference manager (CM): grant every well-formed name at once."""
    is_well_formed = 0 < len(question.name.strip()) <= MAX_NAME_LENGTH
    reply: RenameGranted | RenameDenied
    if is_well_formed:
        reply = RenameGranted(reqid=question.reqid, e164=question.e164)
    else:
        reply = RenameDenied(reqid=question.reqid, e164=question.e164, errcode=Err.MALFORMED)
    return Send(message=reply, route=Routes.CM_TO_CSS)
