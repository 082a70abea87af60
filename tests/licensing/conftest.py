"""A provisioned platform with its evaluation licence, and the doors through which licences come."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from foundation.bus.delivery import Delivery
from foundation.bus.models import Outbox
from licensing.data import trusted_keys
from licensing.models import Licence as Row
from licensing.rules.licence_text import Licence
from tests import licences
from tests.integration.conftest import Body, delivery
from wire.routes import Routes

Import = Callable[[str], str]


@pytest.fixture
def east(transactional_db: None) -> str:
    """Return the MOID of a platform that was set up a moment ago."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    trusted_keys._cache.clear()
    return str(settings.PLATFORM_MOID)


@pytest.fixture
def bring(tmp_path: Path) -> Import:
    """Run `manage.py license_import`, and return its output. Raises CommandError."""

    def run(text: str) -> str:
        file, out = tmp_path / "licence", io.StringIO()
        file.write_text(text)
        call_command("license_import", str(file), stdout=out)
        return out.getvalue()

    return run


def in_days(days: float) -> datetime:
    """Return a moment so far from now, in whole seconds."""
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)


def text(platform: str, issue: int = 1, **fields: Any) -> str:
    """Return a licence of the tests' core."""
    return licences.text_of(
        licences.licence(platform, issue, **{"small": 30, "large": 3, **fields})
    )


def put(licence: Licence, sealed: str = "", **columns: Any) -> None:
    """Write a row into the database, with any values."""
    row = licences.row_of(licence, sealed or licences.text_of(licence))
    Row.objects.create(**{**row, **columns})


def from_bmc(platform: str, license: str) -> Delivery:
    """Return a licence from BMC."""
    body: Body = {"type": "BMC_CSS_LICENSE_NTF", "platformmoid": platform, "license": license}
    return delivery(body, Routes.LICENCE_NOTICE.value.queue)


def sent_messages(kind: str = "PLATFORM_LICENSE_NTF") -> list[Body]:
    """Return the messages of this type that were sent, in order."""
    bodies = [json.loads(bytes(row.body)) for row in Outbox.objects.order_by("id")]
    return [body for body in bodies if body["type"] == kind]
