"""A table is locked for long: who asks is answered in time, pages of health at once, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.http import HttpRequest

from conferences.models import Conference
from domains.management.commands.load_demo import DEMO_TENANT
from foundation.bus.delivery import DatabaseAway
from foundation.bus.gateway import COMMIT_SECONDS, Gateway
from foundation.bus.models import Parked
from foundation.cells import patience
from foundation.web import health
from im.flows.pipeline import Pipeline
from tests.integration.conftest import create, do
from wire.conference_manager import CreateConference, Creator

pytestmark = pytest.mark.xdist_group("integration")
QUICK = patience.Patience(answer=4, lock=1)


@pytest.fixture(autouse=True)
def _quick(transactional_db: None) -> Iterator[None]:
    options = {alias: dict(connections.settings[alias]["OPTIONS"]) for alias in connections}
    patience.set_time_limits(QUICK)
    yield
    connections.close_all()
    for alias, before in options.items():
        connections.settings[alias]["OPTIONS"] = before


@contextmanager
def locked(*tables: str) -> Iterator[None]:
    """Lock the tables, as somebody does who saves or changes them."""
    other: Any = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLES " + ", ".join(f"{table} WRITE" for table in tables))
            yield
    finally:
        other.close()


def test_messages_wait_in_their_queue_and_are_not_parked(place: str) -> None:
    with locked("conferences_conference"):
        began = time.monotonic()
        with pytest.raises(DatabaseAway):
            do(place, create("one"))
        assert time.monotonic() - began < 10 * QUICK.lock
    assert not Parked.objects.exists()
    do(place, create("one"))
    assert Conference.objects.count() == 1


def test_who_asks_over_http_is_refused_in_time_and_then_at_once(place: str) -> None:
    gateway = Gateway()
    command = CreateConference(user_domain=DEMO_TENANT, name="x", creator=Creator(moid="m"))
    with locked("conferences_conference", "bus_inbox"):
        began = time.monotonic()
        with pytest.raises(DatabaseError):
            gateway.ask(command, 0.1)
        assert time.monotonic() - began < COMMIT_SECONDS
        assert health.healthz(HttpRequest()).status_code == 200
    assert gateway.ask(command, 0.1).created_conference


def test_the_page_of_readiness_answers_while_its_table_is_locked(place: str) -> None:
    with locked("stores_cell"):
        began = time.monotonic()
        assert health.readyz(HttpRequest()).status_code == 503
        assert time.monotonic() - began < 5 * QUICK.lock


def test_a_center_waits_before_it_takes_what_it_could_not_store(place: str) -> None:
    """The broker discards what was delivered in vain too often."""
    pipeline = Pipeline(lambda user: None)
    pipeline.check_ready()
    with locked("bus_outbox"), pytest.raises(DatabaseError):
        pipeline.check_ready()
