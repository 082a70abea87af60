"""Where a world begins: a platform, its tenants, and its media units."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from conferences.decisions.create import Tenant
from conferences.media.simulated_unit import Plate
from licensing.amounts import EVALUATION
from licensing.limits import Limits
from tests.memory import MemorySite, TenantFacts

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
PLATFORM = "main"


def a_site() -> MemorySite:
    """A platform with three tenants: one with a limit and room-a, one without full HD, one disabled."""

    def facts(moid: str, small: int | None, room: str, **more: Any) -> TenantFacts:
        tenant = Tenant(moid, PLATFORM, **{"enabled": True, **more})
        return TenantFacts(tenant=tenant, small_limit=small, room=room)

    tenants = (
        facts("tenant-1", 6, "room-a"),
        facts("tenant-2", None, "room-b", hd=False),
        facts("tenant-closed", None, "", enabled=False),
    )
    return MemorySite(
        now=EPOCH,
        here=PLATFORM,
        licence=Limits(8, 3, EPOCH - timedelta(days=1), None, EVALUATION),
        facts={one.tenant.moid: one for one in tenants},
        serials=9,
    )


def plates_of(rng: Random) -> list[Plate]:
    """Two to five units, of different sizes, in two rooms; two of them at one address."""
    count = rng.randrange(2, 6)
    return [
        Plate(
            ip=f"10.0.0.{max(1, n)}",
            pid="b" if n == 0 else "",
            platform=PLATFORM,
            room=("room-a", "room-b")[n % 2],
            confs=rng.randrange(2, 5),
            ports=rng.choice((16, 48, 80)),
            hd=rng.randrange(1, 3),
        )
        for n in range(count)
    ]
