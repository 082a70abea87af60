"""Decisions about changes that arrive from a core, and about requests for changes that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum

ASK_EVERY = timedelta(seconds=5)
"""A platform waits this long for changes that it knows to be missing, before it asks again."""

ASK_ANYWAY = timedelta(minutes=5)
"""A platform asks this often even if nothing seems to be missing, because the last change may have been lost."""


class Verdict(Enum):
    """The verdict on a change that arrives: apply it, skip it as a duplicate, or wait for those before it."""

    APPLY = "apply"
    SEEN = "seen"
    GAP = "gap"


def judge_change(version: int, previous: int | None, cursor: int, applied: int) -> Verdict:
    """Judge a change that arrives at a platform.

    `previous` is the version that the core sent before it, and `cursor` the version up to which the platform has
    everything. `applied` is the version of the same domain or account that was applied last, 0 for none.
    """
    if previous is not None and previous > cursor:
        return Verdict.GAP
    return Verdict.SEEN if version <= applied else Verdict.APPLY


def is_time_to_ask(now: datetime, asked_at: datetime | None, gap: bool) -> bool:
    """Return whether it is time to ask the core for changes.

    `gap` says that changes are known to be missing. `asked_at` is `None` if the platform has never asked.
    """
    if asked_at is None:
        return True
    return now - asked_at >= (ASK_EVERY if gap else ASK_ANYWAY)


class Sync(Enum):
    """The answer to a platform that asks for the changes after a version."""

    AGAIN = "again"
    WHOLE = "whole"
    NOTHING = "nothing"


def decide_sync(after: int, base: int | None, first: int, newest: int) -> Sync:
    """Decide what to send to a follower that asks for the changes after version `after`.

    The log holds everything above `base` that concerns the follower, and `newest` is its last version. So the log
    answers if `after` lies between them. Otherwise a full snapshot does.

    `base` is `None` while a full snapshot is being sent, whose versions begin with `first` (0: it has not begun).
    It is sent again only if the follower has received a part of it and then missed something.
    """
    if base is None:
        return Sync.WHOLE if first and after >= first else Sync.NOTHING
    return Sync.AGAIN if base <= after <= newest else Sync.WHOLE


def platforms_holding(lines: Mapping[str, Sequence[str]], above: Sequence[str]) -> frozenset[str]:
    """Return the platforms that hold a domain.

    `lines` gives for each platform its own MOID, that of its service domain, and so on up to the root. `above` is
    the domain and all domains above it. A platform holds its service domain with everything below it, all domains
    above, and nothing else (ARCH §3.6).
    """
    line_of_domain = frozenset(above)
    return frozenset(
        p for p, line in lines.items() if line_of_domain & {*line[1:2]} or above[0] in line
    )
