"""The bulk writer saves domains and accounts that came from a core, a batch in few statements.

Each object that the core sends is complete: a key, room, backup or device that it does not name is deleted here.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.hashers import make_password

from domains.data import hooks, queries, sealing, tokens
from domains.models import Account, ApiKey, Application, MachineRoom
from domains.rules.sign_in_names import names_of
from foundation import clock
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql

log = logging.getLogger("domains.store")

WireObject = Mapping[str, Any]
_DOMAIN = ("moid", "level", "parent_id", "name", "used", "enable_h265", "enable_hd")
_USER = ("domain_ptr_id", "platform_id", "room_id", "small_limit", "large_limit")
_URLS = ("http", "broker", "redis", "database")
_PLATFORM = ("domain_ptr_id", "e164_prefix", "dr_mode", *(f"{name}_url" for name in _URLS))
_ROOM = ("moid", "platform_id", "name", "order", "is_default", "abnormal")
_KEY = ("key", "domain_id", "secret_hash", "name", "enabled")
_DEVICE = ("key", "name", "step", "t0", "digits", "tolerance")


# ---- domains ------------------------------------------------------------------------------------


def write_domains(database: str, domains: Sequence[WireObject]) -> None:
    """Insert or change these domains. Each domain comes after those that it refers to."""
    disabled = _newly_disabled(database, domains)
    rows = [_domain_row(domain) for domain in domains]
    sql.insert(database, "domains_domain", _DOMAIN, rows, update=_DOMAIN[2:])
    platforms = [domain for domain in domains if domain["level"] == 1]
    users = [domain for domain in domains if domain["level"] == 0]
    _write_platforms(database, platforms)
    rooms = [(u["roommoid"], u["platformmoid"], u["roommoid"]) for u in users if u.get("roommoid")]
    new = ("moid", "platform_id", "name", "order", "is_default", "abnormal")
    sql.insert(
        database, "domains_machineroom", new, [(*r, 0, 0, 0) for r in rooms], update=("moid",)
    )
    sql.insert(database, "domains_userdomain", _USER, map(_user_row, users), update=_USER[1:])
    _delete_missing_rooms(database, platforms)
    _write_keys(database, domains)
    for moid in disabled:
        hooks.REVOKE_CREDENTIALS.call(database, queries.accounts_below(database, moid))


def _newly_disabled(database: str, domains: Sequence[WireObject]) -> list[str]:
    """Return which domains of a batch are enabled in the database and disabled in the batch."""
    off = [domain["moid"] for domain in domains if not domain.get("used", 1)]
    if not off:
        return []
    query = f"SELECT moid FROM domains_domain WHERE used = 1 AND moid IN ({sql.marks(off)})"
    return [row[0] for row in sql.select(database, query, off)]


def _domain_row(domain: WireObject) -> tuple[Any, ...]:
    flags = (domain.get("used", 1), domain.get("enableh265", 1), domain.get("enablehdmeeting", 1))
    return (
        domain["moid"],
        domain["level"],
        domain.get("uplevelmoid") or None,
        domain["name"],
        *flags,
    )


def _user_row(domain: WireObject) -> tuple[Any, ...]:
    limits = (domain.get("smallconfnumlimit"), domain.get("largeconfnumlimit"))
    return (domain["moid"], domain["platformmoid"], domain.get("roommoid") or None, *limits)


def _write_platforms(database: str, platforms: Sequence[WireObject]) -> None:
    if not platforms:
        return
    _clear_swapped_prefixes(database, platforms)
    rows = [_platform_row(platform) for platform in platforms]
    sql.insert(database, "domains_platformdomain", _PLATFORM, rows, update=_PLATFORM[1:])
    rooms = [
        _room_row(platform["moid"], room)
        for platform in platforms
        for room in platform.get("rooms", ())
    ]
    sql.insert(database, "domains_machineroom", _ROOM, rooms, update=_ROOM[1:-1])
    _write_backups(database, platforms)


def _platform_row(platform: WireObject) -> tuple[Any, ...]:
    addresses = platform.get("addresses", {})
    urls = (addresses.get(name, "") for name in _URLS)
    return (platform["moid"], platform["e164prefix"], platform.get("drmode", "auto"), *urls)


def _room_row(platform: str, room: WireObject) -> tuple[Any, ...]:
    name = room.get("name", room["roommoid"])
    return (room["roommoid"], platform, name, room.get("order", 0), room.get("default", 0), 0)


def _clear_swapped_prefixes(database: str, platforms: Sequence[WireObject]) -> None:
    """Give placeholders to platforms whose number prefix another platform of the batch takes.

    Prefixes are unique, so two platforms could not swap theirs otherwise.
    """
    wanted = {platform["e164prefix"]: platform["moid"] for platform in platforms}
    query = (
        "SELECT domain_ptr_id, e164_prefix FROM domains_platformdomain WHERE e164_prefix IN ({})"
    )
    holders = sql.select(database, query.format(sql.marks([*wanted])), [*wanted])
    swapped = [moid for moid, prefix in holders if wanted[prefix] != moid]
    for number, moid in enumerate(swapped):
        query = "UPDATE domains_platformdomain SET e164_prefix = %s WHERE domain_ptr_id = %s"
        sql.execute(database, query, [f"~{number}", moid])


def _write_backups(database: str, platforms: Sequence[WireObject]) -> None:
    """Replace the backups of these platforms.

    A backup may be a platform of another service domain, which is not known here. Such backups are left out.
    """
    moids = [platform["moid"] for platform in platforms]
    wanted = {moid for platform in platforms for moid in platform.get("backups", ())}
    condition = f"IN ({sql.marks(moids)})"
    sql.execute(
        database, f"DELETE FROM domains_backupplatform WHERE platform_id {condition}", moids
    )
    if not wanted:
        return
    query = "SELECT domain_ptr_id FROM domains_platformdomain WHERE domain_ptr_id IN ({})"
    known_platforms = {
        row[0] for row in sql.select(database, query.format(sql.marks([*wanted])), [*wanted])
    }
    rows = [
        (platform["moid"], backup, order)
        for platform in platforms
        for order, backup in enumerate(platform.get("backups", ()))
        if backup in known_platforms
    ]
    columns = ("platform_id", "backup_id", "order")
    sql.insert(database, "domains_backupplatform", columns, rows, update=("order",))


def _delete_missing_rooms(database: str, platforms: Sequence[WireObject]) -> None:
    """Delete rooms that the core does not name any more, except those that tenants are bound to."""
    named = {r["roommoid"] for platform in platforms for r in platform.get("rooms", ())}
    complete = [platform["moid"] for platform in platforms if "rooms" in platform]
    if complete:
        rooms = MachineRoom.objects.using(database).filter(platform__in=complete, userdomain=None)
        rooms.exclude(moid__in=named).delete()


def _write_keys(database: str, domains: Sequence[WireObject]) -> None:
    with_keys = [domain for domain in domains if "apikeys" in domain]
    rows = [
        (key["key"], domain["moid"], key["secrethash"], key.get("name", ""), key.get("enabled", 1))
        for domain in with_keys
        for key in domain["apikeys"]
    ]
    sql.insert(database, "domains_apikey", _KEY, rows, update=_KEY[1:])
    if with_keys:
        saved = ApiKey.objects.using(database).filter(
            domain__in=[domain["moid"] for domain in with_keys]
        )
        saved.exclude(key__in=[row[0] for row in rows]).delete()


def delete_domains(database: str, moids: Collection[str]) -> None:
    """Delete domains with their accounts, keys and rooms.

    All domains below a deleted domain have to be among them. Operators made at this site stay, without a domain.
    """
    if not moids:
        return
    ordered, marks = sorted(moids), f"({sql.marks(list(moids))})"
    people = Account.objects.using(database).filter(domain__in=ordered)
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
    while sql.execute(database, _LEAVES.format(marks), ordered):
        pass


_LEAVES = (
    "DELETE d FROM domains_domain d LEFT JOIN domains_domain child ON child.parent_id = d.moid"
    " WHERE d.moid IN {} AND child.moid IS NULL"
)
"""Deletes the domains that have none below them. Repeated, it deletes all, from the leaves up."""


def _received_from_core(database: str, people: Any) -> list[str]:
    """Return the MOIDs of those accounts that came from the core."""
    moids = list(people.values_list("moid", flat=True))
    if not moids:
        return []
    query = "SELECT moid FROM domains_applied WHERE moid IN ({})"
    return [row[0] for row in sql.select(database, query.format(sql.marks(moids)), moids)]


# ---- accounts -----------------------------------------------------------------------------------

_ACCOUNT = (
    *("moid", "username", "first_name", "last_name", "email", "phone", "e164", "domain_id"),
    *("is_active", "is_staff", "is_superuser", "password", "date_joined"),
)


def write_accounts(database: str, accounts: Sequence[WireObject], freed: Iterable[str]) -> None:
    """Insert or change these accounts.

    `freed` are the accounts that first give up their names, because other accounts of the batch take them.
    """
    _clear_names(database, list(freed))
    secrets = {account["moid"]: _unsealed_secrets(account) for account in accounts}
    _revoke_where_needed(database, accounts, secrets)
    now = to_db_datetime(clock.now())
    for with_password in (True, False):
        rows = [
            _account_row(account, secrets[account["moid"]], now)
            for account in accounts
            if bool(secrets[account["moid"]]) is with_password
        ]
        update = _ACCOUNT[1:12] if with_password else _ACCOUNT[1:11]
        sql.insert(database, "domains_account", _ACCOUNT, rows, update)
    ids = _row_ids(database, [account["moid"] for account in accounts])
    _write_names(database, accounts, ids)
    _write_devices(
        database, {ids[moid]: unsealed["totp"] for moid, unsealed in secrets.items() if unsealed}
    )


def _revoke_where_needed(
    database: str, accounts: Sequence[WireObject], secrets: Mapping[str, WireObject]
) -> None:
    """End the tokens of accounts that get a new password or are disabled."""
    received = {account["moid"]: account for account in accounts}
    saved = Account.objects.using(database).filter(moid__in=[*received])
    for account in saved.only("moid", "password", "is_active"):
        password = secrets[account.moid].get("password", account.password)
        disabled = account.is_active and not received[account.moid].get("used", 1)
        if disabled or password != account.password:
            tokens.revoke_all(account, database)
            hooks.REVOKE_CREDENTIALS.call(database, [account.moid])


def _account_row(account: WireObject, secrets: WireObject, now: Any) -> tuple[Any, ...]:
    password = secrets.get("password") or make_password(None)
    names = tuple(account.get(name) or None for name in ("email", "phone", "e164"))
    flags = (account.get("used", 1), account.get("administrator", 0), account.get("operator", 0))
    person = (account["account"], account.get("firstname", ""), account.get("lastname", ""))
    return (account["moid"], *person, *names, account["userdomainmoid"], *flags, password, now)


def _unsealed_secrets(account: WireObject) -> WireObject:
    """Return the password hash and second factors of an account. They are empty where they cannot be read."""
    if "sealed" not in account:
        return {}
    try:
        return sealing.unseal(account["moid"], account["sealed"])
    except sealing.UnsealError as error:
        log.warning("secrets of account %s are not taken: %s", account["moid"], error)
        return {}


def _clear_names(database: str, moids: list[str]) -> None:
    """Replace the sign-in names of these accounts by placeholders."""
    if moids:
        condition = f"WHERE moid IN ({sql.marks(moids)})"
        query = "UPDATE domains_account SET username = CONCAT('~', moid), email = NULL,"
        sql.execute(database, f"{query} phone = NULL, e164 = NULL {condition}", moids)
        sql.execute(
            database,
            f"DELETE n FROM domains_signinname n JOIN domains_account a ON a.id = n.account_id {condition}",
            moids,
        )


def _row_ids(database: str, moids: list[str]) -> dict[str, int]:
    """Return the primary keys of these accounts by MOID."""
    query = f"SELECT moid, id FROM domains_account WHERE moid IN ({sql.marks(moids)})"
    return dict(sql.select(database, query, moids))


def _write_names(database: str, accounts: Sequence[WireObject], ids: Mapping[str, int]) -> None:
    condition = f"account_id IN ({sql.marks([*ids])})"
    sql.execute(database, f"DELETE FROM domains_signinname WHERE {condition}", [*ids.values()])
    rows = [
        (name, ids[account["moid"]]) for account in accounts for name in sign_in_names_of(account)
    ]
    sql.insert(database, "domains_signinname", ("name", "account_id"), rows)


def sign_in_names_of(account: WireObject) -> set[str]:
    """Return the names under which an account from the core signs in."""
    return names_of(
        account["account"], account.get("email"), account.get("phone"), account.get("e164")
    )


def _write_devices(database: str, wanted: Mapping[int, Sequence[WireObject]]) -> None:
    """Replace the second factors of these accounts, by primary key of the account.

    A device that is here already stays as it is, because its counter says which codes were used.
    """
    if not wanted:
        return
    query = "SELECT id, user_id, `key` FROM otp_totp_totpdevice WHERE user_id IN ({}) AND confirmed"
    saved = sql.select(database, query.format(sql.marks([*wanted])), [*wanted])
    keys = {user: {device["key"] for device in devices} for user, devices in wanted.items()}
    missing = [number for number, user, key in saved if key not in keys[user]]
    if missing:
        query = f"DELETE FROM otp_totp_totpdevice WHERE id IN ({sql.marks(missing)})"
        sql.execute(database, query, missing)
    saved_keys = {(user, key) for _, user, key in saved}
    rows = [
        (user, *(device[name] for name in _DEVICE), 1, 0, -1, 0, to_db_datetime(clock.now()))
        for user, devices in wanted.items()
        for device in devices
        if (user, device["key"]) not in saved_keys
    ]
    more = ("confirmed", "drift", "last_t", "throttling_failure_count", "created_at")
    sql.insert(database, "otp_totp_totpdevice", ("user_id", *_DEVICE, *more), rows)


def delete_accounts(database: str, moids: Collection[str]) -> None:
    """Delete accounts with everything that belongs to them."""
    if moids:
        hooks.REVOKE_CREDENTIALS.call(database, moids)
        Account.objects.using(database).filter(moid__in=list(moids)).delete()
