"""A core in the tests' database, and platforms that follow it in databases of their own beside it.

Between them lies a list instead of a broker: it can be shuffled, cut and doubled. What it holds comes
from the real feed, and goes to the real dispatch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import orjson
from django.conf import settings
from django.db import connections
from pytest_django import Settings

from domains.data.feed import feed
from domains.models import Account, BackupPlatform, Domain, Followed, Follower, MachineRoom
from foundation.bus import dispatch
from foundation.bus.delivery import Delivery
from foundation.bus.envelope import Envelope
from foundation.bus.outbox import OutboxRow
from foundation.cells import directory, sql
from foundation.cells.models import Cell

Body = dict[str, Any]
KEY = "c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBieXRlcyE"
_made: set[str] = set()


def _schema(alias: str) -> None:
    """Make an empty database with the tables of the tests' own one, foreign keys included."""
    core = connections["default"]
    name = f"{core.settings_dict['NAME']}_{alias}"
    # Django's tests let connect only aliases known beforehand; ours come and go with the fixture.
    connections.settings[alias] = {**deepcopy(core.settings_dict), "NAME": name}
    if alias in _made:
        connections[alias].connect()
        _empty(alias)
        return
    ddl = _tables(name)
    connections[alias].connect()
    with connections[alias].cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        for statement in ddl:
            cursor.execute(statement)
        cursor.execute("SET foreign_key_checks = 1")
    _made.add(alias)


def _tables(name: str) -> list[str]:
    """Make a database; how the tests' own tables are created."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
        cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        cursor.execute("SHOW TABLES")
        ddl = []
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE `{table}`")
            ddl.append(cursor.fetchone()[1])
    return ddl


def _empty(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("SHOW TABLES")
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM `{table}`")
        cursor.execute("SET foreign_key_checks = 1")


class Platform:
    """A platform that follows the core has a database, and messages that lie in its queue."""

    def __init__(self, moid: str, alias: str) -> None:
        self.moid, self.database = moid, alias
        self.queue: list[OutboxRow] = []
        self.asked: list[int] = []
        Cell.objects.using(alias).create(platform=moid, owner=settings.PLATFORM_MOID)

    def is_told(self) -> int:
        """Let the core send what it has; how many messages."""
        before = len(self.queue)
        while feed(self.moid, self.queue.extend):
            pass
        return len(self.queue) - before

    def bodies(self) -> list[Body]:
        """Return the bodies of the messages in the queue."""
        return [orjson.loads(row.body) for row in self.queue]

    def hears(self, rows: list[OutboxRow] | None = None, batch: int = 200) -> None:
        """Take what lies in the queue (or these), in batches; remember what is asked then."""
        if rows is None:
            rows, self.queue = self.queue, []
        for start in range(0, len(rows), batch):
            letters = [
                Delivery(row.body, Envelope(queue="mau.bmc.q", app_id="bmc"))
                for row in rows[start : start + batch]
            ]
            outcome = dispatch.handle_for_platform(self.moid, letters, publish_inline=False)
            requests = [
                orjson.loads(row.body) for row in outcome.rows if row.exchange == "bmc.req.ex"
            ]
            self.asked += [
                request["after"] for request in requests if request["type"] == "CSS_BMC_SYNC_REQ"
            ]

    def says(self, body: Body) -> None:
        """Take a message of a third party."""
        self.hears([OutboxRow(1, "bmc.notify.ex", "bmc.domain.k", orjson.dumps(body), {})])

    def asks(self, after: int | None = None, *, as_source: bool = False) -> None:
        """Let the core receive the request for all changes after a version (default: this platform's own version).

        `as_source`: the question has the fields of the source alone, as others send it.
        """
        version = self.version if after is None else after
        whose = {} if as_source else {"platformmoid": self.moid}
        body = orjson.dumps({"type": "CSS_BMC_SYNC_REQ", "after": version, **whose})
        envelope = Envelope(queue="bmc.req.q", app_id=f"css@{self.moid}")
        dispatch.handle_for_platform(
            settings.PLATFORM_MOID, [Delivery(body, envelope)], publish_inline=False
        )

    def catches_up(self) -> None:
        """Ask, be told, hear, until nothing comes any more."""
        for _ in range(8):
            self.asks()
            if not self.is_told() and self.is_equal():
                return
            self.hears()
        assert self.is_equal(), "does not catch up"

    @property
    def version(self) -> int:
        """Return the version that the platform has applied last."""
        followed = Followed.objects.using(self.database).first()
        return followed.version if followed else 0

    def parked(self) -> list[str]:
        """Return the reasons why messages were parked."""
        query = "SELECT reason FROM bus_parked ORDER BY id"
        return [row[0] for row in sql.select(self.database, query)]

    # ---- what it holds, and what it should hold -------------------------------------------------

    def should_hold(self) -> set[str]:
        """Walk slowly over the core's tree, and return its service domain's subtree and all that is above."""
        parents = dict(Domain.objects.values_list("moid", "parent_id"))
        service = parents[self.moid]
        moids = {service}
        while more := {m for m, up in parents.items() if up in moids} - moids:
            moids |= more
        up = service
        while up is not None:
            moids.add(up)
            up = parents[up]
        return moids

    def is_equal(self) -> bool:
        """Do all tables hold what they should, no more and no less?"""
        return self.holds() == self.holds("default", self.should_hold())

    def holds(self, database: str = "", moids: set[str] | None = None) -> dict[str, Any]:
        """Return all rows about these domains (default: all) in a database (default: its own)."""
        alias = database or self.database
        tables = {name: sorted(map(repr, sql.select(alias, q))) for name, q in _TABLES.items()}
        if moids is None:
            return tables
        own_rows = {name: [row for row in rows if _of(row, moids)] for name, rows in tables.items()}
        backups = BackupPlatform.objects.using(alias).filter(platform__in=moids, backup__in=moids)
        rows = backups.values_list("platform_id", "backup_id", "order")
        return own_rows | {"backups": sorted(map(repr, rows))}


_PERSON = (
    "a.moid, a.username, a.first_name, a.email, a.phone, a.e164, a.is_active, a.password,"
    " a.department_id, a.position"
)
_TABLES = {
    "domains": "SELECT moid, level, parent_id, name, used, enable_h265, enable_hd FROM domains_domain",
    "users": "SELECT domain_ptr_id, platform_id, room_id, small_limit, large_limit, findable"
    " FROM domains_userdomain",
    "platforms": "SELECT domain_ptr_id, e164_prefix, dr_mode, http_url FROM domains_platformdomain",
    "rooms": "SELECT platform_id, moid, name, `order`, is_default FROM domains_machineroom",
    "backups": "SELECT platform_id, backup_id, `order` FROM domains_backupplatform",
    "departments": "SELECT domain_id, moid, parent_id, name FROM domains_department",
    "keys": "SELECT domain_id, `key`, secret_hash, name, enabled FROM domains_apikey",
    "people": f"SELECT a.domain_id, {_PERSON} FROM domains_account a WHERE a.domain_id IS NOT NULL",
    "names": "SELECT a.domain_id, n.name, a.moid FROM domains_signinname n"
    " JOIN domains_account a ON a.id = n.account_id WHERE a.domain_id IS NOT NULL",
    "factors": "SELECT a.domain_id, a.moid, t.`key` FROM otp_totp_totpdevice t"
    " JOIN domains_account a ON a.id = t.user_id WHERE t.confirmed",
}


def _of(row: str, moids: set[str]) -> bool:
    """Tell whether a row is about one of these domains, which its first column names."""
    return row.split("'")[1] in moids


@contextmanager
def platforms(settings: Settings, *moids: str) -> Iterator[list[Platform]]:
    """Return platforms that follow the core of the tests' database."""
    stores = dict(settings.PLATFORM_STORES)
    url = stores[settings.PLATFORM_MOID][1]
    settings.ROLES = frozenset({"bmc", "css"})
    settings.ACCOUNT_SEALING_KEY = KEY
    settings.PLATFORM_STORES = stores | {m: (f"follower{n}", url) for n, m in enumerate(moids)}
    directory.store_of.cache_clear()
    Follower.objects.all().delete()
    try:
        made_platforms = []
        for number, moid in enumerate(moids):
            _schema(f"follower{number}")
            made_platforms.append(Platform(moid, f"follower{number}"))
        yield made_platforms
    finally:
        directory.store_of.cache_clear()
        for number, _ in enumerate(moids):
            connections[f"follower{number}"].close()
            del connections[f"follower{number}"], connections.settings[f"follower{number}"]


__all__ = ["Account", "Domain", "MachineRoom", "Platform", "platforms"]
