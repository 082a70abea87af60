"""Define the rules of sharing a recording: with how many people, by which links, and for how long. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

DAYS = (1, 7, 30, 90)
"""For so many days a link may work."""
MOST_GUESTS = 200
MOST_LINKS = 20
PASSWORD_LENGTH = (6, 64)
"""The fewest and the most characters of a link's password."""


def expiry_of(days: str, now: datetime) -> datetime | None:
    """Return when a link ends that is to work for a number of days, as a form gives it; `None` if that is no choice."""
    chosen = next((choice for choice in DAYS if str(choice) == days), None)
    return now + timedelta(days=chosen) if chosen else None


def is_password_allowed(password: str) -> bool:
    """Return whether a link may have this password; "" means that it has none, which is allowed."""
    fewest, most = PASSWORD_LENGTH
    return not password or fewest <= len(password) <= most
