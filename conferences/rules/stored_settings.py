"""Define the settings that templates, virtual rooms and reservations keep: how they are changed and used. Pure."""

from __future__ import annotations

from typing import TypedDict

import msgspec

from wire.conference_manager import CreateConference, Creator
from wire.conference_settings import ConferenceSettings
from wire.fields import InvitedTerminal, Places, Resolution, Settings
from wire.optional_settings import OptionalSettings

_NAMES = ConferenceSettings.__struct_fields__


class GivenSettings(TypedDict, total=False):
    """The settings of a conference that a request contains. Those that it leaves out stay, or have their defaults."""

    name: str
    password: str | None
    duration: int
    places: Places
    auto_end: bool
    resolution: Resolution
    h265: bool
    bitrate: int
    record: bool
    protected: bool
    mts: tuple[InvitedTerminal, ...]
    settings: Settings | None
    chairman: str | None
    speaker: str | None


def merge_settings(settings: ConferenceSettings, request: OptionalSettings) -> ConferenceSettings:
    """Return these settings with those that a request contains put in their place.

    `None` in the request means left out.
    """
    values = {name: getattr(request, name) for name in _NAMES}
    present = {name: value for name, value in values.items() if value is not None}
    return msgspec.structs.replace(settings, **present)


def to_create_request(
    settings: ConferenceSettings,
    user_domain: str,
    creator: Creator | None,
    *,
    conftype: int,
    e164: str = "",
    reqid: str | None = None,
) -> CreateConference:
    """Return the request that creates a conference with these settings. `e164` "" means any free number."""
    return CreateConference(
        **{name: getattr(settings, name) for name in _NAMES},
        reqid=reqid,
        user_domain=user_domain,
        creator=creator,
        conftype=int(conftype),  # type: ignore[arg-type]  # 1 to 4, as the callers' constants say
        e164=e164 or None,
    )
