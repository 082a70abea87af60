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
    """A member of a group as an XMPP room shows the member: a name that is unique in the room, and the role."""

    nick: str
    role: str


def nick_of(name: str) -> str:
    """Return a person's name as a nickname in an XMPP room: with single spaces, not too long, "?" if it is empty."""
    return " ".join(name.split())[:LONGEST_NICK] or "?"


def occupants_of(members: Iterable[Data]) -> dict[str, Occupant]:
    """Return a group's members as occupants of its XMPP room: user id -> occupant.

    If two have the same name, the second one's nickname ends with a part of the id.
    """
    used_nicks: set[str] = set()
    shown = {}
    for member in members:
        user, nick = str(member["user_id"]), nick_of(str(member["name"]))
        if nick in used_nicks:
            nick = f"{nick} ({user[:8]})"
        used_nicks.add(nick)
        shown[user] = Occupant(nick, str(member["role"]))
    return shown


def presence_in_room(
    room: Jid,
    receiver: Jid,
    occupant: Occupant,
    address: Jid,
    *,
    is_self: bool = False,
    is_renamed: bool = False,
) -> Element:
    """Return the presence stanza that shows `receiver` a member of an XMPP room. `address`: the member's real address.

    `is_self`: the receiver is the member. `is_renamed`: the receiver has asked for another name in the room.
    """
    affiliation, role = _RANKS.get(occupant.role, ("member", "participant"))
    node = stanzas.stanza("presence", room, receiver)
    node.append(about := element(MUC_USER, "x"))
    about.append(element(MUC_USER, "item", affiliation=affiliation, role=role, jid=str(address)))
    if is_self:
        about.append(element(MUC_USER, "status", code=SELF))
    if is_renamed:
        about.append(element(MUC_USER, "status", code=RENAMED))
    return node


def leave_presence(
    room: Jid, receiver: Jid, *, is_self: bool = False, for_good: bool = False
) -> Element:
    """Return the presence stanza that tells `receiver` that a member has left an XMPP room.

    `for_good`: the member has left the group, too. `is_self`: the receiver is that member.
    """
    node = stanzas.stanza("presence", room, receiver, "unavailable")
    node.append(about := element(MUC_USER, "x"))
    affiliation = "none" if for_good else "member"
    about.append(element(MUC_USER, "item", affiliation=affiliation, role="none"))
    codes = [*([SELF] if is_self else []), *([REMOVED] if for_good else [])]
    about.extend(element(MUC_USER, "status", code=code) for code in codes)
    return node


def subject_message(room: Jid, receiver: Jid, text: str) -> Element:
    """Return the message with the subject of an XMPP room, which also ends its history."""
    node = stanzas.stanza("message", room, receiver, "groupchat")
    node.append(element(stanzas.STREAM, "subject", text))
    return node


def wanted_history(node: Element, default: int) -> int:
    """Return how many earlier messages a client wants to see when it enters an XMPP room, at most LONGEST_HISTORY.

    `node` is the presence stanza with which it enters; `default` holds if that does not say.
    """
    entering = stanzas.child(node, MUC, "x")
    history = None if entering is None else stanzas.child(entering, MUC, "history")
    if history is None:
        return default
    if history.get("maxchars") == "0":
        return 0
    wanted = history.get("maxstanzas", "")
    return min(int(wanted), LONGEST_HISTORY) if wanted.isdecimal() and len(wanted) < 6 else default
