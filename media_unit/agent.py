"""The agent: one unit, its Janus and its broker, kept going until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine
from typing import Any

from foundation import clock
from foundation.bus.envelope import refusal
from foundation.bus.message import BadMessage, Message, from_body
from media_unit import reports
from media_unit.broker import Broker
from media_unit.config import UnitConfig
from media_unit.housekeeping import Watch
from media_unit.janus_config import PLUGINS, load_secrets
from media_unit.janus_events import EventDoor
from media_unit.janus_link import JanusAway, JanusError, JanusLink
from media_unit.janus_process import JanusNotStarted, JanusProcess
from media_unit.rooms import Rooms
from media_unit.state_file import Kept
from media_unit.unit import MediaUnit
from wire.conference_control import Control
from wire.media_unit import CreateOnUnit, RestoreOnUnit, UnitRefused, UnitRestoreRefused
from wire.routes import Routes

log = logging.getLogger("conferences.media.agent")

_BEAT = 3.0
_LIST_BEATS = 20
"""The list goes out with every so many-th heartbeat: each 60 s."""
_PAUSE_AFTER_FAILURE = 2.0


class Agent:
    """Everything that one media unit is made of."""

    def __init__(self, config: UnitConfig) -> None:
        config.directory.mkdir(parents=True, exist_ok=True)
        self._config = config
        self._keys = load_secrets(config.directory)
        self._kept = Kept(config.directory)
        self._broker = Broker(config, self._hear, self._introduce)
        self._unit = MediaUnit(config, self._keys, self._kept, self._broker.say, clock.now)
        self._watch = Watch(self._unit, self._kept)
        self._door = EventDoor(config, self._keys, self._watch.hint)
        self._janus = JanusProcess(config, self._keys)
        self._ready = config.directory / "ready"
        self._up = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        self._ready.unlink(missing_ok=True)
        stop = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        await self._door.open()
        duties = (self._keep_janus(), self._keep_broker(), self._beat(), self._watch.run())
        tasks = [asyncio.create_task(self._for_ever(duty)) for duty in duties]
        tasks.append(asyncio.create_task(self._say_when_ready()))
        await stop.wait()
        log.info("told to stop")
        self._ready.unlink(missing_ok=True)
        await self._say_goodbye()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self._config.keep_janus:
            await self._janus.kill(politely=True)
        await self._door.close()
        self._kept.close()

    async def _for_ever(self, duty: Coroutine[Any, Any, None]) -> None:
        """A duty that ends is a bug; then the whole unit goes, and its supervisor starts it again."""
        try:
            await duty
        except Exception:
            log.exception("a duty of the agent ended")
        signal.raise_signal(signal.SIGTERM)

    async def _say_goodbye(self) -> None:
        """Only who takes its Janus along says so: a quick restart of the agent disturbs nobody."""
        if self._config.keep_janus or not self._up.is_set():
            return
        for one in reports.unregistered(self._config):
            self._broker.say(Routes.NODE_TO_RMS, one)
        if not await self._broker.said_all(3):
            log.warning("the broker was not told that this unit ends")

    async def _say_when_ready(self) -> None:
        """The file says: registered, and Janus is up."""
        while True:
            await self._up.wait()
            await self._broker.connected.wait()
            if await self._broker.said_all(5) and self._up.is_set():
                self._ready.write_text(f"{self._config.label} {self._janus.pid}\n")
                log.info("ready: %s at %s", self._config.label, self._config.join_url)
                return

    # ---- Janus --------------------------------------------------------------------------------

    async def _keep_janus(self) -> None:
        await self._janus.adopt()
        while True:
            try:
                if not self._janus.pid:
                    await self._janus.start()
                await self._session()
            except (JanusNotStarted, JanusAway, JanusError, OSError) as wrong:
                log.error("Janus: %s", wrong)
                self._give_up()
                await self._janus.kill()
                await asyncio.sleep(_PAUSE_AFTER_FAILURE)

    async def _session(self) -> None:
        """From connecting to Janus until it dies, or only the connection does."""
        link = JanusLink(self._config.ws_url, self._keys.api, PLUGINS)
        try:
            await link.open()
            if not self._up.is_set():
                await self._unit.janus_is_up(Rooms(link, self._keys), self._janus.name)
                self._up.set()
                self._say_hello()
            else:
                await self._unit.janus_is_back(Rooms(link, self._keys))
            reason = await link.watch()
            hangs = reason != "its socket closed"
            if not hangs and await self._janus.answers():
                log.warning("Janus: %s, but it lives: connecting again", reason)
                return
            log.error("Janus is dead: %s", reason)
            self._give_up()
            await self._janus.kill()
        finally:
            await link.close()

    def _give_up(self) -> None:
        """Say at once that everything is lost; the new Janus registers anew, and empty."""
        if self._up.is_set():
            self._up.clear()
            for one in reports.unregistered(self._config):
                self._broker.say(Routes.NODE_TO_RMS, one)
            self._unit.janus_is_gone()
            self._watch.forget_all()

    def _say_hello(self) -> None:
        # Without a broker it is said on connecting.
        if self._broker.connected.is_set():
            for route, one in self._unit.introduce():
                self._broker.say(route, one)

    # ---- the broker ---------------------------------------------------------------------------

    async def _keep_broker(self) -> None:
        # What waits in the queue is for a unit that knows what it holds.
        await self._up.wait()
        await self._broker.run()

    def _introduce(self) -> list[tuple[Routes, Message]]:
        return self._unit.introduce() if self._up.is_set() else []

    async def _hear(self, body: dict[str, Any], correlation_id: str) -> None:
        try:
            await self._unit.hear(body, correlation_id)
        except BadMessage as bad:
            if answer := _refusal(body, bad):
                self._broker.say(Routes.UNIT_TO_CSS, answer, correlation_id)
            raise

    async def _beat(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(_BEAT)
            if not self._broker.connected.is_set() or not self._up.is_set():
                continue
            beats += 1
            for one in self._unit.beat():
                self._broker.say(Routes.NODE_TO_RMS, one)
            if beats % _LIST_BEATS == 0:
                for one in self._unit.lists():
                    self._broker.say(Routes.UNIT_TO_CSS, one)


def _refusal(body: dict[str, Any], bad: BadMessage) -> Message | None:
    """The NACK of what could not be read, where it says enough to be answered."""
    refusals: dict[str, type[UnitRefused]] = {
        CreateOnUnit.wire_type: UnitRefused,
        RestoreOnUnit.wire_type: UnitRestoreRefused,
    }
    if cls := refusals.get(body["type"]):
        with contextlib.suppress(BadMessage):
            return from_body(cls, {**body, "errcode": "29001", "ip": None, "pid": None})
        return None
    with contextlib.suppress(BadMessage):
        return refusal(Control(body).body, "29001", bad.detail)
    return None
