"""What is known of conversations, asked for many at once. Read-only; see `rules.sight` for what one sees."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from foundation.cells import sql
from im.data import journal
from im.data.journal import COLUMNS, stored
from im.models import Contact, Conversation, Member
from im.rules.conversation_decisions import Group, SeqRange, Standing, VisibleRange, visible_range
from im.rules.messages import StoredEntry
from im.rules.vocabulary import Joining, Kind, Membership, Role

LOOKS_BACK = 200
"""Among so many entries a mention of somebody is looked for."""

WAITING = (Membership.INVITED, Membership.ASKED)
"""Outside yet."""

_HIDDEN = (
    "SELECT 1 FROM im_hidden h WHERE h.user=%s AND h.conversation_id=e.conversation_id"
    " AND h.seq=e.seq"
)
_IN_RANGE = "e.conversation_id=%s AND e.seq>%s AND e.seq<=%s"
_LAST = (
    f"(SELECT {COLUMNS} FROM im_entry e WHERE {_IN_RANGE} AND e.cmd='msg'"
    f" AND NOT EXISTS ({_HIDDEN}) ORDER BY e.seq DESC LIMIT 1)"
)
_MENTION = (
    f"SELECT e.conversation_id, MAX(e.seq) FROM im_entry e WHERE {_IN_RANGE} AND e.cmd='msg'"
    " AND e.recalled_seq IS NULL AND (JSON_CONTAINS(e.data, JSON_QUOTE(%s), '$.mentions')"
    " OR JSON_CONTAINS(e.data, '\"all\"', '$.mentions'))"
    " GROUP BY e.conversation_id"
)


# ---- conversations and members ------------------------------------------------------------------


def conversation(database: str, number: int) -> Conversation | None:
    """One conversation, whoever asks."""
    return Conversation.objects.using(database).filter(pk=number).first()


def place(database: str, number: int, user: str) -> Member | None:
    """How somebody stands to a conversation, with the conversation."""
    found = Member.objects.using(database).select_related("conversation")
    return found.filter(conversation_id=number, user=user).first()


def places(database: str, user: str, after: int = 0, count: int | None = None) -> list[Member]:
    """All of somebody's conversations, by their ids, above `after`."""
    found = Member.objects.using(database).select_related("conversation")
    return list(found.filter(user=user, conversation_id__gt=after).order_by("conversation")[:count])


def members(database: str, number: int, after: int, count: int) -> list[Member]:
    """Who is in a conversation, or on the way in; in the order of coming, above row `after`."""
    found = Member.objects.using(database).filter(conversation=number, id__gt=after)
    return list(found.filter(state__in=(Membership.ACTIVE, *WAITING)).order_by("id")[:count])


def some_members(database: str, number: int, users: Collection[str]) -> dict[str, Member]:
    """How these people stand to a conversation, as far as they do."""
    found = Member.objects.using(database).filter(conversation=number, user__in=users)
    return {one.user: one for one in found}


def active(database: str, number: int) -> list[str]:
    """Who is in a conversation."""
    query = "SELECT user FROM im_member WHERE conversation_id=%s AND state='active'"
    return [row[0] for row in sql.select(database, query, [number])]


def others(database: str, user: str, numbers: Sequence[int]) -> dict[int, Member]:
    """Of one-to-one conversations: who the other one is."""
    found = Member.objects.using(database).filter(conversation__in=numbers).exclude(user=user)
    return {one.conversation_id: one for one in found}


def readers(database: str, number: int, seq: int) -> list[tuple[str, int]]:
    """`(user, read seq)` of those in a conversation who have read up to there."""
    query = (
        "SELECT user, read_seq FROM im_member"
        " WHERE conversation_id=%s AND state='active' AND read_seq>=%s ORDER BY id"
    )
    return [(row[0], row[1]) for row in sql.select(database, query, [number, seq])]


def group_of(one: Conversation) -> Group:
    """As the rules see it."""
    return Group(Kind(one.kind), Joining(one.joining), one.closed, one.members)


def standing_of(one: Member | None) -> Standing | None:
    """As the rules see it."""
    return Standing(Role(one.role), Membership(one.state)) if one else None


def sight_of(one: Member) -> VisibleRange:
    """What a member sees of the log; who waits outside sees nothing."""
    last = one.conversation.last_seq
    if one.state in WAITING:
        return VisibleRange(last, last)
    return visible_range(one.since_seq, one.until_seq, one.cleared_seq, last)


SIGHTS = (
    "SELECT m.user, c.id, m.since_seq, m.until_seq, m.cleared_seq, c.last_seq FROM im_member m"
    " JOIN im_conversation c ON c.id = m.conversation_id"
    " WHERE m.state NOT IN ('invited', 'asked') AND m.user IN ({marks})"
)
"""What people see of their conversations: person, conversation, and what `rules.sight` wants."""


def sights(database: str, user: str) -> dict[int, VisibleRange]:
    """What somebody sees of each of his conversations."""
    found = sql.select(database, SIGHTS.format(marks="%s"), [user])
    return {row[1]: visible_range(*row[2:]) for row in found}


def unread_of(one: Member) -> int:
    """How many messages a member has not read."""
    active = one.state == Membership.ACTIVE
    return max(0, one.conversation.messages - one.read_messages) if active else 0


# ---- entries ------------------------------------------------------------------------------------


def entries(database: str, user: str, ranges: Iterable[SeqRange]) -> list[tuple[StoredEntry, bool]]:
    """What these ranges hold, in order, and whether this person has deleted it for himself."""
    one = f"(SELECT {COLUMNS}, EXISTS ({_HIDDEN}) FROM im_entry e WHERE {_IN_RANGE})"
    wanted = [(user, *found) for found in ranges]
    if not wanted:
        return []
    query = " UNION ALL ".join([one] * len(wanted)) + " ORDER BY conversation_id, seq"
    found = sql.select(database, query, [value for values in wanted for value in values])
    return [(stored(row[:-1]), bool(row[-1])) for row in found]


def last_messages(database: str, user: str, mine: Iterable[Member]) -> dict[int, StoredEntry]:
    """By conversation: the last message that this person sees."""
    wanted = [(one.conversation_id, sight_of(one)) for one in mine]
    values = [[number, seen.floor, seen.top, user] for number, seen in wanted if seen.top]
    found = _union(database, _LAST, values)
    return {row[0]: stored(row) for row in found}


def mentions(database: str, user: str, mine: Iterable[Member]) -> dict[int, int]:
    """By conversation: the last message not read yet that mentions this person, of the last entries."""
    values = []
    for one in mine:
        seen = sight_of(one)
        above = max(seen.floor, one.read_seq, seen.top - LOOKS_BACK)
        if unread_of(one) and above < seen.top:
            values.append([one.conversation_id, above, seen.top, user])
    return {row[0]: row[1] for row in _union(database, _MENTION, values)}


def _union(database: str, query: str, values: list[list[Any]]) -> list[tuple[Any, ...]]:
    if not values:
        return []
    flat = [value for some in values for value in some]
    return sql.select(database, " UNION ALL ".join([query] * len(values)), flat)


def sent(database: str, number: int, user: str, client_msg_id: str) -> StoredEntry | None:
    """What somebody has sent under an id of his own."""
    columns = ("conversation_id", "sender", "client_msg_id")
    found = journal.entries(database, columns, [(number, user, client_msg_id)])
    return found[0] if found else None


def entry(database: str, number: int, seq: int) -> StoredEntry | None:
    """One entry."""
    found = journal.entries(database, ("conversation_id", "seq"), [(number, seq)])
    return found[0] if found else None


# ---- contacts -----------------------------------------------------------------------------------


def contacts(database: str, owner: str, after: int, count: int) -> list[Contact]:
    """Somebody's list of contacts, above row `after`."""
    found = Contact.objects.using(database).filter(owner=owner, id__gt=after)
    return list(found.order_by("id")[:count])


def friends(database: str, owner: str) -> list[str]:
    """Who has accepted, or was accepted by, this person."""
    query = "SELECT other FROM im_contact WHERE owner=%s AND state='friend'"
    return [row[0] for row in sql.select(database, query, [owner])]


def states_between(database: str, owner: str, people: Sequence[str]) -> dict[str, tuple[str, str]]:
    """By person: what he is in the owner's list, and the owner in his; "" where there is nothing."""
    if not people:
        return {}
    marks = sql.marks(people)
    query = (
        f"SELECT other, state, '' FROM im_contact WHERE owner=%s AND other IN ({marks})"
        f" UNION ALL SELECT owner, '', state FROM im_contact WHERE other=%s AND owner IN ({marks})"
    )
    found = dict.fromkeys(people, ("", ""))
    for person, mine, theirs in sql.select(database, query, [owner, *people] * 2):
        known = found[person]
        found[person] = (mine or known[0], theirs or known[1])
    return found
