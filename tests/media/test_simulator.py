"""Simulated media units on a real RabbitMQ: what others see of them."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from foundation import clock
from foundation.bus import outbox
from foundation.bus.amqp import Publisher, close, connect
from media_unit.simulated_faults import FaultOrder, FaultyUnit
from media_unit.simulated_unit import SimulatedUnit, UnitDescription
from media_unit.simulator import Simulator, send_fault_orders
from wire.routes import Routes, unit_key, unit_queue

URL = os.environ.get("TEST_AMQP_URL") or os.environ.get("AMQP_URL") or ""
pytestmark = pytest.mark.skipif(not URL, reason="AMQP_URL is not set")

RUN = uuid.uuid4().hex[:8]
IP = f"sim-{RUN}"
"""Of this test alone: other tests use the same broker at the same time."""

Body = dict[str, Any]


class Platform:
    """The other side of the wire: it hears all that the units say, and commands them."""

    def __init__(self) -> None:
        self.heard: list[tuple[Body, Body]] = []
        self.publisher = Publisher(URL)
        self.incoming = connect(URL)
        self.channel = self.incoming.channel()
        queue = f"test.simulator.{RUN}"
        self.channel.queue_declare(queue, exclusive=True)
        for route in (Routes.UNIT_TO_CSS.value, Routes.NODE_TO_RMS.value):
            self.channel.exchange_declare(
                route.exchange, route.kind, durable=True, auto_delete=False
            )
            self.channel.queue_bind(queue, route.exchange, route.key)
        self.channel.basic_consume(queue, callback=self._hear, no_ack=True)

    def _hear(self, delivery: Any) -> None:
        if (body := orjson.loads(delivery.body)).get("ip") == IP:
            self.heard.append((body, delivery.properties))

    def tell(self, pid: str, body: Body, correlation_id: str = "") -> None:
        exchange = Routes.CSS_TO_UNIT.value.exchange
        now, key, raw = clock.now(), unit_key(IP, pid), orjson.dumps(body)
        row = outbox.new_row(raw, exchange, key, now, "css@p1", correlation_id=correlation_id)
        self.publisher.publish([row])

    def wait(self, wanted: Callable[[Body], bool]) -> tuple[Body, Body]:
        """Return the first message that matches, and forget it with all before it."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for i, (body, properties) in enumerate(self.heard):
                if wanted(body):
                    del self.heard[: i + 1]
                    return body, properties
            try:
                self.incoming.drain_events(timeout=1)
            except TimeoutError:
                continue
        raise AssertionError(f"not heard; but {self.heard}")

    def close(self) -> None:
        for pid in ("s1", "s2"):
            self.channel.queue_delete(unit_queue(IP, pid))
        self.channel.queue_delete(f"test.simulator.orders.{RUN}")
        close(self.incoming, politely=True)
        self.publisher.close()


@pytest.fixture
def platform() -> Iterator[Platform]:
    new_platform = Platform()
    yield new_platform
    new_platform.close()


@pytest.fixture
def orders(platform: Platform) -> Iterator[str]:
    """Start two simulated units, and yield the name of their control queue."""
    queue = f"test.simulator.orders.{RUN}"
    plates = [UnitDescription(ip=IP, pid=pid, platform="p1") for pid in ("s1", "s2")]
    units = [FaultyUnit(SimulatedUnit(plate), lambda: 0.5) for plate in plates]
    simulator = Simulator(URL, units, control_queue=queue)
    thread = threading.Thread(target=simulator.run, daemon=True)
    thread.start()
    for pid in ("s1", "s2"):
        platform.wait(matches("CMU_MAU_CONFLIST_NTF", pid))
    yield queue
    simulator.stop()
    thread.join(20)
    assert not thread.is_alive()


def matches(wire_type: str, pid: str = "s1") -> Callable[[Body], bool]:
    return lambda body: body["type"] == wire_type and body["pid"] == pid


def an_order(incarnation: int) -> Body:
    order = {"type": "MAU_MCU_CREATECONF_REQ", "confE164": "8801", "confid": "c1"}
    return order | {"incarnation": incarnation, "confname": "Monday", "maxjoinedmt": 8}


def test_units_on_a_broker(platform: Platform, orders: str) -> None:
    """Register, create, list; die and return; unregister: in the properties of the wire, too."""
    platform.tell("s1", an_order(1), "asked-1")
    answer, properties = platform.wait(matches("MCU_MAU_CREATECONF_ACK"))
    assert answer["join"]["webrtc"]["url"] == "simulated:s1"
    assert properties["correlation_id"] == "asked-1"
    assert (properties["app_id"], properties["delivery_mode"]) == (f"cmu@{IP}", 2)
    assert properties["content_type"] == "application/json"
    assert abs(properties["timestamp"] - time.time()) < 60

    platform.tell("s1", {"type": "MAU_CMU_GETCONFLIST_CMD"})
    first_list, second_list = platform.wait(matches("CMU_MAU_CONFLIST_NTF"))
    assert [conference["confE164"] for conference in first_list["confs"]] == ["8801"]
    assert second_list["message_id"] != properties["message_id"]
    beat, _ = platform.wait(matches("RMS_NODE_STATE_NTF"))
    assert (beat["load"]["ports"], beat["labels"]) == (8, {"simulated": True})

    platform.tell("s2", {"type": "nonsense"})
    send_fault_orders(URL, [FaultOrder.parse("die:s1:seconds=1")], orders, clock.now())
    platform.wait(matches("RMS_NODE_REGISTER_NTF"))
    empty, _ = platform.wait(matches("CMU_MAU_CONFLIST_NTF"))
    assert empty["confs"] == []
    platform.tell("s1", an_order(2))
    platform.wait(matches("MCU_MAU_CREATECONF_ACK"))


def test_units_unregister_when_they_are_told_to_stop(platform: Platform) -> None:
    simulator = Simulator(
        URL,
        [FaultyUnit(SimulatedUnit(UnitDescription(ip=IP, pid="s1")), lambda: 0.5)],
        control_queue=f"test.simulator.orders.{RUN}",
    )
    thread = threading.Thread(target=simulator.run, daemon=True)
    thread.start()
    platform.wait(matches("RMS_NODE_REGISTER_NTF"))
    simulator.stop()
    platform.wait(matches("RMS_NODE_UNREGISTER_NTF"))
    thread.join(20)
    assert not thread.is_alive()
