"""The rule for a conference that ran at another site which is now lost: it is placed again at this site (CSS §2.3)."""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.create import RMS_ANSWERS_IN
from conferences.rules.decision import Decision, no_change
from conferences.rules.end import decide_end
from conferences.rules.rename import refuse_open_rename
from conferences.rules.restore import decide_restore
from conferences.rules.states import Conference, ConferenceState, EndReason
from foundation.bus.outgoing import Outgoing
from wire.error_codes import Err

_State = ConferenceState


def decide_taken_over(conference: Conference, now: datetime) -> Decision:
    """Decide to ask the resource manager (RMS) of this site for a media unit for a conference that ran at a lost site.

    Messages cannot reach the lost site. If one of its units still runs the conference, that unit is told to drop it
    as soon as it sends a message again. A running conference that is not `protected` ends.
    """
    match conference.state:
        case _State.ENDED:
            return no_change("has ended")
        case _State.CREATING:
            unplaced = conference.unplace(Err.UNIT_SILENT, now + RMS_ANSWERS_IN)
            # Its first unit may hold it under this incarnation, so the next one must be higher.
            incarnation = conference.incarnation + bool(conference.unit or conference.tried)
            after = unplaced.change(tried=(), hosting_platform="", incarnation=incarnation)
            return Decision(
                "creating it here", conference, after, (outgoing.ask_rms(after, "create"),)
            )
        case _State.RUNNING if not conference.protected:
            return decide_end(conference, EndReason.MCU_LOST, now)
        case _State.PENDING_RESTORE:
            decision = decide_restore(
                conference.change(tried=(), unit=None, hosting_platform=""), now
            )
            return Decision("restoring it here", conference, decision.after, decision.send)
    waiting = conference.lose_unit(now, dropped=True).change(hosting_platform="")
    decision = decide_restore(waiting, now)
    messages: tuple[Outgoing, ...] = refuse_open_rename(conference, Err.WRONG_STATE)
    if conference.state is _State.RUNNING:
        messages += (outgoing.moved_notice(waiting), *outgoing.number_free(conference))
    return Decision(
        "its site is lost; restoring it here",
        conference,
        decision.after,
        (*messages, *decision.send),
    )
