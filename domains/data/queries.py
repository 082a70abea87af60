"""These queries read facts about domains, for many at once. They change nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.expressions import RawSQL

from domains.data.tree_rows import GROUPS, LINE_UP
from domains.data.tree_source import is_tree_edited_here
from domains.models import Account, Followed
from foundation.cells import sql


@dataclass(frozen=True, slots=True)
class UserDomainFacts:
    """The facts about a user domain that flows need.

    It is enabled when it, its platform, and all domains above both are enabled.
    """

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
    """Return the facts about these user domains by MOID, in one query. Unknown MOIDs are left out."""
    wanted = sorted(set(moids))
    if not wanted:
        return {}
    rows = sql.select(database, _FACTS.format(marks=sql.marks(wanted)), wanted)
    return {
        r[0]: UserDomainFacts(r[0], r[1], r[2], bool(r[3]), bool(r[4]), bool(r[5]), r[6], r[7])
        for r in rows
    }


def rooms_of(database: str, platform: str) -> list[tuple[str, bool, bool]]:
    """Return `(moid, is default, is abnormal)` of a platform's rooms, in their order of backup."""
    rows = sql.select(
        database,
        "SELECT moid, is_default, abnormal FROM domains_machineroom"
        " WHERE platform_id=%s ORDER BY `order`, moid",
        [platform],
    )
    return [(r[0], bool(r[1]), bool(r[2])) for r in rows]


def platforms(database: str) -> list[str]:
    """Return the MOIDs of all platform domains."""
    rows = sql.select(database, "SELECT domain_ptr_id FROM domains_platformdomain")
    return [row[0] for row in rows]


def backups_of(database: str, platform: str) -> list[str]:
    """Return the platforms that take over a platform, in order of preference."""
    rows = sql.select(
        database,
        "SELECT backup_id FROM domains_backupplatform WHERE platform_id=%s ORDER BY `order`",
        [platform],
    )
    return [row[0] for row in rows]


# ---- down and up --------------------------------------------------------------------------------

_BELOW = f"{GROUPS} SELECT d.moid FROM groups_below g JOIN domains_domain d ON d.parent_id = g.moid"
"""Without the domain itself: a UNION would pass all rows through a temporary table, at twice the time."""

_LISTED = (
    f"SET STATEMENT group_concat_max_len = 4294967295 FOR {GROUPS}"
    " SELECT GROUP_CONCAT(d.moid SEPARATOR '\\n')"
    " FROM groups_below g JOIN domains_domain d ON d.parent_id = g.moid GROUP BY g.moid"
)
"""One row for each service domain, not for each tenant: a third of the time goes into rows."""

_VISIBLE = f"{_BELOW} UNION ALL SELECT moid FROM domains_domain WHERE moid = %s"


def subtree(database: str, moid: str) -> list[str]:
    """Return the MOIDs of a domain, which comes first, and of all domains below it, in one query."""
    lists = sql.select(database, _LISTED, [moid])
    return [moid, *(child for (children,) in lists for child in children.split("\n"))]


def subtree_if_small(database: str, moid: str, most: int) -> list[str] | None:
    """Return the MOIDs of `subtree`, or `None` if the domain has more than `most` domains."""
    rows = sql.select(database, f"{_BELOW} LIMIT {int(most)}", [moid])
    return [moid, *(row[0] for row in rows)] if len(rows) < most else None


def all_above(database: str, moid: str) -> list[str]:
    """Return the MOIDs of a domain and of all above it, itself first and the root last, in one query."""
    return [row[0] for row in sql.select(database, LINE_UP, [moid])]


def is_available_below(database: str, server: str, domain: str | None) -> bool:
    """Return whether what belongs to a domain, such as a key or an application, is available to the people of another.

    It is available to the people of `server` itself and of the domains below it. `domain` is the people's domain.
    """
    return domain is not None and server in all_above(database, domain)


def disabled_above(database: str, moid: str) -> str:
    """Return the name of the nearest disabled domain from this one up. "" means that all are enabled."""
    line = all_above(database, moid)
    query = f"SELECT moid, name FROM domains_domain WHERE used = 0 AND moid IN ({sql.marks(line)})"
    disabled = dict(sql.select(database, query, line)) if line else {}
    return next((str(disabled[above]) for above in line if above in disabled), "")


def is_kept_at_core(database: str, account: str) -> bool:
    """Return whether an account (by MOID) came from the core, so that it is changed only there."""
    query = "SELECT 1 FROM domains_applied WHERE moid = %s"
    return not is_tree_edited_here() and bool(sql.select(database, query, [account]))


def accounts_below(database: str, moid: str) -> list[str]:
    """Return the MOIDs of the accounts of a domain and of the domains below it, without operators."""
    accounts = Account.objects.using(database).filter(domain__in=subtree(database, moid))
    return list(accounts.exclude(is_superuser=True).values_list("moid", flat=True))


def visible_to(account: Account, field: str = "moid") -> Q:
    """Return the condition for rows that an account sees: those of its own domain and of the domains below.

    `field` names the field that holds a row's domain, for instance "domain" for accounts. The database finds the
    domains while it answers the query, so no list of MOIDs travels back and forth.
    """
    if account.is_superuser:
        return Q()
    if account.domain_id is None:
        return Q(**{f"{field}__in": []})
    return Q(**{f"{field}__in": RawSQL(_VISIBLE, [account.domain_id] * 2)})  # noqa: S611 - a constant


# ---- propagation --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FollowerLag:
    """The lag of a follower: how many changes are not sent yet, and the age of the oldest in seconds.

    `whole` says whether a full snapshot is being sent to it.
    """

    platform: str
    versions: int
    seconds: float
    whole: bool


_BEHIND = """
SELECT f.platform, COUNT(c.version),
       COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(c.at), UTC_TIMESTAMP(6)), 0) / 1e6, f.base IS NULL
  FROM domains_follower f
  LEFT JOIN domains_changefor n ON n.platform = f.platform AND n.version > f.sent
  LEFT JOIN domains_change c ON c.version = n.version
 GROUP BY f.platform, f.base ORDER BY f.platform
"""


def follower_lags(database: str = "default") -> list[FollowerLag]:
    """Return the lag of each follower of this core."""
    rows = sql.select(database, _BEHIND)
    return [FollowerLag(r[0], int(r[1]), max(0.0, float(r[2])), bool(r[3])) for r in rows]


def follow_state(database: str = "default") -> Followed:
    """Return how far this platform has come in following the core."""
    return Followed.objects.using(database).filter(pk=1).first() or Followed()
