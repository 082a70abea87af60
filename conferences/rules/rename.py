"""Rename: the unit asks the CSS, the CSS asks CM, and only the unit's report changes the name (CSS §5.1)."""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.rules import outgoing
from conferences.rules.states import Conference, ConferenceState, Rename, Unit
from conferences.rules.step import Step, nothing
from foundation.bus.outgoing import Answer, Send
from wire.conference_manager import MayRename, RenameDenied, RenameGranted
from wire.error_codes import MEANING, Err
from wire.media_unit import UnitAsksToRename, UnitRenameGranted, UnitRenameRefused
from wire.routes import Routes

CM_ANSWERS_IN = timedelta(seconds=5)
LONGEST_NAME = 64


def decide_unit_rename(
    c: Conference | None,
    request: UnitAsksToRename,
    unit: Unit | None,
    asked_by: str,
    ask: str,
    now: datetime,
) -> Step:
    """Ask CM whether the unit may rename its conference; `ask` is the id of our question."""
    if c is None or c.unit is None or not c.on(unit):
        if unit is None:
            return nothing("no such conference, and no unit to tell")
        return Step("refused", send=(_refusal(unit, asked_by, request, Err.NO_CONFERENCE),))
    if c.state is not ConferenceState.RUNNING or c.rename:
        return Step("refused", send=(_refusal(c.unit, asked_by, request, Err.WRONG_STATE),))
    wish = Rename(ask, request.name, asked_by, request.reqid, now + CM_ANSWERS_IN)
    question = outgoing.to_cm(MayRename(reqid=ask, e164=c.e164, name=request.name))
    return Step("asking CM for the new name", c, c.change(rename=wish), (question,))


def _refusal(unit: Unit, asked_by: str, request: UnitAsksToRename, code: Err) -> Answer:
    nack = UnitRenameRefused(
        reqid=request.reqid, e164=request.e164, errcode=code, detail=MEANING[code]
    )
    return _answer(unit, asked_by, nack)


def _answer(unit: Unit, request: str, message: UnitRenameGranted | UnitRenameRefused) -> Answer:
    return outgoing.answer_unit(unit, request, message)


def decide_cm_on_rename(c: Conference, reply: RenameGranted | RenameDenied) -> Step:
    """Tell the unit CM's answer; the unit applies the name and reports it."""
    wish = c.rename
    if wish is None or wish.ask != reply.reqid or c.unit is None:
        return nothing("no such question to CM is open")
    if isinstance(reply, RenameGranted):
        return _close(c, wish, UnitRenameGranted(reqid=wish.reqid, e164=c.e164), "CM agrees")
    return _close(c, wish, _nack(c, wish, reply.errcode), "CM does not agree")


def decide_cm_is_silent(c: Conference, now: datetime) -> Step:
    """Refuse the new name, because CM did not answer within 5 s."""
    if c.rename is None or c.rename.answer_by > now:
        return nothing("CM has time left")
    return _close(c, c.rename, _nack(c, c.rename, Err.CM_SILENT), "CM did not answer")


def refuse_open_rename(c: Conference, code: Err) -> tuple[Answer, ...]:
    """Refuse an open wish for a new name, because the conference leaves the unit that asked."""
    if c.rename is None or c.unit is None:
        return ()
    return (_answer(c.unit, c.rename.request, _nack(c, c.rename, code)),)


def _nack(c: Conference, wish: Rename, code: str) -> UnitRenameRefused:
    return UnitRenameRefused(reqid=wish.reqid, e164=c.e164, errcode=code, detail=MEANING.get(code))


def _close(
    c: Conference, wish: Rename, message: UnitRenameGranted | UnitRenameRefused, because: str
) -> Step:
    answers = (_answer(c.unit, wish.request, message),) if c.unit else ()
    return Step(because, c, c.change(rename=None), answers)


def decide_as_cm(question: MayRename) -> Send:
    """Answer in the role of CM: a name that is well formed is granted at once."""
    well_formed = 0 < len(question.name.strip()) <= LONGEST_NAME
    reply: RenameGranted | RenameDenied
    if well_formed:
        reply = RenameGranted(reqid=question.reqid, e164=question.e164)
    else:
        reply = RenameDenied(reqid=question.reqid, e164=question.e164, errcode=Err.MALFORMED)
    return Send(message=reply, route=Routes.CM_TO_CSS)
