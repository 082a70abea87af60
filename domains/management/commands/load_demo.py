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

from confplatform.stores.directory import own_platform
from domains import projection
from domains.models import (
    Account,
    ApiKey,
    CoreDomain,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
    hashed,
)

DEMO_TENANT = "10000000-0000-4000-8000-000000000001"


class Command(BaseCommand):
    """Load the demonstration tenant; a second run changes nothing."""

    help = "Load a demonstration tenant under the evaluation licence, and say how to sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the accounts are written to."""
        parser.add_argument("--out", type=Path, help="file for accounts and API key (mode 0600)")
        parser.add_argument("--prefix", default="8800", help="number prefix of this platform")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the tree, then the people; passwords are kept in the file only."""
        out: Path | None = options["out"]
        known = json.loads(out.read_text()) if out and out.exists() else {}
        with transaction.atomic():
            tenant = self._tree(options["prefix"])
            transaction.on_commit(partial(projection.rebuild, own_platform()))
            found = self._people(tenant, known)
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.touch(mode=0o600)
            out.write_text(json.dumps(found, indent=1))
            os.chmod(out, 0o600)
        self.stdout.write(
            f"demonstration tenant {tenant.moid} on platform {settings.PLATFORM_MOID}"
        )

    def _tree(self, prefix: str) -> UserDomain:
        core, _ = CoreDomain.objects.get_or_create(parent=None, defaults={"name": "Core"})
        service, _ = ServiceDomain.objects.get_or_create(name="Demo service", parent=core)
        platform, _ = PlatformDomain.objects.get_or_create(
            moid=settings.PLATFORM_MOID,
            defaults={"name": settings.SITE_NAME, "parent": service, "e164_prefix": prefix},
        )
        MachineRoom.objects.get_or_create(
            platform=platform, is_default=True, defaults={"name": "Room 1"}
        )
        tenant, _ = UserDomain.objects.get_or_create(
            moid=DEMO_TENANT,
            defaults={"name": "Demo tenant", "parent": service, "platform": platform},
        )
        return tenant

    def _people(self, tenant: UserDomain, known: dict[str, Any]) -> dict[str, Any]:
        passwords = {a["username"]: a["password"] for a in known.get("accounts", [])}
        accounts = []
        for role, username in (("operator", "admin"), ("user", "anna"), ("user", "ben")):
            operator = role == "operator"
            account, made = Account.objects.get_or_create(
                username=username,
                defaults={"is_staff": operator, "is_superuser": operator, "domain": tenant},
            )
            password = passwords.get(username) or secrets.token_urlsafe(9)
            if made or username not in passwords:
                account.set_password(password)
                account.save()
            accounts.append(
                {
                    "role": role,
                    "username": username,
                    "password": password,
                    "userdomainmoid": tenant.moid,
                }
            )
        return {
            "accounts": accounts,
            "api_key": self._key(tenant, known.get("api_key")),
            "platformmoid": settings.PLATFORM_MOID,
        }

    def _key(self, tenant: UserDomain, known: dict[str, str] | None) -> dict[str, str]:
        pair = known or {
            "oauth_consumer_key": secrets.token_hex(8),
            "oauth_consumer_secret": secrets.token_hex(16),
        }
        ApiKey.objects.update_or_create(
            key=pair["oauth_consumer_key"],
            defaults={
                "secret_hash": hashed(pair["oauth_consumer_secret"]),
                "domain": tenant,
                "name": "Demo key",
            },
        )
        return pair
