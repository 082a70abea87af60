"""The functions here find the database that has an account, an API key or a session.

A site may serve several platforms. A site that has taken over a platform signs in that platform's people too, whether
or not its own platform's tree holds a copy of their domain. Looking somebody up begins in the database of the
request, then in our own, and goes on to those of the other platforms served here; each is asked only if the ones
before it do not know the answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError

from domains.models import Account
from foundation.cells.directory import own_platform, possible_platforms, store_of
from foundation.cells.router import database_of_request
from foundation.cells.serving import served_platforms

log = logging.getLogger("domains.signin")

T = TypeVar("T")

CACHE_SECONDS = 0.5
_served: dict[str, tuple[float, tuple[str, ...]]] = {}


def search(look_up: Callable[[str], T | None]) -> T | None:
    """Return the first result that `look_up` has in the databases of the platforms served here, or `None`.

    `look_up` gets the alias of a database, and returns `None` if that does not know the answer.
    """
    current = database_of_request()
    return _first_result(
        look_up, sorted(served_databases(), key=lambda database: database != current)
    )


def served_databases() -> list[str]:
    """Return the databases of the platforms that this site serves, our own platform's first."""
    return [store_of(platform).database for platform in _platforms_served_here()]


def search_copies(look_up: Callable[[str], T | None]) -> T | None:
    """Return the first result that `look_up` has in the databases of platforms that other sites serve, or `None`."""
    served = _platforms_served_here()
    copies = [platform for platform in possible_platforms() if platform not in served]
    return _first_result(look_up, [store_of(platform).database for platform in copies])


def platform_of(database: str) -> str:
    """Return the platform whose data a database of this site holds."""
    return next(
        platform for platform in possible_platforms() if store_of(platform).database == database
    )


def is_served_elsewhere(account: Account) -> bool:
    """Return whether an account was read from the copy of a platform that another site serves."""
    database = account._state.db
    return database is not None and platform_of(database) not in _platforms_served_here()


def is_of_own_platform(account: Account) -> bool:
    """Return whether an account was read from our own platform's data, not from that of one served in its place."""
    return account._state.db in (None, store_of(own_platform()).database)


def _first_result(look_up: Callable[[str], T | None], databases: Iterable[str]) -> T | None:
    """Return the first result of `look_up` that is not `None`. It skips another platform's database that is away."""
    own = store_of(own_platform()).database
    for database in databases:
        try:
            result = look_up(database)
        except (DatabaseError, InterfaceError) as error:
            # Without our own database no answer would be right.
            if database == own:
                raise
            log.warning("nobody is looked for in %s, which is away: %s", database, error)
            continue
        if result is not None:
            return result
    return None


def _platforms_served_here() -> tuple[str, ...]:
    """Return our own platform and the others that this site serves, read at most every half second."""
    own = own_platform()
    if len(possible_platforms()) == 1:
        return (own,)
    read_at, served = _served.get(own, (0.0, ()))
    if not served or time.monotonic() - read_at > CACHE_SECONDS:
        served = served_platforms()
        _served[own] = (time.monotonic(), served)
    return served
