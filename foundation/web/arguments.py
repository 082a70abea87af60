"""The functions here read arguments of HTTP calls, in the forms in which client applications send them. Pure."""

from __future__ import annotations

import re

from foundation.bus import protocol
from foundation.web.errors import Refusal


def malformed(words: str) -> Refusal:
    """Return the exception that refuses an argument of a call which cannot be read; `words` name it and the fault."""
    return Refusal(int(protocol.current().malformed), words)


def number(value: object, name: str, default: int) -> int:
    """Return the value of a call's argument as a whole number; it may be a string of digits, as old clients send it.

    If it is absent, null or empty, return the default. Raises Refusal, which mentions `name`, for any other value.
    """
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or abs(value) >= 2**53:  # JSON's numbers are exact up to there
        raise malformed(f"{name}: must be a whole number")
    return value


def digits(text: str) -> int | None:
    """Return a text of digits from a page's address or form as a number; `None` if it is none, or far too large."""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def switch(value: object, name: str) -> bool:
    """Return the value of a call's argument, 0 or 1, as a boolean; absent means 0. Raises Refusal, naming `name`."""
    flag = number(value, name, 0)
    if flag not in (0, 1):
        raise malformed(f"{name}: must be 0 or 1")
    return flag == 1


def words(value: object, name: str, default: str = "") -> str:
    """Return the value of a call's argument as a string; a number is turned into one. Raises Refusal with `name`."""
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise malformed(f"{name}: must be a string")
    return value


def items(value: object, name: str, limit: int = 500) -> list[dict[str, object]]:
    """Return the value of a call's argument, which must be a list of at most `limit` JSON objects.

    If it is absent, null or empty, return []. Raises Refusal, which mentions `name`.
    """
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise malformed(f"{name}: must be a list of objects")
    if len(value) > limit:
        raise malformed(f"{name}: at most {limit} are taken")
    return value


def in_range(
    value: object, name: str, lowest: int, highest: int, default: int | None = None
) -> int:
    """Return the value of a call's argument, a whole number from `lowest` to `highest`; `default` if it is missing.

    Raises Refusal, which mentions `name`, also for a missing one without a default.
    """
    if value in (None, "") and default is not None:
        return default
    # The default for a missing argument is out of range, so that it is refused.
    argument = number(value, name, default=lowest - 1)
    if not lowest <= argument <= highest:
        raise malformed(f"{name}: a whole number from {lowest} to {highest} is needed")
    return argument
