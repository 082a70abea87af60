"""Domains and accounts as they were told, written for a batch in few statements.

Everything that is told is whole: what a domain or an account does not have is not there afterwards.
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
from foundation.bus.outbox import naive
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
    """Insert or change these domains; each comes after those that it refers to."""
    disabled = _newly_disabled(database, domains)
    rows = [_domain_row(one) for one in domains]
    sql.insert(database, "domains_domain", _DOMAIN, rows, update=_DOMAIN[2:])
    platforms = [one for one in domains if one["level"] == 1]
    users = [one for one in domains if one["level"] == 0]
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
    """Those that were enabled until now."""
    off = [one["moid"] for one in domains if not one.get("used", 1)]
    if not off:
        return []
    query = f"SELECT moid FROM domains_domain WHERE used = 1 AND moid IN ({sql.marks(off)})"
    return [row[0] for row in sql.select(database, query, off)]


def _domain_row(told: WireObject) -> tuple[Any, ...]:
    flags = (told.get("used", 1), told.get("enableh265", 1), told.get("enablehdmeeting", 1))
    return (told["moid"], told["level"], told.get("uplevelmoid") or None, told["name"], *flags)


def _user_row(told: WireObject) -> tuple[Any, ...]:
    limits = (told.get("smallconfnumlimit"), told.get("largeconfnumlimit"))
    return (told["moid"], told["platformmoid"], told.get("roommoid") or None, *limits)


def _write_platforms(database: str, platforms: Sequence[WireObject]) -> None:
    if not platforms:
        return
    _clear_swapped_prefixes(database, platforms)
    rows = [_platform_row(one) for one in platforms]
    sql.insert(database, "domains_platformdomain", _PLATFORM, rows, update=_PLATFORM[1:])
    rooms = [_room_row(one["moid"], room) for one in platforms for room in one.get("rooms", ())]
    sql.insert(database, "domains_machineroom", _ROOM, rooms, update=_ROOM[1:-1])
    _write_backups(database, platforms)


def _platform_row(told: WireObject) -> tuple[Any, ...]:
    addresses = told.get("addresses", {})
    urls = (addresses.get(name, "") for name in _URLS)
    return (told["moid"], told["e164prefix"], told.get("drmode", "auto"), *urls)


def _room_row(platform: str, room: WireObject) -> tuple[Any, ...]:
    name = room.get("name", room["roommoid"])
    return (room["roommoid"], platform, name, room.get("order", 0), room.get("default", 0), 0)


def _clear_swapped_prefixes(database: str, platforms: Sequence[WireObject]) -> None:
    """Prefixes may be swapped: one that is held by another platform is taken from it for a moment."""
    wanted = {one["e164prefix"]: one["moid"] for one in platforms}
    query = (
        "SELECT domain_ptr_id, e164_prefix FROM domains_platformdomain WHERE e164_prefix IN ({})"
    )
    held = sql.select(database, query.format(sql.marks([*wanted])), [*wanted])
    taken = [moid for moid, prefix in held if wanted[prefix] != moid]
    for number, moid in enumerate(taken):
        query = "UPDATE domains_platformdomain SET e164_prefix = %s WHERE domain_ptr_id = %s"
        sql.execute(database, query, [f"~{number}", moid])


def _write_backups(database: str, platforms: Sequence[WireObject]) -> None:
    """Of the backups, those that are known here: a platform beside ours may be one of them."""
    moids = [one["moid"] for one in platforms]
    wanted = {moid for one in platforms for moid in one.get("backups", ())}
    where = f"IN ({sql.marks(moids)})"
    sql.execute(database, f"DELETE FROM domains_backupplatform WHERE platform_id {where}", moids)
    if not wanted:
        return
    query = "SELECT domain_ptr_id FROM domains_platformdomain WHERE domain_ptr_id IN ({})"
    known = {row[0] for row in sql.select(database, query.format(sql.marks([*wanted])), [*wanted])}
    rows = [
        (one["moid"], backup, order)
        for one in platforms
        for order, backup in enumerate(one.get("backups", ()))
        if backup in known
    ]
    columns = ("platform_id", "backup_id", "order")
    sql.insert(database, "domains_backupplatform", columns, rows, update=("order",))


def _delete_missing_rooms(database: str, platforms: Sequence[WireObject]) -> None:
    kept = {r["roommoid"] for one in platforms for r in one.get("rooms", ())}
    told = [one["moid"] for one in platforms if "rooms" in one]
    if told:
        rooms = MachineRoom.objects.using(database).filter(platform__in=told, userdomain=None)
        rooms.exclude(moid__in=kept).delete()


def _write_keys(database: str, domains: Sequence[WireObject]) -> None:
    told = [one for one in domains if "apikeys" in one]
    rows = [
        (k["key"], one["moid"], k["secrethash"], k.get("name", ""), k.get("enabled", 1))
        for one in told
        for k in one["apikeys"]
    ]
    sql.insert(database, "domains_apikey", _KEY, rows, update=_KEY[1:])
    if told:
        there = ApiKey.objects.using(database).filter(domain__in=[one["moid"] for one in told])
        there.exclude(key__in=[row[0] for row in rows]).delete()


def delete_domains(database: str, moids: Collection[str]) -> None:
    """Delete domains with their people, keys and rooms; what lies below one is among them."""
    if not moids:
        return
    found, where = sorted(moids), f"({sql.marks(list(moids))})"
    people = Account.objects.using(database).filter(domain__in=found)
    people.filter(is_superuser=True).exclude(moid__in=_received_from_core(database, people)).update(
        domain=None
    )
    hooks.REVOKE_CREDENTIALS.call(database, list(people.values_list("moid", flat=True)))
    people.delete()
    for model in (ApiKey, Application):
        model._default_manager.using(database).filter(domain__in=found).delete()
    backups = (
        f"DELETE FROM domains_backupplatform WHERE platform_id IN {where} OR backup_id IN {where}"
    )
    sql.execute(database, backups, found * 2)
    for table, column in (
        ("domains_userdomain", "domain_ptr_id"),
        ("domains_machineroom", "platform_id"),
        ("domains_platformdomain", "domain_ptr_id"),
    ):
        sql.execute(database, f"DELETE FROM {table} WHERE {column} IN {where}", found)
    while sql.execute(database, _LEAVES.format(where), found):
        pass


_LEAVES = (
    "DELETE d FROM domains_domain d LEFT JOIN domains_domain child ON child.parent_id = d.moid"
    " WHERE d.moid IN {} AND child.moid IS NULL"
)
"""Those with nothing below them; then those above."""


def _received_from_core(database: str, people: Any) -> list[str]:
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
    """Insert or change these accounts; those of `freed` give up the names that others take."""
    _clear_names(database, list(freed))
    secrets = {one["moid"]: _unsealed_secrets(one) for one in accounts}
    _revoke_where_needed(database, accounts, secrets)
    now = naive(clock.now())
    for told_password in (True, False):
        rows = [
            _account_row(one, secrets[one["moid"]], now)
            for one in accounts
            if bool(secrets[one["moid"]]) is told_password
        ]
        update = _ACCOUNT[1:12] if told_password else _ACCOUNT[1:11]
        sql.insert(database, "domains_account", _ACCOUNT, rows, update)
    ids = _row_ids(database, [one["moid"] for one in accounts])
    _write_names(database, accounts, ids)
    _write_devices(database, {ids[moid]: s["totp"] for moid, s in secrets.items() if s})


def _revoke_where_needed(
    database: str, accounts: Sequence[WireObject], secrets: Mapping[str, WireObject]
) -> None:
    """No token outlives a new password or a disabled account."""
    told = {one["moid"]: one for one in accounts}
    there = Account.objects.using(database).filter(moid__in=[*told])
    for account in there.only("moid", "password", "is_active"):
        password = secrets[account.moid].get("password", account.password)
        disabled = account.is_active and not told[account.moid].get("used", 1)
        if disabled or password != account.password:
            tokens.revoke_all(account, database)
            hooks.REVOKE_CREDENTIALS.call(database, [account.moid])


def _account_row(told: WireObject, secrets: WireObject, now: Any) -> tuple[Any, ...]:
    password = secrets.get("password") or make_password(None)
    names = tuple(told.get(name) or None for name in ("email", "phone", "e164"))
    flags = (told.get("used", 1), told.get("administrator", 0), told.get("operator", 0))
    person = (told["account"], told.get("firstname", ""), told.get("lastname", ""))
    return (told["moid"], *person, *names, told["userdomainmoid"], *flags, password, now)


def _unsealed_secrets(told: WireObject) -> WireObject:
    if "sealed" not in told:
        return {}
    try:
        return sealing.unseal(told["moid"], told["sealed"])
    except sealing.UnsealError as wrong:
        log.warning("secrets of account %s are not taken: %s", told["moid"], wrong)
        return {}


def _clear_names(database: str, moids: list[str]) -> None:
    if moids:
        where = f"WHERE moid IN ({sql.marks(moids)})"
        query = "UPDATE domains_account SET username = CONCAT('~', moid), email = NULL,"
        sql.execute(database, f"{query} phone = NULL, e164 = NULL {where}", moids)
        sql.execute(
            database,
            f"DELETE n FROM domains_signinname n JOIN domains_account a ON a.id = n.account_id {where}",
            moids,
        )


def _row_ids(database: str, moids: list[str]) -> dict[str, int]:
    query = f"SELECT moid, id FROM domains_account WHERE moid IN ({sql.marks(moids)})"
    return dict(sql.select(database, query, moids))


def _write_names(database: str, accounts: Sequence[WireObject], ids: Mapping[str, int]) -> None:
    where = f"account_id IN ({sql.marks([*ids])})"
    sql.execute(database, f"DELETE FROM domains_signinname WHERE {where}", [*ids.values()])
    rows = [(name, ids[one["moid"]]) for one in accounts for name in sign_in_names_of(one)]
    sql.insert(database, "domains_signinname", ("name", "account_id"), rows)


def sign_in_names_of(told: WireObject) -> set[str]:
    """The names under which an account signs in."""
    return names_of(told["account"], told.get("email"), told.get("phone"), told.get("e164"))


def _write_devices(database: str, wanted: Mapping[int, Sequence[WireObject]]) -> None:
    """Second factors: those that are told and no others; a counter that is here already stays."""
    if not wanted:
        return
    query = "SELECT id, user_id, `key` FROM otp_totp_totpdevice WHERE user_id IN ({}) AND confirmed"
    there = sql.select(database, query.format(sql.marks([*wanted])), [*wanted])
    keys = {user: {one["key"] for one in devices} for user, devices in wanted.items()}
    gone = [number for number, user, key in there if key not in keys[user]]
    if gone:
        query = f"DELETE FROM otp_totp_totpdevice WHERE id IN ({sql.marks(gone)})"
        sql.execute(database, query, gone)
    known = {(user, key) for _, user, key in there}
    rows = [
        (user, *(one[name] for name in _DEVICE), 1, 0, -1, 0, naive(clock.now()))
        for user, devices in wanted.items()
        for one in devices
        if (user, one["key"]) not in known
    ]
    more = ("confirmed", "drift", "last_t", "throttling_failure_count", "created_at")
    sql.insert(database, "otp_totp_totpdevice", ("user_id", *_DEVICE, *more), rows)


def delete_accounts(database: str, moids: Collection[str]) -> None:
    """Delete accounts with all that is theirs."""
    if moids:
        hooks.REVOKE_CREDENTIALS.call(database, moids)
        Account.objects.using(database).filter(moid__in=list(moids)).delete()
