"""Queries for the people who see a moment, for its author and for the notices. They only read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from im.data import queries
from social.data import viewers
from social.models import Label, LabelMember, MomentExclusion, MomentReader
from social.rules.visibility import CONTACTS, PRIVATE, Audience, audience_now


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of a moment: the ids of excluded labels, and the people who alone see it.

    `only` is `None` where there is no such list.
    """

    only: frozenset[str] | None = None
    excepts: tuple[int, ...] = ()


def lists_of(database: str, number: int) -> Lists:
    """Return the lists of a moment that is stored; an empty list of people stays a list."""
    named = MomentReader.objects.using(database).filter(moment_id=number)
    excepts = MomentExclusion.objects.using(database).filter(moment_id=number)
    return Lists(
        frozenset(named.values_list("user", flat=True)),
        tuple(excepts.values_list("label_id", flat=True)),
    )


def people_who_see(database: str, audience: Audience, lists: Lists) -> list[str]:
    """Return the ids of the people besides the author who see a moment now."""
    if audience.place == PRIVATE:
        return []
    viewer = viewers.load_viewer(database, audience.author, circles=False)
    if audience.place == CONTACTS:
        near = list(viewer.contacts)
    else:
        near = queries.active_users(database, audience.place)
    excluded = viewers.with_labels(database, lists.excepts)
    return audience_now(audience, near, viewer.blocked, lists.only or (), excluded)


def with_own_labels(database: str, owner: str, labels: Sequence[int]) -> set[str] | None:
    """Return the people who have one of these labels of a person; `None` if a label belongs to somebody else."""
    own = Label.objects.using(database).filter(owner=owner, pk__in=labels, name__isnull=False)
    if own.count() != len({*labels}):
        return None
    people = LabelMember.objects.using(database).filter(label_id__in=labels)
    return {*people.values_list("user", flat=True)}
