"""These serializers read domains and accounts from the database as the JSON objects that messages carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from domains.data import sealing
from domains.rules.tree import PLATFORM, USER
from foundation.cells.sql import marks

RunQuery = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]
"""A function that runs a query with values and returns all rows. The caller chooses the connection."""

WireObject = dict[str, Any]

_SELECT_DOMAINS = (
    "SELECT d.moid, d.level, d.parent_id, d.name, d.used, d.enable_h265, d.enable_hd,"
    " u.platform_id, u.room_id, u.small_limit, u.large_limit, u.findable,"
    " p.e164_prefix, p.dr_mode, p.http_url, p.broker_url, p.redis_url, p.database_url"
    " FROM domains_domain d LEFT JOIN domains_userdomain u ON u.domain_ptr_id = d.moid"
    " LEFT JOIN domains_platformdomain p ON p.domain_ptr_id = d.moid WHERE d.moid IN ({marks})"
)
_SELECT_ROOMS = (
    "SELECT platform_id, moid, name, `order`, is_default FROM domains_machineroom"
    " WHERE platform_id IN ({marks}) ORDER BY `order`, moid"
)
_SELECT_BACKUPS = (
    "SELECT platform_id, backup_id FROM domains_backupplatform WHERE platform_id IN ({marks})"
    " ORDER BY `order`, backup_id"
)
_SELECT_API_KEYS = (
    "SELECT domain_id, `key`, secret_hash, name, enabled FROM domains_apikey"
    " WHERE domain_id IN ({marks}) ORDER BY `key`"
)
_SELECT_DEPARTMENTS = (
    "SELECT domain_id, moid, parent_id, name FROM domains_department"
    " WHERE domain_id IN ({marks}) ORDER BY name, moid"
)
_SELECT_ACCOUNTS = (
    "SELECT a.id, a.moid, a.username, a.first_name, a.last_name, a.email, a.phone, a.e164,"
    " a.domain_id, a.department_id, a.position,"
    " a.is_active, a.is_staff, a.is_superuser, a.password FROM domains_account a"
)
_SELECT_SECOND_FACTORS = (
    "SELECT user_id, `key`, name, step, t0, digits, tolerance FROM otp_totp_totpdevice"
    " WHERE user_id IN ({marks}) AND confirmed ORDER BY id"
)
_SECOND_FACTOR_FIELDS = ("key", "name", "step", "t0", "digits", "tolerance")


def serialize_domains(run_query: RunQuery, moids: Sequence[str]) -> list[WireObject]:
    """Read these domains by `run_query`, and return them as messages carry them, in this order. Unknown: left out."""
    if not moids:
        return []
    rows = run_query(_SELECT_DOMAINS.format(marks=marks(moids)), list(moids))
    objects = {row[0]: _domain_object(row) for row in rows}
    platforms = [moid for moid, domain in objects.items() if domain["level"] == PLATFORM]
    if platforms:
        _add_rooms_and_backups(run_query, platforms, objects)
    rows = run_query(_SELECT_API_KEYS.format(marks=marks(moids)), list(moids))
    for domain, key, secret, name, enabled in rows:
        api_key = {"key": key, "secrethash": secret, "name": name, "enabled": int(enabled)}
        objects[domain].setdefault("apikeys", []).append(api_key)
    rows = run_query(_SELECT_DEPARTMENTS.format(marks=marks(moids)), list(moids))
    for domain, moid, parent, name in rows:
        department = {"departmentmoid": moid, "parent": parent or "", "name": name}
        objects[domain]["departments"].append(department)
    return [objects[moid] for moid in moids if moid in objects]


def _add_rooms_and_backups(
    run_query: RunQuery, platforms: list[str], objects: dict[str, WireObject]
) -> None:
    """Add the machine rooms and backup platforms of platform domains to their objects."""
    for platform, moid, name, order, default in run_query(
        _SELECT_ROOMS.format(marks=marks(platforms)), platforms
    ):
        room = {"roommoid": moid, "name": name, "order": order, "default": int(default)}
        objects[platform]["rooms"].append(room)
    for platform, backup in run_query(_SELECT_BACKUPS.format(marks=marks(platforms)), platforms):
        objects[platform]["backups"].append(backup)


def _domain_object(row: tuple[Any, ...]) -> WireObject:
    """Return a domain as messages carry it. `row` is a row of `_SELECT_DOMAINS`."""
    moid, level, parent, name, used, h265, hd, *of_some_levels = row
    platform, room, small, large, findable, prefix, mode, http, broker, cache, database = (
        of_some_levels
    )
    domain: WireObject = {"moid": moid, "level": level, "uplevelmoid": parent or "", "name": name}
    domain |= {
        "used": int(used),
        "enableh265": int(h265),
        "enablehdmeeting": int(hd),
        "apikeys": [],
    }
    if level == USER:
        limits = {"smallconfnumlimit": small, "largeconfnumlimit": large}
        domain |= {"platformmoid": platform, "roommoid": room or "", "findable": int(findable)}
        domain["departments"] = []
        domain |= {name: limit for name, limit in limits.items() if limit is not None}
    if level == PLATFORM:
        urls = {"http": http, "broker": broker, "redis": cache, "database": database}
        domain |= {"e164prefix": prefix, "drmode": mode, "rooms": [], "backups": []}
        domain["addresses"] = {name: without_credentials(url) for name, url in urls.items()}
    return domain


def without_credentials(url: str) -> str:
    """Return an address without user and password: messages do not carry those, each site has its own settings."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in url else url


def serialize_accounts(
    run_query: RunQuery, condition: str, values: Sequence[object]
) -> list[tuple[int, WireObject]]:
    """Read the accounts that meet a condition by `run_query`, and return (primary key, account as messages carry it).

    `condition` is the part of the SQL query from WHERE on; `values` are its parameters.
    """
    rows = run_query(f"{_SELECT_ACCOUNTS} {condition}", values)
    devices = _second_factors(run_query, [row[0] for row in rows])
    return [(row[0], _account_object(row, devices.get(row[0], []))) for row in rows]


def _second_factors(run_query: RunQuery, ids: list[int]) -> dict[int, list[WireObject]]:
    """Return the confirmed second factors of accounts: primary key of the account -> TOTP devices."""
    devices: dict[int, list[WireObject]] = {}
    if ids:
        for user, *values in run_query(_SELECT_SECOND_FACTORS.format(marks=marks(ids)), ids):
            device = dict(zip(_SECOND_FACTOR_FIELDS, values, strict=True))
            devices.setdefault(user, []).append(device)
    return devices


def _account_object(row: tuple[Any, ...], devices: list[WireObject]) -> WireObject:
    """Return an account as the messages from the core to the sites carry it. `row` is a row of `_SELECT_ACCOUNTS`.

    Password hash and second factors are in `sealed`, encrypted. Without a usable key the field is left out, and the
    sites keep what they have. `used` says whether the account is enabled.
    """
    _id, moid, username, first, last, email, phone, e164, domain, *further_columns, password = row
    department, position, *flags = further_columns
    account: WireObject = {"moid": moid, "account": username, "firstname": first, "lastname": last}
    account |= {"email": email or "", "phone": phone or "", "e164": e164 or ""}
    account["userdomainmoid"] = domain
    account |= {"department": department or "", "position": position}
    account |= dict(zip(("used", "administrator", "operator"), map(int, flags), strict=True))
    sealed = sealing.seal(moid, {"password": password, "totp": devices})
    return account | ({"sealed": sealed} if sealed else {})


def chunks(items: Iterable[str], size: int) -> Iterable[list[str]]:
    """Yield the items in lists of at most `size`."""
    all_items = list(items)
    for start in range(0, len(all_items), size):
        yield all_items[start : start + size]
