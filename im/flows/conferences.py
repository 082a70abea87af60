"""Each running conference has a conversation, which is closed when the conference ends.

The flow runs every few seconds and looks at the present state, not at events: a lost run or a
takeover by another site only delays it. A conference that has not changed since this process saw it
is not read again. Its people see what is written after they came, and keep it when the conference
has ended.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from domains.data import hooks
from domains.data.hooks import RunningConference
from domains.models import Account
from domains.rules.sign_in_names import normalize
from foundation import clock
from foundation.cells.directory import PlatformStore, store_of
from foundation.cells.serving import is_served_here
from im.data import conference_joins, people, queries
from im.data.locked_conversation import LockedConversation, lock_conversation, name_people
from im.data.people import Person
from im.models import Conversation, Member
from im.rules.vocabulary import MAX_MEMBERS, Cmd, Kind, Role

_revisions: dict[str, dict[str, int]] = {}
"""Alias of a database -> `confid` of a conference -> its revision when this process last read it."""


def follow_conferences(platform: str) -> None:
    """Create, fill and close the chat conversations of a platform's conferences, as these begin, change and end.

    A conference's conversation is updated only if the conference has changed since the last call, or if people have
    entered it and wait to join the conversation.
    """
    store, now = store_of(platform), clock.now()
    revisions, waiting = _revisions.setdefault(store.database, {}), conference_joins.waiting_joins()
    # The open conversations are read first, so that none of a conference that begins later is closed.
    before = _open_conversations(store.database)
    seen_revisions = {confid: revisions[confid] for confid in revisions.keys() - waiting.keys()}
    answer = hooks.RUNNING_CONFERENCES.call(store.database, seen_revisions)
    if answer is None:
        return
    running_ids, changed = answer
    for conference in changed:
        _update_conversation(store, conference, waiting.get(conference.confid, frozenset()), now)
        revisions[conference.confid] = conference.revision
    for confid in before.keys() - {*running_ids}:
        _close_conversation(store, before[confid], now)
    for confid in revisions.keys() - {*running_ids}:
        del revisions[confid]


def _open_conversations(database: str) -> dict[str, int]:
    """Return the open conversations of conferences: `confid` of the conference -> id of the conversation."""
    rows = Conversation.objects.using(database).filter(kind=Kind.CONFERENCE, closed=False)
    return {confid: number for confid, number in rows.values_list("confid", "pk") if confid}


def _update_conversation(
    store: PlatformStore, conference: RunningConference, joined: Collection[str], now: datetime
) -> None:
    """Create or update the conversation of a running conference, and add its people.

    `joined` are users who have entered the conference and wait to join the conversation. Nothing is done at a site
    that no longer takes requests for the platform.
    """
    with transaction.atomic(using=store.database):
        if not is_served_here(store.platform, lock=True):
            return
        number = _find_or_create_conversation(store.database, conference)
        persons = _people_of(store, conference, joined)
        acting = next(
            (person for person in persons if person.id == conference.creator),
            Person("", conference.name[:64], ""),
        )
        with lock_conversation(store, number, acting, now) as locked:
            locked.set_closed(False)  # a site whose data lagged may have closed it
            if locked.conversation.name != conference.name:
                locked.set(name=conference.name)
                locked.log(Cmd.CONVERSATION, {"what": "changed", "name": conference.name})
            if locked.row.mute_all != conference.only_chairs_write:
                locked.set(mute_all=conference.only_chairs_write)
                change = {"what": "changed", "mute_all": conference.only_chairs_write}
                locked.log(Cmd.CONVERSATION, change)
            _add_people(locked, persons)
    conference_joins.forget_joins(conference.confid, joined)


def _find_or_create_conversation(database: str, conference: RunningConference) -> int:
    """Return the id of the conference's conversation, which is created if there is none.

    Two transactions that create it at once wait for each other here.
    """
    conversation = Conversation(
        kind=Kind.CONFERENCE,
        name=conference.name,
        domain=conference.domain,
        creator=conference.creator,
        confid=conference.confid,
    )
    rows = Conversation.objects.using(database)
    rows.bulk_create([conversation], update_conflicts=True, update_fields=["confid"])
    return int(rows.values_list("pk", flat=True).get(confid=conference.confid))


def _people_of(
    store: PlatformStore, conference: RunningConference, joined: Collection[str]
) -> list[Person]:
    """Return the people who belong in a conference's conversation: its creator, and those who were called or `joined`.

    Only people of the conference's tenant count. A conference names those whom it calls by sign-in
    name or by MOID.
    """
    names = {normalize(account) for account in conference.accounts}
    rows = Account.objects.using(store.database)
    called = rows.filter(names__name__in=names, domain=conference.domain)
    users = {
        conference.creator,
        *joined,
        *conference.accounts,
        *called.values_list("moid", flat=True),
    }
    return [
        person
        for person in people.people_by_id(store, users).values()
        if person.domain == conference.domain
    ]


def _add_people(locked: LockedConversation, persons: Collection[Person]) -> None:
    """Add to the conversation those people who have no `Member` row yet, as far as MAX_MEMBERS allows.

    The conference's creator becomes the owner.
    """
    member_rows = queries.some_members(
        locked.database, locked.row.id, [person.id for person in persons]
    )
    free_places = MAX_MEMBERS - locked.row.members
    coming = [person for person in persons if person.id not in member_rows][: max(0, free_places)]
    if not coming:
        return
    seq, messages = locked.row.last_seq, locked.row.messages
    locked.row.raise_members_version(locked.row.members + len(coming))
    Member.objects.using(locked.database).bulk_create(
        Member(
            conversation_id=locked.row.id,
            user=person.id,
            name=person.name,
            role=Role.OWNER if person.id == locked.conversation.creator else Role.MEMBER,
            since_seq=seq,
            read_seq=seq,
            read_messages=messages,
        )
        for person in coming
    )
    version = locked.row.members_version
    locked.log(Cmd.MEMBER, {"what": "added", "version": version, **name_people(coming)})


def _close_conversation(store: PlatformStore, number: int, now: datetime) -> None:
    """Close the conversation of a conference that has ended; its log stays.

    Does nothing if another site serves the platform.
    """
    with transaction.atomic(using=store.database):
        if not is_served_here(store.platform, lock=True):
            return
        conversation = queries.conversation(store.database, number)
        acting = Person("", conversation.name[:64] if conversation else "", "")
        with lock_conversation(store, number, acting, now) as locked:
            locked.set_closed(True)
