"""A conference that this unit holds, and its form in the file that outlasts a restart. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import msgspec

from foundation.bus.message import Body
from media_unit.config import UnitConfig
from media_unit.roster import JanusConnection, Roster, Terminal
from wire.arrangement import (
    DEFAULT_ARRANGEMENT,
    Arrangement,
    Right,
    arrangement_of,
    to_settings_members,
)
from wire.fields import Settings, flag
from wire.media_unit import CreateOnUnit, RestoreOnUnit

HostRequest = CreateOnUnit | RestoreOnUnit

_PLAIN = (
    *("e164", "confid", "incarnation", "name", "password", "places", "resolution", "bitrate"),
    *(
        "h265",
        "endtime",
        "janus_room",
        "recording",
        "segments",
        "report_seq",
        "chairman",
        "speaker",
        "mute",
        "silence",
    ),
)
"""The fields of a conference that the state file stores as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JanusRoomPlan:
    """Represent the settings with which the three Janus rooms (sound, video, text) of a conference are created."""

    janus_room: str
    name: str
    password: str
    places: int
    bitrate: int
    h265: bool


@dataclass(slots=True, kw_only=True)
class Leg:
    """A leg: a telephone that Janus mixes into the conference by plain RTP, for a gate of telephones.

    `gate` is the routing key of that gate, `participant` the id in the mixer, `handle` our handle at Janus; `ip` and
    `port` are where Janus receives the telephone's sound. `dropped`: somebody has disconnected the terminal on purpose.
    """

    callid: str
    gate: str
    participant: str
    handle: int
    ip: str
    port: int
    dropped: bool = False


@dataclass(slots=True, kw_only=True)
class RunningMonitor:
    """Represent a monitor: a terminal's sound or picture that Janus sends as RTP to an address, for somebody to watch.

    `mtid` is the terminal ("": all), `mode` sound or picture, `participant` the terminal's id in the Janus room,
    `group` its group in the mixer, `stream` the id of Janus's RTP stream.
    """

    ip: str
    port: int
    mtid: str
    mode: int
    participant: str = ""
    group: str = ""
    stream: int = 0


@dataclass(frozen=True, slots=True)
class ForwardedPicture:
    """A picture that Janus forwards to the composer: whose it is, the id of the RTP stream, and its packets' SSRC."""

    participant: str
    stream: int
    ssrc: int


@dataclass(slots=True, kw_only=True)
class HostedConference:
    """Represent a conference that this media unit runs. `e164` is its number.

    `incarnation` grows each time the platform places the conference on a unit; the highest one is the valid one.
    """

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
    janus_room: str
    recording: str = ""
    """The folder of the segment that is being recorded; "" while nothing is recorded."""
    recording_reported: bool = False
    """Whether managers and join pages were last told that the conference is recorded."""
    segments: int = 0
    """How many segments of a recording were begun on this unit."""
    chairman: str = ""
    speaker: str = ""
    mute: bool = False
    silence: bool = False
    monitors: list[RunningMonitor] = field(default_factory=list)
    legs: dict[str, Leg] = field(default_factory=dict)
    """The telephones in the conference: terminal id (`mtid`) -> leg."""
    composes: bool = False
    """Whether this unit was reserved to compose the conference's pictures (`mps`)."""
    composed_port: int = 0
    """The port at which Janus receives the composed picture; 0 while there is none."""
    composed_sound: int = 0
    """The id of the stream by which Janus adds the mixed sound to the composed picture."""
    composition_error: int = 0
    """The error code of the open API that says why there is no composed picture now; 0: nothing is wrong."""
    pictures: list[ForwardedPicture] = field(default_factory=list)
    """The pictures that are forwarded to the composer."""
    arrangement: Arrangement = DEFAULT_ARRANGEMENT
    room_password: str | None = None
    """The password with which the Janus rooms were made, if it has changed since then."""
    roster: Roster = field(default_factory=Roster)
    reported: Body = field(default_factory=dict)
    """The `state` that was last reported to the scheduler."""
    report_seq: int = 0
    """The `seq` of that report; 0: nothing was reported in this incarnation."""

    @property
    def hd(self) -> bool:
        """Return whether the conference has full-HD pictures."""
        return self.resolution == "1080p"

    @property
    def janus_rooms_password(self) -> str:
        """Return the password with which the conference's Janus rooms were made; it may have been changed since."""
        return self.password if self.room_password is None else self.room_password

    @property
    def room_plan(self) -> JanusRoomPlan:
        """Return the settings with which the Janus rooms of this conference are created."""
        return JanusRoomPlan(
            janus_room=self.janus_room,
            name=self.name,
            password=self.password,
            places=self.places,
            bitrate=self.bitrate,
            h265=self.h265,
        )

    @property
    def state(self) -> Body:
        """Return the fields of the conference that are reported to the platform whenever one of them has changed."""
        changed_password = {} if self.room_password is None else {"password": self.password}
        return changed_password | {
            "name": self.name,
            "mts": self.roster.mts,
            "chairman": self.chairman,
            "speaker": self.speaker,
            "settings": Settings(
                mute=flag(self.mute),
                silence=flag(self.silence),
                extra=to_settings_members(self._as_it_is()),
            ),
        }

    @property
    def roles(self) -> frozenset[str]:
        """Return the terminal ids of the conference's chairman and speaker, as far as there are any."""
        return frozenset((self.chairman, self.speaker)) - {""}

    def arrange(self, **changes: object) -> None:
        """Change fields of the arrangement (layout, speaking rules, bans): field name=new value."""
        self.arrangement = msgspec.structs.replace(self.arrangement, **changes)

    def change_hand(self, mtid: str, up: bool) -> None:
        """Raise or lower the hand of a terminal of the conference.

        One that is up already keeps its place in the order; a terminal that is not in the conference is ignored.
        """
        hands = self.arrangement.hands
        if not up:
            self.arrange(hands=tuple(other for other in hands if other != mtid))
        elif mtid not in hands and mtid in self.roster.terminals:
            self.arrange(hands=(*hands, mtid))

    def update_people(self, connections: Iterable[JanusConnection]) -> list[Terminal]:
        """Update the roster from Janus's connections, and lower the hands of those who have left; return who joined."""
        before = self.roster.online
        arrived = self.roster.update(connections)
        for terminal in before:
            if not terminal.online:
                self.change_hand(terminal.mtid, False)
        return arrived

    def may_talk(self, mtid: str) -> bool:
        """Return whether the terminal with this id may unmute its microphone now, by the rules of who may speak."""
        # Who was unmuted one by one may talk, though the others may not unmute themselves.
        may_unmute = mtid in self.arrangement.maytalk or self.has_right("unmute", mtid)
        return may_unmute and self.arrangement.may_talk(mtid, self.roles)

    def has_right(self, right: Right, mtid: str) -> bool:
        """Return whether the terminal with this id may use a right, such as to share a screen.

        True for everybody while the right is not kept for chairs. Then True for co-chairs and for the chairman's
        terminal; False for all others, also for a join page that has got the chairman's terminal by typing the name.
        """
        arrangement, terminal = self.arrangement, self.roster.terminals.get(mtid)
        if right not in arrangement.chairsonly:
            return True
        if terminal is None:
            return False
        visitor = terminal.visitor
        is_chairs_own = not visitor or arrangement.chair in ("", visitor)
        is_co_chair = bool(visitor) and visitor in arrangement.cochairs
        return is_co_chair or (mtid == self.chairman and is_chairs_own)

    def _as_it_is(self) -> Arrangement:
        """Return the conference's arrangement with what this media unit does now, in place of what was asked for.

        `recording` is 1 while it records, 2 while that pauses, else 0; `composed` is 1 while a composed picture is
        offered, or the error code of its failure.
        """
        is_paused = self.arrangement.recording == 2
        recording = 1 if self.recording else 2 if is_paused else 0
        composed = self.composition_error or int(bool(self.composed_port))
        return msgspec.structs.replace(self.arrangement, recording=recording, composed=composed)

    @property
    def ends_at(self) -> datetime | None:
        """Return the planned end of the conference; `None` if there is none or it cannot be parsed."""
        try:
            moment = datetime.fromisoformat(self.endtime) if self.endtime else None
        except ValueError:
            return None
        return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)

    def prolong(self, endtime: str) -> None:
        """Set the planned end of the conference to a later time; ignore an earlier one.

        A conference is only ever prolonged, so an earlier end comes from a message that a later one has overtaken.
        """
        known, known_text = self.ends_at, self.endtime
        self.endtime = endtime
        if known and self.ends_at and self.ends_at < known:
            self.endtime = known_text

    def monitor_at(self, ip: str, port: int) -> RunningMonitor | None:
        """Return the monitor (RTP copy of a terminal's media) that is sent to an address, or `None`."""
        return next(
            (monitor for monitor in self.monitors if (monitor.ip, monitor.port) == (ip, port)), None
        )

    def to_stored(self) -> Body:
        """Return the conference as the JSON object that the unit's state file stores."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        return plain | {
            "room_password": self.room_password,
            "arrangement": to_settings_members(self.arrangement),
            "roster": self.roster.to_stored(),
            "monitors": [asdict(monitor) for monitor in self.monitors],
            "legs": {mtid: asdict(leg) for mtid, leg in self.legs.items()},
            "composes": self.composes,
            "composed_port": self.composed_port,
            "composed_sound": self.composed_sound,
            "pictures": [asdict(picture) for picture in self.pictures],
        }

    @classmethod
    def from_stored(cls, body: Body) -> HostedConference:
        """Return the conference of a JSON object that `to_stored` has returned, read from the state file."""
        objects: Body = {
            "arrangement": arrangement_of(Settings(extra=body.get("arrangement", {}))),
            "monitors": [RunningMonitor(**monitor) for monitor in body.get("monitors", ())],
            "legs": {mtid: Leg(**leg) for mtid, leg in body.get("legs", {}).items()},
            "pictures": [ForwardedPicture(**picture) for picture in body.get("pictures", ())],
            "roster": Roster.from_stored(body["roster"]),
        }
        return cls(**(body | objects))


def conference_of(request: HostRequest, janus_room: str, config: UnitConfig) -> HostedConference:
    """Return a new conference with the settings of a create request, or of a restore request with its people too.

    `janus_room` is the name of its rooms at Janus, `config` that of this unit.
    """
    conference = HostedConference(
        e164=request.e164,
        confid=request.confid,
        incarnation=request.incarnation,
        name=request.name,
        password=request.password,
        places=request.places,
        resolution=request.resolution,
        bitrate=request.bitrate,
        h265=request.h265,
        endtime=request.endtime,
        janus_room=janus_room,
        recording_reported=request.record,
        composes=config.composes_for(request.mps),
    )
    settings = request.settings or Settings()
    conference.chairman, conference.speaker = request.chairman or "", request.speaker or ""
    conference.mute, conference.silence = bool(settings.mute), bool(settings.silence)
    conference.arrangement = arrangement_of(settings)
    conference.roster.add_called(request.mts)
    return conference
