"""The uses of uploaded files by posts (moments), cards and circles, and who may read such files.

A file is read by whoever sees what it belongs to: the same rule decides about both.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from im.data import people
from im.data.files import queries as file_queries
from im.data.locked_conversation import Denied
from im.models import File
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data
from social.data import timeline, viewers
from social.data.finding import store_with
from social.models import FileUse
from social.rules.cards import PICTURE, ShownTo, shows_field

MOMENT, CARD, CIRCLE = "moment", "card", "circle"


def file_data(file: File) -> Data:
    """Return a file's facts for a post (moment) to store, so that a page of posts needs no query for files."""
    return {
        "id": str(file.id),
        "content_type": file.content_type,
        "width": file.width,
        "height": file.height,
        "duration_ms": file.duration_ms,
        "has_thumbnail": file.has_thumbnail,
    }


def add_uses(database: str, kind: str, subject: str, numbers: Collection[UUID]) -> None:
    """Record that a post (moment), card or circle uses these files, so that they are not deleted.

    `kind`: MOMENT, CARD or CIRCLE; `subject`: the id of the post, person or circle. Must run inside a transaction.
    """
    if not numbers:
        return
    rows = [FileUse(file=number, kind=kind, subject=subject) for number in {*numbers}]
    FileUse.objects.using(database).bulk_create(rows, ignore_conflicts=True)
    file_queries.set_used(database, numbers)


def remove_uses(database: str, kind: str, subject: str) -> None:
    """Delete all uses of files by a post (moment), card or circle; files without another use are deleted soon after.

    `kind`: MOMENT, CARD or CIRCLE; `subject`: the id of the post, person or circle. Must run inside a transaction.
    """
    uses = FileUse.objects.using(database).filter(kind=kind, subject=subject)
    numbers = {*uses.values_list("file", flat=True)}
    if not numbers:
        return
    uses.delete()
    others = FileUse.objects.using(database).filter(file__in=numbers)
    file_queries.release_files(database, numbers - {*others.values_list("file", flat=True)})


def replace_picture(
    database: str, kind: str, subject: str, owner: str, picture: UUID | None
) -> None:
    """Make an upload of the user `owner` the picture of a card or circle; `None` means no picture.

    `kind`: CARD or CIRCLE; `subject`: the id of the person or circle. The former picture is deleted if nothing else
    uses it. Must run inside a transaction. Raises Denied if the file is no complete picture of this user's.
    """
    remove_uses(database, kind, subject)
    if picture is None:
        return
    own = file_queries.own_files(database, owner, [picture])
    if picture not in own or not own[picture].content_type.startswith("image/"):
        raise Denied(DenyReason.NOT_FOUND, "picture: this is not an uploaded picture of yours")
    add_uses(database, kind, subject, [picture])


def readable_files(database: str, person: str, numbers: Collection[UUID]) -> set[UUID]:
    """Return those of the files with the ids `numbers` that a person may read by a post (moment), card or circle."""
    uses = FileUse.objects.using(database).filter(file__in=numbers)
    subjects: dict[str, dict[str, set[UUID]]] = {MOMENT: {}, CARD: {}, CIRCLE: {}}
    for use in uses:
        subjects[use.kind].setdefault(use.subject, set()).add(use.file)
    if not any(subjects.values()):
        return set()
    viewer = viewers.load_viewer(database, person)
    rows = timeline.posts(database, [int(subject) for subject in subjects[MOMENT]])
    audiences = {post.id: post.audience for post in rows}
    visible = [str(number) for number in viewers.visible(database, viewer, audiences)]
    allowed = [subjects[MOMENT][moment] for moment in visible]
    allowed += [
        files for circle, files in subjects[CIRCLE].items() if int(circle) in viewer.circles
    ]
    if subjects[CARD]:
        owners = _owners_of_seen_pictures(database, person, [*subjects[CARD]])
        allowed += [subjects[CARD][user] for user in owners]
    return set[UUID]().union(*allowed)


def _owners_of_seen_pictures(database: str, person: str, owners: list[str]) -> list[str]:
    """Return those of these people whose picture a person sees. [] if the person does not exist."""
    store = store_with(database)
    persons = people.people_by_id(store, [person, *owners])
    if person not in persons:
        return []
    known = [persons[owner] for owner in owners if owner in persons]
    closeness_to = viewers.closeness(store, persons[person], known)
    fields = viewers.card_fields(database, [*closeness_to])
    return [
        user
        for user, closeness in closeness_to.items()
        for row in fields[user]
        if row.name == PICTURE and shows_field(PICTURE, ShownTo(row.shown_to), closeness)
    ]
