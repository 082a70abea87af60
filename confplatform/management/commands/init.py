"""`manage.py init core|site` takes the first steps of a new deployment; it may be repeated.

What it needs and was not told by arguments it asks for, if a person sits at the terminal.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, transaction

from domains.data import redis_projection
from domains.flows import first_steps
from domains.flows.first_steps import NewPlatform
from foundation.bus import virtual_hosts
from foundation.bus.management_api import BrokerUnavailable
from foundation.bus.virtual_hosts import ALL, PUBLISH
from foundation.cells.directory import own_platform

SITE_FIELDS = "NAME,MOID,PREFIX,URL[,BACKUP]"


class Options(TypedDict):
    """The options of the command, as `add_arguments` names them; `site` has the words of each `--site`."""

    service: str
    operator: str
    password_file: Path | None
    site: list[str]
    prefix: str
    tenant: str
    licence_keys: Path | None
    sender: str
    core_account: str


class Command(BaseCommand):
    """The command makes virtual hosts and queues at the brokers, rows of the database, and the tree of domains.

    `core`: the deployment that owns the tree, with the platforms of its sites. `site`: one that follows a core, or,
    without CORE_MOID, a site on its own, which then owns its tree.
    """

    help = "First steps of a new core or site: brokers, queues, database rows, first domains, first operator."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        add = parser.add_argument
        add("kind", choices=("core", "site"))
        add("--service", default="", help="name of the first service domain (owner of the tree)")
        add("--operator", default="", help="user name of the first operator (owner of the tree)")
        add("--password-file", type=Path, help="file with that operator's password")
        add(
            "--site",
            action="append",
            default=[],
            metavar=SITE_FIELDS,
            help="core: a site's platform; PREFIX is how its conference numbers begin, BACKUP the name of another site",
        )
        add("--prefix", default="8800", help="site on its own: how its conference numbers begin")
        add("--tenant", default="", help="name of a first tenant, at the first site")
        add(
            "--licence-keys",
            type=Path,
            help="make keys for licences at this path, unless they are there",
        )
        words = "NAME,PASSWORD_FILE"
        add("--sender", default="", metavar=words, help="account by which other sites send to us")
        add(
            "--core-account",
            default="",
            metavar=words,
            help="account by which the core uses our broker",
        )

    def handle(self, *args: object, kind: str, **options: Unpack[Options]) -> None:
        """Take all steps that are not taken yet, and print a line for each. Raises CommandError."""
        if kind == "core" and settings.CORE_MOID:
            raise CommandError("CORE_MOID is set: this deployment is a site, run `init site`")
        platforms = self._platforms(kind, options)
        try:
            self._prepare_brokers(options)
            call_command("declare_topology", stdout=self.stdout)
            call_command("provision", stdout=self.stdout)
            if not settings.CORE_MOID:
                self._create_tree(platforms, options)
        except BrokerUnavailable as error:
            raise CommandError(f"the broker's management API: {error}") from None
        except DatabaseError as error:
            raise CommandError(f"the database: {error}; was `manage.py migrate` run?") from None
        if path := options["licence_keys"]:
            self._make_licence_keys(path)

    def _platforms(self, kind: str, options: Options) -> list[NewPlatform]:
        """Return the platforms that the tree is to have. Raises CommandError for an odd `--site`."""
        if kind == "site":
            own = {"moid": own_platform(), "name": settings.SITE_NAME, "url": settings.PUBLIC_URL}
            return [NewPlatform(**own, prefix=options["prefix"])]
        platforms = [_parse_site(text) for text in options["site"]]
        names = {platform.name for platform in platforms}
        for platform in platforms:
            if platform.backup and platform.backup not in names - {platform.name}:
                raise CommandError(f"--site {platform.name}: {platform.backup} is no other --site")
        return platforms

    def _prepare_brokers(self, options: Options) -> None:
        """Create virtual hosts and rights at the platform's broker, and at the clients' broker with the role `im`."""
        own = virtual_hosts.make_virtual_hosts(
            settings.RABBITMQ_MANAGEMENT_URL, [settings.AMQP_URL, settings.CELERY_BROKER_URL]
        )
        self.stdout.write(f"broker: virtual hosts {', '.join(own)}")
        if "im" in settings.ROLES:
            virtual_hosts.make_virtual_hosts(settings.IM_MANAGEMENT_URL, [settings.IM_AMQP_URL])
            self.stdout.write("clients' broker: its virtual host")
        accounts = (
            ("--sender", options["sender"], PUBLISH),
            ("--core-account", options["core_account"], ALL),
        )
        for option, text, rights in accounts:
            if text:
                name, _, file = text.partition(",")
                password = self._secret(Path(file), option, name)
                url = settings.RABBITMQ_MANAGEMENT_URL
                virtual_hosts.admit_peer(url, settings.AMQP_URL, name, password, rights)
                self.stdout.write(f"broker: account {name}")

    def _create_tree(self, platforms: Sequence[NewPlatform], options: Options) -> None:
        """Create domains, first operator and register rows where this deployment owns the tree."""
        service_name = options["service"] or self._ask("Name of the service", "--service")
        with transaction.atomic():
            core, service = first_steps.create_roots(_core_moid(), service_name)
            domains = first_steps.create_platforms(service, platforms)
            if options["tenant"] and domains:
                first_steps.create_tenant(service, domains[0], options["tenant"])
        redis_projection.rebuild(own_platform())
        self.stdout.write(f"domains: {core.name}, {service.name}, {len(domains)} platforms")
        self._register_cells(platforms)
        if not first_steps.has_operator():
            name = options["operator"] or self._ask("User name of the first operator", "--operator")
            password = self._secret(options["password_file"], "--password-file", name)
            try:
                first_steps.create_operator(core, name, password)
            except ValidationError as error:
                raise CommandError(f"password of {name}: {' '.join(error.messages)}") from None
            self.stdout.write(f"operator: {name} may sign in at {settings.PUBLIC_URL}/admin/")

    def _register_cells(self, platforms: Sequence[NewPlatform]) -> None:
        """Enter each platform with a backup into the register, which says whose site serves it."""
        moids = {platform.name: platform.moid for platform in platforms}
        for platform in platforms:
            if platform.backup:
                words = {"platform": platform.moid, "home": platform.moid}
                backup = moids[platform.backup]
                call_command("cell_register", **words, backup=backup, stdout=self.stdout)

    def _make_licence_keys(self, path: Path) -> None:
        """Make the keys for licences, unless they are there."""
        if path.with_name(f"{path.name}.signing.key").exists():
            self.stdout.write(f"licence keys: {path}.*.key are there")
        else:
            call_command("license_keygen", out=path, stdout=self.stdout)

    def _ask(self, question: str, option: str) -> str:
        """Return a person's answer. Raises CommandError if nobody sits at the terminal, or nothing is said."""
        answer = input(f"{question}: ").strip() if sys.stdin.isatty() else ""
        if not answer:
            raise CommandError(f"{option} is missing")
        return answer

    def _secret(self, path: Path | None, option: str, account: str) -> str:
        """Return a password from a file, or as a person types it. Raises CommandError if there is none."""
        try:
            if path is not None:
                password = path.read_text("utf-8").strip()
            else:
                password = getpass.getpass(f"Password of {account}: ") if sys.stdin.isatty() else ""
        except (OSError, UnicodeError) as error:
            raise CommandError(f"{option}: {path} cannot be read: {error}") from None
        if not password:
            raise CommandError(f"{option}: there is no password for {account}")
        return password


def _core_moid() -> str:
    """Return the id for a new core domain: the deployment's own; "" where the platform has that id (a site alone)."""
    return "" if "css" in settings.ROLES else own_platform()


def _parse_site(text: str) -> NewPlatform:
    """Return the platform that a `--site` describes. Raises CommandError."""
    fields = [field.strip() for field in text.split(",")]
    if len(fields) not in (4, 5) or not all(fields[:4]):
        raise CommandError(f"--site {text}: write {SITE_FIELDS}")
    name, moid, prefix, url, backup = [*fields, ""][:5]
    return NewPlatform(name=name, moid=moid, prefix=prefix, url=url, backup=backup)
