"""The rows of shared recordings: the people with whom one is shared, and the links by which anybody may watch it.

A link is void when it has expired or was revoked, when its recording is in the wastebasket, and when the account that
has made it was disabled or has left the recording's user domain.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, QuerySet

from conferences.models import Recording, RecordingGuest, RecordingLink
from conferences.rules.recording_shares import MOST_GUESTS, MOST_LINKS
from domains.data.lookups import account_names
from domains.models import Account, hash_secret
from foundation.cells.directory import look_up, possible_platforms, store_of


class Guest(NamedTuple):
    """Represent a person with whom a recording is shared: its MOID and its name."""

    moid: str
    name: str


class OpenLink(NamedTuple):
    """Represent a link that works, with the recording that it shows, and the platform in whose data both lie."""

    platform: str
    link: RecordingLink
    recording: Recording


def guests_of(database: str, recording: str) -> list[Guest]:
    """Return the people with whom a recording is shared, by name."""
    rows = RecordingGuest.objects.using(database).filter(recording=recording)
    moids = list(rows.values_list("account", flat=True))
    names = account_names(database, moids)
    return sorted(
        (Guest(moid, names.get(moid, moid)) for moid in moids), key=lambda guest: guest.name
    )


def add_guest(database: str, recording: str, account: str, now: datetime) -> bool:
    """Share a recording with an account; return False if it is shared with too many people already."""
    rows = RecordingGuest.objects.using(database).filter(recording=recording)
    if rows.count() >= MOST_GUESTS:
        return False
    rows.get_or_create(recording=recording, account=account, defaults={"shared_at": now})
    return True


def remove_guest(database: str, recording: str, account: str) -> bool:
    """Share a recording with an account no more; return whether it was shared."""
    rows = RecordingGuest.objects.using(database).filter(recording=recording, account=account)
    return bool(rows.delete()[0])


def links_of(database: str, recording: str) -> QuerySet[RecordingLink]:
    """Return the links to a recording, also those that have expired, the latest first."""
    rows = RecordingLink.objects.using(database).filter(recording=recording)
    return rows.order_by("-created_at")


def add_link(
    database: str, recording: str, creator: str, password: str, now: datetime, expires_at: datetime
) -> str:
    """Create a link to a recording, and return its secret, which is not stored; "" if there are too many links.

    `password`: its hash; "" means none. Links that have expired are deleted, and do not count.
    """
    links = links_of(database, recording)
    links.filter(expires_at__lte=now).delete()
    if links.count() >= MOST_LINKS:
        return ""
    secret = secrets.token_urlsafe(24)
    links.create(
        id=hash_secret(secret),
        recording=recording,
        creator=creator,
        password=password,
        created_at=now,
        expires_at=expires_at,
    )
    return secret


def remove_link(database: str, recording: str, link: str) -> bool:
    """Revoke a link; return whether there was one."""
    return bool(links_of(database, recording).filter(pk=link).delete()[0])


def link_of_secret(secret: str, now: datetime) -> OpenLink | None:
    """Return the link with this secret in its address; `None` if there is none that works."""
    return open_link(hash_secret(secret), now) if secret else None


def open_link(link: str, now: datetime) -> OpenLink | None:
    """Return the link with this id; `None` if there is none, or it does not work (any more)."""
    for platform in possible_platforms():
        # Another platform's data may be out of reach; then `look_up` finds nothing.
        query = "SELECT recording FROM conferences_recordinglink WHERE id=%s AND expires_at>%s"
        for (recording_id,) in look_up(platform, query, [link, now.replace(tzinfo=None)]):
            database = store_of(platform).database
            row = RecordingLink.objects.using(database).filter(pk=link).first()
            recordings = Recording.objects.using(database).filter(deleted_at=None)
            recording = recordings.filter(pk=recording_id).first()
            if row and recording and _may_share(database, row.creator, recording):
                return OpenLink(platform, row, recording)
    return None


def _may_share(database: str, creator: str, recording: Recording) -> bool:
    """Return whether the account that has made a link is active, and of the recording's user domain."""
    people = Account.objects.using(database)
    return people.filter(moid=creator, is_active=True, domain_id=recording.user_domain).exists()


def count_opened(shown: OpenLink) -> None:
    """Count one more browser in which a link was opened."""
    rows = RecordingLink.objects.using(store_of(shown.platform).database)
    rows.filter(pk=shown.link.pk).update(opened=F("opened") + 1)


def delete_shares(database: str, recordings: list[str]) -> None:
    """Delete all links and guests of recordings that are deleted for good."""
    RecordingLink.objects.using(database).filter(recording__in=recordings).delete()
    RecordingGuest.objects.using(database).filter(recording__in=recordings).delete()
