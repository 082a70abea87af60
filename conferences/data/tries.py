"""Attempts at passwords and numbers are counted in the cache that all processes of the site share."""

from __future__ import annotations

from contextlib import suppress

from django.core.cache import cache

MOST_PER_MINUTE = 10
"""Passwords that may be tried for a conference or a link, and numbers that may be tried, from one IP address."""


class TooManyTries(Exception):
    """Too many passwords or numbers were tried, for instance from one IP address; some time must pass."""


def count(name: str, most: int, seconds: int) -> str:
    """Count an attempt, and return the cache's key of the count. Raises TooManyTries beyond `most` in so many seconds.

    The attempt is counted before the comparison, so that simultaneous attempts are all counted.
    """
    cache_key = f"tries:{name}"
    cache.add(cache_key, 0, seconds)
    try:
        number = cache.incr(cache_key) or 0
    except ValueError:
        number = 1  # The key has expired since `add`.
    if number > most:
        raise TooManyTries
    return cache_key


def take_back(cache_key: str) -> None:
    """Take back one attempt that was counted under this key of the cache, as it was right."""
    with suppress(ValueError):  # The key has expired.
        cache.decr(cache_key)
