"""Recordings from the unit to people: two units, two people, one Janus killed with -9, one film."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import av
import numpy as np
import orjson
import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from pytest_django import Settings

from conferences.data import film_jobs
from conferences.data.film_program import make_film
from conferences.flows import make_films
from conferences.models import Recording, RecordingSegment
from conferences.rules.recordings import JOB_SILENT
from foundation import clock
from foundation.bus.dispatch import handle_for_platform
from foundation.bus.models import Outbox
from foundation.cells.directory import own_platform
from tests.admin.conftest import conference_row
from tests.integration.conftest import delivery
from tests.media.conftest import Platform, Unit, create
from tests.media.people import PATIENCE, Person, loud_tones
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
    await sync_to_async(see_the_film)(recording.id, next(store.glob(f"*/{recording.id}")))


def see_the_film(recording: str, folder: Path) -> None:
    """Let a worker die in the middle of the film, and another one finish it; look at it and hear it."""
    assert make_films.take_due(own_platform()) == [recording]
    assert make_films.take_due(own_platform()) == []
    job = film_jobs.claim(own_platform(), recording)
    assert job
    assert film_jobs.claim(own_platform(), recording) is None
    work = make_film(folder, job.folders)
    first = folder / "parts" / f"{job.folders[0].name}.mp4"
    while not first.exists():
        next(work)
    work.close()
    os.utime(first, (1, 1))
    died = Recording.objects.filter(state="running")
    died.update(working_at=clock.now() - JOB_SILENT - JOB_SILENT)
    assert make_films.take_due(own_platform()) == [recording]
    kept: list[float] = []
    tidy = mock.Mock(side_effect=lambda *_, **__: kept.append(first.stat().st_mtime))
    with mock.patch("shutil.rmtree", tidy):
        make_films.make(own_platform(), recording)
    assert kept == [1.0]  # what the first worker had made was used
    done = Recording.objects.get()
    assert (done.state, done.attempts, done.progress, done.error) == ("done", 2, 100, "")
    film = folder / "film.mp4"
    assert done.film_bytes == film.stat().st_size
    content = film.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it plays before all of it has come
    with av.open(str(film)) as container:
        sound = np.concatenate([one.to_ndarray()[0] for one in container.decode(audio=0)]) * 32768
    assert [loud_tones(half, 48000) for half in np.array_split(sound, 2)] == [{440, 880}] * 2
    with av.open(str(film)) as container:
        assert colours(container) >= {"red", "blue"}
    assert (folder / "thumbnail.webp").stat().st_size > 0
    see_hls_and_chapters(folder)


def see_hls_and_chapters(folder: Path) -> None:
    """Play the film by HLS, and look at its first chapter."""
    with (
        av.open(str(folder / "film.m3u8")) as streamed,
        av.open(str(folder / "film.mp4")) as whole,
    ):
        counts = [sum(1 for _ in film.decode(video=0)) for film in (streamed, whole)]
        assert counts[0] == counts[1] > 0, "HLS has all pictures of the film"
    chapters = orjson.loads((folder / "chapters.json").read_bytes())

    assert (chapters[0]["at"], chapters[0]["kind"]) == (0.0, "begin")


def colours(container: av.container.InputContainer) -> set[str]:
    """Return which colours of the cameras are seen at once in any picture of the film."""
    seen: set[str] = set()
    for number, picture in enumerate(container.decode(video=0)):
        if number % 15 == 0:
            red, _, blue = np.moveaxis(picture.to_ndarray(format="rgb24").astype(int), 2, 0)
            here = {"red": np.sum(red - blue > 100), "blue": np.sum(blue - red > 100)}
            if min(here.values()) > 10_000:
                seen |= here.keys()
    return seen
