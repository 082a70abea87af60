"""The bulk writer saves domains and accounts that a core sent, a batch in few statements.

The core is the deployment where the tree of domains is edited; this site copies it. Each object that the core
sends is complete: an API key, machine room, backup platform or second factor that the object does not name is
deleted here.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db.models import QuerySet

from domains.data import department_rows, hooks, queries, sealing, second_factor_rows, tokens
from domains.data.serializers import WireObject
from domains.models import Account, ApiKey, Application, MachineRoom
from domains.rules.addresses import addresses_of
from domains.rules.sign_in_names import names_of
from domains.rules.tree import PLATFORM, USER
from foundation import clock
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql

log = logging.getLogger("domains.store")

_DOMAIN_COLUMNS = ("moid", "level", "parent_id", "name", "used", "enable_h265", "enable_hd")
_USER_DOMAIN_COLUMNS = (
    *("domain_ptr_id", "platform_id", "room_id", "small_limit", "large_limit", "findable"),
)
_URL_NAMES = ("http", "broker", "redis", "database")
_PLATFORM_COLUMNS = ("domain_ptr_id", "e164_prefix", "dr_mode", *(f"{n}_url" for n in _URL_NAMES))
_ROOM_COLUMNS = ("moid", "platform_id", "name", "order", "is_default", "abnormal")
_KEY_COLUMNS = ("key", "domain_id", "secret_hash", "name", "enabled")


# ---- domains ------------------------------------------------------------------------------------


def write_domains(database: str, domains: Sequence[WireObject]) -> None:
    """Insert or change these domains, of which each comes after those that it refers to.

    Accounts in domains that this disables lose their tokens.
    """
    disabled = _newly_disabled(database, domains)
    rows = [_domain_row(domain) for domain in domains]
    sql.insert(database, "domains_domain", _DOMAIN_COLUMNS, rows, update=_DOMAIN_COLUMNS[2:])
    platforms = [domain for domain in domains if domain["level"] == PLATFORM]
    user_domains = [domain for domain in domains if domain["level"] == USER]
    _write_platforms(database, platforms)
    _insert_missing_rooms(database, user_domains)
    rows = [_user_domain_row(domain) for domain in user_domains]
    columns = _USER_DOMAIN_COLUMNS
    sql.insert(database, "domains_userdomain", columns, rows, update=columns[1:])
    _delete_unnamed_rooms(database, platforms)
    _write_api_keys(database, domains)
    department_rows.write_departments(database, user_domains)
    for moid in disabled:
        hooks.REVOKE_CREDENTIALS.call(database, queries.accounts_below(database, moid))


def _newly_disabled(database: str, domains: Sequence[WireObject]) -> list[str]:
    """Return the ids of the domains that are enabled in the database and disabled in this batch."""
    disabled = [domain["moid"] for domain in domains if not domain.get("used", 1)]
    if not disabled:
        return []
    query = f"SELECT moid FROM domains_domain WHERE used = 1 AND moid IN ({sql.marks(disabled)})"
    return [row[0] for row in sql.select(database, query, disabled)]


def _domain_row(domain: WireObject) -> tuple[object, ...]:
    """Return the values of `_DOMAIN_COLUMNS` for a received domain."""
    flags = (domain.get("used", 1), domain.get("enableh265", 1), domain.get("enablehdmeeting", 1))
    parent = domain.get("uplevelmoid") or None
    return (domain["moid"], domain["level"], parent, domain["name"], *flags)


def _user_domain_row(domain: WireObject) -> tuple[object, ...]:
    """Return the values of `_USER_DOMAIN_COLUMNS` for a received user domain."""
    limits = (domain.get("smallconfnumlimit"), domain.get("largeconfnumlimit"))
    room, findable = domain.get("roommoid") or None, domain.get("findable", 0)
    return (domain["moid"], domain["platformmoid"], room, *limits, findable)


def _insert_missing_rooms(database: str, user_domains: Sequence[WireObject]) -> None:
    """Insert the machine rooms that user domains are bound to, named by their id, if they are unknown here.

    An existing room is left as it is: `update` names only the key, whose value is the same.
    """
    rooms = [
        (domain["roommoid"], domain["platformmoid"], domain["roommoid"], 0, 0, 0)
        for domain in user_domains
        if domain.get("roommoid")
    ]
    sql.insert(database, "domains_machineroom", _ROOM_COLUMNS, rows=rooms, update=("moid",))


def _write_platforms(database: str, platforms: Sequence[WireObject]) -> None:
    """Insert or change platform domains with their machine rooms and backup platforms."""
    if not platforms:
        return
    _clear_swapped_prefixes(database, platforms)
    rows = [_platform_row(platform) for platform in platforms]
    columns = _PLATFORM_COLUMNS
    sql.insert(database, "domains_platformdomain", columns, rows, update=columns[1:])
    rooms = [
        _room_row(platform["moid"], room)
        for platform in platforms
        for room in platform.get("rooms", ())
    ]
    # `abnormal` is left out of the update, since this site measures it.
    sql.insert(database, "domains_machineroom", _ROOM_COLUMNS, rooms, update=_ROOM_COLUMNS[1:-1])
    _write_backups(database, platforms)


def _platform_row(platform: WireObject) -> tuple[object, ...]:
    """Return the values of `_PLATFORM_COLUMNS` for a received platform domain."""
    urls = addresses_of(platform.get("addresses", {}), _URL_NAMES)
    return (platform["moid"], platform["e164prefix"], platform.get("drmode", "auto"), *urls)


def _room_row(platform: str, room: WireObject) -> tuple[object, ...]:
    """Return the values of `_ROOM_COLUMNS` for a machine room of a received platform domain."""
    name = room.get("name", room["roommoid"])
    return (room["roommoid"], platform, name, room.get("order", 0), room.get("default", 0), 0)


def _clear_swapped_prefixes(database: str, platforms: Sequence[WireObject]) -> None:
    """Give a placeholder as number prefix to each platform whose prefix another platform of the batch takes.

    Prefixes are unique, so two platforms could not swap theirs otherwise.
    """
    new_owners = {platform["e164prefix"]: platform["moid"] for platform in platforms}
    query = (
        "SELECT domain_ptr_id, e164_prefix FROM domains_platformdomain WHERE e164_prefix IN ({})"
    )
    owners = sql.select(database, query.format(sql.marks([*new_owners])), [*new_owners])
    swapped = [moid for moid, prefix in owners if new_owners[prefix] != moid]
    for number, moid in enumerate(swapped):
        query = "UPDATE domains_platformdomain SET e164_prefix = %s WHERE domain_ptr_id = %s"
        sql.execute(database, query, [f"~{number}", moid])


def _write_backups(database: str, platforms: Sequence[WireObject]) -> None:
    """Replace the backup platforms of these platforms: those that take over when a platform fails.

    A backup may be a platform of another service domain, which this site does not know. Such a backup is left out.
    """
    moids = [platform["moid"] for platform in platforms]
    backups = {moid for platform in platforms for moid in platform.get("backups", ())}
    condition = f"IN ({sql.marks(moids)})"
    sql.execute(
        database, f"DELETE FROM domains_backupplatform WHERE platform_id {condition}", moids
    )
    if not backups:
        return
    query = "SELECT domain_ptr_id FROM domains_platformdomain WHERE domain_ptr_id IN ({})"
    stored_platforms = {
        row[0] for row in sql.select(database, query.format(sql.marks([*backups])), [*backups])
    }
    rows = [
        (platform["moid"], backup, order)
        for platform in platforms
        for order, backup in enumerate(platform.get("backups", ()))
        if backup in stored_platforms
    ]
    columns = ("platform_id", "backup_id", "order")
    sql.insert(database, "domains_backupplatform", columns, rows, update=("order",))


def _delete_unnamed_rooms(database: str, platforms: Sequence[WireObject]) -> None:
    """Delete machine rooms that the core no longer names, except those that tenants are bound to.

    A platform without the field `rooms` keeps all. The core is the deployment that owns the domain tree.
    """
    named = {room["roommoid"] for platform in platforms for room in platform.get("rooms", ())}
    with_rooms = [platform["moid"] for platform in platforms if "rooms" in platform]
    if with_rooms:
        rooms = MachineRoom.objects.using(database).filter(platform__in=with_rooms, userdomain=None)
        rooms.exclude(moid__in=named).delete()


def _write_api_keys(database: str, domains: Sequence[WireObject]) -> None:
    """Insert or change the API keys of domains, and delete those that a domain no longer names.

    A domain without the field `apikeys` keeps its keys. Tokens that were got by a key that ends, or is disabled, are
    made void.
    """
    with_keys = [domain for domain in domains if "apikeys" in domain]
    rows = [
        (key["key"], domain["moid"], key["secrethash"], key.get("name", ""), key.get("enabled", 1))
        for domain in with_keys
        for key in domain["apikeys"]
    ]
    if not with_keys:
        return
    saved = ApiKey.objects.using(database).filter(
        domain__in=[domain["moid"] for domain in with_keys]
    )
    enabled = [key for key, *_, is_enabled in rows if is_enabled]
    ending = saved.filter(enabled=True).exclude(key__in=enabled)
    tokens.revoke_by_keys(ending.values_list("key", flat=True), database)
    sql.insert(database, "domains_apikey", _KEY_COLUMNS, rows, update=_KEY_COLUMNS[1:])
    saved.exclude(key__in=[row[0] for row in rows]).delete()


def delete_domains(database: str, moids: Collection[str]) -> None:
    """Delete domains with their accounts, API keys, OAuth applications, backups and machine rooms.

    `moids` must name all domains below a deleted one, too. Superusers that were created at this site stay, without
    a domain.
    """
    if not moids:
        return
    ordered, marks = sorted(moids), f"({sql.marks(list(moids))})"
    people = Account.objects.using(database).filter(domain__in=ordered)
    department_rows.delete_of_domains(database, ordered)
    people.filter(is_superuser=True).exclude(moid__in=_received_from_core(database, people)).update(
        domain=None
    )
    hooks.REVOKE_CREDENTIALS.call(database, list(people.values_list("moid", flat=True)))
    people.delete()
    for model in (ApiKey, Application):
        model._default_manager.using(database).filter(domain__in=ordered).delete()
    backups = (
        f"DELETE FROM domains_backupplatform WHERE platform_id IN {marks} OR backup_id IN {marks}"
    )
    sql.execute(database, backups, ordered * 2)
    for table, column in (
        ("domains_userdomain", "domain_ptr_id"),
        ("domains_machineroom", "platform_id"),
        ("domains_platformdomain", "domain_ptr_id"),
    ):
        sql.execute(database, f"DELETE FROM {table} WHERE {column} IN {marks}", ordered)
    while sql.execute(database, _DELETE_LEAVES.format(marks), ordered):
        pass


_DELETE_LEAVES = (
    "DELETE d FROM domains_domain d LEFT JOIN domains_domain child ON child.parent_id = d.moid"
    " WHERE d.moid IN {} AND child.moid IS NULL"
)
"""The statement deletes the domains that have no domain below them. Repeated, it deletes all, from the leaves up."""


def _received_from_core(database: str, accounts: QuerySet[Account]) -> list[str]:
    """Return the ids of those of these accounts that the core sent. `accounts` is a query set.

    The core is the deployment that owns the domain tree; `domains_applied` has a row for each
    object that it sent.
    """
    moids = list(accounts.values_list("moid", flat=True))
    if not moids:
        return []
    query = "SELECT moid FROM domains_applied WHERE moid IN ({})"
    return [row[0] for row in sql.select(database, query.format(sql.marks(moids)), moids)]


# ---- accounts -----------------------------------------------------------------------------------

_ACCOUNT_COLUMNS = (
    *("moid", "username", "first_name", "last_name", "email", "phone", "e164", "domain_id"),
    *("department_id", "position"),
    *("is_active", "is_staff", "is_superuser", "password", "date_joined"),
)


_WITH_PASSWORD = _ACCOUNT_COLUMNS[1 : _ACCOUNT_COLUMNS.index("password") + 1]
_WITHOUT_PASSWORD = _ACCOUNT_COLUMNS[1 : _ACCOUNT_COLUMNS.index("password")]


def write_accounts(database: str, accounts: Sequence[WireObject], to_rename: Iterable[str]) -> None:
    """Insert or change these accounts.

    `to_rename` are the ids of accounts that first give up their sign-in names, because other accounts of the
    batch take them.
    """
    _replace_names_by_placeholders(database, list(to_rename))
    secrets = {account["moid"]: _unsealed_secrets(account) for account in accounts}
    _revoke_credentials(database, accounts, secrets)
    now = to_db_datetime(clock.now())
    named = [account["department"] for account in accounts if account.get("department")]
    departments = department_rows.existing_departments(database, named)
    for with_password in (True, False):
        rows = [
            _account_row(account, secrets[account["moid"]], departments, now)
            for account in accounts
            if bool(secrets[account["moid"]]) is with_password
        ]
        update = _WITH_PASSWORD if with_password else _WITHOUT_PASSWORD
        sql.insert(database, "domains_account", _ACCOUNT_COLUMNS, rows, update)
    ids = _primary_keys(database, [account["moid"] for account in accounts])
    _write_sign_in_names(database, accounts, ids)
    second_factor_rows.write(
        database, {ids[moid]: unsealed["totp"] for moid, unsealed in secrets.items() if unsealed}
    )


def _revoke_credentials(
    database: str, accounts: Sequence[WireObject], secrets: Mapping[str, WireObject]
) -> None:
    """Revoke the tokens of those accounts that this batch disables or gives a new password.

    `accounts`: as received. `secrets`: MOID of the account -> its decrypted fields.
    """
    received = {account["moid"]: account for account in accounts}
    saved = Account.objects.using(database).filter(moid__in=[*received])
    for account in saved.only("moid", "password", "is_active"):
        password = secrets[account.moid].get("password", account.password)
        is_newly_disabled = account.is_active and not received[account.moid].get("used", 1)
        if is_newly_disabled or password != account.password:
            tokens.revoke_all(account, database)
            hooks.REVOKE_CREDENTIALS.call(database, [account.moid])


def _account_row(
    account: WireObject, secrets: WireObject, departments: Collection[str], now: datetime
) -> tuple[object, ...]:
    """Return the values of `_ACCOUNT_COLUMNS` for a received account. Without a password nobody can sign in.

    `secrets` has its decrypted password hash, if there is one. `departments` are the ids of those that exist here; one
    that does not is left out until the account is sent again.
    """
    password = secrets.get("password") or make_password(None)
    names = tuple(account.get(name) or None for name in ("email", "phone", "e164"))
    flags = (account.get("used", 1), account.get("administrator", 0), account.get("operator", 0))
    person = (account["account"], account.get("firstname", ""), account.get("lastname", ""))
    department = account.get("department")
    department_columns = (
        department if department in departments else None,
        account.get("position", ""),
    )
    of_domain = (account["userdomainmoid"], *department_columns)
    return (account["moid"], *person, *names, *of_domain, *flags, password, now)


def _unsealed_secrets(account: WireObject) -> WireObject:
    """Return the password hash and second factors of a received account, or {} if it has none that can be read.

    The core (which owns the domain tree) encrypts ("seals") them with a key that all sites share.
    """
    if "sealed" not in account:
        return {}
    try:
        return sealing.unseal(account["moid"], account["sealed"])
    except sealing.UnsealError as error:
        log.warning("secrets of account %s are not taken: %s", account["moid"], error)
        return {}


def _replace_names_by_placeholders(database: str, moids: list[str]) -> None:
    """Take the sign-in names from these accounts (user names become placeholders), so that others can have them."""
    if moids:
        condition = f"WHERE moid IN ({sql.marks(moids)})"
        query = "UPDATE domains_account SET username = CONCAT('~', moid), email = NULL,"
        sql.execute(database, f"{query} phone = NULL, e164 = NULL {condition}", moids)
        query = "DELETE n FROM domains_signinname n JOIN domains_account a ON a.id = n.account_id"
        sql.execute(database, f"{query} {condition}", moids)


def _primary_keys(database: str, moids: list[str]) -> dict[str, int]:
    """Return the primary key of each of these accounts: MOID -> key."""
    query = f"SELECT moid, id FROM domains_account WHERE moid IN ({sql.marks(moids)})"
    return dict(sql.select(database, query, moids))


def _write_sign_in_names(
    database: str, accounts: Sequence[WireObject], ids: Mapping[str, int]
) -> None:
    """Replace the sign-in names of these accounts. `ids`: MOID -> primary key of the account."""
    condition = f"account_id IN ({sql.marks([*ids])})"
    sql.execute(database, f"DELETE FROM domains_signinname WHERE {condition}", [*ids.values()])
    rows = [
        (name, ids[account["moid"]]) for account in accounts for name in sign_in_names_of(account)
    ]
    sql.insert(database, "domains_signinname", ("name", "account_id"), rows)


def sign_in_names_of(account: WireObject) -> set[str]:
    """Return the names under which a received account signs in: user name, e-mail, telephone and E.164 number."""
    return names_of(
        account["account"], account.get("email"), account.get("phone"), account.get("e164")
    )


def delete_accounts(database: str, moids: Collection[str]) -> None:
    """Delete accounts with everything that belongs to them."""
    if moids:
        hooks.REVOKE_CREDENTIALS.call(database, moids)
        Account.objects.using(database).filter(moid__in=list(moids)).delete()
