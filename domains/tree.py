"""The rules of the tree: where a domain may hang, what a tenant may be bound to, what may go (ARCH §3)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from domains.models import Account, ApiKey, Domain, Level, MachineRoom, PlatformDomain, UserDomain

DEEPEST = 10
_ABOVE = {
    Level.CORE: (),
    Level.SERVICE: (Level.CORE, Level.SERVICE),
    Level.PLATFORM: (Level.SERVICE,),
    Level.USER: (Level.SERVICE,),
}


def problems(domain: Domain, values: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a domain's place, by field; empty: nothing."""
    found: dict[str, str] = {}
    level = Level(domain.LEVEL if domain.LEVEL is not None else domain.level)
    parent: Domain | None = values.get("parent", domain.parent)
    if level is not Level.CORE:
        found |= _place(domain, level, parent)
    if level is Level.USER and not found:
        found |= _binding(parent, values.get("platform"), values.get("room"))
    return found


def _place(domain: Domain, level: Level, parent: Domain | None) -> dict[str, str]:
    allowed = _ABOVE[level]
    if parent is None or parent.level not in allowed:
        names = _(" or ").join(str(one.label) for one in allowed)
        return {"parent": _("Choose a %(names)s above it.") % {"names": names}}
    line = above(parent)
    if any(one.pk == domain.pk for one in line):
        return {"parent": _("That lies below this domain: a domain cannot stand above itself.")}
    if len(line) >= DEEPEST:
        text = _("The tree may be %(most)d levels deep; choose a domain further up.")
        return {"parent": text % {"most": DEEPEST}}
    return {}


def _binding(
    parent: Domain | None, platform: PlatformDomain | None, room: MachineRoom | None
) -> dict[str, str]:
    found = {}
    reachable = platforms_for(parent)
    if platform and not reachable.filter(pk=platform.pk).exists():
        names = ", ".join(p.name for p in reachable[:5]) or _("none yet; create one first")
        text = _("Not reachable from there. Platform domains to choose from: %(names)s.")
        found["platform"] = text % {"names": names}
    if room and platform and room.platform_id != platform.pk:
        found["room"] = _("This room belongs to another platform domain.")
    return found


def above(domain: Domain) -> list[Domain]:
    """A domain and all above it, itself first."""
    line: list[Domain] = [domain]
    while line[-1].parent is not None and len(line) <= DEEPEST + 1:
        line.append(line[-1].parent)
    return line


def platforms_for(service: Domain | None) -> QuerySet[PlatformDomain]:
    """The platform domains of a service domain, or of the nearest above it that has some."""
    for one in above(service) if service else []:
        found = PlatformDomain.objects.filter(parent=one)
        if found.exists():
            return found
    return PlatformDomain.objects.none()


def in_use(domain: Domain) -> bool:
    """Does anything hang on it? Then it can be disabled, not deleted."""
    pk = domain.pk
    return (
        Domain.objects.filter(parent_id=pk).exists()
        or Account.objects.filter(domain_id=pk).exists()
        or ApiKey.objects.filter(domain_id=pk).exists()
        or UserDomain.objects.filter(platform_id=pk).exists()
        or MachineRoom.objects.filter(platform_id=pk).exists()
    )
