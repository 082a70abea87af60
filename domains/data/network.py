"""Queries for the part of the domain tree that an administrator sees: own domain, those above and below, and people."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from domains.data.queries import all_above, visible_to
from domains.models import Account, Domain, Level, MachineRoom

__all__ = ["Level", "domains_around", "is_seen", "names_of", "people_with_numbers"]

MAX_DOMAINS = 2000
_TYPES = {
    Level.CORE: "kernel",
    Level.SERVICE: "service",
    Level.PLATFORM: "platform",
    Level.USER: "user",
}
"""What the open API calls the levels."""


def domains_around(account: Account) -> list[dict[str, str]]:
    """Return an account's domain, those above and below it, and machine rooms below, in the form of the API.

    There are at most MAX_DOMAINS domains, those of the highest levels first, and at most as many machine rooms.
    """
    above = all_above("default", account.domain_id) if account.domain_id else []
    # An empty condition, for those who see all, would be dropped when it is joined by "or".
    visible = visible_to(account) or ~Q(pk__in=[])
    rows = Domain.objects.filter(Q(pk__in=above) | visible).order_by("-level", "name")
    domains = [
        {
            "moid": row.moid,
            "parent_moid": row.parent_id or "",
            "name": row.name,
            "type": _TYPES[Level(row.level)],
        }
        for row in rows[:MAX_DOMAINS]
    ]
    rooms = MachineRoom.objects.filter(visible_to(account, "platform"))[:MAX_DOMAINS]
    return domains + [
        {
            "moid": room.moid,
            "parent_moid": room.platform_id,
            "name": room.name,
            "type": "machine_room",
        }
        for room in rooms
    ]


def is_seen(account: Account, moid: str, levels: Collection[Level]) -> bool:
    """Return whether an account sees a domain: its own or one below it, and of one of these levels."""
    rows = Domain.objects.filter(visible_to(account), pk=moid[:40], level__in=levels)
    return rows.exists()


def people_with_numbers(moid: str, start: int, count: int) -> tuple[int, list[dict[str, str]]]:
    """Return how many people of a user domain have an E.164 number, and `count` of them from `start` on."""
    people = Account.objects.filter(domain=moid, e164__isnull=False).order_by("e164")
    rows = [
        {
            "moid": person.moid,
            "domain_moid": moid,
            "e164": person.e164 or "",
            "name": person.username,
        }
        for person in people[start : start + count]
    ]
    return people.count(), rows


def names_of(domains: Collection[str], rooms: Collection[str]) -> dict[str, str]:
    """Return the names of these domains and machine rooms: MOID -> name."""
    names = dict(Domain.objects.filter(pk__in=domains).values_list("pk", "name"))
    return names | dict(MachineRoom.objects.filter(pk__in=rooms).values_list("pk", "name"))
