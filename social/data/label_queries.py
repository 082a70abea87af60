"""Define queries for labels and for the people who have them. They only read."""

from __future__ import annotations

from collections.abc import Collection

from social.models import Label, LabelMember


def labels_of(database: str, owner: str) -> list[Label]:
    """Return the labels of a person, by name."""
    return list(
        Label.objects.using(database).filter(owner=owner, name__isnull=False).order_by("name")
    )


def people_by_label(database: str, numbers: Collection[int]) -> dict[int, list[str]]:
    """Return the people who have each of these labels: id of the label -> ids of people."""
    people: dict[int, list[str]] = {number: [] for number in numbers}
    rows = LabelMember.objects.using(database).filter(label_id__in=numbers).order_by("user")
    for number, user in rows.values_list("label_id", "user"):
        people[number].append(user)
    return people


def hidden_presence(
    database: str, people: Collection[str], viewer: str
) -> Collection[tuple[str, str]]:
    """Return pairs (person, viewer): the person's labels hide from that viewer whether the person is online.

    An empty `viewer` asks for all viewers.
    """
    rows = LabelMember.objects.using(database).filter(
        label__owner__in=people, label__shows_presence=False
    )
    rows = rows.filter(user=viewer) if viewer else rows
    return [(owner, user) for owner, user in rows.values_list("label__owner", "user")]
