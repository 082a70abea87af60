"""These serializers read domains and accounts from the database, and give them the shape of the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from domains.data import sealing
from foundation.cells.sql import marks

RunQuery = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""A function that runs a query on some connection: the transaction of a change, or a snapshot."""

WireObject = dict[str, Any]

_DOMAINS = (
    "SELECT d.moid, d.level, d.parent_id, d.name, d.used, d.enable_h265, d.enable_hd,"
    " u.platform_id, u.room_id, u.small_limit, u.large_limit,"
    " p.e164_prefix, p.dr_mode, p.http_url, p.broker_url, p.redis_url, p.database_url"
    " FROM domains_domain d LEFT JOIN domains_userdomain u ON u.domain_ptr_id = d.moid"
    " LEFT JOIN domains_platformdomain p ON p.domain_ptr_id = d.moid WHERE d.moid IN ({marks})"
)
_ROOMS = (
    "SELECT platform_id, moid, name, `order`, is_default FROM domains_machineroom"
    " WHERE platform_id IN ({marks}) ORDER BY `order`, moid"
)
_BACKUPS = (
    "SELECT platform_id, backup_id FROM domains_backupplatform WHERE platform_id IN ({marks})"
    " ORDER BY `order`, backup_id"
)
_KEYS = (
    "SELECT domain_id, `key`, secret_hash, name, enabled FROM domains_apikey"
    " WHERE domain_id IN ({marks}) ORDER BY `key`"
)
_ACCOUNTS = (
    "SELECT a.id, a.moid, a.username, a.first_name, a.last_name, a.email, a.phone, a.e164,"
    " a.domain_id, a.is_active, a.is_staff, a.is_superuser, a.password FROM domains_account a"
)
_DEVICES = (
    "SELECT user_id, `key`, name, step, t0, digits, tolerance FROM otp_totp_totpdevice"
    " WHERE user_id IN ({marks}) AND confirmed ORDER BY id"
)
_DEVICE = ("key", "name", "step", "t0", "digits", "tolerance")


def serialize_domains(ask: RunQuery, moids: Sequence[str]) -> list[WireObject]:
    """Return these domains in this order. Domains that do not exist are left out."""
    if not moids:
        return []
    objects = {
        row[0]: _domain_object(row) for row in ask(_DOMAINS.format(marks=marks(moids)), list(moids))
    }
    platforms = [moid for moid, shape in objects.items() if shape["level"] == 1]
    if platforms:
        _add_rooms_and_backups(ask, platforms, objects)
    for domain, key, secret, name, enabled in ask(_KEYS.format(marks=marks(moids)), list(moids)):
        shape = {"key": key, "secrethash": secret, "name": name, "enabled": int(enabled)}
        objects[domain].setdefault("apikeys", []).append(shape)
    return [objects[moid] for moid in moids if moid in objects]


def _add_rooms_and_backups(
    ask: RunQuery, platforms: list[str], objects: dict[str, WireObject]
) -> None:
    """Add the rooms and backups of platform domains to their objects."""
    for platform, moid, name, order, default in ask(
        _ROOMS.format(marks=marks(platforms)), platforms
    ):
        room = {"roommoid": moid, "name": name, "order": order, "default": int(default)}
        objects[platform]["rooms"].append(room)
    for platform, backup in ask(_BACKUPS.format(marks=marks(platforms)), platforms):
        objects[platform]["backups"].append(backup)


def _domain_object(row: tuple[Any, ...]) -> WireObject:
    moid, level, parent, name, used, h265, hd, *more = row
    platform, room, small, large, prefix, mode, http, broker, cache, database = more
    domain: WireObject = {"moid": moid, "level": level, "uplevelmoid": parent or "", "name": name}
    domain |= {
        "used": int(used),
        "enableh265": int(h265),
        "enablehdmeeting": int(hd),
        "apikeys": [],
    }
    if level == 0:
        limits = {"smallconfnumlimit": small, "largeconfnumlimit": large}
        domain |= {"platformmoid": platform, "roommoid": room or ""}
        domain |= {name: limit for name, limit in limits.items() if limit is not None}
    if level == 1:
        urls = {"http": http, "broker": broker, "redis": cache, "database": database}
        domain |= {"e164prefix": prefix, "drmode": mode, "rooms": [], "backups": []}
        domain["addresses"] = {name: without_credentials(url) for name, url in urls.items()}
    return domain


def without_credentials(url: str) -> str:
    """Return an address without user and password. Each site has those in its own environment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in url else url


def serialize_accounts(
    ask: RunQuery, condition: str, values: Sequence[Any]
) -> list[tuple[int, WireObject]]:
    """Return the accounts that meet a condition, each with its primary key."""
    rows = ask(f"{_ACCOUNTS} {condition}", values)
    devices = _devices(ask, [row[0] for row in rows])
    return [(row[0], _account_object(row, devices.get(row[0], []))) for row in rows]


def _devices(ask: RunQuery, ids: list[int]) -> dict[int, list[WireObject]]:
    """Return the confirmed second factors of accounts, by primary key of the account."""
    devices: dict[int, list[WireObject]] = {}
    if ids:
        for user, *fields in ask(_DEVICES.format(marks=marks(ids)), ids):
            devices.setdefault(user, []).append(dict(zip(_DEVICE, fields, strict=True)))
    return devices


def _account_object(row: tuple[Any, ...], devices: list[WireObject]) -> WireObject:
    _id, moid, username, first, last, email, phone, e164, domain, *flags, password = row
    account: WireObject = {"moid": moid, "account": username, "firstname": first, "lastname": last}
    account |= {"email": email or "", "phone": phone or "", "e164": e164 or ""}
    account["userdomainmoid"] = domain
    account |= dict(zip(("used", "administrator", "operator"), map(int, flags), strict=True))
    sealed = sealing.seal(moid, {"password": password, "totp": devices})
    return account | ({"sealed": sealed} if sealed else {})


def chunks(items: Iterable[str], size: int) -> Iterable[list[str]]:
    """Yield the items in lists of at most `size`."""
    all_items = list(items)
    for start in range(0, len(all_items), size):
        yield all_items[start : start + size]
