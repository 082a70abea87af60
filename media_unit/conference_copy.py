"""A conference that this unit holds, as it is kept for the unit's own restart. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from media_unit.roster import Roster
from wire.media_unit import CreateOnUnit, RestoreOnUnit

Body = dict[str, Any]
Order = CreateOnUnit | RestoreOnUnit

_PLAIN = (
    *("e164", "confid", "incarnation", "name", "password", "places", "resolution", "bitrate"),
    *("h265", "endtime", "recording", "segments", "chairman", "speaker", "mute", "silence"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomPlan:
    """What a conference's rooms are like."""

    room: str
    name: str
    password: str
    places: int
    bitrate: int
    h265: bool


@dataclass(slots=True, kw_only=True)
class Held:
    """Number and incarnation say which it is; the rest is what it is like."""

    e164: str
    confid: str
    incarnation: int
    name: str
    password: str
    places: int
    resolution: str
    bitrate: int
    h265: bool
    endtime: str | None
    recording: str = ""
    segments: int = 0
    chairman: str = ""
    speaker: str = ""
    mute: bool = False
    silence: bool = False
    roster: Roster = field(default_factory=Roster)
    reported: Body = field(default_factory=dict)

    @property
    def room(self) -> str:
        """The name of its rooms: another incarnation has others."""
        return f"{self.e164}-{self.incarnation}"

    @property
    def hd(self) -> bool:
        return self.resolution == "1080p"

    @property
    def plan(self) -> RoomPlan:
        return RoomPlan(
            room=self.room,
            name=self.name,
            password=self.password,
            places=self.places,
            bitrate=self.bitrate,
            h265=self.h265,
        )

    @property
    def state(self) -> Body:
        """What is reported when it changes."""
        return {
            "name": self.name,
            "mts": self.roster.mts,
            "chairman": self.chairman,
            "speaker": self.speaker,
            "settings": {"mute": int(self.mute), "silence": int(self.silence)},
        }

    @property
    def ends_at(self) -> datetime | None:
        """When it is over, if that can be read."""
        try:
            return datetime.fromisoformat(self.endtime) if self.endtime else None
        except ValueError:
            return None

    def keep(self) -> Body:
        """For the unit's own restart."""
        return {name: getattr(self, name) for name in _PLAIN} | {"roster": self.roster.keep()}

    @classmethod
    def kept(cls, body: Body) -> Held:
        """What keep() kept."""
        return cls(**(body | {"roster": Roster.kept(body["roster"])}))


def begin(order: Order) -> Held:
    """The conference of a command; a restored one has its people and settings again."""
    held = Held(
        e164=order.e164,
        confid=order.confid,
        incarnation=order.incarnation,
        name=order.name,
        password=order.password,
        places=order.places,
        resolution=order.resolution,
        bitrate=order.bitrate,
        h265=order.h265,
        endtime=order.endtime,
    )
    if isinstance(order, RestoreOnUnit):
        settings = order.settings or {}
        held.chairman, held.speaker = order.chairman, order.speaker
        held.mute, held.silence = bool(settings.get("mute")), bool(settings.get("silence"))
    held.roster.call(order.mts)
    return held
