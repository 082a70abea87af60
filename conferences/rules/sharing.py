"""Define the rule that finds whose screen is shared in a conference, from what its media unit reports. Pure."""

from __future__ import annotations

from conferences.rules.states import Conference, ConferenceState


def id_of_sharer(conference: Conference) -> str:
    """Return the id of the terminal that shares a screen now, the first of several; "" if none does.

    A conference that does not run has none; nor has one whose media unit does not report it.
    """
    if conference.state is not ConferenceState.RUNNING:
        return ""
    sharers = (terminal for terminal in conference.mts if terminal.online and terminal.dual)
    return next((terminal.mtid or "" for terminal in sharers), "")
