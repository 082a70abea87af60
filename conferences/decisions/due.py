"""Due: what time alone does to a conference. One timer asks, at the moment that `next_due` named."""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.decisions import says
from conferences.decisions.create import RMS_ANSWERS_IN, decide_next_unit, give_up, warned_by
from conferences.decisions.end import decide_end
from conferences.decisions.rename import decide_cm_is_silent
from conferences.decisions.restore import decide_restore, decide_restore_failed, wait_on
from conferences.errors import Err
from conferences.messages.cm import EndIsNear
from conferences.messages.unit import UnitEndIsNear
from conferences.states import EMPTY_FOR, Conference, ConferenceState, EndReason
from conferences.step import Step, nothing

_S = ConferenceState


def decide_due(c: Conference, now: datetime) -> Step:
    """The next thing that is due for it, if any."""
    if c.ends_at and c.ends_at <= now and c.state not in (_S.CREATING, _S.ENDED):
        return decide_end(c, EndReason.EXPIRED, now)
    if c.answer_by and c.answer_by <= now:
        return _silence(c, now)
    if c.state is _S.PENDING_RESTORE and c.restore_at and c.restore_at <= now:
        return decide_restore(c, now)
    if c.rename and c.rename.answer_by <= now:
        return decide_cm_is_silent(c, now)
    if c.auto_end and c.empty_since and c.empty_since + EMPTY_FOR <= now and c.state is _S.RUNNING:
        return decide_end(c, EndReason.AUTO_END, now)
    return _warning(c, now)


def _silence(c: Conference, now: datetime) -> Step:
    """Who was asked has not answered in time."""
    match c.state:
        case _S.CREATING if c.unit:
            return decide_next_unit(c, Err.UNIT_SILENT, now)
        case _S.CREATING if c.origin == "http" and c.give_up_at and now < c.give_up_at:
            return _ask_again(c, now)
        case _S.CREATING:
            return give_up(c, c.last_code or Err.RMS_SILENT, now)
        case _S.PENDING_RESTORE:
            return wait_on(c, "the RMS did not answer", now)
        case _S.RESTORING:
            return decide_restore_failed(c, Err.UNIT_SILENT, now)
        case _:
            return nothing("nobody was asked")


def _ask_again(c: Conference, now: datetime) -> Step:
    """It was acknowledged, perhaps while the broker was away: worth more than one question."""
    after = c.ask(now + RMS_ANSWERS_IN)
    return Step("the RMS did not answer, asking again", c, after, (says.ask_rms(after, "create"),))


def _warning(c: Conference, now: datetime) -> Step:
    """10, 5 and 1 minutes before its end (CSS §9.3), to CM and to the unit."""
    if c.ends_at is None or c.state is not _S.RUNNING:
        return nothing("nothing is due")
    left = c.ends_at - now
    level = warned_by(left.total_seconds())
    if not level or (c.warned and level >= c.warned):
        return nothing("nothing is due")
    minutes = max(1, round(left / timedelta(minutes=1)))
    told = [says.to_cm(EndIsNear(e164=c.e164, minutes=minutes))]
    if c.unit:
        told.append(says.to_unit(c.unit, UnitEndIsNear(e164=c.e164, minutes=minutes)))
    return Step(f"{minutes} minutes left", c, c.change(warned=level), tuple(told))
