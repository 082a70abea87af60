"""Queries about conversations, entries of their logs, and contacts. They only read.

`rules.conversation_decisions.visible_range` says what a person sees of a log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from foundation.cells import sql
from im.data import journal
from im.data.journal import COLUMNS, entry_of_row
from im.models import Contact, Conversation, Member
from im.rules.conversation_decisions import Group, SeqRange, Standing, VisibleRange, visible_range
from im.rules.messages import StoredEntry
from im.rules.vocabulary import MISSED_CALL, Joining, Kind, Membership, Role

LOOKS_BACK = 200
"""A mention is searched for among this many of the last entries."""

WAITING = (Membership.INVITED, Membership.ASKED)
"""People in these states are not in the conversation yet."""

_HIDDEN = (
    "SELECT 1 FROM im_hidden h WHERE h.user=%s AND h.conversation_id=e.conversation_id"
    " AND h.seq=e.seq"
)
_IN_RANGE = "e.conversation_id=%s AND e.seq>%s AND e.seq<=%s"
_LAST = (
    f"(SELECT {COLUMNS} FROM im_entry e WHERE {_IN_RANGE}"
    f" AND (e.cmd='msg' OR e.cmd='call' AND e.type='{MISSED_CALL}')"
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
    """Return the conversation with the id `number`, without a check of rights; `None` if it does not exist."""
    return Conversation.objects.using(database).filter(pk=number).first()


def member(database: str, number: int, user: str) -> Member | None:
    """Return the `Member` row of a person in the conversation `number`; `None` if there is none."""
    rows = Member.objects.using(database).select_related("conversation")
    return rows.filter(conversation_id=number, user=user).first()


def conversation_in_conference(database: str, confid: str, user: str) -> int | None:
    """Return the id of a conference's chat conversation if a person is an active member of it; else `None`."""
    rows = Member.objects.using(database).filter(
        conversation__confid=confid, user=user, state=Membership.ACTIVE
    )
    return rows.values_list("conversation_id", flat=True).first()


def memberships(database: str, user: str, after: int = 0, count: int | None = None) -> list[Member]:
    """Return a person's `Member` rows with their conversations, ordered by conversation id.

    They are those with a conversation id above `after`, at most `count` (`None`: all).
    """
    rows = Member.objects.using(database).select_related("conversation")
    return list(rows.filter(user=user, conversation_id__gt=after).order_by("conversation")[:count])


def members(database: str, number: int, after: int, count: int) -> list[Member]:
    """Return `Member` rows of a conversation, in the order of coming: at most `count` with ids above `after`.

    They are those of active members and of people who wait to join.
    """
    rows = Member.objects.using(database).filter(conversation=number, id__gt=after)
    return list(rows.filter(state__in=(Membership.ACTIVE, *WAITING)).order_by("id")[:count])


def some_members(database: str, number: int, users: Collection[str]) -> dict[str, Member]:
    """Return the `Member` rows of these people in the conversation `number`: user id -> row."""
    rows = Member.objects.using(database).filter(conversation=number, user__in=users)
    return {member.user: member for member in rows}


def active_users(database: str, number: int) -> list[str]:
    """Return the ids of a conversation's active members."""
    query = "SELECT user FROM im_member WHERE conversation_id=%s AND state='active'"
    return [row[0] for row in sql.select(database, query, [number])]


def other_persons(database: str, user: str, numbers: Sequence[int]) -> dict[int, Member]:
    """Return the other person of each of a user's one-to-one conversations: conversation -> `Member` row."""
    rows = Member.objects.using(database).filter(conversation__in=numbers).exclude(user=user)
    return {member.conversation_id: member for member in rows}


def readers(database: str, number: int, seq: int) -> list[tuple[str, int]]:
    """Return `(user, seq up to which this user has read)` of the active members who have read the entry `seq`."""
    query = (
        "SELECT user, read_seq FROM im_member"
        " WHERE conversation_id=%s AND state='active' AND read_seq>=%s ORDER BY id"
    )
    return [(row[0], row[1]) for row in sql.select(database, query, [number, seq])]


def group_of(conversation: Conversation) -> Group:
    """Return what the rules need to know of a conversation."""
    return Group(
        Kind(conversation.kind),
        Joining(conversation.joining),
        conversation.closed,
        conversation.members,
    )


def standing_of(member: Member | None) -> Standing | None:
    """Return a member's role and state, as the rules need them; `None` for no member."""
    return Standing(Role(member.role), Membership(member.state)) if member else None


def visible_range_of(member: Member) -> VisibleRange:
    """Return which part of a conversation's log a member sees; a person who has not joined yet sees nothing."""
    last = member.conversation.last_seq
    if member.state in WAITING:
        return VisibleRange(last, last)
    return visible_range(member.since_seq, member.until_seq, member.cleared_seq, last)


VISIBLE_RANGES = (
    "SELECT m.user, c.id, m.since_seq, m.until_seq, m.cleared_seq, c.last_seq FROM im_member m"
    " JOIN im_conversation c ON c.id = m.conversation_id"
    " WHERE m.state NOT IN ('invited', 'asked') AND m.user IN ({marks})"
)
"""The query selects what people see: person, conversation, and the arguments of `visible_range`."""


def visible_ranges(database: str, user: str) -> dict[int, VisibleRange]:
    """Return which part of the log of each conversation a person sees: id of the conversation -> range."""
    rows = sql.select(database, VISIBLE_RANGES.format(marks="%s"), [user])
    return {conversation: visible_range(*arguments) for _, conversation, *arguments in rows}


def unread_of(member: Member) -> int:
    """Return how many messages a member has not read; 0 for people who have left or not yet joined."""
    is_active = member.state == Membership.ACTIVE
    return max(0, member.conversation.messages - member.read_messages) if is_active else 0


# ---- entries ------------------------------------------------------------------------------------


def entries(database: str, user: str, ranges: Iterable[SeqRange]) -> list[tuple[StoredEntry, bool]]:
    """Return the log entries in these ranges, ordered, each with whether this user has hidden it from the own view.

    A range is (conversation, above which seq, up to which seq).
    """
    range_query = f"(SELECT {COLUMNS}, EXISTS ({_HIDDEN}) FROM im_entry e WHERE {_IN_RANGE})"
    parameters = [(user, *rows) for rows in ranges]
    if not parameters:
        return []
    query = " UNION ALL ".join([range_query] * len(parameters)) + " ORDER BY conversation_id, seq"
    rows = sql.select(database, query, [value for values in parameters for value in values])
    return [(entry_of_row(row[:-1]), bool(row[-1])) for row in rows]


def last_messages(database: str, user: str, own_rows: Iterable[Member]) -> dict[int, StoredEntry]:
    """Return the last message that a person sees of each conversation: id -> message.

    `own_rows` holds the person's `Member` rows.
    """
    ranges = [(member.conversation_id, visible_range_of(member)) for member in own_rows]
    values = [
        [number, visible.floor, visible.top, user] for number, visible in ranges if visible.top
    ]
    rows = _select_union(database, _LAST, values)
    return {row[0]: entry_of_row(row) for row in rows}


def mentions(database: str, user: str, own_rows: Iterable[Member]) -> dict[int, int]:
    """Return the last unread message that mentions a person: conversation id -> seq.

    `own_rows` holds the person's `Member` rows. Only the last LOOKS_BACK entries of each log are
    searched.
    """
    values = []
    for member in own_rows:
        visible = visible_range_of(member)
        above = max(visible.floor, member.read_seq, visible.top - LOOKS_BACK)
        if unread_of(member) and above < visible.top:
            values.append([member.conversation_id, above, visible.top, user])
    return {number: seq for number, seq, *_ in _select_union(database, _MENTION, values)}


def _select_union(database: str, query: str, values: list[list[object]]) -> list[tuple[Any, ...]]:
    """Run a query once for each of these lists of values, in one statement (UNION), and return all rows."""
    if not values:
        return []
    flat = [value for row in values for value in row]
    return sql.select(database, " UNION ALL ".join([query] * len(values)), flat)


def entry_sent_as(database: str, number: int, user: str, client_msg_id: str) -> StoredEntry | None:
    """Return the entry that a person has sent under this client_msg_id; `None` if there is none."""
    columns = ("conversation_id", "sender", "client_msg_id")
    entries_found = journal.entries_with(database, columns, [(number, user, client_msg_id)])
    return entries_found[0] if entries_found else None


def entry(database: str, number: int, seq: int) -> StoredEntry | None:
    """Return the entry with this seq in a conversation's log; `None` if there is none."""
    entries_found = journal.entries_with(database, ("conversation_id", "seq"), [(number, seq)])
    return entries_found[0] if entries_found else None


# ---- contacts -----------------------------------------------------------------------------------


def contacts(database: str, owner: str, after: int, count: int) -> list[Contact]:
    """Return at most `count` rows of a person's list of contacts: those with row ids above `after`, in order."""
    rows = Contact.objects.using(database).filter(owner=owner, id__gt=after)
    return list(rows.order_by("id")[:count])


def friends(database: str, owner: str) -> list[str]:
    """Return the ids of a person's friends."""
    query = "SELECT other FROM im_contact WHERE owner=%s AND state='friend'"
    return [row[0] for row in sql.select(database, query, [owner])]


def relations(database: str, me: str) -> list[tuple[str, str, str, str]]:
    """Return `(person, name that I gave, my state, their state)` for all friends of mine, and all blocks both ways.

    My state is "friend" or "blocked", or "" in the rows about people who have blocked me, who have the state "blocked".
    """
    query = (
        "SELECT other, name, state, '' FROM im_contact"
        " WHERE owner=%s AND state IN ('friend', 'blocked')"
        " UNION ALL SELECT owner, '', '', state FROM im_contact WHERE other=%s AND state='blocked'"
    )
    return [(row[0], row[1], row[2], row[3]) for row in sql.select(database, query, [me, me])]


def relations_near(database: str, me: str, other: str) -> list[tuple[str, str, str, str]]:
    """Return `(person, name that I gave, my state, their state)` if `other` is a friend, and for all blocks both ways.

    These are those rows of `relations`.
    """
    query = (
        "SELECT other, name, state, '' FROM im_contact WHERE owner=%s AND state='blocked'"
        " UNION ALL SELECT other, name, state, '' FROM im_contact"
        " WHERE owner=%s AND other=%s AND state='friend'"
        " UNION ALL SELECT owner, '', '', state FROM im_contact WHERE other=%s AND state='blocked'"
    )
    rows = sql.select(database, query, [me, me, other, me])
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def friends_of_many(database: str, people: Sequence[str]) -> list[tuple[str, str]]:
    """Return `(person, friend)` for all friends of these people."""
    if not people:
        return []
    query = (
        "SELECT owner, other FROM im_contact"
        f" WHERE state='friend' AND owner IN ({sql.marks(people)})"
    )
    return [(row[0], row[1]) for row in sql.select(database, query, people)]


def groups_of(database: str, user: str) -> list[int]:
    """Return the ids of the groups of which a person is an active member."""
    query = (
        "SELECT m.conversation_id FROM im_member m JOIN im_conversation c ON c.id=m.conversation_id"
        " WHERE m.user=%s AND m.state='active' AND c.kind='group'"
    )
    return [row[0] for row in sql.select(database, query, [user])]


def fellow_members(
    database: str, numbers: Sequence[int], users: Sequence[str]
) -> list[tuple[int, str]]:
    """Return `(conversation, user)` for those of these users who are active members of these conversations."""
    if not numbers or not users:
        return []
    query = (
        "SELECT conversation_id, user FROM im_member WHERE state='active'"
        f" AND conversation_id IN ({sql.marks(numbers)}) AND user IN ({sql.marks(users)})"
    )
    return [(row[0], row[1]) for row in sql.select(database, query, [*numbers, *users])]


def members_of_many(database: str, numbers: Sequence[int], most: int) -> list[tuple[int, str]]:
    """Return `(conversation, user)` of active members of these conversations, at most `most` rows."""
    if not numbers:
        return []
    query = (
        "SELECT conversation_id, user FROM im_member WHERE state='active'"
        f" AND conversation_id IN ({sql.marks(numbers)}) LIMIT {int(most)}"
    )
    return [(row[0], row[1]) for row in sql.select(database, query, numbers)]


def states_between(database: str, owner: str, people: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the states of contacts in both directions: person -> (in `owner`'s list, in the person's list).

    An empty string means that this list does not hold the other person.
    """
    if not people:
        return {}
    marks = sql.marks(people)
    query = (
        f"SELECT other, state, '' FROM im_contact WHERE owner=%s AND other IN ({marks})"
        f" UNION ALL SELECT owner, '', state FROM im_contact WHERE other=%s AND owner IN ({marks})"
    )
    states = dict.fromkeys(people, ("", ""))
    for person, own_state, their_state in sql.select(database, query, [owner, *people] * 2):
        state = states[person]
        states[person] = (own_state or state[0], their_state or state[1])
    return states


_SHOWN = (
    f"(e.conversation_id, e.seq) IN ({{places}}) AND e.recalled_seq IS NULL AND NOT EXISTS ({_HIDDEN})"
    " AND NOT EXISTS (SELECT 1 FROM im_member m WHERE m.user=%s"
    " AND m.conversation_id=e.conversation_id AND m.cleared_seq>=e.seq)"
)


def shown_messages(
    database: str, user: str, places: Collection[tuple[int, int]]
) -> dict[tuple[int, int], StoredEntry]:
    """Return the messages at these places, each (conversation, seq), that a person still sees: place -> message.

    Messages that were taken back, or hidden by this person, are left out.
    """
    if not places:
        return {}
    pairs = ", ".join(["(%s, %s)"] * len(places))
    query = f"SELECT {COLUMNS} FROM im_entry e WHERE {_SHOWN.format(places=pairs)}"
    values = [number for place in places for number in place]
    rows = [entry_of_row(row) for row in sql.select(database, query, [*values, user, user])]
    return {(entry.conversation, entry.seq): entry for entry in rows}
