"""Terminals that join a conference get its settings, or are sent away when it is full."""

from __future__ import annotations

import logging

from foundation.bus.message import Body
from media_unit.conference_copy import HostedConference
from media_unit.controls import ControlContext, disconnect_terminal, hold_rights
from media_unit.gate_rules import AUDIO, TEXT
from media_unit.roster import Terminal
from wire.arrangement import to_settings_members

log = logging.getLogger("conferences.media.unit")


async def admit_or_disconnect(context: ControlContext, arrived: list[Terminal]) -> None:
    """Apply a conference's settings to terminals that have just joined (`arrived`), or disconnect them.

    Terminals for which there is no place are disconnected, the last to come first; so are those that were banned and
    have not been called again. Whoever may not talk is muted.
    """
    conference = context.conference
    for terminal in reversed(arrived):
        is_full = len(conference.roster.online) > conference.places
        if is_full or is_banned(conference, terminal):
            reason = "no place" if is_full else "no return"
            log.info("%s: %s for %s", conference.e164, reason, terminal.name)
            await disconnect_terminal(context, terminal)
            if not terminal.called and (is_full or not is_banned_by_name(conference, terminal)):
                conference.roster.remove(terminal.mtid)
            continue
        is_spared = conference.arrangement.spare and terminal.mtid in conference.roles
        terminal.mute = terminal.mute or (conference.mute and not is_spared)
        terminal.silence = terminal.silence or conference.silence
        if terminal.mute and (participant := terminal.id_in(AUDIO)):
            await context.janus_rooms.mute(conference.janus_room, participant, True)
    await hold_rights(context)


def is_banned(conference: HostedConference, terminal: Terminal) -> bool:
    """Return whether a terminal is banned from the conference, by its name or account, or by its browser. Pure."""
    if terminal.called:
        return False
    visitor = terminal.visitor
    is_known = any(row.visitor and row.visitor == visitor for row in conference.arrangement.banned)
    return is_known or is_banned_by_name(conference, terminal)


def is_banned_by_name(conference: HostedConference, terminal: Terminal) -> bool:
    """Return whether a terminal is banned from the conference by its name or account. Pure."""
    return any(
        terminal.is_called(row.name) or terminal.is_called(row.account)
        for row in conference.arrangement.banned
    )


def terminal_that_fell_silent(
    conference: HostedConference, plugin: str, person: str
) -> Terminal | None:
    """Return the terminal whose connection sends no media any more, if it counts as having left; else `None`. Pure.

    `plugin` and `person` name the connection: a Janus plugin, and the participant id there. A muted terminal may be
    silent, and one that is still heard may stop its video: these have not left.
    """
    matching = (
        terminal for terminal in conference.roster.online if (plugin, person) in terminal.links
    )
    terminal = next(matching, None)
    if terminal is None:
        return None
    if plugin == AUDIO:
        # A closed microphone may send nothing, for as long as it likes.
        return None if terminal.mute else terminal
    return None if terminal.id_in(AUDIO) else terminal


def terminals_with_join_page(conference: HostedConference) -> set[str]:
    """Return the ids of the online terminals that use the web page for joining, which shows announcements. Pure."""
    return {terminal.mtid for terminal in conference.roster.online if terminal.id_in(TEXT)}


def state_for_join_pages(conference: HostedConference) -> Body:
    """Return the announcement with a conference's state, for the web pages of its participants. Pure."""
    people = [
        {
            "mtid": terminal.mtid,
            "ids": sorted({participant for _, participant in terminal.links}),
            "silence": terminal.silence,
        }
        for terminal in conference.roster.online
    ]
    return {
        "kind": "state",
        "people": people,
        "chairman": conference.chairman,
        "speaker": conference.speaker,
        "recording": bool(conference.recording),
        "arrangement": {
            name: value
            for name, value in to_settings_members(conference.arrangement).items()
            if name != "banned"
        },
    }
