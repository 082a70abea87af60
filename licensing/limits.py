"""Is there room for one more, and what may a whole site do? Pure (CSS §4.2, §4.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from licensing.amounts import RESOURCES, Amounts


class Full(StrEnum):
    """Which limit is reached."""

    LICENCE = "licence"
    SMALL = "small"
    LARGE = "large"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the licence of a platform allows."""

    small: int
    large: int
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Used:
    """Seats taken."""

    small: int = 0
    large: int = 0


def room_for_one(
    large: bool,
    licence: Limits | None,
    platform: Used,
    domain_limit: int | None,
    domain: Used,
    now: datetime,
) -> Full | None:
    """Which limit forbids one more conference of this size; None: none does."""
    if (
        licence is None
        or now < licence.valid_from
        or (licence.valid_to and licence.valid_to <= now)
    ):
        return Full.LICENCE
    taken, limit = (platform.large, licence.large) if large else (platform.small, licence.small)
    if taken >= limit:
        return Full.LARGE if large else Full.SMALL
    own = domain.large if large else domain.small
    return Full.DOMAIN if domain_limit is not None and own >= domain_limit else None


def in_force(own: Amounts | None, possible: Iterable[Amounts | None]) -> Amounts:
    """What a site may do: conferences by its own licence, resources by the sum over its possible platforms.

    None: a platform without a valid licence, which adds nothing. A possible platform counts with
    its *own* licence: what it may have to serve itself cannot be served here (CSS §4.2, decided in
    licensing.md: chains do not add).
    """
    total = own or Amounts()
    for other in filter(None, possible):
        total = replace(
            total, **{name: getattr(total, name) + getattr(other, name) for name in RESOURCES}
        )
    return total
