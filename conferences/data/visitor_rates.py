"""The functions here limit how often people in a call, guests among them, may write and ask by its page."""

from __future__ import annotations

from django.core.cache import cache

from foundation import clock

WINDOW_SECONDS = 10
# While somebody draws, the page sends what is new five times in a second ("draw"), and others fetch it ("follow").
MOST_OF_VISITOR = {"write": 20, "read": 60, "steer": 60, "draw": 100, "follow": 150}
MOST_OF_ADDRESS = {"write": 100, "read": 3000, "steer": 100, "draw": 500, "follow": 5000}
"""A guest may be several visitors, by as many browsers: from one IP address nobody uses up what others may."""
MOST_IN_CONFERENCE = {"write": 300, "read": 10_000, "steer": 300, "draw": 1000, "follow": 10_000}


def is_too_often(kind: str, confid: str, visitor: str, address: str) -> bool:
    """Count an action of a visitor in a conference; return whether there were too many of its `kind` lately.

    The visitor's own actions, those from the same IP address or network (`address`), and those of the whole conference
    have a limit each, within WINDOW_SECONDS. What one limit refuses is not counted towards the next.
    """
    window = int(clock.timestamp()) // WINDOW_SECONDS
    names = {
        f"call:{kind}:{confid}:{visitor}:{window}": MOST_OF_VISITOR[kind],
        f"call:{kind}:{confid}:{address}:{window}": MOST_OF_ADDRESS[kind],
        f"call:{kind}:{confid}:{window}": MOST_IN_CONFERENCE[kind],
    }
    return any(_count(name) > most for name, most in names.items())


def _count(name: str) -> int:
    """Add 1 to the counter with this name in the site's cache, which all processes share, and return the sum."""
    cache.add(name, 0, 2 * WINDOW_SECONDS)
    try:
        return cache.incr(name) or 0
    except ValueError:
        return 1  # The key has expired since `add`.
