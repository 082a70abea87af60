"""The admin pages read here how much platforms and user domains use of their limits."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from domains.data.hooks import Measure
from domains.models import Domain, Level, UserDomain
from foundation.cells import sql
from foundation.cells.directory import own_platform
from licensing.data.queries import database_now, newest_licences, stored_licence
from licensing.data.seats import read_usage_and_limits
from licensing.rules.amounts import NONE, RESOURCES, Amounts
from licensing.rules.decisions import limits_at

RESOURCE_NAMES = {
    "software_terminals": _("software terminals"),
    "hardware_terminals": _("hardware terminals"),
    "monitors": _("monitors"),
    "media_ports": _("media ports"),
    "access_ports": _("access ports"),
}


def measures(database: str, moids: Collection[str]) -> dict[str, list[Measure]]:
    """Return how much platforms and user domains (`moids`) use of their limits, for the admin pages.

    The result is: domain -> measures, each with a name, the amount used, and the limit. For our own
    platform they include the resources. A site without the role `css` (scheduler) has no conferences and returns `{}`.
    """
    if "css" not in settings.ROLES:
        return {}
    tenants = UserDomain.objects.using(database).in_bulk(list(moids))
    platforms = Domain.objects.using(database).filter(moid__in=moids, level=Level.PLATFORM)
    owners = {*platforms.values_list("pk", flat=True), *tenants}
    limits = limits_of(tenants, owners)
    used = _count_conferences(database, owners)
    measures_of = {
        owner: _conference_measures(used.get(owner, (0, 0)), limits[owner]) for owner in owners
    }
    if own_platform() in measures_of:
        measures_of[own_platform()] += _resource_measures(database)
    return measures_of


def limits_of(
    tenants: dict[str, UserDomain], owners: Collection[str]
) -> dict[str, tuple[int, int]]:
    """Return how many conferences each platform or user domain may hold at once: owner -> (small, large).

    `tenants` are those of the owners that are user domains.
    """
    platforms = {tenant.platform_id for tenant in tenants.values()} | set(owners)
    now, licences = database_now(), newest_licences(platforms)
    amounts_of = {
        platform: limits_at(stored_licence(licence), now) or NONE
        for platform, licence in licences.items()
    }
    return {owner: _limits_of_domain(tenants.get(owner), owner, amounts_of) for owner in owners}


def _limits_of_domain(
    tenant: UserDomain | None, owner: str, amounts_of: dict[str, Amounts]
) -> tuple[int, int]:
    """Return (small, large): how many conferences a user domain (`tenant`) or a platform may hold.

    `amounts_of`: platform -> licensed amounts.
    """
    amounts = amounts_of.get(tenant.platform_id if tenant else owner, NONE)
    small, large = amounts.small_conferences, amounts.large_conferences
    if tenant is not None:
        small = small if tenant.small_limit is None else min(small, tenant.small_limit)
        large = large if tenant.large_limit is None else min(large, tenant.large_limit)
    return small, large


def _count_conferences(database: str, owners: Collection[str]) -> dict[str, tuple[int, int]]:
    """Return how many conferences each platform or user domain has in use: owner -> (small, large)."""
    if not owners:
        return {}
    query = (
        "SELECT owner, small_used, large_used FROM licensing_quota"
        f" WHERE owner IN ({sql.marks(list(owners))})"
    )
    return {owner: (small, large) for owner, small, large in sql.select(database, query, [*owners])}


def _conference_measures(used: tuple[int, int], limits: tuple[int, int]) -> list[Measure]:
    """Return how many small and large conferences are in use, and how many allowed, as measures with a name.

    `used` and `limits` are (small, large).
    """
    names = (_("small conferences"), _("large conferences"))
    return [Measure(*values) for values in zip(names, used, limits, strict=True)]


def _resource_measures(database: str) -> list[Measure]:
    """Return how much of each resource (terminals, monitors, ports) our own platform uses, and its limit.

    Without a valid licence the limit is 0.
    """
    site = read_usage_and_limits(database, own_platform())
    limits = site.limits or NONE
    return [
        Measure(RESOURCE_NAMES[name], getattr(site.used, name), getattr(limits, name))
        for name in RESOURCES
    ]
