"""The page of the outbox says for whom messages wait, and since when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import Settings

from foundation import clock
from foundation.bus.models import Outbox
from tests.web_clients import Browser

PEER = "20000000-0000-4000-8000-000000000002"


@pytest.fixture
def waiting(platform: str, settings: Settings) -> None:
    """Write a row for ourselves, an old one for a peer, and one for a platform without a known broker."""
    settings.PEERS = {PEER: "amqp://peer"}
    now = clock.now()
    for destination, minutes in (("", 0), (PEER, 5), ("nobody", 0)):
        Outbox.objects.create(
            id=clock.id_at(now - timedelta(minutes=minutes)) + len(destination),
            destination=destination,
            routing_key=f"for:{destination}",
            body=b"{}",
            properties={},
            due_at=now,
        )


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"for:", f"for:{PEER}", "for:nobody"}),
        ("?to=own", {"for:"}),
        (f"?to={PEER}", {f"for:{PEER}"}),
        ("?to=nobody", {"for:nobody"}),
        ("?older=60", {f"for:{PEER}"}),
    ],
)
def test_the_outbox_is_filtered_by_destination_and_age(
    operator: Browser, waiting: None, query: str, shown: set[str]
) -> None:
    page = operator.get(f"/admin/bus/outbox/{query}")
    assert page.status_code == 200
    assert {row.routing_key for row in page.context["cl"].result_list} == shown
