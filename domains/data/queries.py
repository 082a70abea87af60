"""These queries read facts about domains, for many domains in one statement. They change nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q
from django.db.models.expressions import RawSQL

from domains.data.tree_rows import GROUPS, LINE_UP, STATES_UP
from domains.data.tree_source import is_tree_edited_here
from domains.models import Account, Followed
from foundation.cells import sql
from foundation.cells.directory import look_up


@dataclass(frozen=True, slots=True)
class UserDomainFacts:
    """These are the facts about a user domain (a tenant) that flows need.

    `enabled`: the user domain, its platform, and all domains above both are enabled. `room` is its machine room.
    `small_limit` and `large_limit` are how many conferences it may hold at once; `None` means no limit.
    """

    moid: str
    platform: str
    room: str | None
    enabled: bool
    hd: bool
    h265: bool
    small_limit: int | None
    large_limit: int | None


class MachineRoomFacts(NamedTuple):
    """Represent a machine room of a platform. `abnormal`: its media units have failed, or an operator says so."""

    moid: str
    is_default: bool
    abnormal: bool


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
    """Return the facts about these user domains, MOID -> facts, in one query. Unknown MOIDs are left out."""
    distinct = sorted(set(moids))
    if not distinct:
        return {}
    rows = sql.select(database, _FACTS.format(marks=sql.marks(distinct)), distinct)
    return {
        moid: UserDomainFacts(moid, platform, room, bool(used), bool(hd), bool(h265), small, large)
        for moid, platform, room, used, hd, h265, small, large in rows
    }


def abnormal_rooms(site: str) -> frozenset[str]:
    """Return the MOIDs of a site's abnormal (not to be used) machine rooms; also "" if the default room is one.

    The result is empty if this site's copy of that site's database is unavailable.
    """
    query = "SELECT moid, is_default FROM domains_machineroom WHERE platform_id=%s AND abnormal"
    rows = look_up(site, query, [site])
    has_default = any(is_default for _, is_default in rows)
    return frozenset(moid for moid, _ in rows) | ({""} if has_default else set())


def rooms_of(database: str, platform: str) -> list[MachineRoomFacts]:
    """Return a platform's machine rooms, in the order in which they take over from each other."""
    rows = sql.select(
        database,
        "SELECT moid, is_default, abnormal FROM domains_machineroom"
        " WHERE platform_id=%s ORDER BY `order`, moid",
        [platform],
    )
    return [
        MachineRoomFacts(moid, bool(is_default), bool(abnormal))
        for moid, is_default, abnormal in rows
    ]


def platforms(database: str) -> list[str]:
    """Return the MOIDs of all platform domains."""
    rows = sql.select(database, "SELECT domain_ptr_id FROM domains_platformdomain")
    return [row[0] for row in rows]


def backups_of(database: str, platform: str) -> list[str]:
    """Return the ids of the platforms that take over conferences of a platform, in order of preference."""
    rows = sql.select(
        database,
        "SELECT backup_id FROM domains_backupplatform WHERE platform_id=%s ORDER BY `order`",
        [platform],
    )
    return [row[0] for row in rows]


# ---- domains below and above --------------------------------------------------------------------

_BELOW = f"{GROUPS} SELECT d.moid FROM groups_below g JOIN domains_domain d ON d.parent_id = g.moid"
"""Reads the domains below a domain, without itself: a UNION would take twice the time, by a temporary table."""

_LISTS_OF_CHILDREN = (
    f"SET STATEMENT group_concat_max_len = 4294967295 FOR {GROUPS}"
    " SELECT GROUP_CONCAT(d.moid SEPARATOR '\\n')"
    " FROM groups_below g JOIN domains_domain d ON d.parent_id = g.moid GROUP BY g.moid"
)
"""Reads the domains below a domain as one text for each service domain, which is faster than a row for each tenant."""

_VISIBLE = f"{_BELOW} UNION ALL SELECT moid FROM domains_domain WHERE moid = %s"


def subtree(database: str, moid: str) -> list[str]:
    """Return the ids of a domain, which comes first, and of all domains below it, in one query."""
    lists = sql.select(database, _LISTS_OF_CHILDREN, [moid])
    return [moid, *(child for (children,) in lists for child in children.split("\n"))]


def subtree_if_small(database: str, moid: str, limit: int) -> list[str] | None:
    """Return the ids of a domain and of all domains below it, or `None` if these are more than `limit`."""
    rows = sql.select(database, f"{_BELOW} LIMIT {int(limit)}", [moid])
    return [moid, *(row[0] for row in rows)] if len(rows) < limit else None


def all_above(database: str, moid: str) -> list[str]:
    """Return the ids of a domain and of all domains above it, itself first and the root last, in one query."""
    return [row[0] for row in sql.select(database, LINE_UP, [moid])]


def is_available_below(database: str, owner: str, domain: str | None) -> bool:
    """Return whether an API key or application of the domain `owner` may be used by the people of `domain`.

    It may be used by the people of `owner` itself and of all domains below it.
    """
    return domain is not None and owner in all_above(database, domain)


def disabled_above(database: str, moid: str) -> str:
    """Return the name of the nearest disabled domain from this one up. "" means that all are enabled."""
    path_up = sql.select(database, STATES_UP, [moid])
    return next((str(name) for _, name, used in path_up if not used), "")


def may_act(account: Account, program_domain: str | None = None) -> bool:
    """Return whether an account may act now: it is enabled, and so are its domain and all domains above.

    It is checked at each use of a session or token, so that these end when the account or a domain is disabled.
    `program_domain` is the domain of the API key or application by which the account acts (the account must belong to
    it or to a domain below it); `None` means that it uses none. For a superuser (operator) disabled domains do not
    matter.
    """
    if not account.is_active:
        return False
    if account.domain_id is None:
        return program_domain is None
    path_up = sql.select(account._state.db or "default", STATES_UP, [account.domain_id])
    if program_domain is not None and program_domain not in {moid for moid, _, _ in path_up}:
        return False
    return account.is_superuser or all(used for _, _, used in path_up)


def is_kept_at_core(database: str, account: str) -> bool:
    """Return whether the core sent an account (given by MOID), so that it can be changed only there.

    The core is the deployment where domains and accounts of all sites are edited.
    """
    query = "SELECT 1 FROM domains_applied WHERE moid = %s"
    return not is_tree_edited_here() and bool(sql.select(database, query, [account]))


def accounts_below(database: str, moid: str) -> list[str]:
    """Return the ids of the accounts of a domain and of the domains below it, without superusers."""
    accounts = Account.objects.using(database).filter(domain__in=subtree(database, moid))
    return list(accounts.exclude(is_superuser=True).values_list("moid", flat=True))


def visible_to(account: Account, field: str = "moid") -> Q:
    """Return the condition for rows that an account sees: those of its own domain and of the domains below.

    `field` names the field that holds a row's domain, for instance "domain" for accounts. The condition has the
    domains as a subquery, so no list of ids travels to the database and back.
    """
    if account.is_superuser:
        return Q()
    if account.domain_id is None:
        return Q(**{f"{field}__in": []})
    return Q(**{f"{field}__in": RawSQL(_VISIBLE, [account.domain_id] * 2)})  # noqa: S611 - a constant


# ---- propagation of the tree from the core to the platforms that copy it (followers) ------------


@dataclass(frozen=True, slots=True)
class FollowerLag:
    """The lag of a follower says how many changes of the tree are not sent to it yet (`versions`).

    A follower is a platform that copies the tree. `seconds` is the age of the oldest of these changes. `whole`: a
    full snapshot is being sent.
    """

    platform: str
    versions: int
    seconds: float
    whole: bool


_LAGS = """
SELECT f.platform, COUNT(c.version),
       COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(c.at), UTC_TIMESTAMP(6)), 0) / 1e6, f.base IS NULL
  FROM domains_follower f
  LEFT JOIN domains_changefor n ON n.platform = f.platform AND n.version > f.sent
  LEFT JOIN domains_change c ON c.version = n.version
 GROUP BY f.platform, f.base ORDER BY f.platform
"""


def follower_lags(database: str = "default") -> list[FollowerLag]:
    """Return the lag of each platform that copies this deployment's tree."""
    return [
        FollowerLag(platform, int(versions), max(0.0, float(seconds)), bool(whole))
        for platform, versions, seconds, whole in sql.select(database, _LAGS)
    ]


def follow_state(database: str = "default") -> Followed:
    """Return up to which change this platform has copied the domain tree from the core; zeros if it copies none."""
    return Followed.objects.using(database).filter(pk=1).first() or Followed()
