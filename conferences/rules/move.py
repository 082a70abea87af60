"""Define the rule by which an operator moves a conference to another media unit. Pure."""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.decision import Decision, no_change
from conferences.rules.rename import refuse_open_rename
from conferences.rules.restore import decide_restore
from conferences.rules.states import Conference, ConferenceState
from foundation.bus.outgoing import Outgoing
from wire.error_codes import Err


def decide_move(conference: Conference, now: datetime) -> Decision:
    """Decide to take a running conference off its media unit, as an operator wants, and ask for another unit.

    A conference that does not run is left alone. This is like the loss of the unit, but the old unit is told to drop
    the conference.
    """
    if conference.state is not ConferenceState.RUNNING or conference.unit is None:
        return no_change(f"is {conference.state}: only a running conference is moved")
    waiting = conference.lose_unit(now, avoid=(conference.unit,), dropped=True)
    decision = decide_restore(waiting, now)
    release = (
        outgoing.drop_command(conference.unit, conference.e164, conference.incarnation),
        outgoing.resource_usage(conference, "free"),
    )
    messages: tuple[Outgoing, ...] = (
        *refuse_open_rename(conference, Err.WRONG_STATE),
        outgoing.moved_notice(waiting),
        *outgoing.number_free(conference),
    )
    reason = f"moved away from {conference.unit} by an operator; {decision.reason}"
    return Decision(reason, conference, decision.after, (*release, *messages, *decision.send))
