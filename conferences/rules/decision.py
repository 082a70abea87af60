"""A decision says what follows from a message or timer: the next value of a conference, and messages to send. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from conferences.rules.states import Conference
from foundation.bus.outgoing import Event, Outgoing


@dataclass(frozen=True, slots=True)
class Decision:
    """Represent a decision about a conference: its next value (`after`) and the messages to send (`send`).

    `data.commit.commit` first saves the value, then sends the messages, and logs the `reason`. `after` is `None` if
    the conference does not change. `events`: events for listening client applications that do not follow from the
    change itself.
    """

    reason: str
    before: Conference | None = None
    after: Conference | None = None
    send: tuple[Outgoing, ...] = ()
    events: tuple[Event, ...] = ()


def no_change(reason: str) -> Decision:
    """Return a decision that saves and sends nothing, with the reason for the log."""
    return Decision(reason)
