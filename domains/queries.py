"""What is known of domains, asked for many at once. Read-only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from confplatform.stores import sql


@dataclass(frozen=True, slots=True)
class UserDomainFacts:
    """A tenant as the flows see it. `enabled`: it, its platform, and all above both."""

    moid: str
    platform: str
    room: str | None
    enabled: bool
    hd: bool
    h265: bool
    small_limit: int | None
    large_limit: int | None


_FACTS = """
WITH RECURSIVE up (tenant, moid, parent_id, used) AS (
    SELECT u.domain_ptr_id, d.moid, d.parent_id, d.used
      FROM domains_userdomain u
      JOIN domains_domain d ON d.moid IN (u.domain_ptr_id, u.platform_id)
     WHERE u.domain_ptr_id IN ({marks})
    UNION
    SELECT up.tenant, d.moid, d.parent_id, d.used
      FROM up JOIN domains_domain d ON d.moid = up.parent_id
)
SELECT u.domain_ptr_id, u.platform_id, u.room_id, MIN(up.used), d.enable_hd, d.enable_h265,
       u.small_limit, u.large_limit
  FROM up
  JOIN domains_userdomain u ON u.domain_ptr_id = up.tenant
  JOIN domains_domain d ON d.moid = up.tenant
 GROUP BY u.domain_ptr_id
"""


def user_domains(database: str, moids: Collection[str]) -> dict[str, UserDomainFacts]:
    """The tenants with these MOIDs, with all above them, in one query."""
    wanted = sorted(set(moids))
    if not wanted:
        return {}
    found = sql.select(database, _FACTS.format(marks=sql.marks(wanted)), wanted)
    return {
        r[0]: UserDomainFacts(r[0], r[1], r[2], bool(r[3]), bool(r[4]), bool(r[5]), r[6], r[7])
        for r in found
    }


def rooms_of(database: str, platform: str) -> list[tuple[str, bool, bool]]:
    """`(moid, is default, is abnormal)` of a platform's rooms, in their order of backup."""
    found = sql.select(
        database,
        "SELECT moid, is_default, abnormal FROM domains_machineroom"
        " WHERE platform_id=%s ORDER BY `order`, moid",
        [platform],
    )
    return [(r[0], bool(r[1]), bool(r[2])) for r in found]
