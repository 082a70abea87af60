"""Due: these rules say what time alone does to a conference, at the moment that `next_due` named."""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.rules import outgoing
from conferences.rules.create import RMS_ANSWERS_IN, decide_next_unit, give_up, warned_by
from conferences.rules.end import decide_end
from conferences.rules.rename import decide_cm_is_silent
from conferences.rules.restore import decide_restore, decide_restore_failed
from conferences.rules.states import EMPTY_FOR, Conference, ConferenceState, EndReason
from conferences.rules.step import Step, nothing
from foundation.bus.outgoing import Send
from wire.conference_manager import EndIsNear, ReleaseConference
from wire.error_codes import Err
from wire.media_unit import UnitEndIsNear
from wire.routes import Routes

_S = ConferenceState


OVERDUE = timedelta(seconds=60)
"""How long the serving site waits for the site where a conference runs to ask for its end."""


LATEST_WARNING = 30.0
"""For so many seconds a missed warning about a conference of another site is still worth giving."""


def decide_due(c: Conference, now: datetime, *, elsewhere: bool = False) -> Step:
    """Do the next thing that is due for a conference, if anything is.

    `elsewhere`: its unit stands at another site, which watches its end and warns of it (CSS §9.3).
    """
    watched = elsewhere and c.state is _S.RUNNING
    end = c.give_up_at if watched and c.give_up_at else c.ends_at
    if end and end <= now and c.state not in (_S.CREATING, _S.ENDED):
        if watched and not c.give_up_at:
            return Step("its site ends it", c, c.change(give_up_at=end + OVERDUE))
        return decide_end(c, EndReason.EXPIRED, now)
    if c.answer_by and c.answer_by <= now:
        return _on_silence(c, now)
    if c.state is _S.PENDING_RESTORE and c.restore_at and c.restore_at <= now:
        return decide_restore(c, now)
    if c.rename and c.rename.answer_by <= now:
        return decide_cm_is_silent(c, now)
    if c.auto_end and c.empty_since and c.empty_since + EMPTY_FOR <= now and c.state is _S.RUNNING:
        return decide_end(c, EndReason.AUTO_END, now)
    return _warning(c, now, told_there=watched)


def _on_silence(c: Conference, now: datetime) -> Step:
    """Go on without the answer of an RMS or a unit that did not come in time."""
    match c.state:
        case _S.CREATING if c.unit:
            return decide_next_unit(c, Err.UNIT_SILENT, now)
        case _S.CREATING if c.origin == "http" and c.give_up_at and now < c.give_up_at:
            return _ask_rms_again(c, now)
        case _S.CREATING:
            return give_up(c, c.last_code or Err.RMS_SILENT, now)
        case _S.PENDING_RESTORE:
            return decide_restore(c, now)
        case _S.RESTORING:
            return decide_restore_failed(c, Err.UNIT_SILENT, now)
        case _:
            return nothing("nobody was asked")


def _ask_rms_again(c: Conference, now: datetime) -> Step:
    """Ask the RMS once more for a conference that came by HTTP.

    Its request was acknowledged, perhaps while the broker was away, so one lost question must not end it.
    """
    after = c.ask(now + RMS_ANSWERS_IN)
    return Step(
        "the RMS did not answer, asking again", c, after, (outgoing.ask_rms(after, "create"),)
    )


def _warning(c: Conference, now: datetime, *, told_there: bool) -> Step:
    """Warn CM and the unit 10, 5 and 1 minutes before the end of a conference (CSS §9.3)."""
    if c.ends_at is None or c.state is not _S.RUNNING:
        return nothing("nothing is due")
    level = warned_by((c.ends_at - now).total_seconds())
    if not level or (c.warned and level >= c.warned):
        return nothing("nothing is due")
    after = c.change(warned=level)
    if told_there:
        return Step("its site warns of its end", c, after)
    return Step("its end is near", c, after, warnings(c, now))


def warnings(c: Conference, now: datetime, cm_at: str = "") -> tuple[Send, ...]:
    """Return the messages that warn of an end that is near.

    `cm_at`: the site whose conference managers are told; "" means ours.
    """
    assert c.ends_at is not None
    minutes = max(1, round((c.ends_at - now) / timedelta(minutes=1)))
    to_cm = outgoing.to_cm(EndIsNear(e164=c.e164, minutes=minutes), cm_at)
    if c.unit is None:
        return (to_cm,)
    return to_cm, outgoing.to_unit(c.unit, UnitEndIsNear(e164=c.e164, minutes=minutes))


def decide_watched(c: Conference, now: datetime, owner: str) -> Step:
    """Watch the end of a conference that runs here while another site, `owner`, serves it.

    Its conference managers are warned, and `owner` is asked to end it when its time is over.
    """
    if c.state is not _S.RUNNING or c.ends_at is None:
        return nothing("nothing to watch")
    if c.ends_at > now:
        left = (c.ends_at - now).total_seconds()
        level = warned_by(left)
        # The row's own `warned` is written by the serving site, and may come here before this
        # site has warned: the age of the warning decides instead.
        fresh = level and level * 60 - left <= LATEST_WARNING
        return Step(f"warning {level}", send=warnings(c, now, owner) if fresh else ())
    message = ReleaseConference(
        reqid=f"expired:{c.confid}:{now:%H%M%S}", e164=c.e164, reason=EndReason.EXPIRED
    )
    request = Send(message=message, route=Routes.CM_TO_CSS, destination=owner)
    return Step(f"asking {owner} to end it", send=(request,))
