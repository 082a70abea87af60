"""Stanzas of rooms (XEP-0045), as which groups are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from im.rules.messages import Data
from im.rules.xmpp import stanzas
from im.rules.xmpp.addresses import Jid
from im.rules.xmpp.stanzas import MUC, MUC_USER, element

LONGEST_NICK = 100
LONGEST_HISTORY = 100
SELF, RENAMED, REMOVED = "110", "210", "321"
_RANKS = {"owner": ("owner", "moderator"), "admin": ("admin", "moderator")}


@dataclass(frozen=True, slots=True)
class Occupant:
    """A member as a room shows them: a name that is unique in the room, and the role in the group."""

    nick: str
    role: str


def clean(name: str) -> str:
    """Return a name in the form that it has as the last part of an address."""
    return " ".join(name.split())[:LONGEST_NICK] or "?"


def occupants(members: Iterable[Data]) -> dict[str, Occupant]:
    """Return the members by user id. Of two with the same name the second one's name ends with a part of the id."""
    taken: set[str] = set()
    shown = {}
    for member in members:
        user, nick = str(member["user_id"]), clean(str(member["name"]))
        if nick in taken:
            nick = f"{nick} ({user[:8]})"
        taken.add(nick)
        shown[user] = Occupant(nick, str(member["role"]))
    return shown


def present(
    room: Jid,
    receiver: Jid,
    occupant: Occupant,
    address: Jid,
    *,
    is_self: bool = False,
    is_renamed: bool = False,
) -> Element:
    """Return the presence of a member in a room. `is_renamed` says that the client has asked for another name."""
    affiliation, role = _RANKS.get(occupant.role, ("member", "participant"))
    node = stanzas.stanza("presence", room, receiver)
    node.append(about := element(MUC_USER, "x"))
    about.append(element(MUC_USER, "item", affiliation=affiliation, role=role, jid=str(address)))
    if is_self:
        about.append(element(MUC_USER, "status", code=SELF))
    if is_renamed:
        about.append(element(MUC_USER, "status", code=RENAMED))
    return node


def left(room: Jid, receiver: Jid, *, is_self: bool = False, for_good: bool = False) -> Element:
    """Return the presence that says that somebody has left a room; `for_good`: the group, too."""
    node = stanzas.stanza("presence", room, receiver, "unavailable")
    node.append(about := element(MUC_USER, "x"))
    affiliation = "none" if for_good else "member"
    about.append(element(MUC_USER, "item", affiliation=affiliation, role="none"))
    codes = [*([SELF] if is_self else []), *([REMOVED] if for_good else [])]
    about.extend(element(MUC_USER, "status", code=code) for code in codes)
    return node


def subject(room: Jid, receiver: Jid, text: str) -> Element:
    """Return the message with the subject of a room, which also ends its history."""
    node = stanzas.stanza("message", room, receiver, "groupchat")
    node.append(element(stanzas.STREAM, "subject", text))
    return node


def wanted_history(node: Element, default: int) -> int:
    """Return how many messages a client wants to see when it enters a room."""
    entering = stanzas.child(node, MUC, "x")
    history = None if entering is None else stanzas.child(entering, MUC, "history")
    if history is None:
        return default
    if history.get("maxchars") == "0":
        return 0
    wanted = history.get("maxstanzas", "")
    return min(int(wanted), LONGEST_HISTORY) if wanted.isdecimal() and len(wanted) < 6 else default
