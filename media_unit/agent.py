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
from media_unit import fonts, reports
from media_unit.broker import Broker, Place
from media_unit.child_user import REPOSITORY, child_user
from media_unit.config import UnitConfig
from media_unit.gate_rules import PLUGINS
from media_unit.housekeeping import Housekeeping
from media_unit.janus_config import load_secrets
from media_unit.janus_events import EventListener
from media_unit.janus_link import SOCKET_CLOSED, JanusAway, JanusError, JanusLink
from media_unit.janus_process import GateProcess, JanusProcess
from media_unit.janus_rooms import JanusRooms
from media_unit.kept_process import NotStarted
from media_unit.segment_mover import SegmentMover
from media_unit.state_file import StateFile
from media_unit.unit import MediaUnit
from wire.conference_control import Control
from wire.media_unit import CreateOnUnit, RestoreOnUnit, UnitRefused, UnitRestoreRefused
from wire.recordings import MoveSegment
from wire.replies import refusal
from wire.routes import Routes, unit_key, unit_queue

log = logging.getLogger("conferences.media.agent")

_HEARTBEAT_SECONDS = 3.0
"""Seconds between two heartbeats."""
_HEARTBEATS_PER_LIST = 20
"""The list of conferences is sent with every 20th heartbeat, which is every 60 s."""
_PAUSE_AFTER_FAILURE = 2.0
"""Seconds between the death of Janus and the next start."""


class Agent:
    """An agent runs one media unit: it keeps Janus, the proxy before Janus, and the connection to RabbitMQ going."""

    def __init__(self, config: UnitConfig) -> None:
        """Prepare the parts of the media unit; nothing is started yet."""
        config.directory.mkdir(parents=True, exist_ok=True)
        if config.compositions and not fonts.has_chinese():
            log.warning("no font for Chinese names in composed pictures: install fonts-noto-cjk")
        self._config = config
        self._keys = load_secrets(config.directory)
        self._state_file = StateFile(config.directory)
        self._broker = Broker(_place_of(config), self._handle_message, self._introductory_messages)
        config.directory.chmod(0o711)  # its files have modes of their own
        user = child_user("Janus", config.janus_user, config.directory / "rec")
        python = (Path(place).resolve() for place in (sys.prefix, sys.executable))
        gate_user = child_user(
            "the gate", config.janus_user, config.directory / "gate", REPOSITORY, *python
        )
        self._unit = MediaUnit(
            config,
            self._keys,
            self._state_file,
            self._broker.send,
            self._broker.send_to_gate,
            clock.now,
            user,
            gate_user,
        )
        self._mover = SegmentMover(config, self._broker.send)
        self._housekeeping = Housekeeping(self._unit, self._state_file)
        self._events = EventListener(
            config, self._keys, self._housekeeping.handle_hint, self._housekeeping.handle_text
        )
        self._janus = JanusProcess(config, self._keys, user)
        self._gate = GateProcess(config, self._keys, gate_user)
        self._gate_up = asyncio.Event()
        self._ready_file = config.directory / "ready"
        self._janus_up = asyncio.Event()

    async def run(self) -> None:
        """Run the media unit until SIGTERM or SIGINT, then unregister it and end Janus, unless Janus is to stay."""
        self._ready_file.unlink(missing_ok=True)
        stop = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
        await self._events.open()
        duties = (
            self._gate.keep_gate_running(self._gate_up, self._greet_gate),
            self._keep_janus_running(),
            self._run_broker(),
            self._send_heartbeats(),
            self._housekeeping.run(),
            self._mover.run(),
        )
        tasks = [asyncio.create_task(self._run_for_ever(duty)) for duty in duties]
        tasks.append(asyncio.create_task(self._write_ready_file()))
        await stop.wait()
        log.info("told to stop")
        self._ready_file.unlink(missing_ok=True)
        await self._send_unregistration()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self._config.keep_janus:
            await self._janus.kill(politely=True)
            await self._gate.kill()
        await self._events.close()
        self._state_file.close()

    async def _run_for_ever(self, duty: Coroutine[object, object, None]) -> None:
        """Run a coroutine (`duty`) that should never end; if a bug ends it, stop this process, to be started again."""
        try:
            await duty
        except Exception:
            log.exception("a duty of the agent ended")
        signal.raise_signal(signal.SIGTERM)

    async def _send_unregistration(self) -> None:
        """Send the resource manager, which chooses units for conferences, the message that this unit ends.

        With `keep_janus` the conferences go on while the agent restarts, so nothing is sent; nor is it while Janus is
        down, as the unit is not registered then. The broker has 3 s to confirm the message.
        """
        if self._config.keep_janus or not self._janus_up.is_set():
            return
        for message in reports.unregistrations(self._config):
            self._broker.send(Routes.NODE_TO_RMS, message)
        if not await self._broker.wait_until_sent(3):
            log.warning("the broker was not told that this unit ends")

    async def _write_ready_file(self) -> None:
        """Write the file `ready` once Janus runs and the unit is registered, for the program that started the unit."""
        while True:
            await self._janus_up.wait()
            await self._broker.connected.wait()
            if await self._broker.wait_until_sent(5) and self._janus_up.is_set():
                self._ready_file.write_text(f"{self._config.label} {self._janus.pid}\n")
                log.info("ready: %s at %s", self._config.label, self._config.join_url)
                return

    # ---- Janus --------------------------------------------------------------------------------

    async def _keep_janus_running(self) -> None:
        """Keep a Janus server running and connected, for ever: when it dies or hangs, start a new one."""
        await self._janus.adopt()
        while True:
            try:
                if not self._janus.pid:
                    await self._janus.start_janus()
                await self._run_janus_session()
            except (NotStarted, JanusAway, JanusError, OSError) as error:
                log.error("Janus: %s", error)
                self._report_janus_lost()
                await self._janus.kill()
                await asyncio.sleep(_PAUSE_AFTER_FAILURE)

    async def _run_janus_session(self) -> None:
        """Connect to Janus, let the unit use it, and return when Janus or the connection is dead.

        A Janus that is dead or hangs is killed, and its conferences are reported as lost. If only the connection is
        gone, the caller connects again.
        """
        link = JanusLink(self._config.ws_url, self._keys.api, PLUGINS)
        try:
            await link.open()
            janus_rooms = JanusRooms(link, self._keys, self._events.texts_url)
            if not self._janus_up.is_set():
                await self._unit.use_new_janus(janus_rooms, self._janus.name)
                await self._gate_up.wait()  # nobody is sent here before people can come in
                await self._greet_gate()  # when it came up, the conferences were not known yet
                self._janus_up.set()
                self._register_if_connected()
            else:
                await self._unit.use_new_connection(janus_rooms)
            reason = await link.watch_until_dead()
            is_hanging = reason != SOCKET_CLOSED
            # If only the socket has closed, Janus itself may be well.
            if not is_hanging and await self._janus.is_answering():
                log.warning("Janus: %s, but it lives: connecting again", reason)
                return
            log.error("Janus is dead: %s", reason)
            self._report_janus_lost()
            await self._janus.kill()
        finally:
            await link.close()

    async def _greet_gate(self) -> None:
        """Tell the gate (the proxy before Janus), which may be a new one, who was removed from which conference."""
        await self._unit.monitors.gate.greet(list(self._unit.conferences.values()))

    def _report_janus_lost(self) -> None:
        """Unregister the unit, and forget its conferences, which were lost with Janus. Does nothing the second time.

        With the next Janus the unit registers again.
        """
        if self._janus_up.is_set():
            self._janus_up.clear()
            for message in reports.unregistrations(self._config):
                self._broker.send(Routes.NODE_TO_RMS, message)
            self._unit.forget_lost_janus()
            self._housekeeping.forget_all()

    def _register_if_connected(self) -> None:
        """Send the unit's registration and list of conferences when Janus has come up, if the broker is connected.

        If it is not, `Broker` sends them itself when it connects.
        """
        if self._broker.connected.is_set():
            for route, message in self._unit.introductory_messages():
                self._broker.send(route, message)

    # ---- the broker ---------------------------------------------------------------------------

    async def _run_broker(self) -> None:
        """Connect to the broker once Janus is up: only then the unit knows which conferences it holds."""
        await self._janus_up.wait()
        await self._broker.run()

    def _introductory_messages(self) -> list[tuple[Routes, Message]]:
        """Return what the unit sends first on a new connection to the broker: its registration and conference list.

        While Janus is down there is nothing to send.
        """
        return self._unit.introductory_messages() if self._janus_up.is_set() else []

    async def _handle_message(self, body: dict[str, Any], correlation_id: str) -> None:
        """Let the unit handle a received message (`body`, a JSON object). Raises BadMessage if it cannot be read.

        A request that cannot be read is answered with a NACK first.
        """
        try:
            if body["type"] == MoveSegment.wire_type:
                await self._mover.carry_out(from_body(MoveSegment, body))
            else:
                await self._unit.handle(body, correlation_id)
        except BadMessage as error:
            if answer := _nack_of(body, error):
                self._broker.send(Routes.UNIT_TO_CSS, answer, correlation_id)
            raise

    async def _send_heartbeats(self) -> None:
        """Send a heartbeat every 3 s, and the list of conferences every 60 s, while broker and Janus are up."""
        beats = 0
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            if not self._broker.connected.is_set() or not self._janus_up.is_set():
                continue
            beats += 1
            for message in self._unit.heartbeats():
                self._broker.send(Routes.NODE_TO_RMS, message)
            if beats % _HEARTBEATS_PER_LIST == 0:
                for message in self._unit.conference_lists():
                    self._broker.send(Routes.UNIT_TO_CSS, message)


def _place_of(config: UnitConfig) -> Place:
    """Return the place of a media unit at the broker: it reads a queue of its own."""
    return Place(
        amqp_url=config.amqp_url,
        queue=unit_queue(config.ip, config.pid),
        route=Routes.CSS_TO_UNIT,
        keys=(unit_key(config.ip, config.pid),),
        app_id=f"cmu@{config.ip}",
        tls_authorities=config.tls_authorities,
    )


def _nack_of(body: dict[str, Any], error: BadMessage) -> Message | None:
    """Return the refusal (NACK, error 29001: malformed) of a request (`body`) that cannot be read.

    `None` means that the body lacks even the fields of a NACK.
    """
    refusals: dict[str, type[UnitRefused]] = {
        CreateOnUnit.wire_type: UnitRefused,
        RestoreOnUnit.wire_type: UnitRestoreRefused,
    }
    if nack_class := refusals.get(body["type"]):
        with contextlib.suppress(BadMessage):
            return from_body(nack_class, {**body, "errcode": "29001", "ip": None, "pid": None})
        return None
    with contextlib.suppress(BadMessage):
        return refusal(Control(body).body, "29001", error.detail)
    return None
