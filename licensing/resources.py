"""Terminals, monitors and ports: taken and given back by one conditional UPDATE in the caller's transaction.

Their limit is the licence in force: the sum over own and possible platforms (CSS §4.4).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from confplatform.bus.work import Work
from confplatform.stores import sql
from confplatform.stores.directory import possible_platforms
from licensing import rows
from licensing.amounts import Amounts
from licensing.decisions import amounts_in
from licensing.limits import in_force

_TABLE = "licensing_resourcecount"


class Resource(StrEnum):
    """What is counted; the names are those of `Amounts`."""

    SOFTWARE_TERMINALS = "software_terminals"
    HARDWARE_TERMINALS = "hardware_terminals"
    MONITORS = "monitors"
    MEDIA_PORTS = "media_ports"
    ACCESS_PORTS = "access_ports"


def amounts_of_site(database: str, own: str, now: datetime) -> Amounts:
    """The licence in force of a site, without waiting for anybody."""
    possible = [p for p in possible_platforms() if p != own]
    each = [amounts_in(rows.newest(database, p), now) for p in (own, *possible)]
    return in_force(each[0], each[1:])


def take(work: Work, resource: Resource, count: int = 1) -> bool:
    """Take so many; False: there are not so many left, and nothing is changed."""
    limit = getattr(amounts_of_site(work.database, work.platform, work.now), resource)
    if not 0 < count <= limit:
        return False
    columns, row = ("platform", "resource", "used"), (work.platform, resource.value, 0)
    sql.insert(work.database, _TABLE, columns, [row], update=("platform",))
    query = f"UPDATE {_TABLE} SET used = used + %s WHERE platform=%s AND resource=%s AND used <= %s"
    values = [count, work.platform, resource.value, limit - count]
    return sql.execute(work.database, query, values) == 1


def give_back(work: Work, resource: Resource, count: int = 1) -> bool:
    """Give so many back; False: not so many were taken (a bug of the caller), nothing is changed."""
    query = f"UPDATE {_TABLE} SET used = used - %s WHERE platform=%s AND resource=%s AND used >= %s"
    values = [count, work.platform, resource.value, count]
    return sql.execute(work.database, query, values) == 1


def used(database: str, platform: str) -> dict[str, int]:
    """What is in use at a site, by resource."""
    query = f"SELECT resource, used FROM {_TABLE} WHERE platform=%s"
    return dict.fromkeys((r.value for r in Resource), 0) | dict(
        sql.select(database, query, [platform])
    )
