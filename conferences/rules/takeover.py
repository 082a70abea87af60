"""Takeover: the site that ran them is gone, and they are placed here (CSS §2.3)."""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.create import RMS_ANSWERS_IN
from conferences.rules.end import decide_end
from conferences.rules.rename import wish_is_over
from conferences.rules.restore import decide_restore
from conferences.rules.states import Conference, ConferenceState, EndReason
from conferences.rules.step import Step, nothing
from foundation.bus.outgoing import Outgoing
from wire.error_codes import Err

_S = ConferenceState


def decide_taken_over(c: Conference, now: datetime) -> Step:
    """Nobody at the lost site can be told anything: ask the RMS here, with a clean slate.

    What its units still hold they are told to drop when they are heard again.
    """
    match c.state:
        case _S.ENDED:
            return nothing("has ended")
        case _S.CREATING:
            asking = c.unplace(Err.UNIT_SILENT, now + RMS_ANSWERS_IN)
            # Its first unit may have it under this incarnation: the next one must be a higher one.
            higher = c.incarnation + bool(c.unit or c.tried)
            after = asking.change(tried=(), hosting_platform="", incarnation=higher)
            return Step("creating it here", c, after, (outgoing.ask_rms(after, "create"),))
        case _S.RUNNING if not c.protected:
            return decide_end(c, EndReason.MCU_LOST, now)
        case _S.PENDING_RESTORE:
            asked = decide_restore(c.change(tried=(), unit=None, hosting_platform=""), now)
            return Step("restoring it here", c, asked.after, asked.send)
    waiting = c.lose_unit(now, dropped=True).change(hosting_platform="")
    asked = decide_restore(waiting, now)
    told: tuple[Outgoing, ...] = wish_is_over(c, Err.WRONG_STATE)
    if c.state is _S.RUNNING:
        told += (outgoing.moved(waiting), *outgoing.number_free(c))
    return Step("its site is lost; restoring it here", c, asked.after, (*told, *asked.send))
