"""Who may do what in a conversation, and what becomes of it: over plain values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from im.rules.vocabulary import MEMBERS, Joining, Kind, Membership, Role

PINS = 50
"""Pinned messages of a conversation."""
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Until when somebody is muted in a one-to-one conversation whom the other one has blocked."""


class Why(StrEnum):
    """Why a request was refused: `code` of HTTP answers beside `words.Code`."""

    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    CLOSED = "closed"
    FULL = "full"
    MALFORMED = "malformed"
    NOT_SIGNED_IN = "not_signed_in"
    RATE = "rate"
    ELSEWHERE = "served_elsewhere"
    AWAY = "away"


class Act(StrEnum):
    """What a member does to a conversation or to another member."""

    SET = "set"
    PIN = "pin"
    ADD = "add"
    INVITE = "invite"
    REMOVE = "remove"
    MUTE = "mute"
    PROMOTE = "promote"
    HAND_OVER = "hand_over"
    DISSOLVE = "dissolve"
    LEAVE = "leave"


RANK = {Role.MEMBER: 0, Role.ADMIN: 1, Role.OWNER: 2}
LEAST = {
    Act.SET: Role.ADMIN,
    Act.PIN: Role.ADMIN,
    Act.ADD: Role.ADMIN,
    Act.INVITE: Role.ADMIN,
    Act.REMOVE: Role.ADMIN,
    Act.MUTE: Role.ADMIN,
    Act.PROMOTE: Role.OWNER,
    Act.HAND_OVER: Role.OWNER,
    Act.DISSOLVE: Role.OWNER,
    Act.LEAVE: Role.MEMBER,
}
"""The least role for each act in a group."""
_UPON_OTHERS = frozenset({Act.REMOVE, Act.MUTE, Act.PROMOTE, Act.HAND_OVER})
_OUTSIDE_GROUPS = {Kind.DIRECT: {Act.PIN: Role.MEMBER}, Kind.CONFERENCE: {Act.PIN: Role.ADMIN}}
"""Elsewhere the members are given: the two, the participants, everybody."""


@dataclass(frozen=True, slots=True)
class Group:
    """A conversation as the rules see it."""

    kind: Kind
    joining: Joining = Joining.INVITE
    closed: bool = False
    members: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands to a conversation."""

    role: Role = Role.MEMBER
    state: Membership = Membership.ACTIVE


def refusal(
    act: Act, group: Group, who: Standing | None, whom: Standing | None = None
) -> Why | None:
    """What is against it; None: nothing. `whom`: upon whom, for acts upon others.

    Whoever is not in the conversation does not learn that there is one.
    """
    if who is None or who.state is not Membership.ACTIVE:
        return Why.NOT_FOUND
    if group.closed and act is not Act.LEAVE:
        return Why.CLOSED
    least = _least(act, group)
    if least is None or RANK[who.role] < RANK[least]:
        return Why.NOT_ALLOWED
    if act is Act.LEAVE and who.role is Role.OWNER and not group.closed:
        return Why.NOT_ALLOWED
    return _against(act, who, whom) if act in _UPON_OTHERS else None


def _least(act: Act, group: Group) -> Role | None:
    if group.kind is not Kind.GROUP:
        return _OUTSIDE_GROUPS.get(group.kind, {}).get(act)
    free = act is Act.INVITE and group.joining is Joining.FREE
    return Role.MEMBER if free else LEAST[act]


def _against(act: Act, who: Standing, whom: Standing | None) -> Why | None:
    """Acts upon others: upon whoever is there, and only upon those of a lower role."""
    waiting = (Membership.INVITED, Membership.ASKED) if act is Act.REMOVE else ()
    if whom is None or whom.state not in (Membership.ACTIVE, *waiting):
        return Why.NOT_FOUND
    return None if RANK[whom.role] < RANK[who.role] else Why.NOT_ALLOWED


def joining(group: Group, who: Standing | None, same_domain: bool) -> Membership | Why:
    """What somebody becomes who wants to join; ACTIVE where he is in already.

    Who was removed comes back by an administrator only, however free the group is.
    """
    state = who.state if who else None
    if state is Membership.ACTIVE:
        return Membership.ACTIVE
    if group.kind is not Kind.GROUP:
        return Why.NOT_FOUND
    if state is not Membership.INVITED and not (same_domain and group.joining != Joining.INVITE):
        return Why.NOT_FOUND
    if group.closed:
        return Why.CLOSED
    free = group.joining is Joining.FREE and state is not Membership.REMOVED
    if state is not Membership.INVITED and not free:
        return Membership.ASKED
    return Membership.ACTIVE if group.members < MEMBERS else Why.FULL


def adding(
    group: Group, known: Mapping[str, Membership], users: list[str], invite: bool
) -> dict[str, Membership] | Why:
    """What changes for whom when somebody adds (or invites) these users; Why.FULL: too many."""
    wanted = Membership.INVITED if invite else Membership.ACTIVE
    found = {user: _added(known.get(user), wanted) for user in users}
    changed = {user: state for user, state in found.items() if state is not known.get(user)}
    coming = sum(state is Membership.ACTIVE for state in changed.values())
    return Why.FULL if group.members + coming > MEMBERS else changed


def _added(state: Membership | None, wanted: Membership) -> Membership:
    """Who has asked is approved by either; who is in stays in."""
    return Membership.ACTIVE if state in (Membership.ACTIVE, Membership.ASKED) else wanted


def pinned(pins: list[int], seq: int, on: bool) -> list[int] | Why:
    """The pinned messages after one is pinned or loosened; the latest stands last."""
    if not on:
        return [one for one in pins if one != seq]
    if seq in pins:
        return pins
    return Why.FULL if len(pins) >= PINS else [*pins, seq]


# ---- what a member sees -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sight:
    """The part of a log that a member sees: `floor` < seq <= `top`."""

    floor: int
    top: int

    def after(self, seq: int, count: int) -> tuple[int, int]:
        """The next entries above `seq`, as (above, up to); empty where both are equal."""
        above = min(max(seq, self.floor), self.top)
        return above, min(above + count, self.top)

    def before(self, seq: int, count: int) -> tuple[int, int]:
        """The entries below `seq`, likewise."""
        upto = max(min(seq - 1, self.top), self.floor)
        return max(upto - count, self.floor), upto


def sight(since: int, until: int | None, cleared: int, last: int) -> Sight:
    """What somebody sees of a log that has come to `last`."""
    top = last if until is None else min(until, last)
    return Sight(min(max(since, cleared), top), top)


Range = tuple[int, int, int]
"""Entries of a conversation: its id, above which seq, up to which."""


def missing(
    sights: Mapping[int, Sight], have: Mapping[int, int], count: int, latest: int | None
) -> tuple[list[Range], bool]:
    """What a device lacks, at most `count` entries, and whether there is more.

    `have`: the last seq without a hole before it, by conversation; of those that it does not name it
    gets the `latest` entries, or all.
    """
    found: list[Range] = []
    for number, seen in sorted(sights.items()):
        above = max(seen.floor, have.get(number, 0))
        if number not in have and latest is not None:
            above = max(above, seen.top - latest)
        if above < seen.top:
            upto = min(above + count, seen.top)
            if upto > above:
                found.append((number, above, upto))
            count -= upto - above
            if upto < seen.top:
                return found, True
    return found, False


# ---- contacts -----------------------------------------------------------------------------------


class Wish(StrEnum):
    """What somebody does to another one in his list of contacts."""

    ASK = "ask"
    ACCEPT = "accept"
    REMOVE = "remove"
    BLOCK = "block"


NOBODY, ASKING, ASKED, FRIEND, BLOCKED = "", "asking", "asked", "friend", "blocked"


def contact(wish: Wish, mine: str, theirs: str) -> tuple[str, str] | Why:
    """What each is in the other's list then; "" is no row.

    Both are friends or neither is, and who asks is asked in the other's. Who is blocked is told what he
    would be told if there were nobody; to ask somebody whom one has blocked one removes him first.
    """
    kept = theirs if theirs == BLOCKED else NOBODY
    if wish is Wish.BLOCK:
        return BLOCKED, kept
    if wish is Wish.REMOVE:
        return NOBODY, kept
    if mine == FRIEND:
        return mine, theirs
    if theirs == BLOCKED or mine == BLOCKED:
        return Why.NOT_ALLOWED if mine == BLOCKED else Why.NOT_FOUND
    if mine == ASKED:
        return FRIEND, FRIEND
    return (ASKING, ASKED) if wish is Wish.ASK else Why.NOT_FOUND
