"""`manage.py load_demo` creates a first tree with one tenant, its people, and a key for programs."""

from __future__ import annotations

import json
import os
import secrets
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from domains.data import redis_projection
from domains.flows import change, people
from domains.models import (
    Account,
    ApiKey,
    BackupPlatform,
    CoreDomain,
    Domain,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
    hash_secret,
)
from foundation.cells.directory import own_platform

DEMO_TENANT = "10000000-0000-4000-8000-000000000001"
PREFIX = 8800
"""Numbers of the first platform begin with it; the next ones count on by ten."""

ADDRESSES = ("http_url", "broker_url", "redis_url", "database_url")


class Command(BaseCommand):
    """The command loads the demonstration tenant. A second run changes nothing but addresses."""

    help = "Load a demonstration tenant under the evaluation licence, and say how to sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file for the accounts, and the platforms."""
        parser.add_argument("--out", type=Path, help="file for accounts and API key (mode 0600)")
        parser.add_argument(
            "--platform",
            action="append",
            type=json.loads,
            default=[],
            help="a site's platform domain, at the core; repeat it for each site. The first one gets the"
            f" tenant. JSON with moid, name, and, without credentials, {', '.join(ADDRESSES)}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the tree, then the people. Passwords are kept in the file only."""
        out: Path | None = options["out"]
        previous = json.loads(out.read_text()) if out and out.exists() else {}
        with transaction.atomic():
            line = _tree(options["platform"])
            transaction.on_commit(partial(redis_projection.rebuild, own_platform()))
            accounts = _people(line, previous, with_administrators=bool(options["platform"]))
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.touch(mode=0o600)
            out.write_text(json.dumps(accounts, indent=1))
            os.chmod(out, 0o600)
        self.stdout.write(f"demonstration tenant {DEMO_TENANT} on platform {line[2].moid}")


# ---- the tree -----------------------------------------------------------------------------------


def _tree(sites: list[dict[str, str]]) -> list[Domain]:
    """Create the domains from the core down to the tenant, and return them in this order.

    Without sites one deployment is core and platform.
    """
    core_moid = {"moid": own_platform()} if sites else {}
    core = _domain(CoreDomain, {"parent": None}, name="Core", **core_moid)
    service = _domain(ServiceDomain, {"name": "Demo service", "parent": core})
    sites = sites or [{"moid": own_platform(), "name": settings.SITE_NAME}]
    platforms = [_platform(n, site, service) for n, site in enumerate(sites)]
    _back_one_another(platforms)
    first = platforms[0]
    place = {"name": "Demo tenant", "parent": service, "platform": first}
    return [core, service, first, _domain(UserDomain, {"moid": DEMO_TENANT}, **place)]


def _back_one_another(platforms: list[Domain]) -> None:
    """Let each platform be backed up by the others, unless it has backups."""
    for platform in platforms:
        others = [other.moid for other in platforms if other is not platform]
        if others and not BackupPlatform.objects.filter(platform_id=platform.moid).exists():
            change.save_backups(platform.moid, others)


def _platform(number: int, site: dict[str, str], service: Domain) -> Domain:
    """Create a platform domain with a room, or update its addresses."""
    addresses = {name: site[name] for name in ADDRESSES if name in site}
    more = {"name": site["name"], "parent": service, "e164_prefix": str(PREFIX + 10 * number)}
    platform = _domain(PlatformDomain, {"moid": site["moid"]}, **more, **addresses)
    if any(getattr(platform, name) != address for name, address in addresses.items()):
        change.change(platform.moid, **addresses)
    if not MachineRoom.objects.filter(platform_id=platform.moid).exists():
        change.save_room(MachineRoom(platform_id=platform.moid, is_default=True, name="Room 1"))
    return platform


def _domain(kind: type[Domain], identity: dict[str, Any], **more: Any) -> Domain:
    """Return the domain with these fields, created if it is missing."""
    domain: Domain | None = kind._default_manager.filter(**identity).first()
    return domain or change.save_domain(kind(**identity, **more))


# ---- who signs in -------------------------------------------------------------------------------


def _people(
    line: list[Domain], previous: dict[str, Any], *, with_administrators: bool
) -> dict[str, Any]:
    core, service, platform, tenant = line
    wanted = [("operator", "admin", core), ("user", "anna", tenant), ("user", "ben", tenant)]
    if with_administrators:
        wanted += [
            ("core administrator", "core-admin", core),
            ("service administrator", "service-admin", service),
            ("platform administrator", "platform-admin", platform),
            ("user domain administrator", "tenant-admin", tenant),
        ]
    passwords = {a["username"]: a["password"] for a in previous.get("accounts", [])}
    return {
        "accounts": [_account(*person, passwords.get(person[1])) for person in wanted],
        "api_key": _key(tenant, previous.get("api_key")),
        "platformmoid": platform.moid,
    }


def _account(role: str, username: str, domain: Domain, password: str | None) -> dict[str, str]:
    """Create an account or set its password, and return how to sign in with it."""
    has_password, password = password is not None, password or secrets.token_urlsafe(9)
    account = Account.objects.filter(username=username).first()
    if account is None:
        account = people.create(
            password,
            username=username,
            domain=domain,
            is_staff=role != "user",
            is_superuser=role == "operator",
        )
    elif not has_password:
        people.set_password(account.moid, password)
    return {
        "role": role,
        "username": username,
        "password": password,
        "userdomainmoid": account.domain_id or domain.moid,
    }


def _key(tenant: Domain, previous: dict[str, str] | None) -> dict[str, str]:
    pair = previous or {
        "oauth_consumer_key": secrets.token_hex(8),
        "oauth_consumer_secret": secrets.token_hex(16),
    }
    key, secret = pair["oauth_consumer_key"], hash_secret(pair["oauth_consumer_secret"])
    if not ApiKey.objects.filter(key=key).exists():
        change.save_key(ApiKey(key=key, secret_hash=secret, domain=tenant, name="Demo key"))
    return pair
