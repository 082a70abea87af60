"""What should be done about a change that is told, or asked for. Pure: facts come in as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum

ASK_EVERY = timedelta(seconds=5)
"""So long a platform waits for what it has asked for."""

ASK_ANYWAY = timedelta(minutes=5)
"""So often it asks even if nothing seems to be missing: the last change may have been lost."""


class Verdict(Enum):
    """What becomes of a change that arrives."""

    APPLY = "apply"
    SEEN = "seen"
    GAP = "gap"


def judge_change(version: int, previous: int | None, cursor: int, applied: int) -> Verdict:
    """A change with its version, as it arrives at a platform that has come to `cursor`, and that has
    applied version `applied` of the same thing (0: none)."""
    if previous is not None and previous > cursor:
        return Verdict.GAP
    return Verdict.SEEN if version <= applied else Verdict.APPLY


def is_time_to_ask(now: datetime, asked_at: datetime | None, gap: bool) -> bool:
    """Is it time to ask (again)?"""
    if asked_at is None:
        return True
    return now - asked_at >= (ASK_EVERY if gap else ASK_ANYWAY)


class Sync(Enum):
    """What a platform is told that asks for what came after some version."""

    AGAIN = "again"
    WHOLE = "whole"
    NOTHING = "nothing"


def decide_sync(after: int, base: int | None, first: int, newest: int) -> Sync:
    """The log is complete above `base`. Without one the whole is under way, from version `first` on:
    it begins anew only for one that has heard its beginning and then lost something."""
    if base is None:
        return Sync.WHOLE if first and after >= first else Sync.NOTHING
    return Sync.AGAIN if base <= after <= newest else Sync.WHOLE


def platforms_holding(lines: Mapping[str, Sequence[str]], above: Sequence[str]) -> frozenset[str]:
    """Which platforms hold a domain. `lines`: each platform, its service domain, and so on up to the
    root; `above`: the domain and all above it.

    A platform holds its service domain with all below, all above, and nothing else (ARCH §3.6).
    """
    up = frozenset(above)
    return frozenset(p for p, line in lines.items() if up & {*line[1:2]} or above[0] in line)
