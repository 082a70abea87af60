"""Legs are telephones in the sound mixer: Janus exchanges plain RTP with the gate of telephones that asked for it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Protocol

from foundation.bus.message import Message
from media_unit.conference_copy import HostedConference, Leg
from media_unit.config import UnitConfig
from media_unit.gate_link import GateLink
from media_unit.gate_rules import AUDIO
from media_unit.janus_link import JanusAway, JanusError
from media_unit.janus_rooms import JanusRooms
from wire.error_codes import MEANING, Err
from wire.routes import gate_key
from wire.telephones import AskForLeg, LeaveLeg, LegAddress, LegGone, LegGranted, LegRefused

log = logging.getLogger("conferences.media.unit")

_UNHEARD_SECONDS = 60.0
"""A leg ends of which no gate has spoken for so long; a gate speaks of each every 15 s."""

SendToGate = Callable[[str, Message, str], None]
"""Send a message to the gate with this routing key, with this correlation id."""


class UnitWithLegs(Protocol):
    """The parts of a media unit (`media_unit.unit.MediaUnit`) that its legs need."""

    conferences: dict[str, HostedConference]
    janus_rooms: JanusRooms | None
    """`None` while the unit has no connection to Janus."""

    def lock(self, e164: str) -> asyncio.Lock:
        """Return the lock of the conference with this number."""

    def save(self, conference: HostedConference) -> None:
        """Write the state of a conference to its file."""

    async def refresh(self, e164: str) -> None:
        """Read from Janus who is in a conference, and report changes."""


class Legs:
    """The legs of one media unit: this class adds telephones to the mixer, and tells gates which are gone."""

    def __init__(self, config: UnitConfig, gate: GateLink, send: SendToGate) -> None:
        """Begin without legs. `gate` is the proxy before Janus; `send` sends to a gate of telephones."""
        self._config, self._gate, self._send = config, gate, send
        self._heard: dict[tuple[str, str], float] = {}
        """(number of the conference, call id) -> when the gate has last spoken of the leg (monotonic seconds)."""

    async def handle(
        self, unit: UnitWithLegs, message: AskForLeg | LeaveLeg, correlation_id: str
    ) -> None:
        """Handle a gate's message about a telephone, and report who is in the conference now."""
        if isinstance(message, AskForLeg):
            await self._add(unit, message, correlation_id)
        else:
            await self._remove(unit, message)
        await unit.refresh(message.e164)

    async def _add(self, unit: UnitWithLegs, request: AskForLeg, correlation_id: str) -> None:
        """Add a telephone to a conference's mixer as its gate requests, and send the answer.

        A repeated request for the same call, which tells that the call goes on, is answered with the leg that there is.
        """
        async with unit.lock(request.e164):
            conference, janus_rooms = unit.conferences.get(request.e164), unit.janus_rooms
            try:
                if conference is None or janus_rooms is None:
                    raise JanusAway("not held here")
                leg = await self._leg_of(unit, conference, janus_rooms, request)
            except (JanusError, JanusAway, ValueError) as error:
                log.info("%s: no leg for %s: %s", request.e164, request.callid, error)
                code = Err.NO_CONFERENCE if conference is None else Err.UNIT_REFUSED
                answer: Message = LegRefused(
                    reqid=request.reqid,
                    e164=request.e164,
                    errcode=code.value,
                    detail=str(error)[:200] or MEANING[code],
                )
            else:
                self._heard[request.e164, request.callid] = time.monotonic()
                answer = LegGranted(
                    reqid=request.reqid,
                    e164=request.e164,
                    mtid=request.mtid,
                    audio=LegAddress(ip=leg.ip, port=leg.port, pt=request.audio.pt),
                )
        self._send(gate_key(request.ip, request.pid), answer, correlation_id)

    async def _leg_of(
        self,
        unit: UnitWithLegs,
        conference: HostedConference,
        janus_rooms: JanusRooms,
        request: AskForLeg,
    ) -> Leg:
        """Return the leg of a call, which is added to the mixer unless it is there already.

        Raises JanusError and JanusAway, and ValueError if the list of terminals is full, or the conference was moved.
        """
        if conference.incarnation != request.incarnation:
            raise ValueError(f"incarnation {conference.incarnation} is here")
        leg = conference.legs.get(request.mtid)
        if leg and leg.callid == request.callid:
            return leg
        if leg:
            await janus_rooms.remove_leg(conference.janus_room, leg.participant, leg.handle)
        participant = request.visitor + secrets.token_hex(4)
        added = await janus_rooms.add_leg(
            conference.janus_room,
            conference.janus_rooms_password,
            participant,
            request.name,
            request.audio,
            has_sound_groups=await self._gate.has_sound_groups(),
        )
        conference.roster.expect(request.mtid, request.account, request.name, (AUDIO, participant))
        conference.legs[request.mtid] = leg = Leg(
            callid=request.callid,
            gate=gate_key(request.ip, request.pid),
            participant=participant,
            handle=added.handle,
            ip=added.ip,
            port=added.port,
        )
        unit.save(conference)
        return leg

    async def _remove(self, unit: UnitWithLegs, message: LeaveLeg) -> None:
        """Remove a telephone that has hung up from a conference's mixer; nothing happens if it is not there."""
        async with unit.lock(message.e164):
            conference = unit.conferences.get(message.e164)
            leg = conference.legs.get(message.mtid) if conference else None
            if conference is None or leg is None or leg.callid != message.callid:
                return
            await self._end(unit, conference, message.mtid)
            unit.save(conference)

    async def _end(self, unit: UnitWithLegs, conference: HostedConference, mtid: str) -> None:
        """Forget a leg of a conference, and remove it from the mixer, if Janus answers."""
        leg = conference.legs.pop(mtid)
        self._heard.pop((conference.e164, leg.callid), None)
        if unit.janus_rooms:
            try:
                await unit.janus_rooms.remove_leg(
                    conference.janus_room, leg.participant, leg.handle
                )
            except (JanusError, JanusAway) as error:
                log.info("%s: leg %s not removed: %s", conference.e164, mtid, error)

    async def end_gone(self, unit: UnitWithLegs, conference: HostedConference) -> None:
        """Tell the gates which legs of a conference are gone: those of disconnected terminals, and lost ones.

        A leg of which its gate has not spoken for 60 s ends, too: the gate is gone.
        """
        online = {terminal.mtid for terminal in conference.roster.online}
        for mtid, leg in list(conference.legs.items()):
            heard = self._heard.setdefault((conference.e164, leg.callid), time.monotonic())
            if mtid in online and time.monotonic() - heard < _UNHEARD_SECONDS:
                continue
            await self._end(unit, conference, mtid)
            was_dropped = leg.dropped or mtid not in conference.roster.terminals
            self._tell_gone(conference.e164, mtid, leg, "dropped" if was_dropped else "lost")

    def tell_all_gone(self, conference: HostedConference, reason: str) -> None:
        """Tell the gates that all legs of a conference are gone, for this reason: `ended` or `lost`. See LegGone."""
        for mtid, leg in conference.legs.items():
            self._heard.pop((conference.e164, leg.callid), None)
            self._tell_gone(conference.e164, mtid, leg, reason)
        conference.legs.clear()

    def _tell_gone(self, e164: str, mtid: str, leg: Leg, reason: str) -> None:
        """Tell a gate that a telephone is not in the conference any more."""
        log.info("%s: leg %s is gone (%s)", e164, mtid, reason)
        notice = LegGone(e164=e164, mtid=mtid, callid=leg.callid, reason=reason)
        self._send(leg.gate, notice, "")
