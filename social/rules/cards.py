"""Define the rules by which people see the fields of a person's card, and find a person. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ShownTo(StrEnum):
    """The people to whom a field of a person's card is shown. Each value includes those of the values before it."""

    NOBODY = "nobody"
    CONTACTS = "contacts"
    CIRCLE = "circle"
    TENANT = "tenant"
    EVERYBODY = "everybody"


class FoundBy(StrEnum):
    """The people who find a person in the directory, by exact name, and among suggestions."""

    NOBODY = "nobody"
    CIRCLE = "circle"
    TENANT = "tenant"
    EVERYBODY = "everybody"


class Matching(StrEnum):
    """The people who find a person by a number in their address book.

    MUTUAL: those whose own number is in the person's address book, too.
    """

    NOBODY = "nobody"
    MUTUAL = "mutual"
    EVERYBODY = "everybody"


FIELDS = {
    "nickname": 64,
    "organisation": 128,
    "title": 128,
    "phone": 16,
    "email": 254,
    "address": 256,
    "birthday": 10,
    "url": 256,
    "note": 2000,
    "picture": 36,
}
"""The fields of a card, each with the number of characters that it may have."""
PHONE, PICTURE, NOTE = "phone", "picture", "note"
DEFAULT_SHOWN_TO = {PICTURE: ShownTo.TENANT, "nickname": ShownTo.TENANT}
"""The people to whom these fields are shown by default; all other fields are shown to contacts."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """Represent the relation of a reader to the person whose card is read."""

    is_self: bool = False
    is_blocked: bool = False
    is_contact: bool = False
    shares_circle: bool = False
    same_tenant: bool = False
    has_number: bool = False
    """Both have agreed to exchange their numbers."""


def default_shown_to(name: str) -> ShownTo:
    """Return to whom a field of a person's card (profile) is shown if the person has chosen nothing."""
    return DEFAULT_SHOWN_TO.get(name, ShownTo.CONTACTS)


def shows_field(name: str, shown_to: ShownTo, reader: Closeness) -> bool:
    """Return whether a reader sees a field of a person's card (profile); `reader` is the relation to that person.

    A block hides everything, an exchanged number included.
    """
    if reader.is_self:
        return True
    if reader.is_blocked:
        return False
    if name == PHONE and reader.has_number:
        return True
    groups = {
        ShownTo.NOBODY: False,
        ShownTo.CONTACTS: reader.is_contact,
        ShownTo.CIRCLE: reader.is_contact or reader.shares_circle,
        ShownTo.TENANT: reader.is_contact or reader.shares_circle or reader.same_tenant,
        ShownTo.EVERYBODY: True,
    }
    return groups[shown_to]


def may_find(found_by: FoundBy, reader: Closeness) -> bool:
    """Return whether a person is found by somebody (`reader`: the relation); `found_by` is the person's choice.

    Contacts always find the person, and a blocked reader never does.

    EVERYBODY means the own tenant, and tenants that have opened themselves to each other.
    """
    if reader.is_self or reader.is_blocked:
        return reader.is_self
    groups = {
        FoundBy.NOBODY: False,
        FoundBy.CIRCLE: reader.shares_circle,
        FoundBy.TENANT: reader.shares_circle or reader.same_tenant,
        FoundBy.EVERYBODY: True,
    }
    return reader.is_contact or groups[found_by]


def is_match(matching: Matching, has_other_number: bool) -> bool:
    """Return whether another person finds this person by the number in an address book.

    `has_other_number`: this person's address book has a confirmed number of the other person.
    """
    return matching is Matching.EVERYBODY or (matching is Matching.MUTUAL and has_other_number)
