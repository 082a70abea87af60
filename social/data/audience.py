"""Define queries for the people who see a post (moment), for its author and for the notices. They only read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from im.data import queries
from social.data import viewers
from social.models import Label, LabelMember, MomentExclusion, MomentReader
from social.rules.visibility import CONTACTS, PRIVATE, Audience, people_who_see_now


@dataclass(frozen=True, slots=True)
class ReaderLists:
    """Represent the lists that limit who sees a post (moment).

    `only`: the ids of the people who alone see it; `None` means that it has no such list. `excepts`: the ids of labels;
    people with one of them do not see it.
    """

    only: frozenset[str] | None = None
    excepts: tuple[int, ...] = ()


def reader_lists_of(database: str, number: int) -> ReaderLists:
    """Return the lists that limit who sees the post (moment) with the id `number`.

    An empty `only` means that nobody is on that list.
    """
    named = MomentReader.objects.using(database).filter(moment_id=number)
    excepts = MomentExclusion.objects.using(database).filter(moment_id=number)
    return ReaderLists(
        frozenset(named.values_list("user", flat=True)),
        tuple(excepts.values_list("label_id", flat=True)),
    )


def people_who_see(database: str, audience: Audience, lists: ReaderLists) -> list[str]:
    """Return the ids of the people, besides the author, who see a post (moment) with this audience and lists now.

    [] for a private post.
    """
    if audience.place == PRIVATE:
        return []
    viewer = viewers.load_viewer(database, audience.author, circles=False)
    is_for_contacts = audience.place == CONTACTS
    candidates = (
        list(viewer.contacts) if is_for_contacts else queries.active_users(database, audience.place)
    )
    excluded = viewers.people_with_labels(database, lists.excepts)
    return people_who_see_now(audience, candidates, viewer.blocked, lists.only or (), excluded)


def people_with_own_labels(database: str, owner: str, labels: Sequence[int]) -> set[str] | None:
    """Return the ids of the people who have one of these labels of `owner`; `None` if a label is somebody else's."""
    own = Label.objects.using(database).filter(owner=owner, pk__in=labels, name__isnull=False)
    if own.count() != len({*labels}):
        return None
    people = LabelMember.objects.using(database).filter(label_id__in=labels)
    return {*people.values_list("user", flat=True)}
