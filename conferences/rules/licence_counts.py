"""The functions here count what a conference uses of the licensed amounts (CSS §4.2). Pure.

Each change of a conference changes the stored counts by the difference, so counting all conferences again
gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from conferences.rules.states import SMALL_PLACES, Conference, ConferenceState
from licensing.rules.amounts import NONE, Amounts
from wire.fields import Terminal

_HARDWARE = frozenset({"h323", "sip"})
_SOFTWARE = frozenset({"user"})


def amounts_of_new(places: int) -> Amounts:
    """Return the licensed amounts that a new conference with this many places uses: small or large, and ports."""
    large = int(places > SMALL_PLACES)
    return Amounts(small_conferences=1 - large, large_conferences=large, media_ports=places)


def amounts_of_terminals(terminals: Iterable[Terminal]) -> Amounts:
    """Return the licensed amounts that these terminals use while they are in a conference.

    Each uses an access port, and counts as a software or hardware terminal. A terminal that is called by its number
    (type `e164`) may be of any kind, even a telephone, so it uses a port only.
    """
    kinds = [terminal.type or "" for terminal in terminals]
    return Amounts(
        software_terminals=sum(kind in _SOFTWARE for kind in kinds),
        hardware_terminals=sum(kind in _HARDWARE for kind in kinds),
        access_ports=len(kinds),
    )


VISITOR = amounts_of_terminals([Terminal(type="user")])
"""A visitor who enters a conference by the join page uses these amounts of the licence."""


def amounts_in_use(conference: Conference | None) -> Amounts:
    """Return the licensed amounts that a conference uses now; zero if it has ended or is `None`.

    Its places and monitors (copies of sound or picture for a manager) count from their beginning to their end, its
    terminals only while it runs. A breakout room counts by its terminals alone, since the places of its people count in
    the conference that was split.
    """
    if conference is None or not conference.live:
        return NONE
    used = NONE if conference.parent else amounts_of_new(conference.places)
    if conference.monitors:
        used += Amounts(monitors=len(conference.monitors))
    if conference.state is not ConferenceState.RUNNING:
        return used
    return used + amounts_of_terminals(terminal for terminal in conference.mts if terminal.online)
