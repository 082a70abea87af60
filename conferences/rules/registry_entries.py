"""Notices to the number registries (UPU) about the numbers of reservations, templates and virtual rooms (CSS §7).

A registry has an entry for each such number, beside the entry of a conference that runs under the same number.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple

from foundation.bus.message import Message
from foundation.bus.outgoing import Send
from wire.number_registry import NumberChanged, NumberFree, NumberInUse
from wire.routes import Routes


class ConfType(IntEnum):
    """The kind of thing that has a number: conference, reservation, template or virtual room (CSS §7)."""

    INSTANT = 1
    RESERVE = 2
    TEMPLET = 3
    VIRTUAL = 4


class RegistryEntry(NamedTuple):
    """Represent the entry of a number that a reservation (`booked`), or a template or virtual room (`idle`) has.

    `conftype`: 2, 3 or 4 (see `ConfType`). `platform`: the source platform, also while another site serves it (CSS
    §7.2).
    """

    e164: str
    conftype: int
    name: str
    user_domain: str
    platform: str
    state: Literal["booked", "idle"]


def added_notices(entry: RegistryEntry, *sites: str) -> tuple[Send, ...]:
    """Return the notices of a new entry to the number registries (UPU) of these sites.

    Without `sites` there is one notice, to the registry of this site.
    """
    return _to_registries(NumberInUse(**entry._asdict()), sites)


def changed_notices(entry: RegistryEntry, *sites: str) -> tuple[Send, ...]:
    """Return the notices to the number registries (UPU) of these sites that an entry has another name."""
    return _to_registries(NumberChanged(**entry._asdict()), sites)


def removed_notices(entry: RegistryEntry, *sites: str) -> tuple[Send, ...]:
    """Return the notices to the number registries (UPU) of these sites that an entry is deleted.

    The entry of a conference that runs under the same number stays.
    """
    return _to_registries(NumberFree(**entry._asdict()), sites)


def _to_registries(message: NumberInUse, sites: tuple[str, ...]) -> tuple[Send, ...]:
    """Return a message addressed to the number registry of each of these sites.

    Without `sites` to that of this site.
    """
    return tuple(to_registry(message, site) for site in dict.fromkeys(sites or ("",)))


def to_registry(message: Message, site: str = "") -> Send:
    """Return a message addressed to the number registry (UPU) of a site; "" means this one.

    The header x-via names the site, because another site than now may send the message in the end.
    """
    headers = {"x-via": site} if site else None
    return Send(route=Routes.TO_UPU, message=message, destination=site, headers=headers)
