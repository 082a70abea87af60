"""The planned end of a conference: the platform moves it, and has participants told that it is near."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from media_unit.conference_copy import HostedConference
from media_unit.janus_rooms import JanusRooms
from wire.media_unit import ConferenceEndIsNear, ConferenceEndMoved

log = logging.getLogger("conferences.media.unit")


class UnitWithEnds(Protocol):
    """The parts of a media unit (`media_unit.unit.MediaUnit`) that the functions here need."""

    conferences: dict[str, HostedConference]
    janus_rooms: JanusRooms | None
    """`None` while the unit has no connection to Janus."""

    def lock(self, e164: str) -> asyncio.Lock:
        """Return the lock of the conference with this number."""

    def save(self, conference: HostedConference) -> None:
        """Write the state of a conference to its file."""


async def move(unit: UnitWithEnds, notice: ConferenceEndMoved) -> None:
    """Set a later planned end of a conference, as the platform's notice says."""
    async with unit.lock(notice.e164):
        if conference := unit.conferences.get(notice.e164):
            conference.prolong(notice.endtime)
            unit.save(conference)


async def announce(unit: UnitWithEnds, notice: ConferenceEndIsNear) -> None:
    """Announce on the web pages of a conference's participants in how many minutes it ends."""
    conference = unit.conferences.get(notice.e164)
    if conference and unit.janus_rooms:
        log.info("%s: ends in %s minutes", conference.e164, notice.minutes)
        announcement = {"kind": "willend", "minutes": notice.minutes}
        await unit.janus_rooms.announce(conference.janus_room, announcement)
