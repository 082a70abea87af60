"""A plugin is replaced, killed and broken while 200 messages a second are sent to it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from itertools import cycle
from pathlib import Path

import orjson

from deploy.stand.process import Process
from deploy.stand.rabbitmq import CLIENTS_VHOST
from deploy.stand.site import PYTHON, REPOSITORY, Site
from im.conformance.device import Device
from im.conformance.person import Person
from im.rules.plugins import plugin_queue
from tests.chaos.story import Stories
from tests.im.killed import MADE, PASSWORD, chat_site
from tests.im.plugins import REPLY_BOT, install

SPEAKERS = [f"speaker{number}" for number in range(12)]
"""Each may send 20 messages a second."""
RATE = 200.0
TIMES = 20
SETTLED_SECONDS = 180.0


def stories(root: Path) -> Stories:
    """Return a story for a plugin that is replaced, one that is killed, and one that always raises."""
    with chat_site(root) as site:
        site.manage("shell", "-c", MADE.format(PASSWORD, (*SPEAKERS, "echo")))
        bot = Person(site.http, "echo", PASSWORD)
        folders = {version: install(root, version) for version in ("1.0", "1.1")}
        folders["2.0"] = install(root, "2.0", broken=True)
        world = _World(site, bot.id, folders)
        yield "plugins: replaced under load", partial(_replaced, world)
        yield f"plugins: killed -9, {TIMES} times", partial(_killed, world)
        yield "plugins: one raises always", partial(_raises, world)
        world.close()


class _World:
    """A site with the reply bot, and people who write to it all the time."""

    def __init__(self, site: Site, bot: str, folders: dict[str, Path]) -> None:
        self.site, self.bot, self._folders = site, bot, folders
        people = [Person(site.http, name, PASSWORD) for name in SPEAKERS]
        self.groups = [person.group("echo", [bot]) for person in people]
        self.devices = [Device(person, "amqp", heartbeat_seconds=10) for person in people]
        self._numbers = iter(range(10**9))

    def start(self, version: str, *, reads: bool = True) -> Process:
        """Start a process of the bot in this version, and wait until it reads or stands by; not while it is put out."""
        env = {
            **os.environ,
            **self.site.env,
            "PYTHONPATH": str(self._folders[version]),
            "PYTHONUNBUFFERED": "1",
            "IM_PLUGINS": orjson.dumps({REPLY_BOT: {"account": self.bot}}).decode(),
        }
        argv = [str(PYTHON), "manage.py", "im_plugin", REPLY_BOT]
        name = f"plugin-{version}"
        started = Process(
            name, argv, directory=self.site.directory, env=env, cwd=REPOSITORY, supervised=True
        )
        before = self._consumers()
        started.start()
        if reads:
            started.wait_until(lambda: self._consumers() > before, 120)
        return started

    def stop(self, process: Process) -> None:
        """Stop a process of the bot, and wait until the broker no longer counts it, which it does some seconds late."""
        before = self._consumers()
        process.stop()
        ends = time.monotonic() + 120
        while self._consumers() >= before and time.monotonic() < ends:
            time.sleep(0.5)

    def _consumers(self) -> int:
        broker = self.site.clients_broker
        assert broker is not None
        queue = broker.api(f"/queues/{CLIENTS_VHOST}/{plugin_queue(REPLY_BOT)}").body
        return int(queue.get("consumers", 0)) if isinstance(queue, dict) else 0

    def speak(self, ends: threading.Event) -> tuple[set[str], float]:
        """Send RATE messages a second until the event; return what was acknowledged, and the rate."""
        began, sent = time.monotonic(), dict[str, str]()
        while not ends.is_set():
            for device, group in zip(self.devices, self.groups, strict=True):
                body = f"n{next(self._numbers)}"
                sent[device.text(group, f"!echo {body}")] = body
            behind = began + len(sent) / RATE - time.monotonic()
            if behind > 0:
                time.sleep(behind)
        rate = len(sent) / (time.monotonic() - began)
        for device in self.devices:
            device.wait(lambda device=device: not device.waiting, 120)  # type: ignore[misc]
        acked = {mark for device in self.devices for mark in device.answers.acked}
        return {body for mark, body in sent.items() if mark in acked}, rate

    def answers(self) -> Counter[str]:
        """Return how often each answer of the bot is stored."""
        query = f"SELECT body FROM im_entry WHERE sender='{self.bot}' AND cmd='msg'"
        return Counter(self.site.mariadb.sql(query, self.site.name).splitlines())

    def verdict(self, said: set[str]) -> tuple[int, int]:
        """Wait until what was said is answered; return how much is not, and how much was answered twice."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while said - self.answers().keys() and time.monotonic() < deadline:
            time.sleep(1)
        answers = self.answers()
        return len(said - answers.keys()), sum(count > 1 for count in answers.values())

    def close(self) -> None:
        """Disconnect everybody."""
        for device in self.devices:
            with suppress(TimeoutError):
                device.close()


def _while_speaking(world: _World, strike: partial[None]) -> tuple[set[str], float]:
    """Run a strike while people write, and return what was acknowledged, and how many messages a second were sent."""
    ends, results = threading.Event(), list[tuple[set[str], float]]()
    speaker = threading.Thread(target=lambda: results.append(world.speak(ends)), daemon=True)
    speaker.start()
    try:
        strike()
    finally:
        ends.set()
        speaker.join(300)
    return results[0]


def _line(world: _World, said: set[str], rate: float) -> str:
    lost, twice = world.verdict(said)
    assert not lost, f"{lost} of {len(said)} lost"
    assert not twice, f"{twice} twice"
    return f"{len(said)} messages at {rate:.0f}/s, each answered: lost 0, twice 0"


def _replaced(world: _World) -> str:
    """Replace version 1.0 by 1.1 and back, five times each, while people write."""
    running = [world.start("1.0")]

    def replace() -> None:
        for version, _ in zip(cycle(("1.1", "1.0")), range(10), strict=False):
            new = world.start(version)
            world.stop(running.pop())
            running.append(new)
            time.sleep(1)

    try:
        return _line(world, *_while_speaking(world, partial(replace))) + "; replaced 10 times"
    finally:
        world.stop(running.pop())


def _killed(world: _World) -> str:
    """Kill the plugin's process again and again; it is started again by itself."""
    running = world.start("1.0")

    def kill() -> None:
        for _ in range(TIMES):
            running.wait_until(lambda: running.age > 3, 120)
            running.kill(signal.SIGKILL)

    try:
        return _line(world, *_while_speaking(world, partial(kill)))
    finally:
        world.stop(running)


def _raises(world: _World) -> str:
    """Run a version that always raises, then one that works; what waited is answered, and nobody else waits."""
    site = world.site
    broken = world.start("2.0")
    said, rate = _while_speaking(world, partial(time.sleep, 20.0))
    slowest = max(max(d.answers.seconds.values(), default=0.0) for d in world.devices)
    fault = site.mariadb.sql("SELECT fault FROM im_plugin", site.name)
    assert "RuntimeError" in fault, fault
    assert not world.answers().keys() & said
    broken.stop()
    working = world.start("1.1", reads=False)
    try:
        site.manage(
            "shell",
            "-c",
            f"from im.data.plugins import switches as s; s.switch('{REPLY_BOT}', on=True)",
        )
        line = _line(world, said, rate)
    finally:
        working.stop()
    return f"put out; {line} when a working one was switched on; slowest acknowledgement {slowest:.1f} s"
