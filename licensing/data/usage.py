"""The usage of limits by platforms and tenants, for operators to see."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from domains.data.hooks import Measure
from domains.models import Domain, Level, UserDomain
from foundation.cells import sql
from foundation.cells.directory import own_platform
from licensing.data.queries import database_now, held_of, newest_licences
from licensing.data.seats import read_stock
from licensing.rules.amounts import NONE, RESOURCES, Amounts
from licensing.rules.decisions import amounts_in

NAMES = {
    "software_terminals": _("software terminals"),
    "hardware_terminals": _("hardware terminals"),
    "monitors": _("monitors"),
    "media_ports": _("media ports"),
    "access_ports": _("access ports"),
}


def measures(database: str, moids: Collection[str]) -> dict[str, list[Measure]]:
    """Return the conferences of platforms and tenants, and the resources of this site's platform.

    Nothing is returned at the core, where no conference is held and no licence counted.
    """
    if "css" not in settings.ROLES:
        return {}
    tenants = UserDomain.objects.using(database).in_bulk(list(moids))
    platforms = Domain.objects.using(database).filter(moid__in=moids, level=Level.PLATFORM)
    owners = {*platforms.values_list("pk", flat=True), *tenants}
    limits = limits_of(tenants, owners)
    used = _taken(database, owners)
    measures_of = {owner: _conferences(used.get(owner, (0, 0)), limits[owner]) for owner in owners}
    if own_platform() in measures_of:
        measures_of[own_platform()] += _resources(database)
    return measures_of


def limits_of(
    tenants: dict[str, UserDomain], owners: Collection[str]
) -> dict[str, tuple[int, int]]:
    """Return how many small and large conferences each owner may hold at once."""
    named = {t.platform_id for t in tenants.values()} | set(owners)
    now, licences = database_now(), newest_licences(named)
    amounts = {p: amounts_in(held_of(licence), now) or NONE for p, licence in licences.items()}
    return {licence: _limits(tenants.get(licence), licence, amounts) for licence in owners}


def _limits(tenant: UserDomain | None, owner: str, worth: dict[str, Amounts]) -> tuple[int, int]:
    amounts = worth.get(tenant.platform_id if tenant else owner, NONE)
    small, large = amounts.small_conferences, amounts.large_conferences
    if tenant is not None:
        small = small if tenant.small_limit is None else min(small, tenant.small_limit)
        large = large if tenant.large_limit is None else min(large, tenant.large_limit)
    return small, large


def _taken(database: str, owners: Collection[str]) -> dict[str, tuple[int, int]]:
    if not owners:
        return {}
    query = (
        "SELECT owner, small_used, large_used FROM licensing_quota"
        f" WHERE owner IN ({sql.marks(list(owners))})"
    )
    return {owner: (small, large) for owner, small, large in sql.select(database, query, [*owners])}


def _conferences(used: tuple[int, int], limits: tuple[int, int]) -> list[Measure]:
    names = (_("small conferences"), _("large conferences"))
    return [Measure(*values) for values in zip(names, used, limits, strict=True)]


def _resources(database: str) -> list[Measure]:
    stock = read_stock(database, own_platform())
    allowed = stock.site or NONE
    return [Measure(NAMES[r], getattr(stock.used, r), getattr(allowed, r)) for r in RESOURCES]
