"""The rules that say which visitors steer a conference from their pages: its creator, the chair and co-chairs. Pure."""

from __future__ import annotations

from enum import StrEnum

from conferences.rules.states import Conference
from wire.arrangement import Arrangement, arrangement_of

OF_CO_CHAIRS = frozenset(
    [
        *("mute", "lower", "drop", "lock", "lobby", "letin", "refuse"),
        *("extend", "end", "record", "restrict", "rooms"),
    ]
)
"""Whoever steers a conference may give these commands."""
IN_BREAKOUT_ROOM = frozenset(["mute", "lower"])
"""These commands act on the breakout room in which the chair is; others act on the conference that was split."""
NOT_IN_BREAKOUT_ROOM = frozenset(
    ["drop", "chair", "cochair", "lock", "lobby", "record", "restrict"]
)
"""The chair gives these commands after the return to the conference: a page in a room shows the state of the room."""
OF_CHAIRS = OF_CO_CHAIRS | {"chair", "cochair"}
"""Chair and creator also say who steers."""


class Role(StrEnum):
    """The role in which a visitor steers a conference; NONE means that the visitor may not steer it."""

    CREATOR = "creator"
    CHAIR = "chair"
    CO_CHAIR = "cochair"
    NONE = ""

    def may(self, command: str) -> bool:
        """Return whether a visitor in this role may give the command with this name (a key of `steering.ACTIONS`)."""
        if self is Role.NONE:
            return False
        return command in (OF_CO_CHAIRS if self is Role.CO_CHAIR else OF_CHAIRS)


def role_of(
    arrangement: Arrangement, creator: str, chairman_visitor: str, *, visitor: str, account: str
) -> Role:
    """Return the role of a visitor, who has shown a pass for this id and account (MOID; "" for a guest).

    `chairman_visitor`: the visitor's id of the terminal that is chairman. The chair is a visitor who was made it on a
    page, as long as the terminal still is that one: another may have been chosen by the API, and a terminal alone may
    be somebody who has typed the chairman's name.
    """
    if account and account == creator:
        return Role.CREATOR
    if visitor and visitor == arrangement.chair == chairman_visitor:
        return Role.CHAIR
    return Role.CO_CHAIR if visitor and visitor in arrangement.cochairs else Role.NONE


def leads(role: Role, *, is_chaired: bool, account: str) -> bool:
    """Return whether somebody leads what people do together in a call, such as polls and the shared notes.

    Whoever steers the conference does, or, while nobody chairs, anybody with an account. `role`: in which this person
    steers the conference. `is_chaired`: whether somebody chairs from the join page. `account`: the person's MOID, ""
    for a guest.
    """
    return role is not Role.NONE or (not is_chaired and bool(account))


def visitor_of_terminal(conference: Conference, mtid: str) -> str:
    """Return the visitor's id of a terminal; "" if it is not there now, or has not entered by the join page."""
    terminals = (terminal for terminal in conference.mts if terminal.mtid == mtid)
    return next((terminal.visitor or "" for terminal in terminals if terminal.online), "")


def chairing_visitor(conference: Conference, *, is_split: bool) -> str:
    """Return the visitor's id of the terminal that is chairman; "" if nobody chairs from the join page.

    `is_split`: the people are in breakout rooms now. Then the chair, who may be in a room, keeps the right while the
    chairman's terminal is not connected to the conference itself.
    """
    visitor = visitor_of_terminal(conference, conference.chairman)
    is_away = conference.chairman and not any(
        terminal.online for terminal in conference.mts if terminal.mtid == conference.chairman
    )
    return arrangement_of(conference.settings).chair if is_split and is_away else visitor


def visitors_present(conference: Conference) -> dict[str, str]:
    """Return the visitors who are in a conference by its join page, as its media unit has reported last: id -> name."""
    present = (terminal for terminal in conference.mts if terminal.online)
    return {terminal.visitor: terminal.name or "" for terminal in present if terminal.visitor}
