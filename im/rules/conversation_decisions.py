"""The module decides who may do what in a conversation, and what the result is. It is pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from im.rules.vocabulary import MAX_MEMBERS, Joining, Kind, Membership, Role

MAX_PINS = 50
"""A conversation has at most this many pinned messages."""
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
"""A person who is blocked in a one-to-one conversation is muted there until this time."""


class DenyReason(StrEnum):
    """A deny reason says why a request over HTTP is refused; its value is the `code` of the answer."""

    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    CLOSED = "closed"
    FULL = "full"
    MALFORMED = "malformed"
    NOT_SIGNED_IN = "not_signed_in"
    RATE = "rate"
    ELSEWHERE = "served_elsewhere"
    AWAY = "away"


class GroupAction(StrEnum):
    """A group action is what a member does to a conversation or to another member."""

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
LEAST_ROLE = {
    GroupAction.SET: Role.ADMIN,
    GroupAction.PIN: Role.ADMIN,
    GroupAction.ADD: Role.ADMIN,
    GroupAction.INVITE: Role.ADMIN,
    GroupAction.REMOVE: Role.ADMIN,
    GroupAction.MUTE: Role.ADMIN,
    GroupAction.PROMOTE: Role.OWNER,
    GroupAction.HAND_OVER: Role.OWNER,
    GroupAction.DISSOLVE: Role.OWNER,
    GroupAction.LEAVE: Role.MEMBER,
}
"""Each action in a group needs at least this role."""
_ON_OTHERS = frozenset(
    {GroupAction.REMOVE, GroupAction.MUTE, GroupAction.PROMOTE, GroupAction.HAND_OVER}
)
_OUTSIDE_GROUPS = {
    Kind.DIRECT: {GroupAction.PIN: Role.MEMBER},
    Kind.CONFERENCE: {GroupAction.PIN: Role.ADMIN},
}
"""Outside groups only these actions exist, since the members follow from the kind."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group is a conversation as the rules see it: its kind, who may join it, and how many members it has.

    `closed`: an administrator has closed it, nobody writes in it.
    """

    kind: Kind
    joining: Joining = Joining.INVITE
    closed: bool = False
    members: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Represent a person's role in a conversation, and whether the person is in it, has left, is invited ..."""

    role: Role = Role.MEMBER
    state: Membership = Membership.ACTIVE


def deny_reason(
    action: GroupAction, group: Group, actor: Standing | None, target: Standing | None = None
) -> DenyReason | None:
    """Return why an action is refused; `None` means that it is allowed.

    `target` is the member whom the action affects, for actions on others. A person who is not in the
    conversation does not learn that it exists.
    """
    if actor is None or actor.state is not Membership.ACTIVE:
        return DenyReason.NOT_FOUND
    if group.closed and action is not GroupAction.LEAVE:
        return DenyReason.CLOSED
    least = _least_role(action, group)
    if least is None or RANK[actor.role] < RANK[least]:
        return DenyReason.NOT_ALLOWED
    if action is GroupAction.LEAVE and actor.role is Role.OWNER and not group.closed:
        return DenyReason.NOT_ALLOWED
    return _deny_on_other(action, actor, target) if action in _ON_OTHERS else None


def _least_role(action: GroupAction, group: Group) -> Role | None:
    """Return the least role of a member who may do this action in the conversation; `None` means that nobody may."""
    if group.kind is not Kind.GROUP:
        return _OUTSIDE_GROUPS.get(group.kind, {}).get(action)
    may_all_invite = action is GroupAction.INVITE and group.joining is Joining.FREE
    return Role.MEMBER if may_all_invite else LEAST_ROLE[action]


def _deny_on_other(
    action: GroupAction, actor: Standing, target: Standing | None
) -> DenyReason | None:
    """Return why an action on another member is refused; `None` means that it is allowed.

    The other must be in the conversation (or waiting, for a removal) and must have a lower role.
    """
    waiting = (Membership.INVITED, Membership.ASKED) if action is GroupAction.REMOVE else ()
    if target is None or target.state not in (Membership.ACTIVE, *waiting):
        return DenyReason.NOT_FOUND
    return None if RANK[target.role] < RANK[actor.role] else DenyReason.NOT_ALLOWED


def decide_join(
    group: Group, standing: Standing | None, is_same_domain: bool
) -> Membership | DenyReason:
    """Return the membership that a person who wants to join gets, or why the request is refused.

    The result is ACTIVE for somebody who is already in. A removed person comes back only through an
    administrator, however free the group is.
    """
    state = standing.state if standing else None
    if state is Membership.ACTIVE:
        return Membership.ACTIVE
    if group.kind is not Kind.GROUP:
        return DenyReason.NOT_FOUND
    if state is not Membership.INVITED and not (is_same_domain and group.joining != Joining.INVITE):
        return DenyReason.NOT_FOUND
    if group.closed:
        return DenyReason.CLOSED
    may_join_freely = group.joining is Joining.FREE and state is not Membership.REMOVED
    if state is not Membership.INVITED and not may_join_freely:
        return Membership.ASKED
    return Membership.ACTIVE if group.members < MAX_MEMBERS else DenyReason.FULL


def decide_add(
    group: Group, states: Mapping[str, Membership], users: list[str], invite: bool
) -> dict[str, Membership] | DenyReason:
    """Return the new state of each user whose membership changes by an addition or an invitation.

    DenyReason.FULL means that there would be too many members.
    """
    wanted = Membership.INVITED if invite else Membership.ACTIVE
    new_states = {user: _state_after_add(states.get(user), wanted) for user in users}
    changed = {user: state for user, state in new_states.items() if state is not states.get(user)}
    coming = sum(state is Membership.ACTIVE for state in changed.values())
    return DenyReason.FULL if group.members + coming > MAX_MEMBERS else changed


def _state_after_add(state: Membership | None, wanted: Membership) -> Membership:
    """Return a person's membership after an addition or invitation.

    An active member stays in, and whoever has asked to join is let in.
    """
    return Membership.ACTIVE if state in (Membership.ACTIVE, Membership.ASKED) else wanted


def pins_after(pins: list[int], seq: int, on: bool) -> list[int] | DenyReason:
    """Return the seqs of the pinned messages after one is pinned or unpinned, the latest last.

    DenyReason.FULL means that there are MAX_PINS already.
    """
    if not on:
        return [pin for pin in pins if pin != seq]
    if seq in pins:
        return pins
    return DenyReason.FULL if len(pins) >= MAX_PINS else [*pins, seq]


# ---- what a member sees -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VisibleRange:
    """A visible range is the part of a log that a member sees: `floor` < seq <= `top`."""

    floor: int
    top: int

    def after(self, seq: int, count: int) -> tuple[int, int]:
        """Return the range of the next `count` visible entries after `seq`: above < seq <= up to.

        The two are equal if there is none.
        """
        above = min(max(seq, self.floor), self.top)
        return above, min(above + count, self.top)

    def before(self, seq: int, count: int) -> tuple[int, int]:
        """Return the range of the last `count` visible entries before `seq`: above < seq <= up to.

        The two are equal if there is none.
        """
        upto = max(min(seq - 1, self.top), self.floor)
        return max(upto - count, self.floor), upto


def visible_range(since: int, until: int | None, cleared: int, last: int) -> VisibleRange:
    """Return the part of a conversation's log that a member sees. All arguments are seqs, numbers of entries.

    `last` is the log's last entry. The member came in after `since`, has deleted everything up to `cleared`, and has
    left at `until` (`None`: is still in).
    """
    top = last if until is None else min(until, last)
    return VisibleRange(min(max(since, cleared), top), top)


SeqRange = tuple[int, int, int]
"""A range of entries is (conversation id, above which seq, up to which seq)."""


def missing_ranges(
    visible_ranges: Mapping[int, VisibleRange],
    have: Mapping[int, int],
    count: int,
    latest: int | None,
) -> tuple[list[SeqRange], bool]:
    """Return the ranges of entries that a device lacks, at most `count` entries, and whether there are more.

    `visible_ranges`: conversation id -> the part of its log that the person sees. `have`:
    conversation id -> the last seq up to which the device lacks nothing. Of a conversation that is
    not in `have` the device gets the `latest` entries (`None`: all).
    """
    ranges: list[SeqRange] = []
    for number, visible in sorted(visible_ranges.items()):
        above = max(visible.floor, have.get(number, 0))
        if number not in have and latest is not None:
            above = max(above, visible.top - latest)
        if above < visible.top:
            upto = min(above + count, visible.top)
            if upto > above:
                ranges.append((number, above, upto))
            count -= upto - above
            if upto < visible.top:
                return ranges, True
    return ranges, False


# ---- contacts -----------------------------------------------------------------------------------


class ContactAction(StrEnum):
    """A contact action is what a person does to another one in the list of contacts."""

    ASK = "ask"
    ACCEPT = "accept"
    REMOVE = "remove"
    BLOCK = "block"


NOBODY, ASKING, ASKED, FRIEND, BLOCKED = "", "asking", "asked", "friend", "blocked"


def decide_contact(action: ContactAction, mine: str, theirs: str) -> tuple[str, str] | DenyReason:
    """Return the new states (mine, theirs) of two people in each other's list of contacts, or why it is refused.

    `mine` is the other's state in my list, `theirs` mine in the other's; "" means that the list has no such contact.
    Friendship is mutual: either both are friends or neither is. When I ask, the other is ASKING in my list, and I am
    ASKED in the other's. Somebody who is blocked gets NOT_FOUND, as if the other did not exist, and so does not learn
    of the block. To ask somebody whom I have blocked I must first remove that person, hence NOT_ALLOWED. A block by
    the other side always stays.
    """
    their_state = theirs if theirs == BLOCKED else NOBODY
    if action is ContactAction.BLOCK:
        return BLOCKED, their_state
    if action is ContactAction.REMOVE:
        return NOBODY, their_state
    if mine == FRIEND:
        return mine, theirs
    if theirs == BLOCKED or mine == BLOCKED:
        return DenyReason.NOT_ALLOWED if mine == BLOCKED else DenyReason.NOT_FOUND
    if mine == ASKED:
        return FRIEND, FRIEND
    return (ASKING, ASKED) if action is ContactAction.ASK else DenyReason.NOT_FOUND
