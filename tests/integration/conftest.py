"""A provisioned platform that several threads may use, and messages handed straight to the dispatch."""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as base
from django.core.management import call_command
from django.db import connections
from pytest_django import Settings

from conferences.api import pool_requests
from conferences.data import platform_resolver
from conferences.flows import takeover, units
from domains.management.commands.load_demo import DEMO_TENANT
from foundation.bus.delivery import Delivery, Outcome
from foundation.bus.dispatch import handle_for_platform
from foundation.bus.envelope import Envelope
from foundation.bus.message import dumps
from foundation.bus.models import Outbox
from foundation.cells import directory
from licensing.models import Licence, Quota
from tests import licences
from tests.integration.two_sites import WEST, TwoSites, copy_tables
from wire.routes import Routes

Body = dict[str, Any]


@pytest.fixture
def two(place: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSites]:
    """Return east and west, each with one unit and no conference."""
    from domains.flows import change
    from domains.models import PlatformDomain, ServiceDomain
    from licensing.models import Licence

    service = ServiceDomain.objects.get()
    change.save_domain(PlatformDomain(moid=WEST, name="west", parent=service, e164_prefix="8810"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    copy_tables("default", "west")
    with connections["west"].cursor() as cursor:
        cursor.execute("UPDATE stores_cell SET platform=%s, owner=%s", [WEST, WEST])
        cursor.execute("UPDATE conferences_numbercursor SET platform=%s", [WEST])
    assert Licence.objects.exists()
    other = base.REDIS_URL.rpartition("/")[0] + f"/{worker + 9}"
    settings.ROLES = frozenset({"css", "rms", "cm"})
    for module, name, value in (
        (platform_resolver, "_prefixes", (0.0, {})),
        (pool_requests, "_rooms_cache", {}),
        (units, "_draining", {}),
        (takeover, "_prepared_epochs", {}),
    ):
        monkeypatch.setattr(module, name, value)
    directory.store_of.cache_clear()
    directory.redis_of.cache_clear()
    settings.PLATFORM_STORES = {place: ("default", base.REDIS_URL), WEST: ("west", other)}
    directory.redis_of(WEST).flushdb()
    try:
        yield TwoSites(place, (base.REDIS_URL, other))
    finally:
        directory.store_of.cache_clear()
        directory.redis_of.cache_clear()


@pytest.fixture
def place(transactional_db: None) -> str:
    """Return the MOID of a platform whose licence allows 60 small conferences and 2 large ones."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    licence = licences.licence(base.PLATFORM_MOID, 1, small=60, large=2)
    Licence.objects.create(**licences.row_of(licence, licences.text_of(licence)))
    return str(base.PLATFORM_MOID)


def delivery(body: Body, queue: str = Routes.CM_TO_CSS.value.queue, **envelope: Any) -> Delivery:
    """Return a message as the broker would hand it over."""
    fields = {"queue": queue, "app_id": "cm", "message_id": uuid.uuid4().hex, **envelope}
    return Delivery(dumps(body), Envelope(**fields))


def create(reqid: str, **fields: Any) -> Delivery:
    """Return a create request."""
    body = {"type": "CM_MAU_CREATECONF_REQ", "reqid": reqid, "moid": DEMO_TENANT, "confname": "x"}
    return delivery({**body, **fields}, reply_to="asker", correlation_id=reqid)


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `count` workers at the same moment, each with database connections of its own."""
    start, results = threading.Barrier(count), [None] * count

    def one(number: int) -> None:
        start.wait()
        try:
            results[number] = work(number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def do(platform: str, *deliveries: Delivery) -> Outcome:
    """Handle one batch."""
    return handle_for_platform(platform, deliveries, publish_inline=True)


def seats(platform: str) -> int:
    """Return how many seats of small conferences are taken on the platform."""
    quota = Quota.objects.filter(owner=platform).first()
    return quota.small_used if quota else 0


def sent_codes() -> list[str]:
    """Return the error codes of all refusals to managers, in order."""
    bodies = [json.loads(bytes(row.body)) for row in Outbox.objects.order_by("id")]
    return [b["errcode"] for b in bodies if b["type"] == "MAU_CM_CREATECONF_NACK"]
