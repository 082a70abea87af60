"""The agent keeps one media unit running: its Janus, its gate and its connection to the broker.

The gate is the WebSocket proxy between participants and Janus.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from foundation import clock
from foundation.bus.message import BadMessage, Message, from_body
from media_unit import reports
from media_unit.broker import Broker
from media_unit.child_user import REPOSITORY, child_user
from media_unit.config import UnitConfig
from media_unit.gate_rules import PLUGINS
from media_unit.housekeeping import Housekeeping
from media_unit.janus_config import load_secrets
from media_unit.janus_events import EventListener
from media_unit.janus_link import JanusAway, JanusError, JanusLink
from media_unit.janus_process import GateProcess, JanusProcess
from media_unit.janus_rooms import JanusRooms
from media_unit.kept_process import NotStarted
from media_unit.state_file import StateFile
from media_unit.unit import MediaUnit
from wire.conference_control import Control
from wire.media_unit import CreateOnUnit, RestoreOnUnit, UnitRefused, UnitRestoreRefused
from wire.replies import refusal
from wire.routes import Routes

log = logging.getLogger("conferences.media.agent")

_BEAT = 3.0
"""Seconds between two heartbeats."""
_LIST_BEATS = 20
"""The list of conferences is sent with every 20th heartbeat, which is every 60 s."""
_PAUSE_AFTER_FAILURE = 2.0
"""Seconds between the death of Janus and the next start."""


class Agent:
    """An agent holds the parts of one media unit and runs their tasks."""

    def __init__(self, config: UnitConfig) -> None:
        config.directory.mkdir(parents=True, exist_ok=True)
        self._config = config
        self._keys = load_secrets(config.directory)
        self._state_file = StateFile(config.directory)
        self._broker = Broker(config, self._handle_message, self._introduce)
        config.directory.chmod(0o711)  # its files have modes of their own
        user = child_user("Janus", config.janus_user, config.directory / "rec")
        python = (Path(place).resolve() for place in (sys.prefix, sys.executable))
        gate_user = child_user(
            "the gate", config.janus_user, config.directory / "gate", REPOSITORY, *python
        )
        self._unit = MediaUnit(
            config, self._keys, self._state_file, self._broker.send, clock.now, user
        )
        self._housekeeping = Housekeeping(self._unit, self._state_file)
        self._events = EventListener(config, self._keys, self._housekeeping.handle_hint)
        self._janus = JanusProcess(config, self._keys, user)
        self._gate = GateProcess(config, self._keys, gate_user)
        self._gate_up = asyncio.Event()
        self._ready = config.directory / "ready"
        self._up = asyncio.Event()

    async def run(self) -> None:
        """Run the media unit until SIGTERM or SIGINT."""
        self._ready.unlink(missing_ok=True)
        stop = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        await self._events.open()
        duties = (
            self._gate.keep_up(self._gate_up),
            self._run_janus(),
            self._run_broker(),
            self._beat(),
            self._housekeeping.run(),
        )
        tasks = [asyncio.create_task(self._for_ever(duty)) for duty in duties]
        tasks.append(asyncio.create_task(self._write_ready_file()))
        await stop.wait()
        log.info("told to stop")
        self._ready.unlink(missing_ok=True)
        await self._unregister()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self._config.keep_janus:
            await self._janus.kill(politely=True)
            await self._gate.kill()
        await self._events.close()
        self._state_file.close()

    async def _for_ever(self, duty: Coroutine[object, object, None]) -> None:
        """Run a task that never ends; if it ends by a bug, stop this process, which its supervisor restarts."""
        try:
            await duty
        except Exception:
            log.exception("a duty of the agent ended")
        signal.raise_signal(signal.SIGTERM)

    async def _unregister(self) -> None:
        """Tell the resource manager that this unit ends, if its Janus ends with the agent.

        With `keep_janus` the conferences go on while the agent restarts, so nothing is sent.
        """
        if self._config.keep_janus or not self._up.is_set():
            return
        for message in reports.unregistered(self._config):
            self._broker.send(Routes.NODE_TO_RMS, message)
        if not await self._broker.all_sent(3):
            log.warning("the broker was not told that this unit ends")

    async def _write_ready_file(self) -> None:
        """Write the file `ready` once Janus runs and the unit is registered, for the program that started the unit."""
        while True:
            await self._up.wait()
            await self._broker.connected.wait()
            if await self._broker.all_sent(5) and self._up.is_set():
                self._ready.write_text(f"{self._config.label} {self._janus.pid}\n")
                log.info("ready: %s at %s", self._config.label, self._config.join_url)
                return

    # ---- Janus --------------------------------------------------------------------------------

    async def _run_janus(self) -> None:
        """Keep Janus running and connected; start a new one when it dies or hangs."""
        await self._janus.adopt()
        while True:
            try:
                if not self._janus.pid:
                    await self._janus.start_janus()
                await self._janus_session()
            except (NotStarted, JanusAway, JanusError, OSError) as error:
                log.error("Janus: %s", error)
                self._give_up()
                await self._janus.kill()
                await asyncio.sleep(_PAUSE_AFTER_FAILURE)

    async def _janus_session(self) -> None:
        """Hold one connection to Janus until Janus or the connection dies."""
        link = JanusLink(self._config.ws_url, self._keys.api, PLUGINS)
        try:
            await link.open()
            if not self._up.is_set():
                await self._unit.janus_is_up(JanusRooms(link, self._keys), self._janus.name)
                await self._gate_up.wait()  # nobody is sent here before people can come in
                self._up.set()
                self._register()
            else:
                await self._unit.janus_is_back(JanusRooms(link, self._keys))
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
        """Unregister the unit at once, since its conferences are lost; with the next Janus it registers anew."""
        if self._up.is_set():
            self._up.clear()
            for message in reports.unregistered(self._config):
                self._broker.send(Routes.NODE_TO_RMS, message)
            self._unit.janus_is_gone()
            self._housekeeping.forget_all()

    def _register(self) -> None:
        """Send the registration and the list of conferences when Janus has come up, if the broker is connected.

        If it is not, `Broker` asks `_introduce` for them when it connects.
        """
        if self._broker.connected.is_set():
            for route, message in self._unit.introduce():
                self._broker.send(route, message)

    # ---- the broker ---------------------------------------------------------------------------

    async def _run_broker(self) -> None:
        """Connect to the broker once Janus is up: only then the unit knows which conferences it holds."""
        await self._up.wait()
        await self._broker.run()

    def _introduce(self) -> list[tuple[Routes, Message]]:
        """Return the registration and list with which a session with the broker begins; [] while Janus is down."""
        return self._unit.introduce() if self._up.is_set() else []

    async def _handle_message(self, body: dict[str, Any], correlation_id: str) -> None:
        """Let the unit handle a message; send a NACK if it is a request that cannot be read."""
        try:
            await self._unit.handle(body, correlation_id)
        except BadMessage as error:
            if answer := _refusal(body, error):
                self._broker.send(Routes.UNIT_TO_CSS, answer, correlation_id)
            raise

    async def _beat(self) -> None:
        """Send a heartbeat every 3 s, and the list of conferences every 60 s, while broker and Janus are up."""
        beats = 0
        while True:
            await asyncio.sleep(_BEAT)
            if not self._broker.connected.is_set() or not self._up.is_set():
                continue
            beats += 1
            for message in self._unit.heartbeats():
                self._broker.send(Routes.NODE_TO_RMS, message)
            if beats % _LIST_BEATS == 0:
                for message in self._unit.conference_lists():
                    self._broker.send(Routes.UNIT_TO_CSS, message)


def _refusal(body: dict[str, Any], error: BadMessage) -> Message | None:
    """Return the NACK of a request that cannot be read; `None` if it lacks a field that the NACK repeats."""
    refusals: dict[str, type[UnitRefused]] = {
        CreateOnUnit.wire_type: UnitRefused,
        RestoreOnUnit.wire_type: UnitRestoreRefused,
    }
    if cls := refusals.get(body["type"]):
        with contextlib.suppress(BadMessage):
            return from_body(cls, {**body, "errcode": "29001", "ip": None, "pid": None})
        return None
    with contextlib.suppress(BadMessage):
        return refusal(Control(body).body, "29001", error.detail)
    return None
