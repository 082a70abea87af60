"""Queries about who people are, for many people of one platform at once. They only read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from domains.data.lookups import findable_domains
from domains.models import Account
from domains.rules.sign_in_names import normalize
from foundation.cells.directory import PlatformStore
from im.data.queries import states_between


@dataclass(frozen=True, slots=True)
class Person:
    """Represent an account that may sign in: its id (MOID), the person's name, and the id of the user domain (tenant).

    `domain` is empty for operators, who belong to no user domain.
    """

    id: str
    name: str
    domain: str


_FIELDS = ("moid", "first_name", "last_name", "username", "domain_id")


def people_by_id(store: PlatformStore, users: Collection[str]) -> dict[str, Person]:
    """Return those of these users who may sign in and belong to this platform: id -> person."""
    accounts = _local_accounts(store).filter(moid__in=users)
    return {row[0]: _person_of_columns(*row) for row in accounts.values_list(*_FIELDS)}


def person_by_sign_in_name(store: PlatformStore, name: str) -> Person | None:
    """Return the person of this platform who signs in with exactly this name; `None` if nobody does."""
    row = _local_accounts(store).filter(names__name=normalize(name)).values_list(*_FIELDS).first()
    return _person_of_columns(*row) if row else None


def may_find(store: PlatformStore, me: Person, other: Person) -> bool:
    """Return whether a person may find another one: of the own user domain, or if both domains can be found.

    Operators, who belong to no user domain, may find everybody, and are found by nobody.
    """
    domains = {me.domain, other.domain}
    return (
        not me.domain or len(domains) == 1 or findable_domains(store.platform, domains) == domains
    )


def _local_accounts(store: PlatformStore) -> QuerySet[Account]:
    """Return the accounts that belong to this platform, or to no user domain.

    A platform's data also holds accounts of neighbours, whose conversations lie in other data.
    """
    platform = "domain__userdomain__platform"
    is_local = Q(**{platform: store.platform}) | Q(**{f"{platform}__isnull": True})
    return Account.objects.using(store.database).filter(is_local, is_active=True)


def select_invitable(
    store: PlatformStore, by: Person, domain: str, users: Collection[str]
) -> list[Person]:
    """Return those of these users whom the person `by` may add or invite to a conversation of the user domain `domain`.

    These are the domain's own people and the person's contacts, except those who have blocked the
    person.
    """
    people = people_by_id(store, users)
    # Person -> (state in the list of `by`, state of `by` in that person's list).
    between = states_between(store.database, by.id, [*people])
    return [
        person
        for person in people.values()
        if between[person.id][1] != "blocked"
        and (between[person.id][0] == "friend" or (domain and person.domain == domain))
    ]


def _person_of_columns(
    moid: str, first: str, last: str, username: str, domain: str | None
) -> Person:
    """Return the person with the values of an account's columns."""
    return Person(moid, (f"{first} {last}".strip() or username)[:64], domain or "")


def person_of_account(account: Account) -> Person:
    """Return the Person of an account."""
    return _person_of_columns(
        account.moid,
        account.first_name,
        account.last_name,
        account.username,
        account.domain_id,
    )
