"""The settings of a conference as requests about templates and reservations have them: each may be left out."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from foundation.bus.message import Message
from foundation.bus.typed_json import text, whole
from wire.conference_manager import Creator
from wire.fields import (
    InvitedTerminals,
    Moid,
    NewName,
    Number,
    Password,
    Places,
    ReqId,
    Resolution,
    Settings,
    Whole,
)


class OptionalSettings(Message):
    """The base of requests about templates and reservations: the settings of a conference, all optional.

    `None` means that a field was left out. Then a new template or reservation gets the default of a create request, and
    a change leaves the field as it is.
    """

    reqid: ReqId | None = None
    user_domain: Moid = field(name="moid")
    creator: Creator | None = None
    name: NewName | None = field(name="confname", default=None)
    e164: Number | None = field(name="confE164", default=None)
    password: Password | None = field(name="confpwd", default=None)
    duration: Whole | None = None
    places: Places | None = field(name="maxjoinedmt", default=None)
    auto_end: bool | None = field(name="autoend", default=None)
    resolution: Resolution | None = None
    h265: bool | None = None
    bitrate: Annotated[int, whole(16, 65536)] | None = None
    record: bool | None = None
    protected: bool | None = field(name="dr", default=None)
    mts: InvitedTerminals | None = None
    settings: Settings | None = None
    chairman: Annotated[str, text(128)] | None = None
    speaker: Annotated[str, text(128)] | None = None
