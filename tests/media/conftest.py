"""A broker of one's own per test, a media unit as a process, and the platform's side of the wire."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import aio_pika
import aiohttp
import orjson
import pytest
from django.core.cache import cache

from conferences.pages import entrance, join_page, number_page
from deploy.stand.ports import claimed_ports
from licensing.data.seats import UsageAndLimits
from licensing.rules.amounts import NONE
from tests.media.people import PATIENCE, Person, until
from tests.media.whereabouts import BACKUP, JOIN, Whereabouts
from wire.routes import Routes, unit_key, unit_queue

REPOSITORY = Path(__file__).resolve().parents[2]

Body = dict[str, Any]


def _url(name: str) -> str:
    return os.environ.get(f"TEST_{name}") or os.environ.get(name) or ""


@pytest.fixture
async def broker() -> AsyncIterator[str]:
    """Yield the URL of a virtual host that nobody else uses: units here are unknown to all other tests."""
    amqp, management = _url("AMQP_URL"), _url("RABBITMQ_MANAGEMENT_URL")
    if not amqp or not management:
        pytest.skip("needs the private RabbitMQ that `make test` starts")
    name = f"media-{uuid4().hex[:12]}"
    parts = urlsplit(management)
    login = aiohttp.encode_basic_auth(parts.username or "", parts.password or "")
    base = f"http://{parts.hostname}:{parts.port}/api"
    async with aiohttp.ClientSession(headers={"Authorization": login}) as http:
        (await http.put(f"{base}/vhosts/{name}", json={})).raise_for_status()
        user = urlsplit(amqp).username
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        permitted = await http.put(f"{base}/permissions/{name}/{user}", json=everything)
        permitted.raise_for_status()
        yield urlunsplit(urlsplit(amqp)._replace(path=f"/{name}"))
        await http.delete(f"{base}/vhosts/{name}")


class Platform:
    """CSS and RMS as a unit sees them: they store what it said, and send it messages."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.said: list[tuple[Body, aio_pika.abc.AbstractIncomingMessage]] = []
        self.hear_of_people: Callable[[list[Body]], None] = lambda mts: None
        """This is called with the terminals of each report of a change."""

    async def open(self) -> Platform:
        self._connection = await aio_pika.connect(self._url)
        self._channel = await self._connection.channel()
        for route in (Routes.UNIT_TO_CSS.value, Routes.NODE_TO_RMS.value):
            exchange = await self._channel.declare_exchange(
                route.exchange, route.kind, durable=True
            )
            queue = await self._channel.declare_queue(route.queue, durable=True)
            await queue.bind(exchange, route.key)
            await queue.consume(self._take, no_ack=True)
        to_units = Routes.CSS_TO_UNIT.value
        self._to_units = await self._channel.declare_exchange(
            to_units.exchange, to_units.kind, durable=True
        )
        return self

    async def close(self) -> None:
        await self._connection.close()

    async def _take(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        body = orjson.loads(message.body)
        self.said.append((body, message))
        if body["type"] == "MCU_MAU_CONFSTATECHANGE_NTF":
            self.hear_of_people(body["mts"])

    async def tell(
        self, pid: str, body: Body | bytes, correlation_id: str = "", ip: str = "127.0.0.1"
    ) -> None:
        """Send something to a unit."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        message = aio_pika.Message(raw, correlation_id=correlation_id or None)
        await self._to_units.publish(message, unit_key(ip, pid))

    async def delete_queue(self, pid: str) -> None:
        """Delete a unit's queue, so that the broker cancels its consumer."""
        await self._channel.queue_delete(unit_queue("127.0.0.1", pid))

    async def hears(self, wire_type: str, within: float = PATIENCE, **fields: Any) -> Body:
        """Return the next message of this type with these fields, and remove it from the list."""
        positions: list[int] = []

        def is_there() -> bool:
            positions[:] = [
                i
                for i, (body, _) in enumerate(self.said)
                if body["type"] == wire_type and fields.items() <= body.items()
            ]
            return bool(positions)

        if not await until(is_there, within):
            types = [body["type"] for body, _ in self.said]
            refused = [body for body, _ in self.said if body["type"].endswith("_NACK")]
            raise AssertionError(f"no {wire_type} {fields}; heard: {types[-20:]}; {refused[-1:]}")
        self.last = self.said[positions[0]][1]
        return self.said.pop(positions[0])[0]

    async def hears_people(self, e164: str, true: Callable[[list[Body]], bool]) -> Body:
        """Return a report whose list of terminals is as wanted."""
        while True:
            notice = await self.hears("MCU_MAU_CONFSTATECHANGE_NTF", confE164=e164)
            if true(notice["mts"]):
                return notice

    def has_said(self, wire_type: str, **fields: Any) -> bool:
        """Return whether such a message was heard, and not yet taken."""
        return any(
            body["type"] == wire_type and fields.items() <= body.items() for body, _ in self.said
        )

    async def creates(
        self, pid: str, e164: str = "8800001", incarnation: int = 1, **more: Any
    ) -> Body:
        """Create a conference on this unit, and return the ACK."""
        await self.tell(pid, create(e164, incarnation, **more))
        return await self.hears("MCU_MAU_CREATECONF_ACK", confE164=e164, incarnation=incarnation)

    async def controls(self, pid: str, name: str, e164: str = "8800001", **more: Any) -> Body:
        """Send one control request that is granted, and return its ACK."""
        reqid = uuid4().hex
        request = {"type": f"CM_MCU_{name}_REQ", "reqid": reqid, "confE164": e164, **more}
        await self.tell(pid, request, correlation_id=f"c-{reqid}")
        answer = await self.hears(f"MCU_CM_{name}_ACK", reqid=reqid, confE164=e164)
        assert self.last.correlation_id == f"c-{reqid}"
        return answer


def create(e164: str, incarnation: int, **more: Any) -> Body:
    """Return a create command as the CSS sends it."""
    return {
        "type": "MAU_MCU_CREATECONF_REQ",
        "confE164": e164,
        "confid": f"id-{e164}",
        "incarnation": incarnation,
        "confname": "Board",
        "confpwd": "",
        "maxjoinedmt": 8,
        "mts": [],
        "platformmoid": "p1",
        **more,
    }


class Unit:
    """A media unit as a process of its own, with its Janus."""

    def __init__(self, directory: Path, broker: str, port_base: int, pid: str) -> None:
        self.directory, self.pid, self.port_base = directory, pid, port_base
        shim = REPOSITORY / "var" / "lib" / "lo_ifaddrs.so"
        self._env = {
            **os.environ,
            "AMQP_URL": broker,
            "CMU_IP": "127.0.0.1",
            "CMU_PID": pid,
            "CMU_DIR": str(directory),
            "CMU_PORT_BASE": str(port_base),
            "CMU_CAPACITY_CONFS": "3",
            "CMU_CAPACITY_PORTS": "40",
            "PLATFORM_MOID": "p1",
            "LO_SHIM": _url("LO_SHIM") or str(shim),
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, **env: str) -> Unit:
        """Start the agent and wait until it is ready."""
        self.directory.mkdir(exist_ok=True)
        (self.directory / "ready").unlink(missing_ok=True)
        argv = [sys.executable, "-m", "media_unit"]
        with (self.directory / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(
                argv, env={**self._env, **env}, stdout=log, stderr=log, cwd=REPOSITORY
            )
        assert await until((self.directory / "ready").exists), self.log()
        return self

    def log(self) -> str:
        """Return the agent's log."""
        return (self.directory / "agent.log").read_text()[-4000:]

    @property
    def janus(self) -> int:
        """Return the process id of its Janus."""
        return int((self.directory / "janus.pid").read_text())

    @property
    def gate(self) -> int:
        """Return the process id of the gate before its Janus."""
        return int((self.directory / "gate.pid").read_text())

    def kill_agent(self) -> None:
        """Kill the agent (SIGKILL); its Janus stays."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_janus(self, signum: int = signal.SIGKILL) -> None:
        os.kill(self.janus, signum)

    async def hang_up(self, plugin: str, name: str) -> None:
        """Let Janus end the connections that somebody has with one of its plugins."""
        settings = orjson.loads((self.directory / "gate" / "settings.json").read_bytes())
        async with aiohttp.ClientSession() as http:

            async def ask(path: str, what: str) -> Body:
                question = {"janus": what, "transaction": "t"}
                question["admin_secret"] = settings["admin_secret"]
                async with http.post(settings["admin_url"] + path, json=question) as reply:
                    answer: Body = await reply.json(content_type=None)
                    return answer

            ended = 0
            for session in (await ask("", "list_sessions"))["sessions"]:
                for handle in (await ask(f"/{session}", "list_handles"))["handles"]:
                    path = f"/{session}/{handle}"
                    known = (await ask(path, "handle_info")).get("info", {})  # It may be gone.
                    here = known.get("plugin_specific", {})
                    if known.get("plugin") == plugin and here.get("display") == name:
                        await ask(path, "hangup_webrtc")
                        ended += 1
            assert ended, f"nobody named {name} has a connection with {plugin}"

    @property
    def janus_lives(self) -> bool:
        return lives(self.janus)

    async def stop(self) -> None:
        """Send SIGTERM, and wait until the agent has ended."""
        assert self._process is not None
        self._process.terminate()
        assert await until(lambda: self._process is None or self._process.poll() is not None)

    def sweep(self) -> None:
        """Kill whatever is left of the unit."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for name in ("janus.pid", "gate.pid"):
            path = self.directory / name
            if path.exists() and lives(pid := int(path.read_text())):
                os.kill(pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    """Return whether there is such a process, and it is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@pytest.fixture
async def cut(broker: str) -> Callable[[], Awaitable[None]]:
    """Return a function that makes the broker disconnect all clients of this test's virtual host."""
    management = urlsplit(_url("RABBITMQ_MANAGEMENT_URL"))
    login = aiohttp.encode_basic_auth(management.username or "", management.password or "")
    base = f"http://{management.hostname}:{management.port}/api"
    vhost = urlsplit(broker).path.lstrip("/")

    async def throw_out() -> None:
        async with aiohttp.ClientSession(headers={"Authorization": login}) as http:
            thrown = 0
            while not thrown:  # the list of connections is some seconds old
                async with http.get(f"{base}/vhosts/{vhost}/connections") as reply:
                    for one in await reply.json():
                        await http.delete(f"{base}/connections/{quote(one['name'], safe='')}")
                        thrown += 1
                await asyncio.sleep(0.2)

    return throw_out


@pytest.fixture
async def platform_side(broker: str) -> AsyncIterator[Platform]:
    """Yield the platform's side of the wire."""
    platform = await Platform(broker).open()
    yield platform
    await platform.close()


@pytest.fixture
def units(broker: str) -> Iterator[Callable[[str], Unit]]:
    """Make media units, not yet started; whatever is left of them is killed at the end.

    Their place is one that every user may enter, so that Janus runs as a user of its own.
    """
    made_units: list[Unit] = []
    with claimed_ports(800) as base, tempfile.TemporaryDirectory(prefix="media-units-") as place:
        Path(place).chmod(0o711)

        def make(pid: str) -> Unit:
            made_units.append(Unit(Path(place) / pid, broker, base + 300 * len(made_units), pid))
            return made_units[-1]

        yield make
        for unit in made_units:
            unit.sweep()


@pytest.fixture
async def unit(units: Callable[[str], Unit], platform_side: Platform) -> Unit:
    """Return one running unit, known to the platform."""
    started = await units("u1").start()
    await platform_side.hears("RMS_NODE_REGISTER_NTF", restype="mcu")
    await platform_side.hears("CMU_MAU_CONFLIST_NTF")
    return started


@pytest.fixture
async def person() -> AsyncIterator[Callable[..., Person]]:
    """Make people; all leave at the end."""
    people: list[Person] = []

    def make(name: str, tone: int, camera: bool = False) -> Person:
        people.append(Person(name, tone, camera))
        return people[-1]

    yield make
    for person in people:
        await person.leave()


@pytest.fixture
def conference(monkeypatch: pytest.MonkeyPatch) -> Whereabouts:
    """Return the one conference that there is."""
    cache.clear()
    whereabouts = Whereabouts()
    whereabouts.join = JOIN
    monkeypatch.setattr(join_page, "join_info", whereabouts)
    monkeypatch.setattr(number_page, "join_info", whereabouts)
    # The stand-in conference has no data in a database; tests/media/test_together.py has some.
    monkeypatch.setattr(entrance, "news_for_insiders", lambda conference: {})
    monkeypatch.setattr(
        number_page, "site_to_ask", lambda e164: BACKUP if e164.startswith("99") else ""
    )
    monkeypatch.setattr(join_page, "usage_and_limits_of_site", lambda: UsageAndLimits(NONE, None))
    monkeypatch.setattr(
        join_page, "is_served_here", lambda platform: platform != whereabouts.elsewhere
    )
    monkeypatch.setattr(join_page, "site_urls_of", lambda platform: (BACKUP,))
    monkeypatch.setattr(join_page, "platforms_of_numbers", lambda numbers: {})
    return whereabouts
