"""Define queries that match telephone numbers in address books with people's confirmed ones. They only read."""

from __future__ import annotations

from collections.abc import Collection

from foundation.cells.directory import PlatformStore
from im.data import people
from im.data.people import Person
from social.data import profiles, viewers
from social.models import BookEntry, ConfirmedNumber
from social.rules.cards import Matching, is_match


def match_hashes(store: PlatformStore, me: Person, hashes: Collection[str]) -> dict[str, Person]:
    """Return the people with these confirmed telephone numbers whom `me` may find by them: HMAC of a number -> person.

    Each person decides by the privacy choice `matching`; blocked people and those of closed tenants are left out.
    """
    database = store.database
    rows = ConfirmedNumber.objects.using(database).filter(hmac__in=hashes).exclude(user=me.id)
    owners = dict(rows.values_list("hmac", "user"))
    if not owners:
        return {}
    persons = _visible_people(store, me, {*owners.values()})
    own_hashes = ConfirmedNumber.objects.using(database).filter(user=me.id).values("hmac")
    entries = BookEntry.objects.using(database).filter(owner__in=persons, hmac__in=own_hashes)
    owners_with_my_number = {*entries.values_list("owner", flat=True)}
    chosen = profiles.profiles(database, [*persons])
    return {
        key: persons[user]
        for key, user in owners.items()
        if user in persons
        and is_match(Matching(chosen[user].matching), user in owners_with_my_number)
    }


def _visible_people(store: PlatformStore, me: Person, users: Collection[str]) -> dict[str, Person]:
    """Return those of these people whose tenant is open to `me`, unless one blocks the other: id -> person."""
    viewer = viewers.load_viewer(store.database, me.id, circles=False)
    persons = people.people_by_id(store, {*users} - viewer.blocked)
    is_open = viewers.people_open_to(store, me, list(persons.values()))
    return {user: person for user, person in persons.items() if user in is_open}


def known_people(store: PlatformStore, me: Person) -> list[Person]:
    """Return, sorted by name, the people in a person's address book whom the person may find by telephone number."""
    book = BookEntry.objects.using(store.database).filter(owner=me.id)
    matched = match_hashes(store, me, list(book.values_list("hmac", flat=True)))
    return sorted({*matched.values()}, key=lambda person: (person.name, person.id))


def people_to_notify(store: PlatformStore, me: Person, key: str) -> list[str]:
    """Return the ids of people to notify that a telephone number was confirmed: it is in their address books.

    `key`: the HMAC of the number, which `me` has confirmed. Whether these people must be in the address book of `me`,
    too, follows from the privacy choice `matching` of `me`.
    """
    database = store.database
    owners = BookEntry.objects.using(database).filter(hmac=key).exclude(owner=me.id)
    users = _visible_people(store, me, {*owners.values_list("owner", flat=True)})
    matching = Matching(profiles.profiles(database, [me.id])[me.id].matching)
    book = BookEntry.objects.using(database).filter(owner=me.id).values("hmac")
    theirs = ConfirmedNumber.objects.using(database).filter(user__in=users, hmac__in=book)
    known = {*theirs.values_list("user", flat=True)}
    return sorted(user for user in users if is_match(matching, user in known))
