"""Raised hands: what join pages say about them over the text room of their conference. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import orjson

from foundation.bus.typed_json import TypedObject, read_as, text
from foundation.bus.typed_json_words import InvalidValue
from media_unit.conference_copy import HostedConference

_MOST_CHARACTERS = 300


class HandChange(TypedObject):
    """What a join page says about a raised hand: that it raises (`up`) or lowers one.

    The hand is that of the terminal `mtid`, that of its own person, or with `all` every one.
    """

    kind: Literal["hand"]
    up: bool
    mtid: Annotated[str, text(128)] | None = None
    all: bool = False


def terminals_of_change(
    conference: HostedConference, participant: str, message: str
) -> tuple[tuple[str, ...], bool]:
    """Return the ids of the terminals whose hand a page's text raises or lowers, and whether it raises them.

    `participant` is the sender's id, as Janus says it. Everybody changes the own hand; to lower those of others is for
    the chairman. There are no ids if the text is something else, or is refused. The terminal of the chairman is found
    by its name, which anybody can type; so where the chair was given to a visitor, it has to be that one.
    """
    change = _read_change(message)
    sender = next(
        (terminal for terminal in conference.roster.online if terminal.has_id(participant)), None
    )
    if change is None or sender is None:
        return (), False
    if not change.all and change.mtid in (None, sender.mtid):
        return (sender.mtid,), change.up
    is_chair = conference.arrangement.chair in ("", sender.visitor)
    if change.up or sender.mtid != conference.chairman or not is_chair:
        return (), False
    hands = conference.arrangement.hands
    return tuple(mtid for mtid in hands if change.all or mtid == change.mtid), False


def _read_change(message: str) -> HandChange | None:
    """Return what a page's text says about a hand; `None` if it says something else, or cannot be read."""
    if len(message) > _MOST_CHARACTERS:
        return None
    try:
        return read_as(HandChange, orjson.loads(message))
    except (ValueError, InvalidValue):
        return None
