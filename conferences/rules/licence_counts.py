"""What a conference has in use of what licences limit (CSS §4.2). Pure.

Always derived from its value: the counts follow each move by the difference, and whoever counts
again gets the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conferences.rules.states import SMALL_PLACES, Conference, ConferenceState
from licensing.rules.amounts import NONE, Amounts

_HARDWARE = frozenset({"h323", "sip"})
_SOFTWARE = frozenset({"user"})


def of_new(places: int) -> Amounts:
    """What a new conference takes: its seat, and a media port for each of its places."""
    large = int(places > SMALL_PLACES)
    return Amounts(small_conferences=1 - large, large_conferences=large, media_ports=places)


def of_terminals(terminals: Iterable[Mapping[str, Any]]) -> Amounts:
    """What these terminals take while they are in a conference: an access port each, and their kind.

    One that is called by number (`e164`) may be anything, a telephone too: it takes a port alone.
    """
    kinds = [str(one.get("type") or "") for one in terminals]
    return Amounts(
        software_terminals=sum(kind in _SOFTWARE for kind in kinds),
        hardware_terminals=sum(kind in _HARDWARE for kind in kinds),
        access_ports=len(kinds),
    )


VISITOR = of_terminals([{"type": "user"}])
"""Somebody who comes by the join page."""


def in_use(c: Conference | None) -> Amounts:
    """What it has in use now: its places from the first to the last moment, terminals while it runs."""
    if c is None or not c.live:
        return NONE
    seat = of_new(c.places)
    if c.state is not ConferenceState.RUNNING:
        return seat
    there = of_terminals(m for m in c.mts if m.get("online"))
    return seat + there
