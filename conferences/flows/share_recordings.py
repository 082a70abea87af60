"""People share their recordings with others of their user domain, or by links; visitors open a link.

Whoever created the conference of a recording shares it. All changes need the site that serves the platform.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.contrib.auth.hashers import check_password, make_password

from conferences.data import recording_library, recording_shares, tries
from conferences.data.recording_library import Viewer
from conferences.data.recording_shares import Guest, OpenLink
from conferences.models import RecordingLink
from conferences.rules.recording_shares import expiry_of, is_password_allowed
from domains.data.lookups import contacts_by_name
from foundation import clock
from foundation.bus.unit_of_work import begin
from foundation.cells.serving import is_served_here

MOST_TRIES_OF_LINK = 60
"""Passwords that may be tried for one link within an hour, from all addresses together."""


class NotShared(Exception):
    """The exception says why a recording cannot be shared like this: `reason` is one of the names in `pages`."""

    def __init__(self, reason: str) -> None:
        """Refuse for a reason: not_yours, away, nobody, too_many, days, password."""
        self.reason = reason
        super().__init__(reason)


class Shares(NamedTuple):
    """With whom a recording is shared, for the person that shares it."""

    guests: list[Guest]
    links: list[RecordingLink]


def shares_of(viewer: Viewer, recording: str) -> Shares:
    """Return with whom a recording is shared."""
    links = recording_shares.links_of(viewer.database, recording)
    return Shares(
        recording_shares.guests_of(viewer.database, recording),
        list(links.filter(expires_at__gt=clock.now())),
    )


def share_with(viewer: Viewer, recording: str, name: str) -> str:
    """Share a recording with a person of the same user domain, by any sign-in name; return how the person is called.

    Raises NotShared.
    """
    with _own_recording(viewer, recording):
        contacts = contacts_by_name(viewer.database, viewer.user_domain, [name] if name else [])
        contact = contacts.get(name)
        if contact is None or contact.moid == viewer.moid:
            raise NotShared("nobody")
        if not recording_shares.add_guest(viewer.database, recording, contact.moid, clock.now()):
            raise NotShared("too_many")
        return contact.name


def stop_sharing_with(viewer: Viewer, recording: str, account: str) -> None:
    """Share a recording with a person (MOID) no more. Raises NotShared."""
    with _own_recording(viewer, recording):
        if not recording_shares.remove_guest(viewer.database, recording, account):
            raise NotShared("nobody")


def create_link(viewer: Viewer, recording: str, days: str, password: str) -> str:
    """Create a link by which anybody may watch a recording, and return its secret. Raises NotShared.

    `days`: for how long, one of the choices. `password`: what visitors have to type; "" means nothing.
    """
    now = clock.now()
    expires_at = expiry_of(days, now)
    if expires_at is None:
        raise NotShared("days")
    if not is_password_allowed(password):
        raise NotShared("password")
    hashed = make_password(password) if password else ""
    with _own_recording(viewer, recording):
        secret = recording_shares.add_link(
            viewer.database, recording, viewer.moid, hashed, now, expires_at
        )
        if not secret:
            raise NotShared("too_many")
        return secret


def revoke_link(viewer: Viewer, recording: str, link: str) -> None:
    """Revoke a link to a recording, by its id. Raises NotShared."""
    with _own_recording(viewer, recording):
        if not recording_shares.remove_link(viewer.database, recording, link):
            raise NotShared("nobody")


@contextmanager
def _own_recording(viewer: Viewer, recording: str) -> Iterator[None]:
    """Lock a recording of the viewer's own while it is shared.

    Raises NotShared if the viewer may not share it, or another site serves the platform.
    """
    with begin(viewer.platform) as uow:
        if not uow.is_open:
            raise NotShared("away")
        if not recording_library.lock_own(viewer, recording):
            raise NotShared("not_yours")
        yield


def find_link(secret: str) -> OpenLink | None:
    """Return the link with this secret in its address; `None` if there is none that works."""
    return recording_shares.link_of_secret(secret, clock.now())


def opened_link(link: str) -> OpenLink | None:
    """Return a link that a browser has opened before, by its id; `None` if it does not work any more."""
    return recording_shares.open_link(link, clock.now())


def open_with_password(shown: OpenLink, password: str, address: str) -> bool:
    """Open a link in a browser; return False if the password is wrong. Raises TooManyTries.

    `address`: the visitor's IP address or network, for which attempts are counted.
    """
    if shown.link.password:
        name = f"recording:{shown.link.pk}"
        counts = (
            tries.count(f"{name}:{address}", tries.MOST_PER_MINUTE, 60),
            tries.count(name, MOST_TRIES_OF_LINK, 3600),
        )
        if not check_password(password, shown.link.password):
            return False
        for count in counts:  # Many people behind one address may open a link.
            tries.take_back(count)
    if is_served_here(shown.platform):
        recording_shares.count_opened(shown)
    return True
