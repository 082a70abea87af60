"""Recordings from the unit to people: two units, two people, one Janus killed with -9, one film."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from pytest_django import Settings

from conferences.models import Recording, RecordingSegment
from foundation.bus.dispatch import handle_for_platform
from foundation.bus.models import Outbox
from foundation.cells.directory import own_platform
from tests.admin.conftest import conference_row
from tests.integration.conftest import delivery
from tests.media.conftest import Platform, Unit, create
from tests.media.people import PATIENCE, Person
from wire.routes import Routes

NUMBER = "8800042"


@pytest.fixture
def store(transactional_db: None, live_server: Any, settings: Settings, tmp_path: Path) -> Path:
    """Provision a platform whose web server receives segments into the returned folder."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    settings.PUBLIC_URL, settings.RECORDINGS = live_server.url, str(tmp_path)
    conference_row(own_platform(), confid="held", e164=NUMBER)
    return tmp_path


@sync_to_async
def schedule(body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Let the scheduler handle a unit's message; return its commands to units, by routing key."""
    message = delivery(body, Routes.UNIT_TO_CSS.value.queue, app_id="cmu@127.0.0.1")
    handle_for_platform(own_platform(), [message], publish_inline=False)
    rows = [(row.routing_key, orjson.loads(bytes(row.body))) for row in Outbox.objects.all()]
    Outbox.objects.all().delete()
    return rows


async def move_all(platform_side: Platform, moved: int) -> None:
    """Be the scheduler until the store has so many segments, and the units have deleted theirs."""
    while True:
        body = await platform_side.hears("MCU_MAU_SEGMENT_NTF")
        for key, command in await schedule(body):
            await platform_side.tell(key.rpartition(":")[2], command)
            moved -= command["moved"]
        if not moved:
            return


async def test_segments_come_to_the_store_also_from_a_janus_that_was_killed(
    store: Path,
    unit: Unit,
    units: Callable[[str], Unit],
    platform_side: Platform,
) -> None:
    second = await units("u2").start()
    known: dict[str, Any] = {"confid": "held", "record": 1}
    ack = await platform_side.creates("u1", NUMBER, vrs={"ip": "127.0.0.1", "pid": "u1"}, **known)
    anna = await Person("anna", 440, (200, 40, 40)).join(ack["join"])
    ben = await Person("ben", 880, (40, 60, 200)).join(ack["join"])
    try:
        assert await anna.hears(880)
        assert await anna.hears_on(100)
        unit.kill_janus()
        await platform_side.hears("RMS_NODE_UNREGISTER_NTF", restype="mcu", pid="u1")
        vrs = {"ip": "127.0.0.1", "pid": "u2"}
        restore = create(NUMBER, 2, vrs=vrs, **known) | {"type": "MAU_CMU_RESTORECONF_REQ"}
        await platform_side.tell("u2", restore | {"restored": 1, "started": "", "speaker": ""})
        ack = await platform_side.hears("CMU_MAU_RESTORECONF_ACK", confE164=NUMBER)
        await anna.rejoin(ack["join"])
        await ben.rejoin(ack["join"])
        assert await ben.hears(440)
        assert await ben.hears_on(100)
    finally:
        await anna.leave()
        await ben.leave()
    drop = {"type": "MAU_MCU_RELEASECONF_CMD", "confE164": NUMBER, "incarnation": 2}
    await platform_side.tell("u2", drop)
    async with asyncio.timeout(PATIENCE):
        await move_all(platform_side, 2)
        folders = [one.directory / "rec" / "held" for one in (unit, second)]
        while any(folder.exists() for folder in folders):
            await asyncio.sleep(0.05)
    listed = RecordingSegment.objects.values_list("incarnation", "unit_pid", "state")
    assert [row async for row in listed] == [(1, "u1", "moved"), (2, "u2", "moved")]
    recording = await Recording.objects.aget()
    names = sorted(path.name for path in store.glob(f"*/{recording.id}/segments/*/*"))
    assert {"audio.wav.tmp", "audio.wav", "segment.json"} <= set(names)
    assert len([name for name in names if ".mjr" in name]) == 4
