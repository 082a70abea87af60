"""The counts say what a conference uses of what licences limit (CSS §4.2). Pure.

They are always derived from the conference itself: each move changes them by the difference, and
counting again gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from conferences.rules.states import SMALL_PLACES, Conference, ConferenceState
from licensing.rules.amounts import NONE, Amounts
from wire.fields import Terminal

_HARDWARE = frozenset({"h323", "sip"})
_SOFTWARE = frozenset({"user"})


def of_new(places: int) -> Amounts:
    """Return what a new conference takes: its seat, and a media port for each of its places."""
    large = int(places > SMALL_PLACES)
    return Amounts(small_conferences=1 - large, large_conferences=large, media_ports=places)


def of_terminals(terminals: Iterable[Terminal]) -> Amounts:
    """Return what these terminals take while they are in a conference: an access port each, and their kind.

    A terminal that is called by number (`e164`) may be of any kind, even a telephone: it takes a port alone.
    """
    kinds = [terminal.type or "" for terminal in terminals]
    return Amounts(
        software_terminals=sum(kind in _SOFTWARE for kind in kinds),
        hardware_terminals=sum(kind in _HARDWARE for kind in kinds),
        access_ports=len(kinds),
    )


VISITOR = of_terminals([Terminal(type="user")])
"""What a visitor takes who comes by the join page."""


def in_use(c: Conference | None) -> Amounts:
    """Return what a conference uses now.

    Its places count from its first moment to its last, its terminals while it runs.
    """
    if c is None or not c.live:
        return NONE
    seat = of_new(c.places)
    if c.state is not ConferenceState.RUNNING:
        return seat
    terminals = of_terminals(terminal for terminal in c.mts if terminal.online)
    return seat + terminals
