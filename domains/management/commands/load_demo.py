"""`manage.py load_demo` creates a first tree of domains with one tenant, its people, and an API key."""

from __future__ import annotations

import json
import os
import secrets
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from domains.data import redis_projection
from domains.flows import change
from domains.flows import people as people_flow
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
FIRST_PREFIX = 8800
"""Conference numbers of the first platform begin with it; each further platform's prefix is ten higher."""

ADDRESSES = ("http_url", "broker_url", "redis_url", "database_url")


class Command(BaseCommand):
    """The command creates the demonstration tenant. A second run changes nothing but addresses of platforms."""

    help = "Load a demonstration tenant under the evaluation licence, and say how to sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options for the file of accounts, and for the platforms."""
        parser.add_argument("--out", type=Path, help="file for accounts and API key (mode 0600)")
        parser.add_argument(
            "--platform",
            action="append",
            type=json.loads,
            default=[],
            help="a site's platform domain, at the core; repeat it for each site. The first one gets the"
            f" tenant. JSON with moid, name, and, without credentials, {', '.join(ADDRESSES)}",
        )

    def handle(
        self, *args: object, out: Path | None, platform: list[dict[str, str]], **options: object
    ) -> None:
        """Create the tree, then the accounts, and write how to sign in with them to the file `--out`."""
        previous = json.loads(out.read_text()) if out and out.exists() else {}
        with transaction.atomic():
            domains = _create_tree(platform)
            transaction.on_commit(partial(redis_projection.rebuild, own_platform()))
            accounts = _create_accounts(domains, previous, with_administrators=bool(platform))
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.touch(mode=0o600)
            out.write_text(json.dumps(accounts, indent=1))
            os.chmod(out, 0o600)
        self.stdout.write(f"demonstration tenant {DEMO_TENANT} on platform {domains.platform.moid}")


# ---- the tree -----------------------------------------------------------------------------------


class DemoTree(NamedTuple):
    """Represent the domains of the demonstration tree, from the root down. The tenant is bound to `platform`."""

    core: Domain
    service: Domain
    platform: Domain
    tenant: Domain


def _create_tree(sites: list[dict[str, str]]) -> DemoTree:
    """Create the domains of the demonstration tree that do not exist yet, and return all of them.

    `sites` are the values of `--platform`. Without any, this one deployment is the root (core) and the platform.
    """
    core_moid = {"moid": own_platform()} if sites else {}
    core = _get_or_create_domain(CoreDomain, {"parent": None}, name="Core", **core_moid)
    service = _get_or_create_domain(ServiceDomain, {"name": "Demo service", "parent": core})
    sites = sites or [{"moid": own_platform(), "name": settings.SITE_NAME}]
    platforms = [_create_platform(number, site, service) for number, site in enumerate(sites)]
    _back_one_another(platforms)
    fields = {"name": "Demo tenant", "parent": service, "platform": platforms[0]}
    tenant = _get_or_create_domain(UserDomain, {"moid": DEMO_TENANT}, **fields)
    return DemoTree(core, service, platforms[0], tenant)


def _back_one_another(platforms: list[Domain]) -> None:
    """Give each platform without backups all other platforms as backups, which take over its conferences."""
    for platform in platforms:
        others = [other.moid for other in platforms if other is not platform]
        if others and not BackupPlatform.objects.filter(platform_id=platform.moid).exists():
            change.save_backups(platform.moid, others)


def _create_platform(number: int, site: dict[str, str], service: Domain) -> Domain:
    """Create the platform domain number `number` with a machine room, or update its addresses; return it.

    `site` is a value of `--platform`, `service` the domain above it.
    """
    addresses = {name: site[name] for name in ADDRESSES if name in site}
    prefix = str(FIRST_PREFIX + 10 * number)
    fields = {"name": site["name"], "parent": service, "e164_prefix": prefix, **addresses}
    platform = _get_or_create_domain(PlatformDomain, {"moid": site["moid"]}, **fields)
    if any(getattr(platform, name) != address for name, address in addresses.items()):
        change.change(platform.moid, **addresses)
    if not MachineRoom.objects.filter(platform_id=platform.moid).exists():
        change.save_room(MachineRoom(platform_id=platform.moid, is_default=True, name="Room 1"))
    return platform


def _get_or_create_domain(
    model: type[Domain], identity: dict[str, object], **fields: object
) -> Domain:
    """Return the domain of this model with the fields `identity`; if there is none, create it, with `fields` too."""
    domain: Domain | None = model._default_manager.filter(**identity).first()
    return domain or change.save_domain(model(**identity, **fields))


# ---- accounts and the API key -------------------------------------------------------------------


def _create_accounts(
    domains: DemoTree, previous: dict[str, Any], *, with_administrators: bool
) -> dict[str, object]:
    """Create the accounts and the API key, and return how to sign in with them.

    `previous` is the result of an earlier run: passwords and key in it are not changed.
    """
    core, service, platform, tenant = domains
    people = [("operator", "admin", core), ("user", "anna", tenant), ("user", "ben", tenant)]
    if with_administrators:
        people += [
            ("core administrator", "core-admin", core),
            ("service administrator", "service-admin", service),
            ("platform administrator", "platform-admin", platform),
            ("user domain administrator", "tenant-admin", tenant),
        ]
    passwords = {
        account["username"]: account["password"] for account in previous.get("accounts", [])
    }
    return {
        "accounts": [
            _create_account(role, username, domain, passwords.get(username))
            for role, username, domain in people
        ],
        "api_key": _create_api_key(tenant, previous.get("api_key")),
        "platformmoid": platform.moid,
    }


def _create_account(
    role: str, username: str, domain: Domain, password: str | None
) -> dict[str, str]:
    """Create an account, or set its password if `password` is `None`, and return how to sign in with it."""
    has_password, password = password is not None, password or secrets.token_urlsafe(9)
    account = Account.objects.filter(username=username).first()
    if account is None:
        account = people_flow.create(
            password,
            username=username,
            domain=domain,
            is_staff=role != "user",
            is_superuser=role == "operator",
        )
    elif not has_password:
        people_flow.set_password(account.moid, password)
    return {
        "role": role,
        "username": username,
        "password": password,
        "userdomainmoid": account.domain_id or domain.moid,
    }


def _create_api_key(tenant: Domain, previous: dict[str, str] | None) -> dict[str, str]:
    """Create the tenant's API key, with the key pair of an earlier run if there is one, and return the pair."""
    pair = previous or {
        "oauth_consumer_key": secrets.token_hex(8),
        "oauth_consumer_secret": secrets.token_hex(16),
    }
    key, secret = pair["oauth_consumer_key"], hash_secret(pair["oauth_consumer_secret"])
    if not ApiKey.objects.filter(key=key).exists():
        change.save_key(ApiKey(key=key, secret_hash=secret, domain=tenant, name="Demo key"))
    return pair
