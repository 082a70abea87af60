"""Templates and virtual rooms: conferences that are kept until somebody begins them (CSS §6). Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from conferences.rules import registry_entries
from conferences.rules.create import CreateRefusal, Tenant, refuse_before_licence
from conferences.rules.registry_entries import ConfType, RegistryEntry
from foundation.bus.outgoing import Send
from wire.conference_settings import ConferenceSettings
from wire.error_codes import Err


class Kind(StrEnum):
    """A template is for all of a user domain (public) or for one person; a virtual room is a permanent number."""

    PUBLIC = "public"
    PERSONAL = "personal"
    ROOM = "room"


CONFTYPE = {
    Kind.PUBLIC: ConfType.TEMPLET,
    Kind.PERSONAL: ConfType.TEMPLET,
    Kind.ROOM: ConfType.VIRTUAL,
}

MOST = {Kind.PUBLIC: 500, Kind.PERSONAL: 100, Kind.ROOM: 500}
"""So many a user domain may have of each kind; of personal templates, one person."""

MAX_EXCLUSIVE_USERS = 500


class StoredConference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A template or a virtual room. `e164` is kept for its conference; "" means any free number.

    An exclusive room is begun and entered only by its owner and by `exclusive_users`, the MOIDs of accounts.
    """

    id: str
    kind: Kind
    name: str
    user_domain: str
    source_platform: str
    settings: ConferenceSettings
    created_at: datetime
    changed_at: datetime
    e164: str = ""
    owner: str = ""
    owner_name: str = ""
    exclusive: bool = False
    exclusive_users: tuple[str, ...] = ()

    @property
    def conftype(self) -> ConfType:
        """What its number and its conference are in messages: a template (3) or a virtual room (4)."""
        return CONFTYPE[self.kind]

    @property
    def holder(self) -> str:
        """Return the words under which its number is kept."""
        return f"{self.kind}:{self.id}"

    def admits(self, person: str) -> bool:
        """Return whether the account with this MOID ("" is a guest) may begin the conference."""
        return not self.exclusive or (
            bool(person) and person in (self.owner, *self.exclusive_users)
        )


class Fields(NamedTuple):
    """The names that a refusal gives to the fields of a request, which differ between messages and HTTP."""

    id: str = "templateid"
    name: str = "templatename"
    e164: str = "confE164"
    user_domain: str = "moid"
    creator: str = "creator"


WIRE_FIELDS = Fields()


def refuse_content(
    stored: StoredConference, tenant: Tenant | None, serving: frozenset[str]
) -> CreateRefusal | None:
    """Return why a template or virtual room cannot be kept as it is to be, leaving aside what others have; else `None`."""
    return refuse_before_licence(stored.settings, tenant, serving)


class Others(NamedTuple):
    """What the database says of other templates and virtual rooms of this kind."""

    name_is_taken: bool = False
    how_many: int = 0


def refuse_beside_others(
    stored: StoredConference, others: Others, fields: Fields, *, is_new: bool
) -> CreateRefusal | None:
    """Return why a template or virtual room cannot be kept beside those that are there; else `None`."""
    if others.name_is_taken:
        return CreateRefusal(Err.NAME_TAKEN, fields.name)
    limit = MOST[stored.kind]
    if is_new and others.how_many >= limit:
        return CreateRefusal(
            Err.DOMAIN_LIMIT, f"{fields.id}: there are {limit} already; delete one"
        )
    return None


def refuse_use(
    stored: StoredConference | None, user_domain: str, fields: Fields
) -> CreateRefusal | None:
    """Return why a request of this user domain may not touch a template or virtual room; else `None`."""
    if stored is None:
        return CreateRefusal(Err.NOT_FOUND, fields.id)
    if stored.user_domain != user_domain:
        return CreateRefusal(Err.NOT_PERMITTED, fields.user_domain)
    return None


def notices(
    before: StoredConference | None, after: StoredConference | None, own_site: str
) -> tuple[Send, ...]:
    """Return what the number registries are told of a change: those of the platform's own site, and of this site."""
    old, new = registry_entry(before), registry_entry(after)
    if old == new:
        return ()
    if old and new and old.e164 == new.e164:
        return registry_entries.changed(new, new.platform, own_site)
    removed = registry_entries.removed(old, old.platform, own_site) if old else ()
    return removed + (registry_entries.added(new, new.platform, own_site) if new else ())


def registry_entry(stored: StoredConference | None) -> RegistryEntry | None:
    """Return the entry of a template or virtual room in the registries; `None` if it has no number."""
    if stored is None or not stored.e164:
        return None
    facts = (stored.e164, int(stored.conftype), stored.name, stored.user_domain)
    return RegistryEntry(*facts, stored.source_platform, "idle")


# ---- what is asked for ---------------------------------------------------------------------------


class Draft(NamedTuple):
    """A new template or virtual room as somebody asks for it. `e164` `None` means any free number; "" means none."""

    kind: Kind
    name: str
    user_domain: str
    settings: ConferenceSettings
    owner: str = ""
    owner_name: str = ""
    e164: str | None = None
    exclusive: bool = False
    exclusive_users: tuple[str, ...] = ()


def drafted(draft: Draft, stored_id: str, platform: str, now: datetime) -> StoredConference:
    """Return the template or virtual room of a draft, as it is without the number that it is still to get."""
    return StoredConference(
        id=stored_id,
        kind=draft.kind,
        name=draft.name,
        user_domain=draft.user_domain,
        source_platform=platform,
        settings=draft.settings,
        created_at=now,
        changed_at=now,
        owner=draft.owner,
        owner_name=draft.owner_name,
        exclusive=draft.exclusive,
        exclusive_users=draft.exclusive_users,
    )


class Changes(NamedTuple):
    """What is to be changed of a template or virtual room; `None` means that it stays.

    `e164` "" gives its number back. `numbered`: it gets any free number if it has none.
    """

    name: str | None = None
    settings: ConferenceSettings | None = None
    e164: str | None = None
    numbered: bool = False
    exclusive: bool | None = None
    exclusive_users: tuple[str, ...] | None = None


def with_changes(stored: StoredConference, changes: Changes, now: datetime) -> StoredConference:
    """Return a template or virtual room with its changes, but for its number."""
    values = {name: value for name, value in changes._asdict().items() if value is not None}
    for name in ("e164", "numbered"):
        values.pop(name, None)
    return msgspec.structs.replace(stored, **values, changed_at=now)
