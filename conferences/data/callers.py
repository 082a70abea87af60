"""The functions here identify callers by telephone, and limit how often they may try PINs."""

from __future__ import annotations

import hashlib
import hmac

from django.core.cache import cache

from foundation.signing import shared_key

MAX_WRONG_PINS_OF_CALLER = 6
MAX_WRONG_PINS_OF_NUMBER = 30
"""Wrong PINs a minute: from one caller for all numbers, and from all callers for one number.

A caller's number can be forged, so the second limit is what keeps a PIN of four digits safe for hours.
"""
_SECONDS = 60


def visitor_of_caller(confid: str, caller: str) -> str:
    """Return the id that a caller has in a conference: the same in all calls, and derived from the caller's number."""
    text = f"caller:{confid}:{caller.casefold()}"
    return hmac.new(shared_key().encode(), text.encode(), hashlib.sha256).hexdigest()[:16]


def terminal_of_call(callid: str) -> str:
    """Return the id (`mtid`) of the terminal that a call is in its conference: digits, the same for the whole call."""
    digest = hashlib.sha256(callid.encode()).digest()
    return str(10**8 + int.from_bytes(digest[:8]) % (9 * 10**8))


def may_try_pin(e164: str, caller: str) -> bool:
    """Return whether a caller may try a PIN for a conference's number now, or has to wait a minute."""
    limits = _limits(e164, caller)
    counts = cache.get_many(limits)
    return all(counts.get(key, 0) < limit for key, limit in limits.items())


def count_wrong_pin(e164: str, caller: str) -> None:
    """Count a wrong PIN of a caller for a conference's number, also if there is no such conference."""
    for key in _limits(e164, caller):
        cache.add(key, 0, _SECONDS)
        try:
            cache.incr(key)
        except ValueError:
            continue  # The key has expired since `add`.


def _limits(e164: str, caller: str) -> dict[str, int]:
    """Return the limits of a caller and of a number: key of the cache -> most wrong PINs a minute."""
    source = hashlib.sha256(caller.casefold().encode()).hexdigest()[:32]
    return {
        f"telephone:caller:{source}": MAX_WRONG_PINS_OF_CALLER,
        f"telephone:number:{e164}": MAX_WRONG_PINS_OF_NUMBER,
    }
