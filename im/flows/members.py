"""People join a group, leave it, and get other roles.

Each function is one transaction and writes one entry to the log, and nothing if the state is so
already. All functions raise `locked_conversation.Denied`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from foundation.cells.directory import PlatformStore
from im.data import people, queries
from im.data.locked_conversation import Denied, LockedConversation, lock_conversation, name_people
from im.data.people import Person
from im.models import Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import DenyReason, GroupAction
from im.rules.messages import Notice
from im.rules.vocabulary import Cmd, Membership, Role

NOBODY = "there is no such person on your platform, or you may not bring them in"
_RESET_COLUMNS = (
    "name",
    "role",
    "state",
    "since_seq",
    "until_seq",
    "read_seq",
    "read_messages",
    "cleared_seq",
    "muted_until",
)
_ACTIVE, _GONE = Membership.ACTIVE, (Membership.LEFT, Membership.REMOVED)


def add_members(
    store: PlatformStore,
    number: int,
    me: Person,
    users: Collection[str],
    invite: bool,
    now: datetime,
) -> int:
    """Add people to a group or, with `invite`, invite them; those who have asked to join are let in.

    Return how many people's membership has changed. `number` is the conversation's id. Raises Denied.
    """
    with lock_conversation(store, number, me, now) as locked:
        locked.check_allowed(GroupAction.INVITE if invite else GroupAction.ADD)
        member_rows = queries.some_members(locked.database, number, users)
        states = {user: Membership(row.state) for user, row in member_rows.items()}
        changed = conversation_decisions.decide_add(
            queries.group_of(locked.conversation), states, [*users], invite
        )
        if isinstance(changed, DenyReason):
            raise Denied(changed)
        coming = _persons_to_add(locked, changed)
        _activate(locked, [person for person in coming if changed[person.id] is _ACTIVE], "added")
        _invite(locked, [person for person in coming if changed[person.id] is not _ACTIVE])
    return len(coming)


def _persons_to_add(locked: LockedConversation, changed: dict[str, Membership]) -> list[Person]:
    """Return the people whose membership is to change; `changed`: their ids -> new membership.

    Raises Denied if one of them is neither of the conversation's tenant nor a contact of
    `locked.me`.
    """
    domain = locked.conversation.domain
    persons = people.select_invitable(locked.store, locked.me, domain, list(changed))
    if len(persons) < len(changed):
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    return persons


def join_group(store: PlatformStore, number: int, me: Person, now: datetime) -> Membership:
    """Let `me` accept an invitation, join a group that is free to join, or ask to join; return the new membership.

    `number` is the conversation's id. Raises Denied.
    """
    with lock_conversation(store, number, me, now) as locked:
        is_same_domain = bool(me.domain) and locked.conversation.domain == me.domain
        standing = queries.standing_of(locked.own_row)
        membership = conversation_decisions.decide_join(
            queries.group_of(locked.conversation), standing, is_same_domain
        )
        if isinstance(membership, DenyReason):
            raise Denied(membership)
        if standing is None or standing.state is not membership:
            if membership is _ACTIVE:
                _activate(locked, [me], "joined")
            else:
                _save_members(locked, [me], membership)
                locked.log(Cmd.MEMBER, {"what": "asked", **name_people([me])})
    return membership


def _activate(locked: LockedConversation, coming: list[Person], event: str) -> None:
    """Make people active members, and write this to the conversation's log; `event` is the `what` of the entry.

    Does nothing for nobody.
    """
    if not coming:
        return
    locked.row.raise_members_version(locked.row.members + len(coming))
    _save_members(locked, coming, _ACTIVE)
    version = locked.row.members_version
    locked.log(Cmd.MEMBER, {"what": event, "version": version, **name_people(coming)})


def _invite(locked: LockedConversation, invited: list[Person]) -> None:
    """Invite people to the conversation and notify them; until they accept they do not see the messages."""
    if not invited:
        return
    _save_members(locked, invited, Membership.INVITED)
    people_data = name_people(invited)
    locked.log(Cmd.MEMBER, {"what": "invited", **people_data})
    users = tuple(person.id for person in invited)
    by = {"user_id": locked.me.id, "name": locked.me.name}
    about = {"conversation_id": str(locked.row.id), "name": locked.conversation.name}
    locked.notes.append(Notice(Cmd.MEMBER, {"what": "invitation", "by": by, **about}, users))
    locked.further_receivers |= {*users}


def _save_members(locked: LockedConversation, coming: Iterable[Person], state: Membership) -> None:
    """Write the `Member` rows of people in one statement; they see the entries that come from now on."""
    seq, messages = locked.row.last_seq, locked.row.messages
    Member.objects.using(locked.database).bulk_create(
        [
            Member(
                conversation_id=locked.row.id,
                user=person.id,
                name=person.name,
                state=state,
                since_seq=seq,
                read_seq=seq,
                read_messages=messages,
            )
            for person in coming
        ],
        update_conflicts=True,
        update_fields=_RESET_COLUMNS,
    )


# ---- one member ---------------------------------------------------------------------------------


def leave_conversation(store: PlatformStore, number: int, me: Person, now: datetime) -> None:
    """Let `me` leave the conversation `number`, decline an invitation to it, or withdraw a request to join it.

    Does nothing if `me` has left or was removed already. Raises Denied.
    """
    with lock_conversation(store, number, me, now) as locked:
        if locked.own_row is None:
            raise Denied(DenyReason.NOT_FOUND)
        if locked.own_row.state in _GONE:
            return
        if locked.own_row.state == _ACTIVE:
            locked.check_allowed(GroupAction.LEAVE)
        _end_membership(locked, locked.own_row, Membership.LEFT, "left")


def remove_member(store: PlatformStore, number: int, me: Person, user: str, now: datetime) -> None:
    """Remove the member `user` from the conversation `number`, or reject this user's request to join.

    Does nothing if the user has left or was removed already. Raises Denied.
    """
    with lock_conversation(store, number, me, now) as locked:
        target = queries.member(locked.database, number, user)
        if locked.own_row and locked.own_row.state == _ACTIVE and target and target.state in _GONE:
            return
        locked.check_allowed(GroupAction.REMOVE, target)
        assert target is not None
        _end_membership(locked, target, Membership.REMOVED, "removed")


def _end_membership(
    locked: LockedConversation, target: Member, state: Membership, event: str
) -> None:
    """End a person's membership; the person still sees the entry that says so, and nothing after it."""
    was_active = target.state == _ACTIVE
    if was_active:
        locked.row.raise_members_version(locked.row.members - 1)
    version = locked.row.members_version
    entry = locked.log(Cmd.MEMBER, {"what": event, "version": version, **name_people([target])})
    locked.further_receivers.add(target.user)
    _update_member(
        locked,
        target,
        state=state,
        role=Role.MEMBER,
        until_seq=entry.seq if was_active else 0,
    )


def set_role(
    store: PlatformStore, number: int, me: Person, user: str, role: Role, now: datetime
) -> None:
    """Make the member `user` administrator or plain member; the role OWNER hands the group over to this member.

    The former owner becomes administrator. Does nothing if the member has the role. Raises Denied.
    """
    with lock_conversation(store, number, me, now) as locked:
        target = queries.member(locked.database, number, user)
        if (
            target
            and locked.own_row
            and target.role == role
            and locked.own_row.state == target.state == _ACTIVE
        ):
            # A repeated request is no error.
            return
        locked.check_allowed(
            GroupAction.HAND_OVER if role is Role.OWNER else GroupAction.PROMOTE, target
        )
        assert target is not None
        assert locked.own_row is not None
        if role is Role.OWNER:
            _update_member(locked, locked.own_row, role=Role.ADMIN)
        _update_member(locked, target, role=role)
        locked.log(Cmd.MEMBER, {"what": "role", "role": role, **name_people([target])})


def mute_member(
    store: PlatformStore,
    number: int,
    me: Person,
    user: str,
    until: datetime | None,
    now: datetime,
) -> None:
    """Forbid the member `user` to write in a conversation until a time; `None` allows it again. Raises Denied."""
    with lock_conversation(store, number, me, now) as locked:
        target = queries.member(locked.database, number, user)
        locked.check_allowed(GroupAction.MUTE, target)
        assert target is not None
        if target.muted_until != until:
            _update_member(locked, target, muted_until=until)
            until_text = until.isoformat() if until else None
            locked.log(Cmd.MEMBER, {"what": "muted", "until": until_text, **name_people([target])})


def _update_member(locked: LockedConversation, target: Member, **columns: object) -> None:
    """Change columns of a member's row, and raise the version by which message centers cache the members."""
    locked.row.raise_members_version()
    Member.objects.using(locked.database).filter(pk=target.pk).update(**columns)
