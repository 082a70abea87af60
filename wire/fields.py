"""Values that several messages share: numbers, names, units, terminals."""

from __future__ import annotations

from typing import Any

from foundation.bus.message import digits, obj, one_of, text

MAX_MINUTES = 10080
SIZES = (8, 32, 64, 192)
SMALL = 8
"""A conference with at most this many places is small, any other is large."""

NUMBER = digits(16)
MOID = text(40, 1)
NAME = text(64, 1)
REQID = text(64, 1)
IP = text(64, 1)


def unit_id(value: Any) -> str:
    """A unit's `pid`: a fixed instance name, not the process id."""
    if not isinstance(value, str) or len(value) > 16 or not all(c in PID_LETTERS for c in value):
        raise ValueError("must be at most 16 characters of 0-9 and a-z")
    return value


PID_LETTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyz")


def terminal(value: Any) -> dict[str, Any]:
    """One terminal to call: an object with `account`; the rest is defaulted."""
    one = obj(value)
    account = text(128, 1)(one.get("account", one.get("mtid")))
    kind = one_of("e164", "sip", "h323", "user")(one.get("type", "e164"))
    name = text(128)(one.get("name") or account)
    return {**one, "account": account, "type": kind, "name": name}


def resource(value: Any) -> dict[str, Any]:
    """A unit as the RMS names it: `{ip, pid?, platformmoid?}`; an empty `ip` is no unit."""
    one = obj(value)
    text(64)(one.get("ip", ""))
    unit_id(one.get("pid") or "")
    return one
