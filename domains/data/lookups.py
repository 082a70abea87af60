"""Lookups tell other apps what they need to know of domains, so that no other app names a table of this one.

`platform` says in which platform's database a lookup reads. It finds nothing where that is the copy of another
platform's database and cannot be reached.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, TypeVar

from domains.data.tree_rows import GROUPS
from domains.rules.sign_in_names import normalize
from foundation.cells import sql
from foundation.cells.directory import look_up, own_platform, possible_platforms

_Account = TypeVar("_Account")

NUMBER_PREFIX = "(SELECT e164_prefix FROM domains_platformdomain WHERE domain_ptr_id = {moid})"
"""The number prefix of a platform, as a subquery. `moid` is the column that holds the platform's MOID."""

TENANTS_BELOW = (
    f"{GROUPS}, below (moid) AS (SELECT moid FROM domains_domain WHERE moid = %s"
    " UNION ALL SELECT d.moid FROM groups_below g JOIN domains_domain d ON d.parent_id = g.moid),"
    " tenants (moid) AS (SELECT u.domain_ptr_id FROM domains_userdomain u"
    " WHERE u.domain_ptr_id IN (SELECT moid FROM below)"
    " OR u.platform_id IN (SELECT moid FROM below))"
)
"""A WITH clause whose `tenants` are the user domains below a domain, or bound to a platform below it.

Its two parameters are both the id (MOID) of that domain."""

_PLATFORMS_OF_DOMAINS = (
    "SELECT domain_ptr_id, platform_id FROM domains_userdomain WHERE domain_ptr_id IN ({marks})"
    " UNION ALL SELECT domain_ptr_id, domain_ptr_id FROM domains_platformdomain"
    " WHERE domain_ptr_id IN ({marks})"
)
_PLATFORMS_OF_ACCOUNTS = (
    "SELECT a.moid, u.platform_id FROM domains_account a"
    " LEFT JOIN domains_userdomain u ON u.domain_ptr_id = a.domain_id WHERE a.moid IN ({marks})"
)
_ACCOUNTS_BY_NAME = (
    "SELECT n.name, a.moid FROM domains_account a JOIN domains_signinname n ON n.account_id = a.id"
    " WHERE a.domain_id=%s AND (n.name IN ({marks}) OR a.moid IN ({marks}))"
)
_CONTACTS_BY_NAME = (
    "SELECT n.name, a.moid, a.username, a.first_name, a.last_name, a.email"
    " FROM domains_account a JOIN domains_signinname n ON n.account_id = a.id"
    " WHERE a.domain_id=%s AND a.is_active AND (n.name IN ({marks}) OR a.moid IN ({marks}))"
)
_HTTP_URLS = (
    "SELECT http_url FROM domains_platformdomain WHERE domain_ptr_id=%s AND http_url<>''"
    " UNION SELECT p.http_url FROM domains_backupplatform b"
    " JOIN domains_platformdomain p ON p.domain_ptr_id=b.backup_id"
    " WHERE b.platform_id=%s AND p.http_url<>''"
)


def number_prefixes(platform: str) -> dict[str, str]:
    """Return all platforms, as the data of `platform` has them: prefix of conference numbers -> id of the platform."""
    return dict(
        look_up(platform, "SELECT e164_prefix, domain_ptr_id FROM domains_platformdomain", [])
    )


def platforms_of_domains(platform: str, moids: Collection[str]) -> dict[str, str]:
    """Return domain -> its platform for these user and platform domains, by the data of `platform`, if known."""
    query = _PLATFORMS_OF_DOMAINS.format(marks=sql.marks([*moids]))
    return dict(look_up(platform, query, [*moids, *moids]))


def platforms_of_accounts(platform: str, moids: Collection[str]) -> dict[str, str | None]:
    """Return account -> its platform, by the data of `platform`; `None` for an account without user domain."""
    query = _PLATFORMS_OF_ACCOUNTS.format(marks=sql.marks([*moids]))
    return dict(look_up(platform, query, [*moids]))


def accounts_by_name(platform: str, domain: str, names: Collection[str]) -> dict[str, str]:
    """Return the MOIDs of the accounts of a domain that these names mean: name -> MOID. Unknown names are left out.

    A name is a sign-in name, or the MOID itself.
    """
    if not names:
        return {}
    query = _ACCOUNTS_BY_NAME.format(marks=sql.marks([*names]))
    rows = look_up(platform, query, [domain, *map(normalize, names), *names])
    moid_of: dict[str, str] = dict(rows)
    return _match_names(names, moid_of, {moid: moid for moid in moid_of.values()})


def _match_names(
    names: Collection[str], by_sign_in_name: Mapping[str, _Account], by_moid: Mapping[str, _Account]
) -> dict[str, _Account]:
    """Return what each of these names means: a sign-in name, however it is spelt, or else a MOID. Unknown: left out."""
    return {
        name: account
        for name in names
        if (account := by_sign_in_name.get(normalize(name)) or by_moid.get(name))
    }


class Contact(NamedTuple):
    """Represent the name and e-mail address of an account, for those who write to it; `email` is "" if it has none."""

    moid: str
    name: str
    email: str


def contacts_by_name(database: str, domain: str, names: Collection[str]) -> dict[str, Contact]:
    """Return the active accounts of a domain that these sign-in names or MOIDs mean: name -> account.

    Unknown: left out.
    """
    if not names:
        return {}
    query = _CONTACTS_BY_NAME.format(marks=sql.marks([*names]))
    rows = sql.select(database, query, [domain, *map(normalize, names), *names])
    contact_of = {
        name: Contact(moid, _shown_name(first, last, username), email or "")
        for name, moid, username, first, last, email in rows
    }
    return _match_names(
        names, contact_of, {contact.moid: contact for contact in contact_of.values()}
    )


def _shown_name(first: str, last: str, username: str) -> str:
    """Return the name of an account as others see it: first and last name, else the sign-in name."""
    return f"{first} {last}".strip() or username


def account_names(database: str, moids: Collection[str]) -> dict[str, str]:
    """Return the names of these accounts, as others see them: MOID -> name. Unknown accounts are left out."""
    if not moids:
        return {}
    query = f"SELECT moid, first_name, last_name, username FROM domains_account WHERE moid IN ({sql.marks([*moids])})"
    rows = sql.select(database, query, [*moids])
    return {moid: _shown_name(first, last, username) for moid, first, last, username in rows}


def name_of(platform: str, moid: str) -> str:
    """Return the name of a domain (MOID), by the data of `platform`; "" means that there is no such domain."""
    rows = look_up(platform, "SELECT name FROM domains_domain WHERE moid=%s", [moid])
    return str(rows[0][0]) if rows else ""


def http_url(moid: str) -> str:
    """Return the HTTP address of a platform's site. "" means that no tree of domains at this site names one.

    Our own platform's tree need not know a platform of another service domain; the data of that platform does.
    """
    query = "SELECT http_url FROM domains_platformdomain WHERE domain_ptr_id=%s AND http_url<>''"
    urls = (
        rows[0][0]
        for platform in possible_platforms()
        if (rows := look_up(platform, query, [moid]))
    )
    return str(next(urls, ""))


def http_urls_with_backups(moid: str) -> list[str]:
    """Return the HTTP addresses of a platform's own site and of the sites of its backups.

    They are those in our own platform's tree, and those in the platform's own data if that has a copy here.
    """
    holders = [platform for platform in possible_platforms() if platform in (own_platform(), moid)]
    urls = [
        str(url) for platform in holders for (url,) in look_up(platform, _HTTP_URLS, [moid, moid])
    ]
    return list(dict.fromkeys(urls))


def findable_domains(platform: str, moids: Collection[str]) -> set[str]:
    """Return those of these user domains whose people others can find, by the data of `platform`."""
    query = "SELECT domain_ptr_id FROM domains_userdomain WHERE findable AND domain_ptr_id IN ({})"
    return {moid for (moid,) in look_up(platform, query.format(sql.marks([*moids])), [*moids])}


def level_of(database: str, moid: str) -> int | None:
    """Return the level of a domain (see `domains.models.Level`). `None` means that there is no such domain."""
    rows = sql.select(database, "SELECT level FROM domains_domain WHERE moid=%s", [moid])
    return int(rows[0][0]) if rows else None


def tenants_of_room(database: str, platform: str, room: str, *, is_default: bool) -> list[str]:
    """Return the ids of the user domains bound to a machine room.

    The default room of a platform (`is_default`) also has the user domains that name no room.
    """
    query = (
        "SELECT domain_ptr_id FROM domains_userdomain WHERE platform_id=%s"
        f" AND (room_id=%s{' OR room_id IS NULL' if is_default else ''})"
        " ORDER BY domain_ptr_id"
    )
    return [str(moid) for (moid,) in sql.select(database, query, [platform, room])]
