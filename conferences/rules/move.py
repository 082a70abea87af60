"""Move: an operator wants it on another unit; like a loss, but the old unit still has to drop it."""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.rename import wish_is_over
from conferences.rules.restore import decide_restore
from conferences.rules.states import Conference, ConferenceState
from conferences.rules.step import Step, nothing
from foundation.bus.outgoing import Outgoing
from wire.error_codes import Err


def decide_move(c: Conference, now: datetime) -> Step:
    """It leaves its unit, waits, and is placed anew: elsewhere, where anything else is free."""
    if c.state is not ConferenceState.RUNNING or c.unit is None:
        return nothing(f"is {c.state}: only a running conference is moved")
    waiting = c.lose_unit(now, avoid=(c.unit,), dropped=True)
    asked = decide_restore(waiting, now)
    left = (outgoing.drop(c.unit, c.e164, c.incarnation), outgoing.reservation(c, "free"))
    told: tuple[Outgoing, ...] = (
        *wish_is_over(c, Err.WRONG_STATE),
        outgoing.moved(waiting),
        *outgoing.number_free(c),
    )
    because = f"moved away from {c.unit} by an operator; {asked.because}"
    return Step(because, c, asked.after, (*left, *told, *asked.send))
