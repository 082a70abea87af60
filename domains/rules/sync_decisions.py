"""The module decides what to do with changes of the domain tree that arrive from the core, and with missing ones.

The core is the deployment where the tree is edited; a follower is a platform that copies it. Changes have versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum

ASK_EVERY = timedelta(seconds=5)
"""A platform waits this long for changes that it knows to be missing, before it asks again."""

ASK_ANYWAY = timedelta(minutes=5)
"""A platform asks this often even if nothing seems to be missing, because the last change may have been lost."""


class Verdict(Enum):
    """The verdict on a change of the tree that arrives from the core, where the tree is edited.

    APPLY: it is applied. SEEN: it was applied before, and is skipped. GAP: changes before it are
    missing, so it must wait for them.
    """

    APPLY = "apply"
    SEEN = "seen"
    GAP = "gap"


def judge_change(version: int, previous: int | None, cursor: int, applied: int) -> Verdict:
    """Return whether a platform applies an arriving change of a domain or account, skips it, or waits.

    `previous` is the version of the change that the core (which owns the domain tree) sent before it, `None` if the
    sender names none. `cursor` is the version up to which the platform has all changes. `applied` is the version of
    the last change of the same domain or account that was applied, 0 for none.
    """
    if previous is not None and previous > cursor:
        return Verdict.GAP
    return Verdict.SEEN if version <= applied else Verdict.APPLY


def is_time_to_ask(now: datetime, asked_at: datetime | None, gap: bool) -> bool:
    """Return whether it is time to request changes from the core (which owns the domain tree) again.

    `gap`: changes are known to be missing, so it is time ASK_EVERY after the last request; otherwise ASK_ANYWAY after
    it, in case a loss was not noticed. `asked_at` is the time of the last request, `None` if there was none.
    """
    if asked_at is None:
        return True
    return now - asked_at >= (ASK_EVERY if gap else ASK_ANYWAY)


class Sync(Enum):
    """The answer to a follower (a platform that copies the domain tree) that requests changes.

    LOG: the changes of the log are sent again. WHOLE: a full snapshot is sent, under new versions. OLD_VERSIONS: the
    whole tree is sent too, but under versions that the follower has seen already. NOTHING: nothing is sent.
    """

    LOG = "again"
    WHOLE = "whole"
    OLD_VERSIONS = "told"
    NOTHING = "nothing"


RESENDING_UP_TO_BASE = -1
"""The value of a follower's column `first` while the whole tree is sent again under versions up to `base`."""


def decide_sync(
    after: int, base: int | None, first: int, newest: int, *, is_ours: bool = True
) -> Sync:
    """Decide what to send to a follower that requests the changes after version `after`.

    The change log holds all changes above version `base` that concern the follower; the last version is `newest`. If
    `after` lies between them, the changes of the log are sent. Otherwise a full snapshot of the tree is. A site that
    runs this software (`is_ours`) asks so only if its copy is empty, too old or wrong, so its snapshot has new
    versions, and replaces what the site has. Others get what they missed under old versions, and drop what they have.

    `base` is `None` while a full snapshot is being sent, whose versions begin with `first` (0: it has not begun). It
    is sent again only if the follower has received a part of it and then missed a message. A follower is a platform
    that copies the domain tree.
    """
    if base is None:
        return Sync.WHOLE if first and after >= first else Sync.NOTHING
    if base <= after <= newest:
        return Sync.LOG
    if is_ours or after > newest:
        return Sync.WHOLE
    return Sync.NOTHING if first == RESENDING_UP_TO_BASE else Sync.OLD_VERSIONS


def platforms_holding(
    paths_of_platforms: Mapping[str, Sequence[str]], path_of_domain: Sequence[str]
) -> frozenset[str]:
    """Return the platforms that hold a copy of a domain.

    A path is the MOID of a platform or domain, that of its parent, and so on up to the root. A platform holds its
    parent with all domains below the parent, and the domains above itself, and no others (ARCH §3.6).
    """
    ancestors = frozenset(path_of_domain)
    return frozenset(
        platform
        for platform, path in paths_of_platforms.items()
        if ancestors & {*path[1:2]} or path_of_domain[0] in path
    )
