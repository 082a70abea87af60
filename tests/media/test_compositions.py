"""A unit with the role `mps` makes one video stream of the pictures of a conference, which viewers watch and decode."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.media.conftest import Platform, Unit, create, lives
from tests.media.people import Person, Refused, until
from tests.media.test_monitors import HERE, PICTURE, Receiver, starts
from tests.media.viewers import BLUE, RED, Viewer, side_by_side

Body = dict[str, Any]
COMPOSER_DIED = 20902
ME = {"ip": "127.0.0.1", "pid": "u1"}


@pytest.fixture
async def unit(units: Callable[[str], Unit], platform_side: Platform) -> Unit:
    """Return a running unit that may compose the pictures of one conference."""
    started = await units("u1").start(CMU_CAPACITY_COMPOSITIONS="1", MONITOR_NETWORKS=HERE)
    registered = await platform_side.hears("RMS_NODE_REGISTER_NTF", restype="mps")
    assert registered["capacity"]["confs"] == 1
    return started


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = await Receiver().open()
    yield receiver
    receiver.close()


def shown(left: str, right: str) -> Body:
    """Return the changes of an arrangement by which two terminals are shown beside each other."""
    return {"layout": side_by_side(left, right)}


async def hears_composed(platform_side: Platform, value: int) -> None:
    """Wait for a report that says so of the conference's composed picture: 1, it is made; or why not."""
    while True:
        notice = await platform_side.hears("MCU_MAU_CONFSTATECHANGE_NTF", confE164="8800001")
        if notice["settings"].get("composed") == value:
            return


def composer_of(unit: Unit) -> int:
    """Return the process id of the composer that was started last."""
    return int(re.findall(r"composed by process (\d+)", unit.log())[-1])


async def test_a_composed_picture_follows_the_layout_and_outlives_its_process(
    unit: Unit, platform_side: Platform, receiver: Receiver
) -> None:
    ack = await platform_side.creates("u1", mps=ME, hasxmpu=1)
    anna = await Person("anna", 440, camera=RED).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: sum(m["online"] for m in mts) == 1)
    ben = await Person("ben", 880, camera=BLUE).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: sum(m["online"] for m in mts) == 2)
    await platform_side.controls("u1", "ARRANGE", changes=shown("1", "2"))
    viewer = await Viewer().watch(ack["join"])
    assert await viewer.sees(RED, BLUE), unit.log()
    assert await viewer.hears(440)
    assert await viewer.hears(880)
    await hears_composed(platform_side, 1)
    await platform_side.controls("u1", "ARRANGE", changes=shown("2", "1"))
    assert await viewer.sees(BLUE, RED), unit.log()

    first = composer_of(unit)
    os.kill(first, signal.SIGKILL)
    assert await until(lambda: composer_of(unit) != first)
    await hears_composed(platform_side, COMPOSER_DIED)
    await platform_side.controls("u1", "ARRANGE", changes=shown("1", "2"))
    assert await viewer.sees(RED, BLUE), unit.log()

    assert (await starts(platform_side, "", receiver, PICTURE))["payload"] == 96
    assert await until(lambda: len(receiver.packets) > 20)
    stranger = Viewer()
    with pytest.raises(Refused):
        await stranger.watch(ack["join"], id="another")

    drop = {"type": "MAU_MCU_RELEASECONF_CMD", "confE164": "8800001", "incarnation": 1}
    await platform_side.tell("u1", drop)
    second = composer_of(unit)
    assert await until(lambda: not lives(second))
    await _is_composed_again_after_a_move(unit, platform_side)
    for person in (anna, ben, viewer, stranger):
        await person.leave()


async def _is_composed_again_after_a_move(unit: Unit, platform_side: Platform) -> None:
    """Assert that a conference which is restored with its layout has a composed picture without anybody's order."""
    former = composer_of(unit)
    settings = {"mute": 0, "silence": 0, **shown("1", "2")}
    moved = create("8800001", 3, mps=ME, hasxmpu=1, settings=settings)
    await platform_side.tell("u1", moved | {"type": "MAU_CMU_RESTORECONF_REQ", "restored": 1})
    ack = await platform_side.hears("CMU_MAU_RESTORECONF_ACK", incarnation=3)
    assert await until(lambda: composer_of(unit) != former)
    red = await Person("anna", 440, camera=RED).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: sum(m["online"] for m in mts) == 1)
    blue = await Person("ben", 880, camera=BLUE).join(ack["join"])
    viewer = await Viewer().watch(ack["join"])
    assert await viewer.sees(RED, BLUE), unit.log()
    for person in (red, blue, viewer):
        await person.leave()
