"""Define queries for people: the directory, suggestions, and whether a person lets others find them. They only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q

from domains.models import Account
from foundation.cells.directory import PlatformStore, possible_platforms, store_of
from im.data import people, queries
from im.data.people import Person
from im.models import Conversation
from social.data import viewers
from social.data.profiles import profiles
from social.rules.cards import FoundBy, may_find

MIN_LETTERS = 2
"""A search in the directory needs at least this many characters."""
CANDIDATES = 100
_MANY = 5000
"""Suggestions come from at most this many memberships in the person's circles."""
_MIN_COMMON = 2
"""People are suggested for at least this many common contacts, or a common circle."""


def store_with(database: str) -> PlatformStore:
    """Return the platform whose data lies in the database with this alias, as a PlatformStore."""
    return next(
        store for store in map(store_of, possible_platforms()) if store.database == database
    )


def findable(store: PlatformStore, me: Person, others: Collection[Person]) -> set[str]:
    """Return the ids of those `others` whom a person may find, by their tenants and their privacy choices."""
    if not others:
        return set()
    closeness_to = viewers.closeness(store, me, others)
    chosen = profiles(store.database, [person.id for person in others])
    is_open = viewers.people_open_to(store, me, others)
    return {
        person.id
        for person in others
        if may_find(FoundBy(chosen[person.id].found_by), closeness_to[person.id])
        # An operator, who has no tenant (`domain`), may find people of all tenants.
        and (person.id in is_open or not me.domain or closeness_to[person.id].is_contact)
    }


def lets_find(database: str, me: Person, other: Person) -> bool:
    """Return whether `other` may be found by `me`, by the privacy choice of `other` (receives the hook `MAY_FIND`)."""
    closeness = viewers.closeness(store_with(database), me, [other])[other.id]
    return may_find(FoundBy(profiles(database, [other.id])[other.id].found_by), closeness)


def search_directory(store: PlatformStore, me: Person, text: str, count: int) -> list[Person]:
    """Return at most `count` people of the person's own tenant whose name or number begins with `text`.

    Those whom the person may not find are left out. E-mail addresses and telephone numbers are not searched, so that
    nobody finds out their owners by guessing.
    """
    if len(text) < MIN_LETTERS or not me.domain:
        return []
    matches = Q(username__istartswith=text) | Q(e164__startswith=text)
    matches |= Q(first_name__istartswith=text) | Q(last_name__istartswith=text)
    rows = Account.objects.using(store.database).filter(matches, domain=me.domain, is_active=True)
    persons = [people.person_of_account(row) for row in rows.order_by("username")[:CANDIDATES]]
    seen = findable(store, me, [person for person in persons if person.id != me.id])
    return [person for person in persons if person.id in seen][:count]


# ---- suggestions --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A person whom another may know, and why: the number of common contacts, the names of common circles (groups)."""

    person: Person
    common_contacts: int
    circles: list[str]


def suggestions(store: PlatformStore, me: Person, count: int) -> list[Suggestion]:
    """Return people whom a person may know from common contacts or circles (groups), the most likely ones first."""
    database = store.database
    viewer = viewers.load_viewer(database, me.id)
    known = {me.id, *viewer.contacts, *viewer.blocked}
    common = Counter(
        friend
        for _, friend in queries.friends_of_many(database, sorted(viewer.contacts))
        if friend not in known
    )
    shared: dict[str, set[int]] = {}
    for circle, user in queries.members_of_many(database, sorted(viewer.circles), _MANY):
        if user not in known:
            shared.setdefault(user, set()).add(circle)
    reasons = {
        user: (common[user] if common[user] >= _MIN_COMMON else 0, shared.get(user, set()))
        for user in {*common, *shared}
    }
    best = sorted(
        (user for user, reason in reasons.items() if any(reason)),
        key=lambda user: (-reasons[user][0] - 2 * len(reasons[user][1]), user),
    )[:CANDIDATES]
    return _suggested(store, me, best, reasons)[:count]


def _suggested(
    store: PlatformStore,
    me: Person,
    users: list[str],
    reasons: dict[str, tuple[int, set[int]]],
) -> list[Suggestion]:
    """Return the suggestions of those of these people who let themselves be found and suggested.

    `reasons`: user -> (number of common contacts, ids of common circles).
    """
    persons = people.people_by_id(store, users)
    chosen = profiles(store.database, users)
    seen = findable(store, me, list(persons.values()))
    names = conversation_names(
        store.database, {circle for _, circles in reasons.values() for circle in circles}
    )
    return [
        Suggestion(
            persons[user],
            reasons[user][0],
            sorted(names[circle] for circle in reasons[user][1] if circle in names),
        )
        for user in users
        if user in seen and chosen[user].suggested
    ]


def conversation_names(database: str, numbers: Iterable[int]) -> dict[int, str]:
    """Return the names of conversations: id -> name."""
    rows = Conversation.objects.using(database).filter(pk__in={*numbers})
    return dict(rows.values_list("pk", "name"))


def named_people(store: PlatformStore, contacts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return `(id, name)` of contacts, by name. `contacts`: id -> the name that the owner gave the contact, or ""."""
    persons = people.people_by_id(store, contacts)
    named = [(user, contacts[user] or person.name) for user, person in persons.items()]
    return sorted(named, key=lambda pair: (pair[1].lower(), pair[0]))
