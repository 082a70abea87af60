"""Who somebody is, asked for many at once: people of the platform in whose data one looks. Read-only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from domains.models import Account
from domains.rules.sign_in_names import normalize
from foundation.cells.directory import PlatformStore
from im.data.queries import states_between


@dataclass(frozen=True, slots=True)
class Person:
    """An account that may sign in. `domain` is empty for operators, who belong nowhere."""

    id: str
    name: str
    domain: str


_FIELDS = ("moid", "first_name", "last_name", "username", "domain_id")


def known(place: PlatformStore, users: Collection[str]) -> dict[str, Person]:
    """Those of these people who may sign in, and whose platform this is."""
    found = _here(place).filter(moid__in=users)
    return {row[0]: _person(*row) for row in found.values_list(*_FIELDS)}


def named(place: PlatformStore, name: str) -> Person | None:
    """Who of them signs in with exactly this name."""
    row = _here(place).filter(names__name=normalize(name)).values_list(*_FIELDS).first()
    return _person(*row) if row else None


def _here(place: PlatformStore) -> QuerySet[Account]:
    """A platform's data knows people of its neighbours as well; what they say lies elsewhere."""
    platform = "domain__userdomain__platform"
    here = Q(**{platform: place.platform}) | Q(**{f"{platform}__isnull": True})
    return Account.objects.using(place.database).filter(here, is_active=True)


def reachable(
    place: PlatformStore, by: Person, domain: str, users: Collection[str]
) -> list[Person]:
    """Those of these people whom somebody may bring into a conversation of this user domain: its own
    people and his contacts, but nobody who has blocked him."""
    found = known(place, users)
    between = states_between(place.database, by.id, [*found])
    return [
        one
        for one in found.values()
        if between[one.id][1] != "blocked"
        and (between[one.id][0] == "friend" or (domain and one.domain == domain))
    ]


def _person(moid: str, first: str, last: str, username: str, domain: str | None) -> Person:
    return Person(moid, (f"{first} {last}".strip() or username)[:64], domain or "")


def of_account(account: Account) -> Person:
    """The person behind an account at hand."""
    return _person(
        account.moid,
        account.first_name,
        account.last_name,
        account.username,
        account.domain_id,
    )
