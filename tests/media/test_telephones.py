"""Telephones: real SIP (baresip, Kamailio), real relay (rtpengine), real Janus; the test plays the scheduler (CSS)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aio_pika
import orjson
import pytest

from deploy.stand.ports import Ports, claimed_ports
from deploy.stand.telephones import TelephoneServers
from tests.media.conftest import REPOSITORY, Platform, Unit, create
from tests.media.people import Person, until
from tests.media.telephones import Telephone, needs_telephone_programs
from wire.routes import Routes

pytestmark = needs_telephone_programs

Body = dict[str, Any]
NUMBER, PIN, MTID = "8800001", "4711", "100000001"


class Scheduler:
    """The scheduler as gates see it: who calls the number and types the PIN enters unit u1."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.incarnation = 1
        self.entry = ""
        """Why nobody is let in now; "" lets in."""
        self.asked: list[Body] = []

    async def open(self) -> Scheduler:
        self._connection = await aio_pika.connect(self._url)
        self._channel = await self._connection.channel()
        route = Routes.GATE_TO_CSS.value
        exchange = await self._channel.declare_exchange(route.exchange, route.kind, durable=True)
        queue = await self._channel.declare_queue(route.queue, durable=True)
        await queue.bind(exchange, route.key)
        await queue.consume(self._answer, no_ack=True)
        return self

    async def close(self) -> None:
        await self._connection.close()

    async def is_asked(self, pin: str) -> bool:
        """Return whether a gate comes to ask with this PIN."""
        return await until(lambda: any(question["pin"] == pin for question in self.asked))

    async def _answer(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        question = orjson.loads(message.body)
        self.asked.append(question)
        echo = {"reqid": question["reqid"], "confE164": question["confE164"]}
        knows = question["confE164"] == NUMBER and (question["pin"] == PIN or question["pass"])
        entry = self.entry or ("" if knows else "pin")
        admission = {
            "type": "CSS_APS_ENTER_ACK",
            "incarnation": self.incarnation,
            "confname": "Board",
            "mtid": MTID,
            "visitor": "0123456789abcdef",
            "mcu": {"ip": "127.0.0.1", "pid": "u1"},
            "pass": "signed",
        }
        refusal = {"type": "CSS_APS_ENTER_NACK", "errcode": "29020", "entry": entry}
        body = orjson.dumps(echo | (refusal if entry else admission))
        answer = aio_pika.Message(body, correlation_id=message.correlation_id)
        await self._channel.default_exchange.publish(answer, message.reply_to or "")


@pytest.fixture
async def scheduler(broker: str) -> AsyncIterator[Scheduler]:
    opened = await Scheduler(broker).open()
    yield opened
    await opened.close()


class Site:
    """The servers and the gate by which telephones call in, and one telephone."""

    def __init__(self, directory: Path, broker: str, ports: Ports) -> None:
        self._directory, self._ports = directory, ports
        self.servers = TelephoneServers(directory, ports)
        self._env = {**os.environ, **self.servers.variables}
        self._env |= {"AMQP_URL": broker, "TEST_AMQP_URL": broker, "APS_LANGUAGES": "en"}
        self._env |= {"APS_DIR": str(directory)}
        self._gate: subprocess.Popen[bytes] | None = None
        self.phone = Telephone(directory / "phone", ports.base)

    async def open(self) -> Site:
        for server in self.servers:
            server.start()
        argv = [sys.executable, str(REPOSITORY / "manage.py"), "sip_gate"]
        with (self._directory / "gate.log").open("ab") as log:
            self._gate = subprocess.Popen(
                argv, env=self._env, stdout=log, stderr=log, cwd=REPOSITORY
            )
        assert await until((self._directory / "ready").exists), self.log()
        await self.phone.start()
        return self

    def log(self) -> str:
        return (self._directory / "gate.log").read_text()[-4000:]

    async def call(self, number: str = NUMBER) -> None:
        await self.phone.dial(f"sip:{number}@127.0.0.1:{self.servers.edge.port}")
        assert await self.phone.receives("CALL_ESTABLISHED"), self.phone.log() + self.log()

    def close(self) -> None:
        self.phone.stop()
        if self._gate:
            self._gate.kill()
            self._gate.wait()
        for server in self.servers:
            server.kill()


@pytest.fixture
async def site(
    broker: str, tmp_path: Path, scheduler: Scheduler, platform_side: Platform
) -> AsyncIterator[Site]:
    with claimed_ports(200) as base:
        opened = Site(tmp_path, broker, Ports(base))
        try:
            yield await opened.open()
        finally:
            opened.close()


def phones_of(mts: list[Body]) -> list[Body]:
    return [terminal for terminal in mts if terminal["type"] == "e164" and terminal["online"]]


async def test_a_caller_types_the_pin_and_is_heard_also_after_janus_was_killed(
    unit: Unit,
    platform_side: Platform,
    scheduler: Scheduler,
    site: Site,
    person: Callable[..., Person],
) -> None:
    ack = await platform_side.creates("u1", confpwd=PIN)
    anna = await person("anna", 440).join(ack["join"])
    await site.call()
    await site.phone.press("12#")
    assert await scheduler.is_asked("12"), site.log()
    await site.phone.press(f"{PIN}#")
    assert await anna.hears(660), site.log() + site.phone.log()
    assert await site.phone.hears(440), site.log() + site.phone.log()
    report = await platform_side.hears_people(NUMBER, lambda mts: bool(phones_of(mts)))
    (phone,) = phones_of(report["mts"])
    assert (phone["mtid"], phone["name"]) == (MTID, "Front desk")

    await platform_side.controls("u1", "MUTE", mtid=MTID, value=1)
    assert await anna.hears_no(660)
    await platform_side.controls("u1", "MUTE", mtid=MTID, value=0)
    assert await anna.hears(660)

    unit.kill_janus()
    await platform_side.hears("RMS_NODE_REGISTER_NTF", restype="mcu")
    scheduler.incarnation = 2
    restore = {**create(NUMBER, 2, confpwd=PIN), "type": "MAU_CMU_RESTORECONF_REQ", "restored": 1}
    await platform_side.tell("u1", restore)
    ack = await platform_side.hears("CMU_MAU_RESTORECONF_ACK", incarnation=2)
    ben = await person("ben", 880).join(ack["join"])
    assert await ben.hears(660), site.log()
    assert await site.phone.hears(880), site.log()
    assert not site.phone.events_of("CALL_CLOSED")

    await platform_side.controls("u1", "DROPMT", mtids=[MTID])
    assert await site.phone.receives("CALL_CLOSED"), site.log()
    await platform_side.hears_people(NUMBER, lambda mts: not phones_of(mts))


async def test_a_call_ends_after_three_wrong_pins(
    unit: Unit, platform_side: Platform, scheduler: Scheduler, site: Site
) -> None:
    await platform_side.creates("u1", confpwd=PIN)
    await site.call()
    for pin in ("1", "2", "3"):
        await site.phone.press(f"{pin}#")
        assert await scheduler.is_asked(pin), site.log()
    assert await site.phone.receives("CALL_CLOSED"), site.log()
    assert [question["pin"] for question in scheduler.asked] == ["", "1", "2", "3"]
