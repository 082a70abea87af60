"""Templates and virtual rooms are stored until somebody begins a conference from them (CSS §6). Pure."""

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

MAX_STORED = {Kind.PUBLIC: 500, Kind.PERSONAL: 100, Kind.ROOM: 500}
"""A user domain may have at most so many of each kind; of personal templates, one person may."""

MAX_EXCLUSIVE_USERS = 500


class StoredConference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored conference is a template or a virtual room.

    `e164`: the number that is kept for its conference; "" means that the conference gets any free number. `owner`: the
    MOID of the account that made it. Only the owner and `exclusive_users` (MOIDs) may begin and enter the conference of
    an `exclusive` room.
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
        """Return the value of `conftype` in messages about it and its conference: template (3) or virtual room (4)."""
        return CONFTYPE[self.kind]

    @property
    def holder(self) -> str:
        """Return the name under which the conference number of this template or virtual room is reserved."""
        return f"{self.kind}:{self.id}"

    def admits(self, person: str) -> bool:
        """Return whether the account with this MOID may begin the conference; "" stands for a guest."""
        return not self.exclusive or (
            bool(person) and person in (self.owner, *self.exclusive_users)
        )


class Fields(NamedTuple):
    """The names of a request's fields, as refusals have to call them; they differ between messages and HTTP."""

    id: str = "templateid"
    name: str = "templatename"
    e164: str = "confE164"
    user_domain: str = "moid"
    creator: str = "creator"


WIRE_FIELDS = Fields()


def refuse_settings(
    stored: StoredConference, tenant: Tenant | None, serving: frozenset[str]
) -> CreateRefusal | None:
    """Return why the user domain may not have a template or virtual room with these settings; else `None`.

    `serving`: the platforms whose requests this site handles now. `tenant`: the domain; `None` means that it is
    unknown.
    """
    return refuse_before_licence(stored.settings, tenant, serving)


class OthersOfKind(NamedTuple):
    """The facts about the other stored conferences of a kind: is the name in use, and how many does the owner have."""

    name_is_taken: bool = False
    stored_count: int = 0


def refuse_beside_others(
    stored: StoredConference, others: OthersOfKind, fields: Fields, *, is_new: bool
) -> CreateRefusal | None:
    """Return why a template or virtual room cannot be stored beside the others: name taken, or too many; else `None`.

    `others`: facts about those stored already. `fields`: the names of the request's fields, for the refusal.
    """
    if others.name_is_taken:
        return CreateRefusal(Err.NAME_TAKEN, fields.name)
    limit = MAX_STORED[stored.kind]
    if is_new and others.stored_count >= limit:
        return CreateRefusal(
            Err.DOMAIN_LIMIT, f"{fields.id}: there are {limit} already; delete one"
        )
    return None


def refuse_use(
    stored: StoredConference | None, user_domain: str, fields: Fields
) -> CreateRefusal | None:
    """Return why a request of this user domain may not use a template or virtual room; else `None`.

    `stored`: the one that the request names; `None` means that there is none. `fields`: the names of the request's
    fields.
    """
    if stored is None:
        return CreateRefusal(Err.NOT_FOUND, fields.id)
    if stored.user_domain != user_domain:
        return CreateRefusal(Err.NOT_PERMITTED, fields.user_domain)
    return None


def registry_notices(
    before: StoredConference | None, after: StoredConference | None, own_site: str
) -> tuple[Send, ...]:
    """Return the messages to the number registries (of its platform and of this site) about a changed template or room.

    `before` is `None` for a new one, `after` for a deleted one. Nothing is sent if the registered entry is the same.
    """
    old, new = registry_entry(before), registry_entry(after)
    if old == new:
        return ()
    if old and new and old.e164 == new.e164:
        return registry_entries.changed_notices(new, new.platform, own_site)
    removed = registry_entries.removed_notices(old, old.platform, own_site) if old else ()
    return removed + (registry_entries.added_notices(new, new.platform, own_site) if new else ())


def registry_entry(stored: StoredConference | None) -> RegistryEntry | None:
    """Return the entry of a template or virtual room in the number registries; `None` if it has no number."""
    if stored is None or not stored.e164:
        return None
    facts = (stored.e164, int(stored.conftype), stored.name, stored.user_domain)
    return RegistryEntry(*facts, stored.source_platform, "idle")


# ---- requests ------------------------------------------------------------------------------------


class Draft(NamedTuple):
    """Represent a requested new template or virtual room. `e164` `None` means any free number, "" means no number."""

    kind: Kind
    name: str
    user_domain: str
    settings: ConferenceSettings
    owner: str = ""
    owner_name: str = ""
    e164: str | None = None
    exclusive: bool = False
    exclusive_users: tuple[str, ...] = ()


def from_draft(draft: Draft, stored_id: str, platform: str, now: datetime) -> StoredConference:
    """Return a new template or virtual room from its draft, still without a number."""
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
    """The requested changes of a template or virtual room; `None` means that a field stays.

    `e164` "" gives its number back. `numbered`: it gets any free number if it has none.
    """

    name: str | None = None
    settings: ConferenceSettings | None = None
    e164: str | None = None
    numbered: bool = False
    exclusive: bool | None = None
    exclusive_users: tuple[str, ...] | None = None


def with_changes(stored: StoredConference, changes: Changes, now: datetime) -> StoredConference:
    """Return a template or virtual room with all its changes except that of its number."""
    values = {name: value for name, value in changes._asdict().items() if value is not None}
    for name in ("e164", "numbered"):
        values.pop(name, None)
    return msgspec.structs.replace(stored, **values, changed_at=now)
