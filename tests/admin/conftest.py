"""An operator, somebody who is none, and a platform on which one conference runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conferences.data import row_mapper
from conferences.models import Number, ResourceUnit
from conferences.rules.states import Conference, ConferenceState, Unit
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account
from foundation.bus.models import Parked
from foundation.cells import sql
from licensing.models import Quota
from tests.web_clients import Browser
from wire.fields import Join, WebRtc
from wire.number_registry import UsedUnit

PASSWORD, PIN, TOKEN = "pass-4711", "pin-4711", "token-4711"
NUMBER = "880000042"
UNIT = Unit("10.0.0.1", "u1")


@pytest.fixture
def operator(platform: str, client: Browser) -> Browser:
    """Return a browser in which an operator has logged in."""
    client.force_login(Account.objects.get(username="admin"))
    return client


@pytest.fixture
def person(platform: str) -> Browser:
    """Return a browser in which a person without rights has logged in."""
    client = Browser()
    client.force_login(Account.objects.get(username="anna"))
    return client


def conference_row(platform: str, **more: Any) -> Conference:
    """Return a running conference, written with its seat and its number."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "confid": "c0ffee00c0ffee00c0ffee00c0ffee00",
        "e164": NUMBER,
        "shortnum": "00042",
        "name": "Board <meeting>",
        "source_platform": platform,
        "hosting_platform": platform,
        "user_domain": DEMO_TENANT,
        "creator_name": "anna",
        "password": PASSWORD,
        "created_at": now - timedelta(minutes=5),
        "started_at": now - timedelta(minutes=5),
        "placed_at": now - timedelta(minutes=5),
        "ends_at": now + timedelta(hours=1),
        "state": ConferenceState.RUNNING,
        "unit": UNIT,
        "units": (
            UsedUnit(ip=UNIT.ip, pid=UNIT.pid or None, since=now.isoformat(timespec="seconds")),
        ),
        "join": Join(webrtc=WebRtc(url="wss://unit/", audioroom=42, pin=PIN, token=TOKEN)),
        **more,
    }
    c = Conference(**values)
    sql.insert("default", "conferences_conference", row_mapper.COLUMNS, [row_mapper.to_row(c)])
    if c.live:
        Number.objects.create(e164=c.e164, incarnation=1, taken=True)
        for owner in (platform, DEMO_TENANT):
            Quota.objects.update_or_create(owner=owner, defaults={"small_used": 1})
    return c


@pytest.fixture
def running(platform: str) -> Conference:
    """Return the conference that runs."""
    return conference_row(platform)


@pytest.fixture
def unit(platform: str) -> ResourceUnit:
    """Return a simulated unit that has registered."""
    return ResourceUnit.objects.create(
        restype="mcu",
        ip=UNIT.ip,
        pid=UNIT.pid,
        platform=platform,
        capacity={"confs": 20, "ports": 190, "hd": 20},
        labels={"simulated": True},
        registered_at=datetime.now(UTC),
    )


@pytest.fixture
def parked(platform: str) -> Parked:
    """Return a message that could not be handled."""
    return Parked.objects.create(
        id=1,
        queue="MAU.CMMAU.Q",
        reason="confname: must be a string",
        wire_type="CM_MAU_CREATECONF_REQ",
        body=b'{"type": "CM_MAU_CREATECONF_REQ", "confname": 5, "password": "pass-4711"}',
        properties={"reply_to": "asker", "correlation_id": "one", "app_id": "cm"},
        parked_at=datetime.now(UTC),
    )
