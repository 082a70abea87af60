"""Monitors: Janus sends the sound or picture of a terminal, or the mixed sound, as plain RTP to an address (CSS §10).

A picture is forwarded from the video room. The mixer forwards only mixes, so a terminal whose sound is monitored is put
into a group of its own, whose mix is its sound. Janus allows five groups in a room; one of them is for all others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from foundation.bus.message import Body, Message
from media_unit.conference_copy import HostedConference, RunningMonitor
from media_unit.config import UnitConfig
from media_unit.gate_link import GateLink
from media_unit.gate_rules import AUDIO, EVERYBODY, LISTENED_TO, VIDEO
from media_unit.janus_link import JanusAway, JanusError
from media_unit.janus_rooms import JanusRooms
from wire import monitors as wire
from wire.error_codes import Err
from wire.monitors import StartMonitorOnUnit, StopMonitorsOnUnit

log = logging.getLogger("conferences.media.unit")

PAYLOADS = {wire.AUDIO: 111, wire.VIDEO: 96}
"""The payload type in the RTP packets, by mode: Opus, and the codec of the terminal's camera (VP8 as a rule)."""


class MonitorRefused(Exception):
    """The exception by which a media unit refuses to send a terminal's media to an address; its text says why."""


class MonitoringUnit(Protocol):
    """The parts of a media unit (`media_unit.unit.MediaUnit`) that its monitors need."""

    conferences: dict[str, HostedConference]
    janus_rooms: JanusRooms | None
    """`None` while the unit has no connection to Janus."""

    def lock(self, e164: str) -> asyncio.Lock:
        """Return the lock of the conference with this number."""

    def save(self, conference: HostedConference) -> None:
        """Write the state of a conference to its file."""


@dataclass(frozen=True, slots=True)
class Monitors:
    """Represent the monitors of one media unit: terminals' sound or video that Janus also sends as RTP to an address.

    This class starts and stops them, and keeps them going when their terminals connect again.
    """

    config: UnitConfig
    gate: GateLink
    send: Callable[[Message, str], None]

    async def handle(
        self,
        unit: MonitoringUnit,
        message: StartMonitorOnUnit | StopMonitorsOnUnit,
        correlation_id: str,
    ) -> None:
        """Handle the platform's request to start or stop monitors of a conference (RTP copies of terminals' media)."""
        async with unit.lock(message.e164):
            conference, janus_rooms = unit.conferences.get(message.e164), unit.janus_rooms
            if isinstance(message, StartMonitorOnUnit):
                await self._start_and_answer(conference, janus_rooms, message, correlation_id)
            elif conference and janus_rooms:
                for address in message.monitors:
                    # One that is stopped already needs nothing.
                    if monitor := conference.monitor_at(address.ip, address.port):
                        await self._stop_monitor(conference, janus_rooms, monitor)
            if conference:
                unit.save(conference)

    async def _start_and_answer(
        self,
        conference: HostedConference | None,
        janus_rooms: JanusRooms | None,
        request: StartMonitorOnUnit,
        correlation_id: str,
    ) -> None:
        """Start the requested monitor (an RTP copy of a terminal's sound or video), and answer the request.

        `conference` is `None` if this unit does not run it; then the request is refused.
        """
        unit: Body = {"ip": self.config.ip, "pid": self.config.pid or None}
        echo: Body = {
            "reqid": request.reqid,
            "e164": request.e164,
            "incarnation": request.incarnation,
        }
        if conference is None or conference.incarnation != request.incarnation or not janus_rooms:
            refused = wire.UnitRefusedMonitor(errcode=Err.NO_CONFERENCE, **echo, **unit)
            self.send(refused, correlation_id)
            return
        try:
            await self._start_monitor(conference, janus_rooms, request)
        except (MonitorRefused, JanusError, JanusAway) as error:
            log.warning("%s: no monitor at %s: %s", request.e164, request.ip, error)
            self.send(wire.UnitRefusedMonitor(detail=str(error), **echo, **unit), correlation_id)
            return
        log.info("%s: monitored at %s port %d", request.e164, request.ip, request.port)
        payload = PAYLOADS[request.mode]
        self.send(wire.UnitStartedMonitor(payload=payload, **echo, **unit), correlation_id)

    async def _start_monitor(
        self, conference: HostedConference, janus_rooms: JanusRooms, request: StartMonitorOnUnit
    ) -> None:
        """Start a monitor (an RTP copy of sound or picture), in place of any other one at its address.

        One that is sent there already is left as it is. Raises MonitorRefused, JanusError and JanusAway.
        """
        self._refuse_address(request.ip)
        running = conference.monitor_at(request.ip, request.port)
        if running and (running.mtid, running.mode) == (request.mtid, request.mode):
            return
        if running:
            await self._stop_monitor(conference, janus_rooms, running)
        monitor = RunningMonitor(
            ip=request.ip, port=request.port, mtid=request.mtid, mode=request.mode
        )
        await self._forward_media(conference, janus_rooms, monitor)
        conference.monitors.append(monitor)

    def _refuse_address(self, ip: str) -> None:
        """Raise MonitorRefused if media must not be sent to an address: it is in no network of MONITOR_NETWORKS."""
        try:
            address = ip_address(ip)
        except ValueError:
            raise MonitorRefused("ip: an IP address is needed") from None
        if not any(address in network for network in self.config.monitor_networks):
            raise MonitorRefused("ip: not in the unit's MONITOR_NETWORKS")

    async def _forward_media(
        self, conference: HostedConference, janus_rooms: JanusRooms, monitor: RunningMonitor
    ) -> None:
        """Have Janus send a terminal's sound or video to the monitor's address, and note the id of the RTP stream.

        Without a terminal it is the mixed sound; the composed picture is sent by the composer, so nothing is done.
        Raises MonitorRefused, JanusError and JanusAway.
        """
        plugin = AUDIO if monitor.mode == wire.AUDIO else VIDEO
        terminal = conference.roster.terminals.get(monitor.mtid)
        monitor.participant = terminal.id_in(plugin) if terminal else ""
        has_composed_picture = not monitor.mtid and bool(conference.composed_port)
        if not monitor.participant and (
            monitor.mtid or (plugin == VIDEO and not has_composed_picture)
        ):
            raise MonitorRefused(f"mtid: no {'sound' if plugin == AUDIO else 'picture'} to send")
        if not monitor.mtid and plugin == VIDEO:
            return  # the composer sends its picture there too
        target = (monitor.ip, monitor.port, PAYLOADS[monitor.mode])
        if plugin == VIDEO:
            monitor.stream = await janus_rooms.forward_picture(
                conference.janus_room, monitor.participant, *target
            )
            return
        if monitor.participant:
            monitor.group = monitor.group or self._group_for(conference, monitor.participant)
            await self.gate.put_into_group(
                conference.janus_room, monitor.participant, monitor.group
            )
        monitor.stream = await janus_rooms.forward_sound(
            conference.janus_room, monitor.group, *target
        )

    def _group_for(self, conference: HostedConference, participant: str) -> str:
        """Return the group of the sound mixer in which a monitored participant is alone, so that its sound can be sent.

        It is the one that the participant is in already, or a free one. Raises MonitorRefused if all are in use.
        """
        used = {
            monitor.group: monitor.participant for monitor in conference.monitors if monitor.group
        }
        for group, person in used.items():
            if person == participant:
                return group
        free = [group for group in LISTENED_TO if group not in used]
        if not free:
            raise MonitorRefused(f"at most {len(LISTENED_TO)} terminals are listened to at once")
        return free[0]

    async def _stop_monitor(
        self, conference: HostedConference, janus_rooms: JanusRooms, monitor: RunningMonitor
    ) -> None:
        """Stop a monitor and remove it from its conference, also if Janus does not send it any more."""
        conference.monitors.remove(monitor)
        log.info("%s: no more sent to %s port %d", conference.e164, monitor.ip, monitor.port)
        await self._stop_stream(conference, janus_rooms, monitor)
        if monitor.group and not any(other.group == monitor.group for other in conference.monitors):
            try:
                await self.gate.put_into_group(
                    conference.janus_room, monitor.participant, EVERYBODY
                )
            except JanusError as error:
                log.info("%s: %s stays in its group: %s", conference.e164, monitor.mtid, error)

    async def _stop_stream(
        self, conference: HostedConference, janus_rooms: JanusRooms, monitor: RunningMonitor
    ) -> None:
        """Have Janus stop the RTP stream of a monitor.

        Do nothing for the composed picture, which Janus does not send.
        """
        if monitor.mode == wire.VIDEO and not monitor.mtid:
            return
        publisher = monitor.participant if monitor.mode == wire.VIDEO else ""
        await janus_rooms.stop_forward(conference.janus_room, publisher, monitor.stream)

    async def restart_or_stop(self, conference: HostedConference, janus_rooms: JanusRooms) -> None:
        """Restart monitors whose terminals have connected again, and stop those whose terminals have left.

        One that cannot be restarted is stopped.
        """
        for monitor in list(conference.monitors):
            if not monitor.mtid:
                continue
            plugin = AUDIO if monitor.mode == wire.AUDIO else VIDEO
            terminal = conference.roster.terminals.get(monitor.mtid)
            if terminal and terminal.id_in(plugin) == monitor.participant:
                continue
            if terminal is None or not terminal.online:
                await self._stop_monitor(conference, janus_rooms, monitor)
            elif terminal.id_in(plugin):
                await self._stop_stream(conference, janus_rooms, monitor)
                try:
                    await self._forward_media(conference, janus_rooms, monitor)
                except (MonitorRefused, JanusError) as error:
                    log.warning("%s: %s is not sent on: %s", conference.e164, monitor.mtid, error)
