"""`manage.py load_tree` creates a large tree of tenants and people, for measurements and trials."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import Any, TextIO

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from domains.data import change_log, redis_projection
from domains.models import Level, PlatformDomain
from domains.rules.sign_in_names import names_of
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of

LEVELS = 10
"""Core domain to user domain; the new top hangs below the service domain of this platform."""

USERS_PER_SERVICE = 50
SERVICES_PER_PLATFORM = 20
_CHUNK = 2000
_DOMAIN = ("moid", "level", "parent_id", "name", "used", "enable_h265", "enable_hd")
_ACCOUNT = (
    *("password", "is_superuser", "username", "first_name", "last_name", "email", "is_staff"),
    *("is_active", "date_joined", "moid", "e164", "domain_id"),
)
_URLS = ("http_url", "broker_url", "redis_url", "database_url")
_PLATFORM = ("domain_ptr_id", "e164_prefix", "dr_mode", *_URLS)
Row = tuple[Any, ...]


class Command(BaseCommand):
    """The command loads a large tree below the service domain of this platform.

    Another seed makes another tree beside the first. The same seed makes the same tree everywhere.
    """

    help = "Load a large tree: user domains ten levels deep, and accounts (password: load)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the size of the tree, and its seed."""
        parser.add_argument("--users", type=int, default=100_000, help="user domains")
        parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts in them")
        parser.add_argument(
            "--seed", type=int, default=1, help="number of the tree, 0 to 999; each is loaded once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write services and platforms, then tenants, then people, then the hashes in Redis."""
        seed, database = options["seed"], store_of(own_platform()).database
        if not 0 <= seed <= 999:
            raise CommandError("--seed goes from 0 to 999")
        platforms = PlatformDomain.objects.using(database).order_by("e164_prefix")
        lender = platforms.filter(moid=own_platform()).first() or platforms.first()
        if lender is None or lender.parent_id is None:
            raise CommandError("there is no platform domain yet: run manage.py load_demo first")
        tree = Grown(seed, lender.parent_id, lender.moid, options["users"])
        query = "SELECT 1 FROM domains_domain WHERE moid = %s"
        if sql.select(database, query, [tree.top]):
            raise CommandError(f"seed {seed} is loaded already: take another --seed")
        self._put(database, "service domains", "domains_domain", _DOMAIN, tree.services)
        self._platforms(database, tree)
        self._tenants(database, tree)
        rows = tree.accounts(options["accounts"])
        self._put(database, "accounts", "domains_account", _ACCOUNT, rows, options["accounts"])
        self._names(database, f"load{seed}-", options["accounts"])
        change_log.request_full_snapshots(database)
        written = redis_projection.rebuild(own_platform())
        self.stdout.write(f"{written} domains written to Redis; the top is {tree.top}")

    def _platforms(self, database: str, tree: Grown) -> None:
        domains = [(m, 1, parent, f"Platform {p}", 1, 1, 1) for m, parent, p in tree.platforms]
        more = [(m, prefix, "auto", "", "", "", "") for m, _parent, prefix in tree.platforms]
        self._put(database, "platform domains", "domains_domain", _DOMAIN, domains)
        sql.insert(database, "domains_platformdomain", _PLATFORM, more)

    def _tenants(self, database: str, tree: Grown) -> None:
        domains = ((m, 0, parent, name, 1, 1, 1) for m, parent, name, _ in tree.tenants)
        size, columns = len(tree.tenants), ("domain_ptr_id", "platform_id")
        self._put(database, "user domains", "domains_domain", _DOMAIN, domains, size)
        bound = ((moid, platform) for moid, _, _, platform in tree.tenants)
        self._put(database, "bindings", "domains_userdomain", columns, bound, size)

    def _names(self, database: str, prefix: str, accounts: int) -> None:
        """Write the sign-in names of the new accounts."""
        progress, last = Progress("sign-in names", accounts, sys.stderr), 0
        query = (
            "SELECT id, username, email, phone, e164 FROM domains_account"
            f" WHERE id > %s AND username LIKE %s ORDER BY id LIMIT {_CHUNK}"
        )
        while chunk := sql.select(database, query, [last, prefix + "%"]):
            rows = [(name, number) for number, *names in chunk for name in names_of(*names)]
            sql.insert(database, "domains_signinname", ("name", "account_id"), rows)
            progress.more(len(chunk))
            last = chunk[-1][0]

    def _put(
        self,
        database: str,
        title: str,
        table: str,
        columns: tuple[str, ...],
        rows: Iterable[Row],
        size: int | None = None,
    ) -> None:
        """Insert rows in chunks. One large transaction would hold locks and undo log for long."""
        total = size if size is not None else len(list(rows := list(rows)))
        progress, pending = Progress(title, total, sys.stderr), iter(rows)
        while chunk := list(islice(pending, _CHUNK)):
            sql.insert(database, table, columns, chunk)
            progress.more(len(chunk))


class Progress:
    """A progress display is a bar on a terminal, and in a pipe a line for each tenth."""

    def __init__(self, title: str, total: int, out: TextIO) -> None:
        self._what, self._total, self._out = title, total, out
        self._done = self._tenths = 0

    def more(self, count: int) -> None:
        """Show that `count` more rows are done."""
        self._done += count
        part = self._done / max(1, self._total)
        if self._out.isatty():
            bar = "#" * int(40 * part)
            end = "\n" if self._done >= self._total else ""
            self._out.write(f"\r{self._what:>16} [{bar:<40}] {self._done:>9,}{end}")
            self._out.flush()
        elif int(10 * part) > self._tenths:
            self._tenths = int(10 * part)
            self._out.write(f"{self._what}: {self._done:,} of {self._total:,}\n")


class Grown:
    """A tree that obeys the rules, grown from a seed below a service domain of level two."""

    def __init__(self, seed: int, below: str, lender: str, users: int) -> None:
        self._seed, self._rng = seed, Random(seed)
        self.top = self._moid()
        self.services: list[Row] = [(self.top, 2, below, f"Load {seed}", 1, 1, 1)]
        self.platforms: list[tuple[str, str, str]] = []
        self.tenants: list[tuple[str, str, str, str]] = []
        self._open = [(self.top, 3, lender)]
        self._groups(max(LEVELS - 3, users // USERS_PER_SERVICE))
        for number in range(users):
            parent, _level, platform = self._rng.choice(self._open)
            name = f"Tenant {seed}-{number:06d}"
            self.tenants.append((self._moid(), parent, name, platform))

    def _moid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def _groups(self, count: int) -> None:
        """Grow the service domains: first a line to the full depth, then anywhere.

        One of SERVICES_PER_PLATFORM has a platform of its own.
        """
        for number in range(1, count):
            above = self._open[-1] if number <= LEVELS - 4 else self._rng.choice(self._open)
            if above[1] == LEVELS - 1:
                above = self._open[0]
            moid, lender = self._moid(), above[2]
            self.services.append((moid, Level.SERVICE, above[0], f"Group {number}", 1, 1, 1))
            if number % SERVICES_PER_PLATFORM == 0:
                lender = self._moid()
                self.platforms.append((lender, moid, f"9{self._seed:03d}{number:04d}"))
            self._open.append((moid, above[1] + 1, lender))

    def accounts(self, count: int) -> Iterator[Row]:
        """Yield accounts of these tenants. All have the same password, which is hashed once."""
        password, now = make_password("load"), timezone.now().replace(tzinfo=None)
        homes: list[str | None] = [moid for moid, *_ in self.tenants] or [None]
        for number in range(count):
            name, e164 = f"load{self._seed}-{number}", f"7{self._seed:03d}{number:08d}"
            home = self._rng.choice(homes)
            person = (name, "Load", str(number), f"{name}@example.org", 0, 1, now)
            yield (password, 0, *person, self._moid(), e164, home)
