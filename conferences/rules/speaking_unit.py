"""The media unit for which a message speaks is found here."""

from __future__ import annotations

from typing import Protocol

from conferences.rules.states import Conference, Unit
from foundation.bus.envelope import Envelope


class NamesUnit(Protocol):
    """A message of a media unit, which may name its unit."""

    @property
    def ip(self) -> str | None: ...

    @property
    def pid(self) -> str | None: ...


def speaking_unit(
    message: NamesUnit, envelope: Envelope, own_site: str, c: Conference | None
) -> Unit | None:
    """Return the unit that a message speaks for: as its body says, else its `app_id` (`cmu@<ip>[:<pid>]`).

    The unit stands where the message was received: here, or at the site that passed it on. An `app_id`
    without an instance names an address only: then it is the conference's own unit, if that stands at this
    address. `None` means that the message names no unit.
    """
    site = envelope.via or own_site
    if message.ip:
        return Unit(message.ip, message.pid or "", site)
    role, _, address = envelope.app_id.partition("@")
    if role != "cmu" or not address:
        return None
    host, instance = address.split(":") if address.count(":") == 1 else (address, "")
    unit, assigned = Unit(host, message.pid or instance, site), c.unit if c else None
    is_assigned = assigned and not unit.pid and (assigned.ip, assigned.at) == (unit.ip, site)
    return assigned if is_assigned else unit
