"""The module finds out which site serves a platform, that is, answers its requests and writes its data (CSS §2.2).

A row in the platform's own database (`models.Cell`) says so; only the cell agent, the process that moves a platform
from site to site, writes it. This site serves a platform if the row names it as the owner and the database takes
writes. Both are needed: a copy that lags behind may still name an old owner, and an owner's database is read-only
while it is opened or handed over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError

from foundation import clock
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, store_of
from foundation.logs import log_fields

log = logging.getLogger("confplatform.stores")

_QUERY = "SELECT owner, epoch, @@read_only, UTC_TIMESTAMP(6) FROM stores_cell WHERE platform=%s"


@dataclass(frozen=True, slots=True)
class Serving:
    """An object says which site serves a platform (handles its requests, writes its data), as its database has it."""

    platform: str
    owner: str
    """The id of the platform whose site serves it."""
    epoch: int
    read_only: bool
    """The database takes no writes: it is a copy, or it is being opened or closed."""
    now: datetime
    """The time of the platform when the row was read: the database's, unless its clock was set meanwhile."""

    @property
    def is_owned_here(self) -> bool:
        """Return whether the database's row names this site as the one that may write the platform's data."""
        return self.owner == own_platform()

    @property
    def is_served_here(self) -> bool:
        """Return whether this site serves the platform: it owns the data, and its database takes writes."""
        return self.is_owned_here and not self.read_only

    @property
    def is_changing(self) -> bool:
        """Return whether this site owns the data but cannot write: it is just taking it over, or handing it over."""
        return self.is_owned_here and self.read_only

    @property
    def serving_site(self) -> str:
        """Return the site that serves the platform, if it is another one; "" if this site does, or it is not known.

        If this site has only a copy of another platform's data, and that still names this site as the owner, the copy
        is old: the platform's own site has taken the data back, so that site is returned.
        """
        if self.is_served_here:
            return ""
        site = self.platform if self.is_owned_here else self.owner
        return "" if site == own_platform() else site


def read(platform: str, *, lock: bool = False) -> Serving | None:
    """Return which site serves a platform; `None` means that its database has no row for it.

    `lock`: lock the row, so that the answer stays true until the caller's transaction ends. Raises UnknownPlatform and
    database errors.
    """
    query = f"{_QUERY} LOCK IN SHARE MODE" if lock else _QUERY
    database, asked_at = store_of(platform).database, clock.steady()
    rows = sql.select(database, query, [platform])
    if not rows:
        return None
    owner, epoch, read_only, platform_time = rows[0]
    now = clock.follow(platform_time.replace(tzinfo=UTC), asked_at, database)
    return Serving(platform, owner, int(epoch), bool(read_only), now)


def read_unless_away(platform: str) -> Serving | None:
    """Return which site serves a platform; `None` also if the copy of another platform's data cannot be reached.

    A timer gets what its run has read (see `read_recent`). Raises a database error if this site's own data cannot be
    reached.
    """
    try:
        return read_recent(platform)
    except (DatabaseError, InterfaceError):
        if platform == own_platform():
            raise
        return None


def is_served_here(platform: str, *, lock: bool = False) -> bool:
    """Return whether this site serves a platform now, that is, handles its requests and writes its data.

    With `lock` that stays so until the caller's transaction ends.
    """
    serving = read(platform, lock=lock)
    return serving is not None and serving.is_served_here


def served_platforms() -> tuple[str, ...]:
    """Return our own platform, then the others that this site serves now.

    The own platform is named even while another site serves it: whoever asks finds its own refusal.
    """
    own = own_platform()
    others = [platform for platform in possible_platforms() if platform != own]
    servings = ((platform, read_unless_away(platform)) for platform in others)
    return (
        own,
        *(platform for platform, serving in servings if serving and serving.is_served_here),
    )


def servings_here() -> Iterator[Serving]:
    """Yield each platform that this site serves now, its own or taken over.

    If the data of another site's platform cannot be reached, that platform is left out, and a warning is logged. An
    error of this site's own data is raised.
    """
    for platform in possible_platforms():
        try:
            serving = read_recent(platform)
        except (DatabaseError, InterfaceError) as error:
            if platform == own_platform():
                raise
            log.warning("the data of %s is away: %s", platform, error)
            continue
        if serving is not None and serving.is_served_here:
            yield serving


def for_each_served(function: Callable[[str], object]) -> None:
    """Call a function with the id of each platform that this site serves now, its own or taken over.

    If the data of another site's platform cannot be reached, that platform is skipped with a warning. An error of this
    site's own data is raised.
    """
    for serving in servings_here():
        try:
            with log_fields(platform=serving.platform):
                function(serving.platform)
        except (DatabaseError, InterfaceError) as error:
            if serving.platform == own_platform():
                raise
            log.warning("the data of %s is away: %s", serving.platform, error)


def read_recent(platform: str) -> Serving | None:
    """Return which site serves a platform, as this run of timers has read it (`read_once`), else as it is now.

    `None` means that the platform's database has no row for it. Raises UnknownPlatform and database errors.
    """
    servings = _recent.servings
    if servings is None:
        return read(platform)
    if platform not in servings:
        servings[platform] = read(platform)
    return servings[platform]


@contextmanager
def read_once() -> Iterator[None]:
    """Let `read_recent` and `for_each_served` of this thread read once for each platform while the context lasts.

    Timers that run one after another share the answer. Whoever writes asks again, with a lock (`begin`).
    """
    _recent.servings = {}
    try:
        yield
    finally:
        _recent.servings = None


class _Recent(threading.local):
    """The object holds what `read_once` keeps in a thread: platform -> which site serves it; `None` keeps nothing."""

    servings: dict[str, Serving | None] | None = None


_recent = _Recent()
