"""The settings of a conference that is asked for: now, for later (reservation), or as a pattern (template)."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from foundation.bus.typed_json import TypedObject, text, whole
from wire.fields import (
    InvitedTerminals,
    NewName,
    Password,
    Places,
    Resolution,
    Settings,
    Whole,
)


class ConferenceSettings(TypedObject):
    """These settings say what a conference is to be, created now or later: name, size, duration, people and so on.

    Reservations and templates keep them under the same names. `settings`, `chairman` and `speaker` are our additions;
    the last two each name an account of `mts`.
    """

    name: NewName = field(name="confname")
    password: Password | None = field(name="confpwd", default=None)
    duration: Whole = 240
    places: Places = field(name="maxjoinedmt", default=8)
    auto_end: bool = field(name="autoend", default=False)
    resolution: Resolution = "720p"
    h265: bool = False
    bitrate: Annotated[int, whole(16, 65536)] = 1024
    record: bool = False
    protected: bool = field(name="dr", default=True)
    mts: InvitedTerminals = ()
    settings: Settings | None = None
    chairman: Annotated[str, text(128)] | None = None
    speaker: Annotated[str, text(128)] | None = None
