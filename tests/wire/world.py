"""The tests write into the site's database, and read there: tenants, licences, clocks, parked messages."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache

import MySQLdb

from deploy.stand.site import Site
from tests import licences
from tests.wire.actors import TENANT


def sql(site: Site, text: str) -> list[list[str]]:
    """Run SQL statements; the rows of the last one, as strings."""
    rows: list[list[str]] = []
    with closing(_connection(str(site.mariadb.socket), site.name).cursor()) as cursor:
        cursor.execute(text)
        while True:
            rows = [
                ["NULL" if value is None else str(value) for value in row]
                for row in cursor.fetchall()
            ] or rows
            if not cursor.nextset():
                return rows


@cache
def _connection(socket: str, schema: str) -> MySQLdb.Connection:
    """Return one connection for the whole suite: a client process for each query would take most of its time."""
    return MySQLdb.connect(
        unix_socket=socket, user="root", db=schema, charset="utf8mb4", autocommit=True
    )


def license_for(site: Site, small: int, large: int, valid_to: str = "NULL") -> None:
    """Load a licence; the newest issue counts."""
    end = sql(site, f"SELECT {valid_to}")[0][0]
    until = None if end == "NULL" else datetime.fromisoformat(end).replace(tzinfo=UTC)
    licences.put_into(site, small, large, until)


@contextmanager
def licensed(site: Site, small: int, large: int, valid_to: str = "NULL") -> Iterator[None]:
    """Put another licence in force for a while."""
    license_for(site, small, large, valid_to)
    try:
        yield
    finally:
        sql(site, "DELETE FROM licensing_licence ORDER BY issue DESC LIMIT 1")


COLUMNS = {
    "domains_domain": ("moid", "level", "parent_id", "name", "used", "enable_h265", "enable_hd"),
    "domains_platformdomain": (
        "domain_ptr_id",
        "e164_prefix",
        "http_url",
        "broker_url",
        "redis_url",
        "database_url",
        "dr_mode",
    ),
    "domains_machineroom": ("moid", "platform_id", "name", "`order`", "is_default", "abnormal"),
    "domains_userdomain": ("domain_ptr_id", "platform_id", "room_id", "small_limit", "large_limit"),
}
"""Those that are written; what the database derives of them is not."""


def copy_row(table: str, key: str, original: str, **changes: str) -> str:
    """Return SQL that copies a row with other values."""
    values = ", ".join(changes.get(name, name) for name in COLUMNS[table])
    names = ", ".join(COLUMNS[table])
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {key}='{original}';"


def new_tenant(site: Site, domain: dict[str, str] | None = None, **user: str) -> str:
    """Create a tenant like the demonstration one, but for these columns, and return its MOID."""
    moid = str(uuid.uuid4())
    columns = {"moid": f"'{moid}'", "name": f"'{moid}'", **(domain or {})}
    two = {"domain_ptr_id": f"'{moid}'", **user}
    sql(
        site,
        copy_row("domains_domain", "moid", TENANT, **columns)
        + copy_row("domains_userdomain", "domain_ptr_id", TENANT, **two),
    )
    return moid


def new_service_domain(site: Site, **domain: str) -> str:
    """Create a service domain beside the demonstration one, and return its MOID."""
    moid = str(uuid.uuid4())
    parent = sql(site, f"SELECT parent_id FROM domains_domain WHERE moid='{TENANT}'")[0][0]
    row = {"moid": f"'{moid}'", "name": f"'{moid}'", **domain}
    sql(site, copy_row("domains_domain", "moid", parent, **row))
    return moid


def new_platform(site: Site) -> str:
    """Create a platform domain that some other site serves, and return its MOID."""
    moid, own = str(uuid.uuid4()), site.vault.platform_moid
    row = {
        "domain_ptr_id": f"'{moid}'",
        "e164_prefix": f"'{uuid.uuid4().int % 10**8:08d}'",
        "http_url": "'https://other.example'",
    }
    sql(
        site,
        copy_row("domains_domain", "moid", own, moid=f"'{moid}'", name=f"'{moid}'")
        + copy_row("domains_platformdomain", "domain_ptr_id", own, **row),
    )
    return moid


def new_room(site: Site, abnormal: bool = False) -> str:
    """Create a machine room of the platform, and return its MOID."""
    moid, own = str(uuid.uuid4()), site.vault.platform_moid
    changes = {"moid": f"'{moid}'", "name": "'Room'", "is_default": "0"}
    sql(
        site,
        copy_row("domains_machineroom", "platform_id", own, **changes).replace(
            "WHERE", "WHERE is_default AND"
        ),
    )
    room_is(site, moid, abnormal=abnormal)
    return moid


def room_is(site: Site, moid: str, *, abnormal: bool) -> None:
    """Let an operator drain a room, or put it back.

    The mark in the tree alone would not last: each second the PMS tells again how it sees the room.
    """
    mode = "on" if abnormal else "auto"
    sql(
        site,
        "INSERT INTO failover_roomwatch (room, mode, abnormal, number, because)"
        f" VALUES ('{moid}', '{mode}', {int(abnormal)}, 0, '')"
        " ON DUPLICATE KEY UPDATE mode=VALUES(mode), abnormal=VALUES(abnormal);"
        f"UPDATE domains_machineroom SET abnormal={int(abnormal)} WHERE moid='{moid}'",
    )


@contextmanager
def stopped(site: Site) -> Iterator[None]:
    """Let the site stop its service for a while."""
    sql(site, "UPDATE stores_cell SET owner='somebody else'")
    try:
        yield
    finally:
        sql(site, "UPDATE stores_cell SET owner=platform")


def turn_clock(site: Site, number: str, field: str, seconds: int) -> None:
    """Make a moment of a live conference lie so many seconds from now, as if time had passed."""
    moment = f"UTC_TIMESTAMP(6) + INTERVAL {seconds} SECOND"
    written = f"DATE_FORMAT({moment}, '%Y-%m-%dT%H:%i:%s.%f+00:00')"
    sql(
        site,
        f"UPDATE conferences_conference SET detail=JSON_SET(detail, '$.{field}', {written}),"
        f" due_at=UTC_TIMESTAMP(6) WHERE live_e164='{number}'",
    )


def parked(site: Site, since: int) -> dict[str, list[tuple[str, str, str]]]:
    """Return the messages parked after a moment, by the MD5 of their body: queue, reason, type."""
    rows_by_body: dict[str, list[tuple[str, str, str]]] = {}
    query = "SELECT MD5(body), queue, HEX(reason), wire_type FROM bus_parked WHERE id > "
    for name, queue, reason, wire_type in sql(site, f"{query}{since}"):
        words = bytes.fromhex(reason).decode()
        rows_by_body.setdefault(name, []).append((queue, words, wire_type))
    return rows_by_body


def last_parked(site: Site) -> int:
    """Return a moment for `parked`."""
    return int(sql(site, "SELECT COALESCE(MAX(id), 0) FROM bus_parked")[0][0])
