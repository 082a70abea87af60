"""Queries for the facts by which rules decide which posts (moments) and cards a person may see. They only read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from domains.data.lookups import findable_domains
from foundation.cells import sql
from foundation.cells.directory import PlatformStore
from im.data import queries
from im.data.people import Person
from social.models import CardField, NumberExchange
from social.rules.cards import Closeness
from social.rules.visibility import Audience, Viewer, may_see

BLOCKED, FRIEND = "blocked", "friend"

_NAMED = "SELECT moment_id, 1, 0 FROM social_momentreader WHERE user=%s AND moment_id IN ({marks})"
_EXCLUDED = (
    "SELECT e.moment_id, 0, 1 FROM social_momentexclusion e"
    " JOIN social_labelmember m ON m.label_id=e.label_id"
    " WHERE m.user=%s AND e.moment_id IN ({marks})"
)


def load_viewer(database: str, user: str, *, circles: bool = True) -> Viewer:
    """Return a person, with contacts and blocked people, as the reader for whom rules decide which posts are visible.

    `circles`: whether the circles (groups of contacts with a wall of posts) are read, too.
    """
    groups = queries.groups_of(database, user) if circles else ()
    return _to_viewer(user, queries.relations(database, user), groups)


def viewer_of(database: str, user: str, audience: Audience) -> Viewer:
    """Return a person as the reader of one post (moment), with only the contacts and circles needed for that."""
    rows = queries.relations_near(database, user, audience.author)
    groups: list[int] = []
    if audience.place > 0:
        groups = [
            circle for circle, _ in queries.fellow_members(database, [audience.place], [user])
        ]
    return _to_viewer(user, rows, groups)


def _to_viewer(
    user: str, relations: Iterable[tuple[str, str, str, str]], groups: Iterable[int]
) -> Viewer:
    """Return a person as the reader for whom rules decide which posts (moments) are visible.

    `relations`: `(other person, name that the reader gave, own state, their state)`, as `queries.relations` returns
    them. `groups`: the ids of the reader's circles.
    """
    contacts: dict[str, str] = {}
    blocked: set[str] = set()
    for other, name, own_state, their_state in relations:
        if BLOCKED in (own_state, their_state):
            blocked.add(other)
        elif own_state == FRIEND:
            contacts[other] = name
    return Viewer(user, contacts, frozenset(blocked), frozenset(groups))


def visible(database: str, viewer: Viewer, audiences: Mapping[int, Audience]) -> list[int]:
    """Return the ids of those of these posts (moments) that the person `viewer` may see, in the given order.

    `audiences`: id of the post -> the audience that its author chose.

    This takes one query if any post has a list of included or excluded people, else none.
    """
    listed = [number for number, audience in audiences.items() if _has_list(audience, viewer)]
    named: set[int] = set()
    excluded: set[int] = set()
    if listed:
        query = " UNION ALL ".join((_NAMED, _EXCLUDED)).format(marks=sql.marks(listed))
        for number, is_named, is_excluded in sql.select(
            database, query, [viewer.id, *listed, viewer.id, *listed]
        ):
            named |= {number} if is_named else set()
            excluded |= {number} if is_excluded else set()
    return [
        number
        for number, audience in audiences.items()
        if may_see(audience, viewer, number in named, number in excluded)
    ]


def _has_list(audience: Audience, viewer: Viewer) -> bool:
    """Return whether lists of included or excluded people decide whether the person `viewer` sees a post (moment)."""
    return audience.author != viewer.id and (audience.has_only or audience.has_except)


def people_with_labels(database: str, labels: Sequence[int]) -> set[str]:
    """Return the ids of the people who have one of these labels (ids) now."""
    if not labels:
        return set()
    query = f"SELECT user FROM social_labelmember WHERE label_id IN ({sql.marks(labels)})"
    return {row[0] for row in sql.select(database, query, labels)}


# ---- cards and finding --------------------------------------------------------------------------


def closeness(store: PlatformStore, me: Person, others: Collection[Person]) -> dict[str, Closeness]:
    """Return the relation of a person to each of these others (id -> relation), in five queries at most."""
    database, ids = store.database, [person.id for person in others]
    viewer = load_viewer(database, me.id)
    sharing = {user for _, user in queries.fellow_members(database, sorted(viewer.circles), ids)}
    agreed = NumberExchange.objects.using(database).filter(
        owner=me.id, other__in=ids, state="agreed"
    )
    has_number = {*agreed.values_list("other", flat=True)}
    return {
        person.id: Closeness(
            is_self=person.id == me.id,
            is_blocked=person.id in viewer.blocked,
            is_contact=person.id in viewer.contacts,
            shares_circle=person.id in sharing,
            same_tenant=bool(me.domain) and person.domain == me.domain,
            has_number=person.id in has_number,
        )
        for person in others
    }


def people_open_to(store: PlatformStore, me: Person, others: Collection[Person]) -> set[str]:
    """Return the ids of those `others` who are in the user domain of `me`, or whose domains can be found from outside.

    The second requires that the domain of `me` can be found from outside, too.
    """
    domains = {me.domain, *(person.domain for person in others)} - {""}
    findable = findable_domains(store.platform, domains) if len(domains) > 1 else set()
    return {
        person.id
        for person in others
        if person.domain == me.domain or {person.domain, me.domain} <= findable
    }


def card_fields(database: str, users: Collection[str]) -> dict[str, list[CardField]]:
    """Return all fields of people's cards, without a check of who may see them: id of the person -> rows."""
    fields: dict[str, list[CardField]] = {user: [] for user in users}
    for row in CardField.objects.using(database).filter(user__in=users).order_by("name"):
        fields[row.user].append(row)
    return fields
