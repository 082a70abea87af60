"""A small tree, written by the flow, in a database whose transactions are real."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import call_command

from domains.data import redis_projection
from domains.flows import change
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Domain, Level, PlatformDomain
from foundation.cells.directory import redis_of


class Place:
    """The demonstration tree, and beside it a service domain with a platform of its own."""

    def __init__(self) -> None:
        self.platform, self.tenant = str(settings.PLATFORM_MOID), DEMO_TENANT
        self.core = Domain.objects.get(level=Level.CORE).moid
        self.service = PlatformDomain.objects.get(moid=self.platform).parent_id or ""
        self.other = change.create(Level.SERVICE, name="Other", parent_id=self.core).moid
        self.away = change.create(
            Level.PLATFORM, name="Away", parent_id=self.other, e164_prefix="7700"
        ).moid


@pytest.fixture
def place(transactional_db: None) -> Place:
    """Return the place of a platform with the demonstration tree."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    redis_of(settings.PLATFORM_MOID).flushdb()
    redis_projection.rebuild(settings.PLATFORM_MOID)
    return Place()


def differing(platform: str) -> list[str]:
    """Return the MOIDs whose hashes in Redis differ from the database."""
    return [moid for moids in redis_projection.find_differing(platform) for moid in moids]
