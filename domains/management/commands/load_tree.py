"""`manage.py load_tree` creates a large tree of domains with accounts, for measurements and trials."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import NamedTuple, TextIO

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from domains.data import change_log, redis_projection
from domains.models import Level, PlatformDomain
from domains.rules.sign_in_names import names_of
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of

DEPTH = 10
"""The number of domains on the longest way from the core domain to a user domain, both included."""

DEPTH_OF_TOP = 3
"""The top of the new tree lies below the service domain of this platform, which lies below the core domain."""

MAX_SEED = 999
"""The seed is a part of the generated numbers, three digits of them."""

USERS_PER_SERVICE = 50
SERVICES_PER_PLATFORM = 20
_CHUNK = 2000
_DOMAIN_COLUMNS = ("moid", "level", "parent_id", "name", "used", "enable_h265", "enable_hd")
_ACCOUNT_COLUMNS = (
    *("password", "is_superuser", "username", "first_name", "last_name", "email", "is_staff"),
    *("is_active", "date_joined", "moid", "e164", "domain_id"),
)
_URL_COLUMNS = ("http_url", "broker_url", "redis_url", "database_url")
_PLATFORM_COLUMNS = ("domain_ptr_id", "e164_prefix", "dr_mode", *_URL_COLUMNS)
Row = tuple[object, ...]


class Service(NamedTuple):
    """Represent a generated service domain. Its tenants are bound to `platform`, which may be one of a domain above."""

    moid: str
    parent: str
    name: str
    depth: int
    platform: str


class Platform(NamedTuple):
    """Represent a generated platform domain: its id, the domain above it, and the prefix of its conference numbers."""

    moid: str
    parent: str
    prefix: str


class Tenant(NamedTuple):
    """Represent a generated user domain, bound to a platform."""

    moid: str
    parent: str
    name: str
    platform: str


def _domain_row(level: Level, domain: Service | Platform | Tenant, name: str) -> Row:
    """Return a generated domain as values of `_DOMAIN_COLUMNS`: enabled, with H.265 and full HD allowed."""
    return (domain.moid, int(level), domain.parent, name, 1, 1, 1)


class Command(BaseCommand):
    """The command generates a large domain tree with accounts, as test data below the service domain of this platform.

    `--seed` decides the content: the same seed gives the same tree, and another seed adds a second tree.
    """

    help = "Load a large tree: user domains ten levels deep, and accounts (password: load)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options for the size of the tree, and for its seed."""
        parser.add_argument("--users", type=int, default=100_000, help="user domains")
        parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts in them")
        parser.add_argument(
            "--seed", type=int, default=1, help="number of the tree, 0 to 999; each is loaded once"
        )

    def handle(
        self, *args: object, seed: int, users: int, accounts: int, **options: object
    ) -> None:
        """Insert service and platform domains, then tenants, then accounts, and write the domains to Redis.

        Raises CommandError.
        """
        database = store_of(own_platform()).database
        if not 0 <= seed <= MAX_SEED:
            raise CommandError(f"--seed goes from 0 to {MAX_SEED}")
        platforms = PlatformDomain.objects.using(database).order_by("e164_prefix")
        platform = platforms.filter(moid=own_platform()).first() or platforms.first()
        if platform is None or platform.parent_id is None:
            raise CommandError("there is no platform domain yet: run manage.py load_demo first")
        tree = GeneratedTree(seed, platform.parent_id, platform.moid, users)
        query = "SELECT 1 FROM domains_domain WHERE moid = %s"
        top = tree.services[0].moid
        if sql.select(database, query, [top]):
            raise CommandError(f"seed {seed} is loaded already: take another --seed")
        services = [_domain_row(Level.SERVICE, service, service.name) for service in tree.services]
        self._insert(database, "service domains", "domains_domain", _DOMAIN_COLUMNS, services)
        self._insert_platforms(database, tree)
        self._insert_tenants(database, tree)
        rows, count = tree.accounts(accounts), accounts
        self._insert(database, "accounts", "domains_account", _ACCOUNT_COLUMNS, rows, count)
        self._insert_sign_in_names(database, f"load{seed}-", count)
        change_log.request_full_snapshots(database)
        written = redis_projection.rebuild(own_platform())
        self.stdout.write(f"{written} domains written to Redis; the top is {top}")

    def _insert_platforms(self, database: str, tree: GeneratedTree) -> None:
        """Insert the platform domains of a generated tree."""
        domains = [
            _domain_row(Level.PLATFORM, platform, f"Platform {platform.prefix}")
            for platform in tree.platforms
        ]
        no_urls = [""] * len(_URL_COLUMNS)
        rows = [(platform.moid, platform.prefix, "auto", *no_urls) for platform in tree.platforms]
        self._insert(database, "platform domains", "domains_domain", _DOMAIN_COLUMNS, domains)
        sql.insert(database, "domains_platformdomain", _PLATFORM_COLUMNS, rows)

    def _insert_tenants(self, database: str, tree: GeneratedTree) -> None:
        """Insert the user domains of a generated tree, and the platforms that they are bound to."""
        size, columns = len(tree.tenants), ("domain_ptr_id", "platform_id")
        domains = (_domain_row(Level.USER, tenant, tenant.name) for tenant in tree.tenants)
        self._insert(database, "user domains", "domains_domain", _DOMAIN_COLUMNS, domains, size)
        bindings = ((tenant.moid, tenant.platform) for tenant in tree.tenants)
        self._insert(database, "bindings", "domains_userdomain", columns, bindings, size)

    def _insert_sign_in_names(self, database: str, prefix: str, accounts: int) -> None:
        """Insert the sign-in names of the accounts whose user name begins with `prefix`."""
        progress, last = Progress("sign-in names", accounts, sys.stderr), 0
        query = (
            "SELECT id, username, email, phone, e164 FROM domains_account"
            f" WHERE id > %s AND username LIKE %s ORDER BY id LIMIT {_CHUNK}"
        )
        while chunk := sql.select(database, query, [last, prefix + "%"]):
            rows = [(name, account_id) for account_id, *names in chunk for name in names_of(*names)]
            sql.insert(database, "domains_signinname", ("name", "account_id"), rows)
            progress.add(len(chunk))
            last = chunk[-1][0]

    def _insert(
        self,
        database: str,
        title: str,
        table: str,
        columns: tuple[str, ...],
        rows: Iterable[Row],
        size: int | None = None,
    ) -> None:
        """Insert all rows in chunks, and show the progress; one large transaction would hold locks too long.

        `size` is how many rows there are; without it they are counted first. `title` names them in the progress.
        """
        total = size if size is not None else len(list(rows := list(rows)))
        progress, pending = Progress(title, total, sys.stderr), iter(rows)
        while chunk := list(islice(pending, _CHUNK)):
            sql.insert(database, table, columns, chunk)
            progress.add(len(chunk))


class Progress:
    """A progress display shows how many rows are inserted: a bar on a terminal, else a line for each tenth."""

    def __init__(self, title: str, total: int, out: TextIO) -> None:
        """Begin with no row inserted of `total`; `title` says what is inserted, `out` gets the display."""
        self._title, self._total, self._out = title, total, out
        self._done = self._tenths = 0

    def add(self, count: int) -> None:
        """Show that `count` more rows are inserted."""
        self._done += count
        fraction = self._done / max(1, self._total)
        if self._out.isatty():
            bar = "#" * int(40 * fraction)
            end = "\n" if self._done >= self._total else ""
            self._out.write(f"\r{self._title:>16} [{bar:<40}] {self._done:>9,}{end}")
            self._out.flush()
        elif int(10 * fraction) > self._tenths:
            self._tenths = int(10 * fraction)
            self._out.write(f"{self._title}: {self._done:,} of {self._total:,}\n")


class GeneratedTree:
    """A generated tree obeys the rules of the tree; the same seed gives the same tree.

    `parent` is the service domain below which it lies, and `platform` that domain's platform, to which the tenants are
    bound whose service domains have no platform of their own.
    """

    def __init__(self, seed: int, parent: str, platform: str, users: int) -> None:
        """Generate the tree with `users` tenants, each below a random one of the generated service domains."""
        self._seed, self._rng = seed, Random(seed)
        top = Service(self._next_moid(), parent, f"Load {seed}", DEPTH_OF_TOP, platform)
        self.services = [top]
        self.platforms: list[Platform] = []
        self.tenants: list[Tenant] = []
        self._generate_services(max(DEPTH - DEPTH_OF_TOP, users // USERS_PER_SERVICE))
        for number in range(users):
            service = self._rng.choice(self.services)
            name = f"Tenant {seed}-{number:06d}"
            self.tenants.append(Tenant(self._next_moid(), service.moid, name, service.platform))

    def _next_moid(self) -> str:
        """Return the next id (MOID) of the sequence that the seed determines."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def _generate_services(self, count: int) -> None:
        """Generate service domains up to `count`: first a chain down to the full depth, then each below a random one.

        One of SERVICES_PER_PLATFORM has a platform of its own.
        """
        for number in range(1, count):
            is_in_chain = number < DEPTH - DEPTH_OF_TOP
            parent = self.services[-1] if is_in_chain else self._rng.choice(self.services)
            if parent.depth == DEPTH - 1:
                parent = self.services[0]
            moid, platform = self._next_moid(), parent.platform
            if number % SERVICES_PER_PLATFORM == 0:
                platform = self._next_moid()
                self.platforms.append(Platform(platform, moid, f"9{self._seed:03d}{number:04d}"))
            self.services.append(
                Service(moid, parent.moid, f"Group {number}", parent.depth + 1, platform)
            )

    def accounts(self, count: int) -> Iterator[Row]:
        """Yield `count` accounts of random tenants, each as values of `_ACCOUNT_COLUMNS`.

        All have the same password, which is hashed once.
        """
        password, now = make_password("load"), timezone.now().replace(tzinfo=None)
        tenants: list[str | None] = [tenant.moid for tenant in self.tenants] or [None]
        for number in range(count):
            name, e164 = f"load{self._seed}-{number}", f"7{self._seed:03d}{number:08d}"
            tenant = self._rng.choice(tenants)
            person = (name, "Load", str(number), f"{name}@example.org", 0, 1, now)
            yield (password, 0, *person, self._next_moid(), e164, tenant)
