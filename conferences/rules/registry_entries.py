"""What does not run, but has a number, is told to the registry of numbers (UPU) by these messages (CSS §7).

The registry keeps one entry for each number that is booked or idle, beside the entry of the conference that runs with it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple

from foundation.bus.outgoing import Send
from wire.number_registry import NumberChanged, NumberFree, NumberInUse
from wire.routes import Routes


class ConfType(IntEnum):
    """What a number stands for (CSS §7)."""

    INSTANT = 1
    RESERVE = 2
    TEMPLET = 3
    VIRTUAL = 4


class RegistryEntry(NamedTuple):
    """A number that does not run: of a reservation (`booked`), a template or a virtual room (`idle`).

    `platform` is the source platform, also while another site serves it (CSS §7.2). `conftype`: 2, 3 or 4.
    """

    e164: str
    conftype: int
    name: str
    user_domain: str
    platform: str
    state: Literal["booked", "idle"]


def added(entry: RegistryEntry, *sites: str) -> tuple[Send, ...]:
    """Tell the registries of `sites` about an entry; one that they have already stays. Without `sites` only this site's."""
    return _send(NumberInUse(**entry._asdict()), sites)


def changed(entry: RegistryEntry, *sites: str) -> tuple[Send, ...]:
    """Tell the registries of `sites` that an entry has another name."""
    return _send(NumberChanged(**entry._asdict()), sites)


def removed(entry: RegistryEntry, *sites: str) -> tuple[Send, ...]:
    """Tell the registries of `sites` that an entry is gone; that of a conference which runs with the number stays."""
    return _send(NumberFree(**entry._asdict()), sites)


def _send(message: NumberInUse, sites: tuple[str, ...]) -> tuple[Send, ...]:
    """Address a message to each site's registry once; without `sites` to this site's."""
    return tuple(
        Send(route=Routes.TO_UPU, message=message, destination=site)
        for site in dict.fromkeys(sites or ("",))
    )
