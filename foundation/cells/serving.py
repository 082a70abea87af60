"""The module defines who serves a platform, and is the one reader of the row that says so (CSS §2.2).

The row lies in the platform's own data (`models.Cell`) and is written by the cell agent alone. This site
serves a platform when the row names this site as the owner and the database takes writes. Both halves
are needed: a copy that lags behind may still name an old owner, and an owner's database is read-only
while it is being opened or handed over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError

from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, store_of
from foundation.logs import log_fields

log = logging.getLogger("confplatform.stores")

_QUERY = "SELECT owner, epoch, @@read_only, UTC_TIMESTAMP(6) FROM stores_cell WHERE platform=%s"


@dataclass(frozen=True, slots=True)
class Serving:
    """The row says who serves a platform, as its data had it at one moment."""

    platform: str
    owner: str
    """The platform MOID of the site that serves it."""
    epoch: int
    read_only: bool
    """The database that was asked takes no writes: it is a copy, or it is being opened or closed."""
    now: datetime
    """The database's time when it was asked."""

    @property
    def is_owned_here(self) -> bool:
        """Tell whether the row names this site as the owner."""
        return self.owner == own_platform()

    @property
    def is_served_here(self) -> bool:
        """Tell whether this site serves the platform: it is the owner and can write."""
        return self.is_owned_here and not self.read_only

    @property
    def is_changing(self) -> bool:
        """Tell whether the data is about to be opened here, or was just closed to be handed over."""
        return self.is_owned_here and self.read_only

    @property
    def serving_site(self) -> str:
        """Return the other site that serves the platform; empty where it is this site or nobody knows.

        A read-only copy that still names this site as the owner lags behind: the platform's own site
        has taken it back, so that site is returned.
        """
        if self.is_served_here:
            return ""
        site = self.platform if self.is_owned_here else self.owner
        return "" if site == own_platform() else site


def read(platform: str, *, lock: bool = False) -> Serving | None:
    """Return who serves a platform; `None` means that its database has no row for it.

    `lock` is for use inside a transaction: the answer then stays true until the transaction ends.
    Raises UnknownPlatform and database errors.
    """
    query = f"{_QUERY} LOCK IN SHARE MODE" if lock else _QUERY
    rows = sql.select(store_of(platform).database, query, [platform])
    if not rows:
        return None
    owner, epoch, read_only, now = rows[0]
    return Serving(platform, owner, int(epoch), bool(read_only), now.replace(tzinfo=UTC))


def read_unless_away(platform: str) -> Serving | None:
    """Return who serves a platform; `None` also means that the copy of another's data is away.

    Raises a database error where this site's own data is away.
    """
    try:
        return read(platform)
    except (DatabaseError, InterfaceError):
        if platform == own_platform():
            raise
        return None


def is_served_here(platform: str, *, lock: bool = False) -> bool:
    """Tell whether this site serves a platform; `lock` as in `read`."""
    serving = read(platform, lock=lock)
    return serving is not None and serving.is_served_here


def for_each_served(do: Callable[[str], object]) -> None:
    """Call a function with each platform that this site serves.

    Where the data of another site's platform is away, that platform is skipped with a warning and the
    others are still done. An error of this site's own data is raised.
    """
    for platform in possible_platforms():
        try:
            if is_served_here(platform):
                with log_fields(platform=platform):
                    do(platform)
        except (DatabaseError, InterfaceError) as error:
            if platform == own_platform():
                raise
            log.warning("the data of %s is away: %s", platform, error)
