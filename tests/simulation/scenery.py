"""A world begins with platforms, each with a backup, their tenants, and their media units."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from conferences.rules.create import Tenant
from licensing.rules.amounts import EVALUATION
from licensing.rules.limits import Limits
from media_unit.simulated_unit import UnitDescription
from tests.memory import MemoryUnitOfWork, TenantFacts

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
PLATFORM = "main"
SITES = {1: (PLATFORM,), 2: ("east", "west"), 3: ("east", "west", "south")}
"""Each site is a platform; the next one is its backup, and the first one that of the last."""


def prefix_of(platform: str) -> str:
    """Return the prefix of a platform's numbers."""
    return {"main": "88", "east": "81", "west": "82", "south": "83"}[platform]


def unit_of_work_of(platform: str = PLATFORM) -> MemoryUnitOfWork:
    """Return a platform with three tenants: one with a limit and room-a, one without full HD, one disabled."""

    def facts(name: str, small: int | None, room: str, **more: Any) -> TenantFacts:
        tenant = Tenant(f"{platform}-{name}", platform, **{"enabled": True, **more})
        return TenantFacts(tenant=tenant, small_limit=small, room=room)

    tenants = (
        facts("1", 6, "room-a"),
        facts("2", None, "room-b", hd=False),
        facts("closed", None, "", enabled=False),
    )
    return MemoryUnitOfWork(
        now=EPOCH,
        own_site=platform,
        prefix=prefix_of(platform),
        licence=Limits(8, 3, EPOCH - timedelta(days=1), None, EVALUATION),
        facts={tenant.tenant.moid: tenant for tenant in tenants},
        serials=14,
    )


def unit_descriptions(rng: Random, platform: str, sites: int) -> list[UnitDescription]:
    """Return two to five units of different sizes in two rooms, two at one address; fewer where there are several
    sites. All sites use the same private addresses."""
    count = rng.randrange(2, 6) if sites == 1 else rng.randrange(2, 4)
    return [
        UnitDescription(
            ip=f"10.0.0.{max(1, n)}",
            pid="b" if n == 0 else "",
            platform=platform,
            room=("room-a", "room-b")[n % 2],
            confs=rng.randrange(2, 5),
            ports=rng.choice((16, 48, 80)),
            hd=rng.randrange(1, 3),
        )
        for n in range(count)
    ]
