"""`manage.py load_demo`: a first tree with one tenant, its people, and a key for programs."""

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
    """Load the demonstration tenant; a second run changes nothing but addresses."""

    help = "Load a demonstration tenant under the evaluation licence, and say how to sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which platforms there are, and where the accounts are written to."""
        parser.add_argument("--out", type=Path, help="file for accounts and API key (mode 0600)")
        parser.add_argument(
            "--platform",
            action="append",
            type=json.loads,
            default=[],
            help="at the core, for each site, the first with the tenant: JSON with moid, name, and"
            f" without credentials {', '.join(ADDRESSES)}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the tree, then the people; passwords are kept in the file only."""
        out: Path | None = options["out"]
        known = json.loads(out.read_text()) if out and out.exists() else {}
        with transaction.atomic():
            line = _tree(options["platform"])
            transaction.on_commit(partial(redis_projection.rebuild, own_platform()))
            found = _people(line, known, with_administrators=bool(options["platform"]))
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.touch(mode=0o600)
            out.write_text(json.dumps(found, indent=1))
            os.chmod(out, 0o600)
        self.stdout.write(f"demonstration tenant {DEMO_TENANT} on platform {line[2].moid}")


# ---- the tree -----------------------------------------------------------------------------------


def _tree(sites: list[dict[str, str]]) -> list[Domain]:
    """From the core down to the tenant. Without sites this deployment is core and platform in one."""
    core_moid = {"moid": own_platform()} if sites else {}
    core = _domain(CoreDomain, {"parent": None}, name="Core", **core_moid)
    service = _domain(ServiceDomain, {"name": "Demo service", "parent": core})
    sites = sites or [{"moid": own_platform(), "name": settings.SITE_NAME}]
    found = [_platform(n, site, service) for n, site in enumerate(sites)]
    _back_one_another(found)
    first = found[0]
    place = {"name": "Demo tenant", "parent": service, "platform": first}
    return [core, service, first, _domain(UserDomain, {"moid": DEMO_TENANT}, **place)]


def _back_one_another(platforms: list[Domain]) -> None:
    """Each platform's conferences can end up at the others, where nothing else was decided."""
    for one in platforms:
        others = [other.moid for other in platforms if other is not one]
        if others and not BackupPlatform.objects.filter(platform_id=one.moid).exists():
            change.save_backups(one.moid, others)


def _platform(number: int, site: dict[str, str], service: Domain) -> Domain:
    addresses = {name: site[name] for name in ADDRESSES if name in site}
    more = {"name": site["name"], "parent": service, "e164_prefix": str(PREFIX + 10 * number)}
    platform = _domain(PlatformDomain, {"moid": site["moid"]}, **more, **addresses)
    if any(getattr(platform, name) != address for name, address in addresses.items()):
        change.change(platform.moid, **addresses)
    if not MachineRoom.objects.filter(platform_id=platform.moid).exists():
        change.save_room(MachineRoom(platform_id=platform.moid, is_default=True, name="Room 1"))
    return platform


def _domain(kind: type[Domain], known: dict[str, Any], **more: Any) -> Domain:
    """The domain that is known by these fields, made where it is missing."""
    found: Domain | None = kind._default_manager.filter(**known).first()
    return found or change.save_domain(kind(**known, **more))


# ---- who signs in -------------------------------------------------------------------------------


def _people(
    line: list[Domain], known: dict[str, Any], *, with_administrators: bool
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
    passwords = {a["username"]: a["password"] for a in known.get("accounts", [])}
    return {
        "accounts": [_account(*one, passwords.get(one[1])) for one in wanted],
        "api_key": _key(tenant, known.get("api_key")),
        "platformmoid": platform.moid,
    }


def _account(role: str, username: str, domain: Domain, password: str | None) -> dict[str, str]:
    """A person or an administrator; the kind of the latter follows from the domain."""
    known, password = password is not None, password or secrets.token_urlsafe(9)
    account = Account.objects.filter(username=username).first()
    if account is None:
        account = people.create(
            password,
            username=username,
            domain=domain,
            is_staff=role != "user",
            is_superuser=role == "operator",
        )
    elif not known:
        people.set_password(account.moid, password)
    return {
        "role": role,
        "username": username,
        "password": password,
        "userdomainmoid": account.domain_id or domain.moid,
    }


def _key(tenant: Domain, known: dict[str, str] | None) -> dict[str, str]:
    pair = known or {
        "oauth_consumer_key": secrets.token_hex(8),
        "oauth_consumer_secret": secrets.token_hex(16),
    }
    key, secret = pair["oauth_consumer_key"], hash_secret(pair["oauth_consumer_secret"])
    if not ApiKey.objects.filter(key=key).exists():
        change.save_key(ApiKey(key=key, secret_hash=secret, domain=tenant, name="Demo key"))
    return pair
