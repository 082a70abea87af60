"""A unit's connections: to the broker, which come and go, and those of participants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.media.conftest import Platform, Unit, create
from tests.media.people import AUDIO, Session
from tests.media.test_agent import holds


async def test_a_unit_whose_consumer_is_cancelled_hears_again(
    unit: Unit, platform_side: Platform
) -> None:
    await platform_side.creates("u1")
    platform_side.said.clear()
    await platform_side.delete_queue("u1")
    await platform_side.hears("RMS_NODE_REGISTER_NTF", restype="mcu")
    assert await holds(platform_side, {"8800001": 1})
    await platform_side.creates("u1", "2")


async def test_a_unit_may_have_an_address_of_ipv6(
    units: Callable[[str], Unit], platform_side: Platform
) -> None:
    await units("u1").start(CMU_IP="::1")
    await platform_side.hears("CMU_MAU_CONFLIST_NTF", ip="::1")
    await platform_side.tell("u1", create("1", 1), ip="::1")
    ack = await platform_side.hears("MCU_MAU_CREATECONF_ACK", confE164="1")
    session = await Session(ack["join"]["webrtc"]).open()
    assert ack["join"]["webrtc"]["url"].startswith("ws://[::1]:")
    await session.attach(AUDIO)
    await session.close()


async def test_a_connection_that_is_cut_is_made_again(
    unit: Unit, platform_side: Platform, broker: str, cut: Callable[[], Awaitable[None]]
) -> None:
    await platform_side.creates("u1")
    await cut()
    again = await Platform(broker).open()
    try:
        await again.hears("RMS_NODE_STATE_NTF", load={"confs": 1, "ports": 8, "hd": 0}, pid="u1")
        assert await holds(again, {"8800001": 1})
        await again.creates("u1", "2")
    finally:
        await again.close()
