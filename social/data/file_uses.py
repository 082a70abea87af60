"""The uses of uploaded files by moments, cards and circles, and who may read such files.

A file is read by whoever sees what it belongs to: the same rule decides about both.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from foundation.cells.directory import PlatformStore, possible_platforms, store_of
from im.data import people
from im.data.files import queries as files
from im.models import File
from im.rules.messages import Data
from social.data import timeline, viewers
from social.models import FileUse
from social.rules.cards import PICTURE, ShownTo, shows_field

MOMENT, CARD, CIRCLE = "moment", "card", "circle"


def file_data(file: File) -> Data:
    """Return what a moment keeps of a file, so that a page of moments needs no rows of files."""
    return {
        "id": str(file.id),
        "content_type": file.content_type,
        "width": file.width,
        "height": file.height,
        "duration_ms": file.duration_ms,
        "has_thumbnail": file.has_thumbnail,
    }


def add(database: str, kind: str, subject: str, numbers: Collection[UUID]) -> None:
    """Record that something uses these files, which keeps them. Must run inside a transaction."""
    if not numbers:
        return
    rows = [FileUse(file=number, kind=kind, subject=subject) for number in {*numbers}]
    FileUse.objects.using(database).bulk_create(rows, ignore_conflicts=True)
    files.set_used(database, numbers)


def remove(database: str, kind: str, subject: str) -> None:
    """End all uses of files by something; files that nothing else uses are deleted soon.

    Must run inside a transaction.
    """
    uses = FileUse.objects.using(database).filter(kind=kind, subject=subject)
    numbers = {*uses.values_list("file", flat=True)}
    if not numbers:
        return
    uses.delete()
    others = FileUse.objects.using(database).filter(file__in=numbers)
    files.release(database, numbers - {*others.values_list("file", flat=True)})


def readable(database: str, person: str, numbers: Collection[UUID]) -> set[UUID]:
    """Return those of these files that a person may read because of a moment, card or circle."""
    uses = FileUse.objects.using(database).filter(file__in=numbers)
    subjects: dict[str, dict[str, set[UUID]]] = {MOMENT: {}, CARD: {}, CIRCLE: {}}
    for use in uses:
        subjects[use.kind].setdefault(use.subject, set()).add(use.file)
    if not any(subjects.values()):
        return set()
    viewer = viewers.load_viewer(database, person)
    rows = timeline.posts(database, [int(subject) for subject in subjects[MOMENT]])
    audiences = {post.id: post.audience for post in rows}
    seen = [str(number) for number in viewers.visible(database, viewer, audiences)]
    allowed = [subjects[MOMENT][subject] for subject in seen]
    allowed += [
        found for circle, found in subjects[CIRCLE].items() if int(circle) in viewer.circles
    ]
    if subjects[CARD]:
        seen_cards = _seen_pictures(database, person, [*subjects[CARD]])
        allowed += [subjects[CARD][user] for user in seen_cards]
    return set[UUID]().union(*allowed)


def _seen_pictures(database: str, person: str, owners: list[str]) -> list[str]:
    """Return those of these people whose picture a person sees."""
    store = _store_of(database)
    persons = people.people_by_id(store, [person, *owners])
    if person not in persons:
        return []
    close = viewers.closeness(store, persons[person], [persons[o] for o in owners if o in persons])
    fields = viewers.card_fields(database, [*close])
    return [
        user
        for user, closeness in close.items()
        for row in fields[user]
        if row.name == PICTURE and shows_field(PICTURE, ShownTo(row.shown_to), closeness)
    ]


def _store_of(database: str) -> PlatformStore:
    return next(
        store for store in map(store_of, possible_platforms()) if store.database == database
    )
