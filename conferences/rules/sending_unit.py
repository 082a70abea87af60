"""The rule by which the media unit that sent a message is found."""

from __future__ import annotations

from conferences.rules.states import Conference, NamesUnit, Unit
from foundation.bus.envelope import Envelope


def sending_unit(
    message: NamesUnit, envelope: Envelope, own_site: str, c: Conference | None
) -> Unit | None:
    """Return the media unit that sent a message: from its body, else from its `app_id` (`cmu@<ip>[:<pid>]`).

    Its site is ours, or the site that passed the message on (`envelope.via`). An `app_id` without an instance
    (`pid`) names an address alone: then it is the unit of the conference `c`, if that has this address. `None` means
    that the message names no unit.
    """
    site = envelope.via or own_site
    if message.ip:
        return Unit(message.ip, message.pid or "", site)
    role, _, address = envelope.app_id.partition("@")
    if role != "cmu" or not address:
        return None
    host, instance = address.split(":") if address.count(":") == 1 else (address, "")
    unit = Unit(host, message.pid or instance, site)
    assigned = c.unit if c else None
    is_assigned = assigned and not unit.pid and (assigned.ip, assigned.site) == (unit.ip, site)
    return assigned if is_assigned else unit
