"""The library of recordings: which recordings a person may see, and what the person does with them.

A person sees the recordings of the conferences that the person created, was called into or entered, and those that
were shared with the person, all in the person's own user domain. Whoever created the conference renames the recording,
shares it, deletes it, and takes it out of the wastebasket.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from conferences.data import recording_shares, recording_store
from conferences.models import Attendee, Conference, Recording, RecordingGuest, RecordingSegment
from conferences.rules.recordings import KEPT_AFTER_DELETION, RecordingState
from foundation.cells.directory import store_of

_AT_ONCE = 100


class Viewer(NamedTuple):
    """Represent a person who looks at recordings: its platform, its user domain, and its MOID."""

    platform: str
    user_domain: str
    moid: str

    @property
    def database(self) -> str:
        """Return the database of the platform."""
        return store_of(self.platform).database


def recordings_of(
    viewer: Viewer, search: str = "", *, deleted: bool = False
) -> QuerySet[Recording]:
    """Return the recordings that a person may see, the latest first, each with `is_own`: the person may change it.

    `search`: a part of the name, or a number. `deleted`: those in the wastebasket, of which a person sees its own only.
    """
    conferences = Conference.objects.using(viewer.database).filter(confid=OuterRef("confid"))
    was_there = Attendee.objects.using(viewer.database).filter(
        confid=OuterRef("confid"), moid=viewer.moid
    )
    rows = Recording.objects.using(viewer.database).filter(
        user_domain=viewer.user_domain, deleted_at__isnull=not deleted
    )
    rows = rows.exclude(state=RecordingState.PURGED)
    rows = rows.annotate(is_own=Exists(conferences.filter(creator_moid=viewer.moid)))
    is_shared = Exists(
        RecordingGuest.objects.using(viewer.database).filter(
            recording=OuterRef("pk"), account=viewer.moid
        )
    )
    is_own = Q(is_own=True)
    rows = rows.filter(is_own if deleted else is_own | Exists(was_there) | is_shared)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(e164=search))
    return rows.order_by("-begun_at", "-id")


def find(viewer: Viewer, recording: str) -> Recording | None:
    """Return the recording with this id if the viewer may see it and it is not in the wastebasket; else `None`."""
    return recordings_of(viewer).filter(pk=recording).first()


def recording_of_conference(viewer: Viewer, confid: str) -> str:
    """Return the id of the recording of a conference that a person may see; "" if there is none."""
    return recordings_of(viewer).filter(confid=confid).values_list("id", flat=True).first() or ""


def lock_own(viewer: Viewer, recording: str) -> bool:
    """Lock a recording until the transaction ends; return whether it is the person's own, and not deleted."""
    row = find(viewer, recording)
    if row is None or not getattr(row, "is_own", False):
        return False
    rows = Recording.objects.using(viewer.database).filter(pk=recording, deleted_at=None)
    return rows.select_for_update().exists()


def rename(viewer: Viewer, recording: str, name: str) -> bool:
    """Give a recording another name; return False if the viewer may not: only its conference's creator may."""
    return _change(viewer, recording, deleted=False, name=name)


def delete(viewer: Viewer, recording: str, now: datetime) -> bool:
    """Put a recording into the wastebasket; return False if the viewer may not: only its conference's creator may."""
    return _change(viewer, recording, deleted=False, deleted_at=now)


def restore(viewer: Viewer, recording: str) -> bool:
    """Take a recording out of the wastebasket.

    Return False if the viewer may not: only its conference's creator may.
    """
    return _change(viewer, recording, deleted=True, deleted_at=None)


def _change(viewer: Viewer, recording: str, *, deleted: bool, **columns: object) -> bool:
    """Set columns of a recording; return False, and change nothing, unless the viewer created the conference.

    `deleted`: whether the recording must lie in the wastebasket before.
    """
    recording_row = recordings_of(viewer, deleted=deleted).filter(pk=recording).first()
    if recording_row is None or not getattr(recording_row, "is_own", False):
        return False
    rows = Recording.objects.using(viewer.database).exclude(state=RecordingState.PURGED)
    return bool(rows.filter(pk=recording, deleted_at__isnull=not deleted).update(**columns))


def delete_before(database: str, user_domain: str, before: datetime, now: datetime) -> None:
    """Put the recordings of a user domain into the wastebasket that were begun before a moment."""
    rows = Recording.objects.using(database).filter(user_domain=user_domain, deleted_at=None)
    rows.filter(begun_at__lt=before).update(deleted_at=now)


def empty_wastebasket(database: str, now: datetime) -> int:
    """Delete recordings for good, with their files, that have been in the wastebasket for 30 days; return how many.

    Their rows stay, without name and film: a unit that was away may still have a segment, and tells of it.
    """
    with transaction.atomic(using=database):
        rows = Recording.objects.using(database).exclude(state=RecordingState.PURGED)
        # Whoever restores one of them in this moment waits for the lock, and is too late.
        old = rows.filter(deleted_at__lt=now - KEPT_AFTER_DELETION).select_for_update()
        ids = list(old.values_list("id", flat=True)[:_AT_ONCE])
        for recording in ids:
            recording_store.delete(recording)
        RecordingSegment.objects.using(database).filter(recording__in=ids).delete()
        recording_shares.delete_shares(database, ids)
        Recording.objects.using(database).filter(pk__in=ids).update(
            state=RecordingState.PURGED, name="", error="", film_bytes=0, film_ms=0, progress=0
        )
    return len(ids)
