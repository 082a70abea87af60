"""Limits say whether one more conference may begin, and what a whole site may do (CSS §4.2, §4.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from licensing.rules.amounts import NONE, RESOURCES, Amounts


class ReachedLimit(StrEnum):
    """The limit that is reached."""

    LICENCE = "licence"
    SMALL = "small"
    LARGE = "large"
    DOMAIN = "domain"
    PORTS = "ports"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a platform's licence. `site` is the licence in force, summed over all possible platforms."""

    small: int
    large: int
    valid_from: datetime
    valid_to: datetime | None
    site: Amounts


def find_reached_limit(
    wanted: Amounts,
    licence: Limits | None,
    platform: Amounts,
    domain_limit: int | None,
    domain: Amounts,
    now: datetime,
) -> ReachedLimit | None:
    """Return the limit that forbids one more conference which takes `wanted`. `None` means that none does."""
    if (
        licence is None
        or now < licence.valid_from
        or (licence.valid_to and licence.valid_to <= now)
    ):
        return ReachedLimit.LICENCE
    if wanted.large_conferences:
        used, limit, of_domain = platform.large_conferences, licence.large, domain.large_conferences
    else:
        used, limit, of_domain = platform.small_conferences, licence.small, domain.small_conferences
    if used >= limit:
        return ReachedLimit.LARGE if wanted.large_conferences else ReachedLimit.SMALL
    if domain_limit is not None and of_domain >= domain_limit:
        return ReachedLimit.DOMAIN
    return ReachedLimit.PORTS if find_short_resource(wanted, platform, licence.site) else None


def find_short_resource(wanted: Amounts, used: Amounts, site: Amounts) -> str:
    """Return the first resource of which too few are left. "" means that there are enough."""
    for name in RESOURCES:
        more = getattr(wanted, name)
        if more and getattr(used, name) + more > getattr(site, name):
            return name
    return ""


def exceeded(used: Amounts, site: Amounts) -> list[str]:
    """Return the resources of which more is in use than licensed, where nobody could refuse it."""
    return [name for name in RESOURCES if getattr(used, name) > getattr(site, name)]


def in_force(own: Amounts | None, possible: Iterable[Amounts | None]) -> Amounts:
    """Return what a site may do.

    Conferences are limited by its own licence, resources by the sum over its possible platforms. `None` is a platform
    without a valid licence, which adds nothing. A possible platform counts with its *own* licence: what it may have to
    serve itself cannot be served here (CSS §4.2, decided in licensing.md: chains do not add).
    """
    total = own or NONE
    for other in filter(None, possible):
        total = replace(
            total, **{name: getattr(total, name) + getattr(other, name) for name in RESOURCES}
        )
    return total
