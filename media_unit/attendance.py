"""Those who come, and those who stay: house rules, places, and what everybody's page is told."""

from __future__ import annotations

import logging
from typing import Any

from media_unit.conference_copy import Held
from media_unit.controls import Desk, drop
from media_unit.janus_config import AUDIO
from media_unit.roster import Terminal

log = logging.getLogger("conferences.media.unit")

Body = dict[str, Any]


async def greet(desk: Desk, arrived: list[Terminal]) -> None:
    """Those who come find the house rules; those for whom there is no place are sent away."""
    held = desk.held
    for one in reversed(arrived):
        if len(held.roster.online) > held.places:
            log.info("%s: no place for %s", held.e164, one.name)
            await drop(desk, one)
            if not one.called:
                held.roster.remove(one.mtid)
            continue
        one.mute, one.silence = one.mute or held.mute, one.silence or held.silence
        if one.mute and (who := one.id_in(AUDIO)):
            await desk.rooms.mute(held.room, who, True)


def has_fallen_silent(held: Held, plugin: str, person: str) -> Terminal | None:
    """Whose connection this is, if its silence means that he is gone. Pure."""
    found = (one for one in held.roster.online if (plugin, person) in one.links)
    terminal = next(found, None)
    if terminal is None:
        return None
    if plugin == AUDIO:
        # A closed microphone may send nothing, for as long as it likes.
        return None if terminal.mute else terminal
    return None if terminal.id_in(AUDIO) else terminal


def house(held: Held) -> Body:
    """What the pages of those who are in must know. Pure."""
    people = [
        {"mtid": one.mtid, "ids": sorted({who for _, who in one.links}), "silence": one.silence}
        for one in held.roster.online
    ]
    return {
        "kind": "state",
        "people": people,
        "chairman": held.chairman,
        "speaker": held.speaker,
        "recording": bool(held.recording),
    }
