"""What one decision asks for: the next value of a conference, and what is to be said. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from conferences.rules.states import Conference
from foundation.bus.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class Step:
    """`commit()` saves first and sends afterwards. `because` is the one line for the log."""

    because: str
    before: Conference | None = None
    after: Conference | None = None
    send: tuple[Outgoing, ...] = ()


def nothing(because: str) -> Step:
    """Leave all as it is, and say why."""
    return Step(because)
