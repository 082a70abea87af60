"""Define the rules by which a limit forbids one more conference, and by which a site's limits are summed.

See CSS §4.2, §4.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from licensing.rules.amounts import NONE, RESOURCES, Amounts


class ReachedLimit(StrEnum):
    """The limit that forbids one more conference.

    LICENCE: no licence is valid. DOMAIN: the user domain's own limit. The others: the licence's.
    """

    LICENCE = "licence"
    SMALL = "small"
    LARGE = "large"
    DOMAIN = "domain"
    PORTS = "ports"


@dataclass(frozen=True, slots=True)
class Limits:
    """Represent the limits of a platform's valid licence: numbers of conferences, and resources (`site`).

    The resources are summed over all platforms that the site may have to serve.
    """

    small: int
    large: int
    valid_from: datetime
    valid_to: datetime | None
    site: Amounts


def find_reached_limit(
    required: Amounts,
    licence: Limits | None,
    used_by_platform: Amounts,
    domain_limit: int | None,
    used_by_domain: Amounts,
    now: datetime,
) -> ReachedLimit | None:
    """Return the limit that forbids one more conference, which needs `required`; `None` if none does.

    `used_by_platform`, `used_by_domain`: the amounts in use so far. `licence` is `None` if none is valid.
    `domain_limit` is `None` if the user domain has no limit of its own.
    """
    if (
        licence is None
        or now < licence.valid_from
        or (licence.valid_to and licence.valid_to <= now)
    ):
        return ReachedLimit.LICENCE
    if required.large_conferences:
        limit, reached_limit = licence.large, ReachedLimit.LARGE
        used, used_in_domain = used_by_platform.large_conferences, used_by_domain.large_conferences
    else:
        limit, reached_limit = licence.small, ReachedLimit.SMALL
        used, used_in_domain = used_by_platform.small_conferences, used_by_domain.small_conferences
    if used >= limit:
        return reached_limit
    if domain_limit is not None and used_in_domain >= domain_limit:
        return ReachedLimit.DOMAIN
    missing_resource = find_short_resource(required, used_by_platform, licence.site)
    return ReachedLimit.PORTS if missing_resource else None


def find_short_resource(required: Amounts, used: Amounts, limits: Amounts) -> str:
    """Return the name of the first resource of which fewer than `required` are left; "" if enough of all are left."""
    for name in RESOURCES:
        amount = getattr(required, name)
        if amount and getattr(used, name) + amount > getattr(limits, name):
            return name
    return ""


def find_exceeded(used: Amounts, limits: Amounts) -> list[str]:
    """Return the names of the resources of which more is in use than the licence allows."""
    return [name for name in RESOURCES if getattr(used, name) > getattr(limits, name)]


def sum_site_limits(own: Amounts | None, others: Iterable[Amounts | None]) -> Amounts:
    """Return what a site may do, by the licences of its own platform and of others that it may serve.

    Conferences are limited by its own licence, resources by the sum of all. `None` is a platform
    without a valid licence, which adds nothing. Another platform adds only its own licence, not
    those of the platforms that it may itself have to serve, since these cannot be served here (CSS
    §4.2, licensing.md).
    """
    total = own or NONE
    for other in filter(None, others):
        total = replace(
            total, **{name: getattr(total, name) + getattr(other, name) for name in RESOURCES}
        )
    return total
