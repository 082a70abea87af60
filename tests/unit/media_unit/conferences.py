"""Conferences of media units for unit tests."""

from __future__ import annotations

from typing import Any

from media_unit.conference_copy import HostedConference


def hosted_conference(**fields: Any) -> HostedConference:
    """Return a conference as a unit holds it, with these fields."""
    common: dict[str, Any] = {
        "e164": "1",
        "confid": "c",
        "incarnation": 1,
        "name": "Board",
        "password": "",
        "places": 8,
        "resolution": "720p",
        "bitrate": 1024,
        "h265": False,
        "endtime": None,
        "janus_room": "1-1-x",
    }
    return HostedConference(**(common | fields))
