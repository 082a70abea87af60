"""Each conference that runs has a conversation of those who belong to it; when it has ended, it is closed.

Looked at every few seconds, by what is so and not by what has happened: a run that is lost, a site that
has taken over delay it, nothing more. What has not changed since this process saw it is not read again.
Its people see what is said from their coming on, and keep it when the conference has ended.
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
from im.rules.vocabulary import MEMBERS, Cmd, Kind, Role

_known: dict[str, dict[str, int]] = {}
"""By database: the revision of each conference as this process saw it last."""


def follow(platform: str) -> None:
    """Make, fill and close the conversations of a platform's conferences."""
    place, now = store_of(platform), clock.now()
    known, waiting = _known.setdefault(place.database, {}), conference_joins.waiting_joins()
    before = _open(place.database)  # Read first: conferences that begin later are not in it.
    seen = {confid: known[confid] for confid in known.keys() - waiting.keys()}
    answer = hooks.RUNNING_CONFERENCES.call(place.database, seen)
    if answer is None:
        return
    live, changed = answer
    for conference in changed:
        _meet(place, conference, waiting.get(conference.confid, frozenset()), now)
        known[conference.confid] = conference.revision
    for confid in before.keys() - {*live}:
        _close(place, before[confid], now)
    for confid in known.keys() - {*live}:
        del known[confid]


def _open(database: str) -> dict[str, int]:
    """By conference: its conversation that is not closed."""
    rows = Conversation.objects.using(database).filter(kind=Kind.CONFERENCE, closed=False)
    return {confid: number for confid, number in rows.values_list("confid", "pk") if confid}


def _meet(
    place: PlatformStore, one: RunningConference, came: Collection[str], now: datetime
) -> None:
    """The conversation is there, is called like the conference, and its people are in it."""
    with transaction.atomic(using=place.database):
        if not is_served_here(place.platform, lock=True):
            return
        number = _conversation(place.database, one)
        who = _people(place, one, came)
        acting = next((p for p in who if p.id == one.creator), Person("", one.name[:64], ""))
        with lock_conversation(place, number, acting, now) as it:
            it.close(False)  # a site that lagged behind took it for ended
            if it.conversation.name != one.name:
                it.set(name=one.name)
                it.log(Cmd.CONVERSATION, {"what": "changed", "name": one.name})
            _bring_in(it, who)
    conference_joins.forget_joins(one.confid, came)


def _conversation(database: str, one: RunningConference) -> int:
    """Its number; made where there is none: two at once wait for one another here."""
    made = Conversation(
        kind=Kind.CONFERENCE,
        name=one.name,
        domain=one.domain,
        creator=one.creator,
        confid=one.confid,
    )
    rows = Conversation.objects.using(database)
    rows.bulk_create([made], update_conflicts=True, update_fields=["confid"])
    return int(rows.values_list("pk", flat=True).get(confid=one.confid))


def _people(place: PlatformStore, one: RunningConference, came: Collection[str]) -> list[Person]:
    """Those of the tenant who were called, came, or made it; by name or by MOID."""
    names = {normalize(account) for account in one.accounts}
    rows = Account.objects.using(place.database)
    called = rows.filter(names__name__in=names, domain=one.domain)
    users = {one.creator, *came, *one.accounts, *called.values_list("moid", flat=True)}
    return [p for p in people.people_by_id(place, users).values() if p.domain == one.domain]


def _bring_in(it: LockedConversation, who: Collection[Person]) -> None:
    """Those who are not in it yet; who makes the conference has the say."""
    there = queries.some_members(it.database, it.locked.id, [p.id for p in who])
    room = MEMBERS - it.locked.members
    coming = [p for p in who if p.id not in there][: max(0, room)]
    if not coming:
        return
    seq, messages = it.locked.last_seq, it.locked.messages
    it.locked.members_changed(it.locked.members + len(coming))
    Member.objects.using(it.database).bulk_create(
        Member(
            conversation_id=it.locked.id,
            user=person.id,
            name=person.name,
            role=Role.OWNER if person.id == it.conversation.creator else Role.MEMBER,
            since_seq=seq,
            read_seq=seq,
            read_messages=messages,
        )
        for person in coming
    )
    version = it.locked.members_version
    it.log(Cmd.MEMBER, {"what": "added", "version": version, **name_people(coming)})


def _close(place: PlatformStore, number: int, now: datetime) -> None:
    """Nobody says anything in it any more; what was said stays."""
    with transaction.atomic(using=place.database):
        if not is_served_here(place.platform, lock=True):
            return
        conversation = queries.conversation(place.database, number)
        acting = Person("", conversation.name[:64] if conversation else "", "")
        with lock_conversation(place, number, acting, now) as it:
            it.close(True)
