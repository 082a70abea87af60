"""Define the rule by which the media unit that sent a message is found."""

from __future__ import annotations

from conferences.rules.states import Conference, NamesUnit, Unit
from foundation.bus.envelope import Envelope


def sending_unit(
    message: NamesUnit, envelope: Envelope, own_site: str, conference: Conference | None
) -> Unit | None:
    """Return the media unit that sent a message; `None` means that the message does not name it.

    It is named by the body, else by the `app_id` (`cmu@<ip>[:<pid>]`). Its site is ours, or the site that forwarded the
    message (`envelope.via`). If the `app_id` names only an address, it is the unit of `conference` if that has this
    address, else the unit without instance name (`pid`).
    """
    site = envelope.via or own_site
    if message.ip:
        return Unit(message.ip, message.pid or "", site)
    role, _, address = envelope.app_id.partition("@")
    if role != "cmu" or not address:
        return None
    host, instance = address.split(":") if address.count(":") == 1 else (address, "")
    unit = Unit(host, message.pid or instance, site)
    assigned = conference.unit if conference else None
    is_assigned = assigned and not unit.pid and (assigned.ip, assigned.site) == (unit.ip, site)
    return assigned if is_assigned else unit
