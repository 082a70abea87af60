"""Who speaks: the media unit behind a message."""

from __future__ import annotations

from typing import Protocol

from conferences.rules.states import Conference, Unit
from foundation.bus.envelope import Envelope


class Spoken(Protocol):
    """What a media unit says may name it."""

    @property
    def ip(self) -> str | None: ...

    @property
    def pid(self) -> str | None: ...


def speaker(said: Spoken, envelope: Envelope, here: str, c: Conference | None) -> Unit | None:
    """The unit that a message speaks for: by its body, else by its `app_id` (`cmu@<ip>[:<pid>]`).

    It stands where it was heard: here, or at the site that passed the message on. An `app_id`
    without instance names an address only: the assigned unit, where it stands there.
    """
    at = envelope.via or here
    if said.ip:
        return Unit(said.ip, said.pid or "", at)
    role, _, address = envelope.app_id.partition("@")
    if role != "cmu" or not address:
        return None
    host, instance = address.split(":") if address.count(":") == 1 else (address, "")
    unit, assigned = Unit(host, said.pid or instance, at), c.unit if c else None
    same = assigned and not unit.pid and (assigned.ip, assigned.at) == (unit.ip, at)
    return assigned if same else unit
