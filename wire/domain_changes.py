"""What is said about domains and accounts (ARCH §3.5, §3.6; CSS §3.2).

`previous`, `whole` and the `platformmoid` of all three are our own: a third party's BMC sends neither, and everybody else ignores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundation.bus.message import (
    Check,
    Message,
    digits,
    flag,
    list_of,
    message,
    obj,
    one_of,
    text,
    whole,
    wire,
)

MOID = text(40, 1)
MOST_VERSIONS = 2**50
_LIMIT = whole(0, 2**31 - 1)
_VERSION = whole(1, MOST_VERSIONS)


def _record(checks: Mapping[str, Check]) -> Check:
    """An object whose known fields are checked; unknown ones are dropped, absent ones stay absent."""

    def check(value: Any) -> dict[str, Any]:
        found = {}
        for name, one in obj(value).items():
            if name not in checks or one is None:
                continue
            try:
                found[name] = checks[name](one)
            except ValueError as wrong:
                raise ValueError(f"{name} {wrong}") from None
            if isinstance(found[name], bool):
                found[name] = int(found[name])
        return found

    return check


def _named(check: Check) -> Check:
    """A record that says which thing it is about."""

    def named(value: Any) -> Any:
        found = check(value)
        if "moid" not in found:
            raise ValueError("moid is missing")
        return found

    return named


_ROOM = _record({"roommoid": MOID, "name": text(64), "order": whole(0, 32767), "default": flag})
_KEY = _record({"key": text(64, 1), "secrethash": text(64, 1), "name": text(64), "enabled": flag})
_URL = text(200)
_DOMAIN = _named(
    _record(
        {
            "moid": MOID,
            "level": one_of(0, 1, 2, 3, "0", "1", "2", "3"),
            "uplevelmoid": text(40),
            "name": text(64, 1),
            "used": flag,
            "enableh265": flag,
            "enablehdmeeting": flag,
            "platformmoid": MOID,
            "roommoid": text(40),
            "smallconfnumlimit": _LIMIT,
            "largeconfnumlimit": _LIMIT,
            "e164prefix": digits(8),
            "backups": list_of(MOID),
            "drmode": one_of("auto", "manual", "off"),
            "rooms": list_of(_ROOM),
            "addresses": _record({"http": _URL, "broker": _URL, "redis": _URL, "database": _URL}),
            "apikeys": list_of(_KEY, 2000),
        }
    )
)
_ACCOUNT = _named(
    _record(
        {
            "moid": MOID,
            "account": text(150, 1),
            "firstname": text(150),
            "lastname": text(150),
            "email": text(254),
            "phone": text(16),
            "e164": text(16),
            "userdomainmoid": MOID,
            "used": flag,
            "administrator": flag,
            "operator": flag,
            "sealed": text(16384),
        }
    )
)
_OP = one_of("add", "mod", "del")


@message("BMC_CSS_DOMAIN_NTF")
class DomainChanged(Message):
    """A domain was added, changed or deleted at the core.

    `previous`: the version that this platform was told before; `whole`: this is the last message of
    all there is, which began with that version, and what was not named in it is no more;
    `platform`: whose data it is for (absent: that of all who are served here, CSS §3.3).
    """

    op: str = wire("op", _OP)
    version: int = wire("version", _VERSION)
    domain: dict[str, Any] = wire("domain", _DOMAIN)
    previous: int | None = wire("previous", whole(0, MOST_VERSIONS), default=None)
    whole: int | None = wire("whole", _VERSION, default=None)
    platform: str | None = wire("platformmoid", MOID, default=None)


@message("AMC_CSS_ACCOUNT_NTF")
class AccountChanged(Message):
    """An account was added, changed or deleted at the core; all else as above."""

    op: str = wire("op", _OP)
    version: int = wire("version", _VERSION)
    account: dict[str, Any] = wire("account", _ACCOUNT)
    previous: int | None = wire("previous", whole(0, MOST_VERSIONS), default=None)
    whole: int | None = wire("whole", _VERSION, default=None)
    platform: str | None = wire("platformmoid", MOID, default=None)


@message("CSS_BMC_SYNC_REQ")
class AskForChanges(Message):
    """A site asks for what came after this version; 0: for all there is.

    `platform`: for whose data; absent: for its own.
    """

    after: int = wire("after", whole(0, MOST_VERSIONS))
    platform: str | None = wire("platformmoid", MOID, default=None)
