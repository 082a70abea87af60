"""People come into a group, go, and get other roles.

Each function takes the place of the data, who acts, and the moment; what it does is one transaction,
one entry in the log, and nothing where it is so already. Raises `held.Denied`.
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
_ANEW = (
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
    place: PlatformStore,
    number: int,
    me: Person,
    users: Collection[str],
    invite: bool,
    now: datetime,
) -> int:
    """Bring people in, or invite them; who has asked to join is approved thereby. How many changed."""
    with lock_conversation(place, number, me, now) as one:
        one.may(GroupAction.INVITE if invite else GroupAction.ADD)
        there = queries.some_members(one.database, number, users)
        known = {user: Membership(row.state) for user, row in there.items()}
        changed = conversation_decisions.decide_add(
            queries.group_of(one.conversation), known, [*users], invite
        )
        if isinstance(changed, DenyReason):
            raise Denied(changed)
        coming = _reachable(one, changed)
        _come(one, [p for p in coming if changed[p.id] is _INSIDE], "added")
        _invite(one, [p for p in coming if changed[p.id] is not _INSIDE])
    return len(coming)


def _reachable(one: LockedConversation, changed: dict[str, Membership]) -> list[Person]:
    """Those who are to come in. Raises Denied, if one of them is none of the tenant or of the contacts."""
    domain = one.conversation.domain
    found = people.invitable(one.store, one.me, domain, list(changed))
    if len(found) < len(changed):
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    return found


def join(place: PlatformStore, number: int, me: Person, now: datetime) -> Membership:
    """Accept an invitation, walk in where that is free, or ask to be let in. What one is then."""
    with lock_conversation(place, number, me, now) as one:
        same = bool(me.domain) and one.conversation.domain == me.domain
        who = queries.standing_of(one.mine)
        becomes = conversation_decisions.decide_join(queries.group_of(one.conversation), who, same)
        if isinstance(becomes, DenyReason):
            raise Denied(becomes)
        if who is None or who.state is not becomes:
            if becomes is _INSIDE:
                _come(one, [me], "joined")
            else:
                _keep(one, [me], becomes)
                one.log(Cmd.MEMBER, {"what": "asked", **name_people([me])})
    return becomes


def _come(one: LockedConversation, coming: list[Person], what: str) -> None:
    if not coming:
        return
    one.locked.members_changed(one.locked.members + len(coming))
    _keep(one, coming, _INSIDE)
    version = one.locked.members_version
    one.log(Cmd.MEMBER, {"what": what, "version": version, **name_people(coming)})


def _invite(one: LockedConversation, invited: list[Person]) -> None:
    """They are told of it; they see nothing of what is said."""
    if not invited:
        return
    _keep(one, invited, Membership.INVITED)
    said = name_people(invited)
    one.log(Cmd.MEMBER, {"what": "invited", **said})
    who = tuple(person.id for person in invited)
    by = {"user_id": one.me.id, "name": one.me.name}
    about = {"conversation_id": str(one.locked.id), "name": one.conversation.name}
    one.notes.append(Notice(Cmd.MEMBER, {"what": "invitation", "by": by, **about}, who))
    one.also |= {*who}


def _keep(one: LockedConversation, coming: Iterable[Person], state: Membership) -> None:
    """Their rows, in one statement: they see what comes from here on."""
    seq, messages = one.locked.last_seq, one.locked.messages
    Member.objects.using(one.database).bulk_create(
        [
            Member(
                conversation_id=one.locked.id,
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
        update_fields=_ANEW,
    )


# ---- one member ---------------------------------------------------------------------------------


def leave(place: PlatformStore, number: int, me: Person, now: datetime) -> None:
    """Go out of it, or decline an invitation, or take back that one has asked."""
    with lock_conversation(place, number, me, now) as one:
        if one.mine is None:
            raise Denied(DenyReason.NOT_FOUND)
        if one.mine.state in _GONE:
            return
        if one.mine.state == _INSIDE:
            one.may(GroupAction.LEAVE)
        _go(one, one.mine, Membership.LEFT, "left")


def remove(place: PlatformStore, number: int, me: Person, user: str, now: datetime) -> None:
    """Put somebody out, or refuse to let him in."""
    with lock_conversation(place, number, me, now) as one:
        whom = queries.member(one.database, number, user)
        if one.mine and one.mine.state == _INSIDE and whom and whom.state in _GONE:
            return
        one.may(GroupAction.REMOVE, whom)
        assert whom is not None
        _go(one, whom, Membership.REMOVED, "removed")


def _go(one: LockedConversation, whom: Member, state: Membership, what: str) -> None:
    """He sees the entry that tells of it, and nothing after it."""
    was_in = whom.state == _INSIDE
    if was_in:
        one.locked.members_changed(one.locked.members - 1)
    version = one.locked.members_version
    entry = one.log(Cmd.MEMBER, {"what": what, "version": version, **name_people([whom])})
    one.also.add(whom.user)
    _set(one, whom, state=state, role=Role.MEMBER, until_seq=entry.seq if was_in else 0)


def set_role(
    place: PlatformStore, number: int, me: Person, user: str, role: Role, now: datetime
) -> None:
    """Make somebody administrator or plain member; OWNER: hand the group over, and stay administrator."""
    with lock_conversation(place, number, me, now) as one:
        whom = queries.member(one.database, number, user)
        if whom and one.mine and whom.role == role and one.mine.state == whom.state == _INSIDE:
            return
        one.may(GroupAction.HAND_OVER if role is Role.OWNER else GroupAction.PROMOTE, whom)
        assert whom is not None
        assert one.mine is not None
        if role is Role.OWNER:
            _set(one, one.mine, role=Role.ADMIN)
        _set(one, whom, role=role)
        one.log(Cmd.MEMBER, {"what": "role", "role": role, **name_people([whom])})


def mute(
    place: PlatformStore,
    number: int,
    me: Person,
    user: str,
    until: datetime | None,
    now: datetime,
) -> None:
    """Somebody does not speak until then; None: he may again."""
    with lock_conversation(place, number, me, now) as one:
        whom = queries.member(one.database, number, user)
        one.may(GroupAction.MUTE, whom)
        assert whom is not None
        if whom.muted_until != until:
            _set(one, whom, muted_until=until)
            said = until.isoformat() if until else None
            one.log(Cmd.MEMBER, {"what": "muted", "until": said, **name_people([whom])})


def _set(one: LockedConversation, whom: Member, **columns: Any) -> None:
    """Change his row; centers, which remember members by their version, read them again."""
    one.locked.members_changed()
    Member.objects.using(one.database).filter(pk=whom.pk).update(**columns)
