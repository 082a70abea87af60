"""Functions by which the HTTP API, the console and the join page find, change and start templates and virtual rooms."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from conferences.api import commands
from conferences.api.commands import Nack, StartedConference
from conferences.data import queries, stored_rows
from conferences.data.platform_resolver import platform_of_domain, platforms_of_numbers
from conferences.flows import templates as flow
from conferences.flows.templates import StoredRefused
from conferences.rules.states import Conference
from conferences.rules.stored import Changes, Draft, Fields, Kind, StoredConference
from conferences.rules.stored_settings import GivenSettings
from domains.data import lookups
from domains.models import Account
from foundation.cells.directory import store_of
from foundation.web.errors import Refusal
from wire.arrangement import arrangement_of
from wire.conference_manager import Creator
from wire.error_codes import MEANING, Err
from wire.templates import CreateByTemplate

HTTP_FIELDS = {
    Kind.PUBLIC: Fields("template_id", "name", "e164", "user_domain", "creator"),
    Kind.PERSONAL: Fields("template_id", "name", "e164", "user_domain", "creator"),
    Kind.ROOM: Fields("id", "name", "e164", "user_domain", "creator"),
}

NO_TEMPLATE_SPACE, TOO_MANY_ROOMS, ROOM_IN_USE = 20103, 99993, 99991
_TOO_MANY = {
    Kind.PUBLIC: NO_TEMPLATE_SPACE,
    Kind.PERSONAL: NO_TEMPLATE_SPACE,
    Kind.ROOM: TOO_MANY_ROOMS,
}
_MAX_ID_LENGTH = 40


def refusal_of(refused: StoredRefused, kind: Kind) -> Refusal:
    """Return the HTTP API's refusal for the refusal to store a template or virtual room (`refused`).

    "Too many" and "room in use" have codes of their own in the API.
    """
    refusal = Nack(refused.code, refused.detail)
    if refused.code is Err.DOMAIN_LIMIT:
        refusal.error_code = _TOO_MANY[kind]
    elif refused.code is Err.WRONG_STATE:
        refusal.error_code = ROOM_IN_USE
    return refusal


def find_stored(kind: Kind, stored_id: str, account: Account) -> StoredConference:
    """Return the template or virtual room with this id, if it belongs to the account's user domain.

    A personal template must be the account's own. Raises Refusal, which is the same for an unknown id and for one of
    somebody else.
    """
    domain = account.domain_id or ""
    database = store_of(platform_of_domain(domain)).database
    stored = (
        stored_rows.stored_by_id(database, kind, stored_id)
        if len(stored_id) <= _MAX_ID_LENGTH
        else None
    )
    is_own = stored is not None and stored.user_domain == domain
    if stored is None or not is_own or (kind is Kind.PERSONAL and stored.owner != account.moid):
        raise Nack(Err.NOT_FOUND, f"{HTTP_FIELDS[kind].id}: {MEANING[Err.NOT_FOUND]}")
    return stored


def may_write_stored(stored: StoredConference | None, kind: Kind, account: Account) -> bool:
    """Return whether an account may change a template or virtual room of its domain, or add one (`stored` is `None`).

    Administrators of the domain may change all. Others may change what they have made, but no public templates.
    """
    if account.is_staff:
        return True
    return kind is not Kind.PUBLIC and (stored is None or stored.owner == account.moid)


def _refuse_unless_writable(stored: StoredConference | None, kind: Kind, account: Account) -> None:
    """Raise Nack unless the account may add or change a template or virtual room of this kind."""
    if not may_write_stored(stored, kind, account):
        words = "only an administrator of the domain may do this"
        if kind is Kind.ROOM:
            words = "only who made the room, and administrators of the domain, may do this"
        raise Nack(Err.NOT_PERMITTED, words)


def may_have_number(e164: str, account: Account) -> bool:
    """Return whether an account may choose this number for a room or a reservation.

    It may not choose a number with the prefix of another platform. Numbers without a platform's prefix may have a
    meaning in the telephone network, such as emergency calls, so only administrators choose them.
    """
    owner = platforms_of_numbers([e164]).get(e164, "")
    return owner == platform_of_domain(account.domain_id or "") if owner else account.is_staff


def create_stored(draft: Draft, account: Account) -> StoredConference:
    """Create a template or virtual room for an account, from its draft, and return it. Raises Refusal."""
    _refuse_unless_writable(None, draft.kind, account)
    try:
        return flow.create_stored(
            platform_of_domain(draft.user_domain), draft, HTTP_FIELDS[draft.kind]
        )
    except StoredRefused as refused:
        raise refusal_of(refused, draft.kind) from None


def update_stored(stored: StoredConference, changes: Changes, account: Account) -> StoredConference:
    """Change a template or virtual room for an account, and return it. Raises Refusal."""
    kind = stored.kind
    _refuse_unless_writable(stored, kind, account)
    try:
        return flow.update_stored(
            stored.source_platform, stored.id, stored.user_domain, changes, HTTP_FIELDS[kind]
        )
    except StoredRefused as refused:
        raise refusal_of(refused, kind) from None


def delete_stored(stored: StoredConference, account: Account) -> None:
    """Delete a template or virtual room for an account. Raises Refusal."""
    kind = stored.kind
    _refuse_unless_writable(stored, kind, account)
    try:
        flow.delete_stored(stored.source_platform, stored.id, stored.user_domain, HTTP_FIELDS[kind])
    except StoredRefused as refused:
        raise refusal_of(refused, kind) from None


def start_from_stored(
    stored: StoredConference,
    account: Account | None,
    overrides: GivenSettings | None = None,
    reqid: str | None = None,
) -> StartedConference:
    """Start the conference of a template or virtual room, or return the one that runs.

    Raises Refusal. `account`: who starts it, `None` for a guest. `overrides`: settings that replace those of the
    template or virtual room. `reqid`: the caller's key of this request, so that a repeated request starts no second
    conference.
    """
    creator = Creator(moid=account.moid, name=str(account)[:64]) if account else None
    return commands.start_conference(
        CreateByTemplate(
            reqid=reqid,
            user_domain=stored.user_domain,
            creator=creator,
            templateid=stored.id,
            **(overrides or {}),
        )
    )


def may_enter(conference: Conference, account: Account) -> bool:
    """Return whether an account of the conference's domain may enter it, or get its sound, without a password.

    It may not if the conference has a password and another creator, or is held in an exclusive room of other people.
    """
    if conference.password and conference.creator_moid != account.moid:
        return False
    return not queries.confids_closed_to(account.moid, [conference])


def refuse_unless_may_admit(conference: Conference, account: Account) -> None:
    """Raise Refusal if an account of the conference's domain may not admit people, by a call or a new password.

    Otherwise a person who is kept out by password, room or ban could admit himself.
    """
    names = (account.moid, account.username, str(account), account.e164)
    own_names = {name.casefold() for name in names if name}
    is_banned = not own_names.isdisjoint(arrangement_of(conference.settings).banned_names)
    is_own = account.is_staff or conference.creator_moid == account.moid
    if not is_own and (is_banned or not may_enter(conference, account)):
        words = "only who may enter it, and administrators, let others in"
        raise Nack(Err.NOT_PERMITTED, words)


def changes_to_settings(stored: StoredConference, new_settings: GivenSettings) -> Changes:
    """Return the changes that give a template or virtual room these settings; its other settings stay."""
    settings = msgspec.structs.replace(stored.settings, **new_settings)
    return Changes(name=new_settings.get("name"), settings=settings)


def names_of_running(rooms: Collection[StoredConference]) -> dict[str, str]:
    """Return number -> name of the conferences that run in these virtual rooms."""
    numbers = [room.e164 for room in rooms]
    platforms = {room.source_platform for room in rooms}
    return {
        number: name
        for platform in platforms
        for number, name in queries.live_names(store_of(platform).database, numbers).items()
    }


def resolve_accounts(names: Collection[str], domain: str, argument: str) -> tuple[str, ...]:
    """Return the MOIDs of accounts of a domain. Raises Refusal for a name that none of them has.

    `names`: their MOIDs or sign-in names; `argument`: the argument of the API that the refusal names.
    """
    known = lookups.accounts_by_name(platform_of_domain(domain), domain, names)
    if unknown := [name for name in names if name not in known]:
        words = f"{argument}: no account of this domain: {', '.join(unknown)[:200]}"
        raise Refusal(int(Err.MALFORMED), words)
    return tuple(dict.fromkeys(known[name] for name in names))
