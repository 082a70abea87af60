"""Is there room for one more, and what may a whole site do? Pure (CSS §4.2, §4.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from licensing.rules.amounts import NONE, RESOURCES, Amounts


class Full(StrEnum):
    """Which limit is reached."""

    LICENCE = "licence"
    SMALL = "small"
    LARGE = "large"
    DOMAIN = "domain"
    PORTS = "ports"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the licence of a platform allows; `site` is the licence in force, summed over all."""

    small: int
    large: int
    valid_from: datetime
    valid_to: datetime | None
    site: Amounts


def room_for_one(
    wanted: Amounts,
    licence: Limits | None,
    platform: Amounts,
    domain_limit: int | None,
    domain: Amounts,
    now: datetime,
) -> Full | None:
    """Which limit forbids one more conference that takes `wanted`; None: none does."""
    if (
        licence is None
        or now < licence.valid_from
        or (licence.valid_to and licence.valid_to <= now)
    ):
        return Full.LICENCE
    if wanted.large_conferences:
        taken, limit, own = platform.large_conferences, licence.large, domain.large_conferences
    else:
        taken, limit, own = platform.small_conferences, licence.small, domain.small_conferences
    if taken >= limit:
        return Full.LARGE if wanted.large_conferences else Full.SMALL
    if domain_limit is not None and own >= domain_limit:
        return Full.DOMAIN
    return Full.PORTS if short_of(wanted, platform, licence.site) else None


def short_of(wanted: Amounts, used: Amounts, site: Amounts) -> str:
    """The first resource of which so many more cannot be had; "": all can."""
    for name in RESOURCES:
        more = getattr(wanted, name)
        if more and getattr(used, name) + more > getattr(site, name):
            return name
    return ""


def beyond(used: Amounts, site: Amounts) -> list[str]:
    """The resources of which more is in use than is licensed, where nobody could refuse it."""
    return [name for name in RESOURCES if getattr(used, name) > getattr(site, name)]


def in_force(own: Amounts | None, possible: Iterable[Amounts | None]) -> Amounts:
    """What a site may do: conferences by its own licence, resources by the sum over its possible platforms.

    None: a platform without a valid licence, which adds nothing. A possible platform counts with
    its *own* licence: what it may have to serve itself cannot be served here (CSS §4.2, decided in
    licensing.md: chains do not add).
    """
    total = own or NONE
    for other in filter(None, possible):
        total = replace(
            total, **{name: getattr(total, name) + getattr(other, name) for name in RESOURCES}
        )
    return total
