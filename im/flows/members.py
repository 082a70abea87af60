"""People join a group, leave it, and get other roles.

Each function is one transaction and writes one entry to the log, and nothing if the state is so
already. All functions raise `locked_conversation.Denied`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

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
_INSIDE, _GONE = Membership.ACTIVE, (Membership.LEFT, Membership.REMOVED)


def add(
    store: PlatformStore,
    number: int,
    me: Person,
    users: Collection[str],
    invite: bool,
    now: datetime,
) -> int:
    """Add or invite people, and admit those who have asked to join; return how many changed."""
    with lock_conversation(store, number, me, now) as conversation:
        conversation.may(GroupAction.INVITE if invite else GroupAction.ADD)
        member_rows = queries.some_members(conversation.database, number, users)
        states = {user: Membership(row.state) for user, row in member_rows.items()}
        changed = conversation_decisions.decide_add(
            queries.group_of(conversation.conversation), states, [*users], invite
        )
        if isinstance(changed, DenyReason):
            raise Denied(changed)
        coming = _persons_to_add(conversation, changed)
        _activate(
            conversation, [person for person in coming if changed[person.id] is _INSIDE], "added"
        )
        _invite(conversation, [person for person in coming if changed[person.id] is not _INSIDE])
    return len(coming)


def _persons_to_add(
    conversation: LockedConversation, changed: dict[str, Membership]
) -> list[Person]:
    """Return the persons to bring in.

    Raises Denied if one is neither of the tenant nor a contact.
    """
    domain = conversation.conversation.domain
    persons = people.invitable(conversation.store, conversation.me, domain, list(changed))
    if len(persons) < len(changed):
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    return persons


def join(store: PlatformStore, number: int, me: Person, now: datetime) -> Membership:
    """Accept an invitation, join a free group, or ask to join; return the resulting membership."""
    with lock_conversation(store, number, me, now) as conversation:
        same_domain = bool(me.domain) and conversation.conversation.domain == me.domain
        standing = queries.standing_of(conversation.mine)
        becomes = conversation_decisions.decide_join(
            queries.group_of(conversation.conversation), standing, same_domain
        )
        if isinstance(becomes, DenyReason):
            raise Denied(becomes)
        if standing is None or standing.state is not becomes:
            if becomes is _INSIDE:
                _activate(conversation, [me], "joined")
            else:
                _save_members(conversation, [me], becomes)
                conversation.log(Cmd.MEMBER, {"what": "asked", **name_people([me])})
    return becomes


def _activate(conversation: LockedConversation, coming: list[Person], event: str) -> None:
    """Make people active members and log it."""
    if not coming:
        return
    conversation.locked.members_changed(conversation.locked.members + len(coming))
    _save_members(conversation, coming, _INSIDE)
    version = conversation.locked.members_version
    conversation.log(Cmd.MEMBER, {"what": event, "version": version, **name_people(coming)})


def _invite(conversation: LockedConversation, invited: list[Person]) -> None:
    """Invite people and notify them; they do not see what is written."""
    if not invited:
        return
    _save_members(conversation, invited, Membership.INVITED)
    people_data = name_people(invited)
    conversation.log(Cmd.MEMBER, {"what": "invited", **people_data})
    users = tuple(person.id for person in invited)
    by = {"user_id": conversation.me.id, "name": conversation.me.name}
    about = {"conversation_id": str(conversation.locked.id), "name": conversation.conversation.name}
    conversation.notes.append(Notice(Cmd.MEMBER, {"what": "invitation", "by": by, **about}, users))
    conversation.also |= {*users}


def _save_members(
    conversation: LockedConversation, coming: Iterable[Person], state: Membership
) -> None:
    """Write the Member rows of people in one statement; they see what comes from now on."""
    seq, messages = conversation.locked.last_seq, conversation.locked.messages
    Member.objects.using(conversation.database).bulk_create(
        [
            Member(
                conversation_id=conversation.locked.id,
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


def leave(store: PlatformStore, number: int, me: Person, now: datetime) -> None:
    """Leave the conversation, decline an invitation, or withdraw a request to join."""
    with lock_conversation(store, number, me, now) as conversation:
        if conversation.mine is None:
            raise Denied(DenyReason.NOT_FOUND)
        if conversation.mine.state in _GONE:
            return
        if conversation.mine.state == _INSIDE:
            conversation.may(GroupAction.LEAVE)
        _end_membership(conversation, conversation.mine, Membership.LEFT, "left")


def remove(store: PlatformStore, number: int, me: Person, user: str, now: datetime) -> None:
    """Remove a member, or reject a request to join."""
    with lock_conversation(store, number, me, now) as conversation:
        target = queries.member(conversation.database, number, user)
        if (
            conversation.mine
            and conversation.mine.state == _INSIDE
            and target
            and target.state in _GONE
        ):
            return
        conversation.may(GroupAction.REMOVE, target)
        assert target is not None
        _end_membership(conversation, target, Membership.REMOVED, "removed")


def _end_membership(
    conversation: LockedConversation, target: Member, state: Membership, event: str
) -> None:
    """End a membership; the person sees the entry about it, and nothing after it."""
    was_active = target.state == _INSIDE
    if was_active:
        conversation.locked.members_changed(conversation.locked.members - 1)
    version = conversation.locked.members_version
    entry = conversation.log(
        Cmd.MEMBER, {"what": event, "version": version, **name_people([target])}
    )
    conversation.also.add(target.user)
    _update_member(
        conversation,
        target,
        state=state,
        role=Role.MEMBER,
        until_seq=entry.seq if was_active else 0,
    )


def set_role(
    store: PlatformStore, number: int, me: Person, user: str, role: Role, now: datetime
) -> None:
    """Make a member administrator or plain member; OWNER hands the group over.

    The former owner becomes administrator.
    """
    with lock_conversation(store, number, me, now) as conversation:
        target = queries.member(conversation.database, number, user)
        if (
            target
            and conversation.mine
            and target.role == role
            and conversation.mine.state == target.state == _INSIDE
        ):
            return
        conversation.may(
            GroupAction.HAND_OVER if role is Role.OWNER else GroupAction.PROMOTE, target
        )
        assert target is not None
        assert conversation.mine is not None
        if role is Role.OWNER:
            _update_member(conversation, conversation.mine, role=Role.ADMIN)
        _update_member(conversation, target, role=role)
        conversation.log(Cmd.MEMBER, {"what": "role", "role": role, **name_people([target])})


def mute(
    store: PlatformStore,
    number: int,
    me: Person,
    user: str,
    until: datetime | None,
    now: datetime,
) -> None:
    """Mute a member until a moment; `None` ends it."""
    with lock_conversation(store, number, me, now) as conversation:
        target = queries.member(conversation.database, number, user)
        conversation.may(GroupAction.MUTE, target)
        assert target is not None
        if target.muted_until != until:
            _update_member(conversation, target, muted_until=until)
            until_text = until.isoformat() if until else None
            conversation.log(
                Cmd.MEMBER, {"what": "muted", "until": until_text, **name_people([target])}
            )


def _update_member(conversation: LockedConversation, target: Member, **columns: Any) -> None:
    """Change a member's row; centers, which cache members by version, read them again."""
    conversation.locked.members_changed()
    Member.objects.using(conversation.database).filter(pk=target.pk).update(**columns)
