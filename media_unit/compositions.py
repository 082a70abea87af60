"""Compositions: for each conference with a layout a process makes one video stream, where the unit has the role `mps`.

Janus forwards the pictures that the layout shows to the process (`media_unit.composer`), and offers its stream to
viewers as a mountpoint of the Streaming plugin, under the name of the conference's Janus rooms.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from media_unit.child_user import REPOSITORY, ChildUser, child_environment
from media_unit.conference_copy import ForwardedPicture, HostedConference
from media_unit.gate_rules import VIDEO
from media_unit.janus_link import JanusError
from media_unit.janus_rooms import JanusRooms
from media_unit.monitors import PAYLOADS, MonitoringUnit
from media_unit.picture_layout import (
    HEIGHT,
    WIDTH,
    Plan,
    PlannedTile,
    rectangles,
    shown_terminals,
    style_of,
)
from media_unit.vp8_rtp import PAYLOAD_TYPE
from wire import monitors as wire

log = logging.getLogger("conferences.media.unit")

_LOOPBACK = "127.0.0.1"
_BUFFER = 1024 * 1024
_NO_COMPOSER, _COMPOSER_DIED = 20901, 20902
"""The codes of the open API by which programs are told that a composition has failed (HTTP API §4)."""
_PROVED_SECONDS = 10.0
"""A process that has run for so long after another's death is believed to be well: else each death would be told."""


class ComposingUnit(MonitoringUnit, Protocol):
    """The parts of a media unit (`media_unit.unit.MediaUnit`) that its compositions need."""

    async def report_changes(self, conference: HostedConference, janus_rooms: JanusRooms) -> object:
        """Report a conference to the platform if it has changed since the last report. The result is not used here."""


class ComposerProcess:
    """The process that composes the pictures of one conference to a video, and the socket at which it receives them.

    It runs as the user of the gate (the proxy before Janus), as it decodes what strangers send, and it ends with the
    agent.
    """

    def __init__(self, logs: Path, user: ChildUser) -> None:
        """Open the UDP socket for the pictures, and start the process, which inherits it and runs as `user`.

        `logs`: the file to which the process's output is added. Raises OSError.
        """
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((_LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        socket_fd, log_fd = self._socket.fileno(), _opened_for_appending(logs)
        try:
            self._child = subprocess.Popen(  # noqa: S603  # the arguments are our own
                (sys.executable, "-m", "media_unit.composer", str(socket_fd)),
                stdin=subprocess.PIPE,
                stdout=log_fd,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env=child_environment(""),
                pass_fds=(socket_fd,),
                start_new_session=True,
                **user.arguments,
            )
        finally:
            os.close(log_fd)
        assert self._child.stdin is not None
        self._plan_input = self._child.stdin
        os.set_blocking(self._plan_input.fileno(), False)
        self._plan: Plan | None = None
        self.pid, self._started_at = self._child.pid, time.monotonic()

    @property
    def is_running(self) -> bool:
        """Return whether the process runs."""
        return self._child.poll() is None

    @property
    def is_proved(self) -> bool:
        """Return whether the process has run for _PROVED_SECONDS, so that it will probably not crash at once again."""
        return self.is_running and time.monotonic() - self._started_at > _PROVED_SECONDS

    def send_plan(self, plan: Plan) -> None:
        """Send the process this plan (which pictures lie where); kill it if it does not read its plans.

        A killed process is soon started again.
        """
        if plan == self._plan:
            return
        line = msgspec.json.encode(plan) + b"\n"
        try:
            is_written = os.write(self._plan_input.fileno(), line) == len(line)
        except (BlockingIOError, BrokenPipeError):
            is_written = False
        if is_written:
            self._plan = plan
        else:
            self._child.kill()

    def end(self) -> None:
        """End the process at once; it has nothing to save."""
        self._child.kill()
        self._child.wait()
        self._plan_input.close()
        self._socket.close()


def _opened_for_appending(path: Path) -> int:
    """Return the descriptor of a log file, opened for appending, and made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


class Compositions:
    """The compositions of one media unit: they begin, change and end with the layouts of its conferences."""

    def __init__(self, directory: Path, user: ChildUser, now: Callable[[], datetime]) -> None:
        """Begin without compositions. `directory` is the unit's; processes run as `user`; `now` tells the time."""
        self._logs, self._user, self._now = directory / "log" / "composer.log", user, now
        self._processes: dict[str, ComposerProcess] = {}
        """Number of a conference -> the process that composes its pictures."""
        self._errors: dict[str, str] = {}
        """Number of a conference -> why it has no composed picture, as it was logged."""

    async def update_now(self, unit: ComposingUnit, e164: str) -> None:
        """Bring the composed picture of the conference with this number up to date.

        Report it if it fails, or works again. Which members it shows in turn depends on the time; and its process
        may have died, and is started again.
        """
        async with unit.lock(e164):
            conference, janus_rooms = unit.conferences.get(e164), unit.janus_rooms
            if conference and janus_rooms:
                error = conference.composition_error
                await self.update(unit, conference, janus_rooms)
                if conference.composition_error != error:
                    await unit.report_changes(conference, janus_rooms)

    async def update(
        self, unit: ComposingUnit, conference: HostedConference, janus_rooms: JanusRooms
    ) -> None:
        """Bring the composed picture of a conference to what its layout asks for; begin or end it if need be.

        An error of Janus is logged. A process that has died is started again, and each picture is then forwarded
        anew, because Janus asks for a key frame when it begins to forward.
        """
        if not conference.composes:
            return
        before = (conference.composed_port, list(conference.pictures))
        try:
            if conference.arrangement.layout is not None:
                await self._compose(conference, janus_rooms, conference.arrangement.layout)
            else:
                await self.end(conference, janus_rooms)
            self._errors.pop(conference.e164, None)
        except (JanusError, OSError) as error:
            conference.composition_error = _NO_COMPOSER
            if self._errors.get(conference.e164) != str(error):
                log.error("%s: no composed picture: %s", conference.e164, error)
            self._errors[conference.e164] = str(error)
        if (conference.composed_port, conference.pictures) != before:
            unit.save(conference)

    async def _compose(
        self, conference: HostedConference, janus_rooms: JanusRooms, layout: Mapping[str, object]
    ) -> None:
        """Have the pictures of a conference composed by this layout (who is shown at which place).

        At the first time the Janus stream is made that offers the result. Raises JanusError, JanusAway, OSError.
        """
        if not conference.composed_port:
            await self._offer_stream(conference, janus_rooms)
        process = await self._ensure_process(conference, janus_rooms)
        process.send_plan(await self._make_plan(conference, janus_rooms, layout, process.port))
        if process.is_proved or conference.composition_error != _COMPOSER_DIED:
            conference.composition_error = 0

    async def _offer_stream(self, conference: HostedConference, janus_rooms: JanusRooms) -> None:
        """Let Janus offer the composed picture of a conference as a stream, with the mixed sound of all.

        Raises JanusError and JanusAway.
        """
        janus_room = conference.janus_room
        ports = await janus_rooms.create_stream(
            janus_room, conference.name, conference.janus_rooms_password
        )
        try:
            conference.composed_sound = await janus_rooms.forward_sound(
                janus_room, "", _LOOPBACK, ports.sound, PAYLOADS[wire.AUDIO]
            )
        except JanusError:
            await janus_rooms.destroy_stream(janus_room)
            raise
        conference.composed_port = ports.picture
        log.info("%s: a composed picture is offered", conference.e164)

    async def _ensure_process(
        self, conference: HostedConference, janus_rooms: JanusRooms
    ) -> ComposerProcess:
        """Return the process that composes the pictures of a conference; start it if it does not run.

        A new process gets each picture forwarded anew, so the present forwarding is stopped first.
        """
        process = self._processes.get(conference.e164)
        if process and process.is_running:
            return process
        if process:
            conference.composition_error = _COMPOSER_DIED
            log.error("%s: its composer (process %s) is dead", conference.e164, process.pid)
            process.end()
        await self._stop_pictures(conference, janus_rooms, conference.pictures)
        process = self._processes[conference.e164] = ComposerProcess(self._logs, self._user)
        log.info("%s: composed by process %s", conference.e164, process.pid)
        return process

    async def _make_plan(
        self,
        conference: HostedConference,
        janus_rooms: JanusRooms,
        layout: Mapping[str, object],
        port: int,
    ) -> Plan:
        """Let Janus forward the pictures that the layout shows now, and no others; return the plan for the composer.

        The plan says which picture lies where, and to which addresses the result goes: Janus, and those who monitor
        it.
        """
        terminals = conference.roster.terminals
        roles = {"chairman": conference.chairman, "speaker": conference.speaker}
        online = [terminal.mtid for terminal in conference.roster.online]
        shown = [
            terminals[mtid]
            for mtid in shown_terminals(conference.arrangement, layout, roles, online, self._now())
            if mtid in terminals
        ]
        sent = await self._forward(
            conference, janus_rooms, [terminal.id_in(VIDEO) for terminal in shown], port
        )
        places = rectangles(style_of(layout), len(shown), WIDTH, HEIGHT)
        tiles = tuple(
            PlannedTile(
                rectangle=place,
                ssrc=sent.get(terminal.id_in(VIDEO), 0),
                name=terminal.name,
                shows_name=bool(layout.get("show_mt_name")),
            )
            for terminal, place in zip(shown, places, strict=True)
        )
        watched = [
            monitor
            for monitor in conference.monitors
            if monitor.mode == wire.VIDEO and not monitor.mtid
        ]
        addresses = [
            (_LOOPBACK, conference.composed_port),
            *((monitor.ip, monitor.port) for monitor in watched),
        ]
        return Plan(tiles, tuple(addresses))

    async def _forward(
        self,
        conference: HostedConference,
        janus_rooms: JanusRooms,
        participants: list[str],
        port: int,
    ) -> dict[str, int]:
        """Let Janus forward the pictures of these participants alone; return participant -> SSRC (id of the packets).

        Who sends no picture is left out.
        """
        streams = await janus_rooms.forwarded_streams(conference.janus_room)
        conference.pictures = [
            picture for picture in conference.pictures if picture.stream in streams
        ]
        superfluous = [
            picture for picture in conference.pictures if picture.participant not in participants
        ]
        await self._stop_pictures(conference, janus_rooms, superfluous)
        sent = {picture.participant: picture.ssrc for picture in conference.pictures}
        for participant in participants:
            if not participant or participant in sent:
                continue
            ssrc = secrets.randbelow(2**32 - 1) + 1
            try:
                stream = await janus_rooms.forward_picture(
                    conference.janus_room, participant, _LOOPBACK, port, PAYLOAD_TYPE, ssrc
                )
            except JanusError as error:
                log.debug("%s: %s sends no picture: %s", conference.e164, participant, error)
                continue
            conference.pictures.append(ForwardedPicture(participant, stream, ssrc))
            sent[participant] = ssrc
        return sent

    async def _stop_pictures(
        self,
        conference: HostedConference,
        janus_rooms: JanusRooms,
        pictures: list[ForwardedPicture],
    ) -> None:
        """Let Janus stop forwarding these pictures, and forget them."""
        for picture in list(pictures):
            conference.pictures.remove(picture)
            await janus_rooms.stop_forward(
                conference.janus_room, picture.participant, picture.stream
            )

    async def end(self, conference: HostedConference, janus_rooms: JanusRooms | None) -> None:
        """End the composition of a conference, if there is one. Raises JanusError and JanusAway.

        Without a connection to Janus (`None`) only the process ends; the rest ends with Janus.
        """
        self.end_process(conference.e164)
        conference.composition_error = 0
        if janus_rooms is None:
            return
        await self._stop_pictures(conference, janus_rooms, conference.pictures)
        if conference.composed_port:
            conference.composed_port = 0
            log.info("%s: no composed picture is offered any more", conference.e164)
            # Its port may be another mountpoint's soon.
            await janus_rooms.stop_forward(conference.janus_room, "", conference.composed_sound)
            await janus_rooms.destroy_stream(conference.janus_room)

    def end_process(self, e164: str) -> None:
        """End the process that composes the pictures of a conference, if there is one."""
        self._errors.pop(e164, None)
        if process := self._processes.pop(e164, None):
            process.end()
