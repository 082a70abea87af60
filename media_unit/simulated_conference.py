"""A conference on a simulated unit, and the control requests that change it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from foundation.bus.message import list_of
from wire.error_codes import Err
from wire.fields import NAME, terminal
from wire.media_unit import CreateOnUnit, RestoreOnUnit

MOST_MEMBERS = 500
"""The wire's limit for one list."""

Body = dict[str, Any]


@dataclass(slots=True)
class SimulatedConference:
    """A conference on a simulated unit. Members have the form of the wire."""

    e164: str
    incarnation: int
    name: str
    password: str
    places: int
    hd: bool
    endtime: str | None
    recording: bool
    chairman: str = ""
    speaker: str = ""
    mute: bool = False
    silence: bool = False
    members: dict[str, Body] = field(default_factory=dict)
    monitors: list[Body] = field(default_factory=list)
    numbered: int = 0

    @property
    def mts(self) -> tuple[Body, ...]:
        """Return copies of all members, so that messages do not change afterwards."""
        return tuple(dict(member) for member in self.members.values())

    @property
    def settings(self) -> Body:
        """Return the settings that hold for all members."""
        return {"mute": int(self.mute), "silence": int(self.silence)}

    def join(self, unit: str) -> Body:
        """Return what a client needs to join; the address says that it is simulated."""
        webrtc = {
            "url": f"simulated:{unit}",
            "audioroom": int(self.e164),
            "videoroom": int(self.e164),
            "pin": self.password,
            "token": f"simulated-{self.e164}-{self.incarnation}",
        }
        return {"webrtc": webrtc}

    def call(self, wanted: Iterable[Body]) -> None:
        """Call terminals; each answers at once, as long as there are places."""
        online = sum(row["online"] for row in self.members.values())
        for row in wanted:
            mtid = str(row.get("mtid") or self._next_id())
            online -= self.members[mtid]["online"] if mtid in self.members else 0
            answers = int(bool(row.get("online", 1)) and online < self.places)
            online += answers
            self.members[mtid] = {
                "mtid": mtid,
                "account": str(row.get("account") or mtid),
                "name": str(row.get("name") or row.get("account") or mtid),
                "type": str(row.get("type") or "e164"),
                "online": answers,
                "mute": int(bool(row.get("mute", self.mute))),
                "silence": int(bool(row.get("silence", self.silence))),
            }

    def _next_id(self) -> str:
        while True:
            self.numbered += 1
            if (mtid := f"m{self.numbered}") not in self.members:
                return mtid


def conference_of(request: CreateOnUnit | RestoreOnUnit) -> SimulatedConference:
    """Return the conference that a request asks for.

    A restored one has its chairman, speaker and settings again.
    """
    conference = SimulatedConference(
        e164=request.e164,
        incarnation=request.incarnation,
        name=request.name,
        password=request.password,
        places=request.places,
        hd=request.resolution == "1080p",
        endtime=request.endtime,
        recording=request.record,
    )
    if isinstance(request, RestoreOnUnit):
        settings = request.settings or {}
        conference.chairman, conference.speaker = request.chairman, request.speaker
        conference.mute, conference.silence = (
            bool(settings.get("mute")),
            bool(settings.get("silence")),
        )
    conference.call(request.mts)
    return conference


@dataclass(frozen=True, slots=True)
class ControlResult:
    """The result of a control request: fields of its answer and changed fields, or why it was refused."""

    answer_fields: Body = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    refused: str = ""
    detail: str = ""


def control(conference: SimulatedConference, name: str, body: Body) -> ControlResult:
    """Carry out a control request."""
    handler = _CONTROLS.get(name)
    if handler is None:
        return _malformed("type: is no control that a unit knows")
    return handler(conference, body)


def _malformed(detail: str) -> ControlResult:
    return ControlResult(refused=Err.MALFORMED, detail=detail)


def _add(conference: SimulatedConference, body: Body) -> ControlResult:
    try:
        wanted = list_of(terminal)(body.get("mts"))
    except ValueError as error:
        return _malformed(f"mts: {error}")
    new = sum(str(row.get("mtid")) not in conference.members for row in wanted)
    if len(conference.members) + new > MOST_MEMBERS:
        return ControlResult(refused=Err.UNIT_REFUSED, detail=f"at most {MOST_MEMBERS} members")
    conference.call(wanted)
    return ControlResult(changed=("mts",))


def _named(conference: SimulatedConference, body: Body) -> tuple[list[str], ControlResult | None]:
    mtids = body.get("mtids")
    if not isinstance(mtids, list):
        return [], _malformed("mtids: must be a list")
    return [mtid for mtid in mtids if isinstance(mtid, str) and mtid in conference.members], None


def _delete(conference: SimulatedConference, body: Body) -> ControlResult:
    mtids, error = _named(conference, body)
    for mtid in mtids:
        del conference.members[mtid]
    conference.chairman = "" if conference.chairman in mtids else conference.chairman
    conference.speaker = "" if conference.speaker in mtids else conference.speaker
    return error or ControlResult(changed=("mts", "chairman", "speaker"))


def _hang_up(conference: SimulatedConference, body: Body) -> ControlResult:
    mtids, error = _named(conference, body)
    for mtid in mtids:
        conference.members[mtid]["online"] = 0
    return error or ControlResult(changed=("mts",))


def _is_member(conference: SimulatedConference, mtid: Any) -> bool:
    return isinstance(mtid, str) and mtid in conference.members


def _switch(setting: str) -> Callable[[SimulatedConference, Body], ControlResult]:
    """Return the handler of MUTE or SILENCE, for one member or for all present and later ones."""

    def switch(conference: SimulatedConference, body: Body) -> ControlResult:
        value, mtid = body.get("value", 1), body.get("mtid")
        if value not in (0, 1):
            return _malformed("value: must be 0 or 1")
        if not mtid:
            setattr(conference, setting, bool(value))
        elif not _is_member(conference, mtid):
            return _malformed("mtid: is no member")
        for member in conference.members.values() if not mtid else [conference.members[mtid]]:
            member[setting] = int(value)
        return ControlResult(changed=("mts", "settings"))

    return switch


def _rename(conference: SimulatedConference, body: Body) -> ControlResult:
    """Rename the conference at once, since CM itself asks."""
    try:
        conference.name = NAME(body.get("confname"))
    except ValueError as error:
        return _malformed(f"confname: {error}")
    return ControlResult(changed=("name",))


def _appoint(role: str) -> Callable[[SimulatedConference, Body], ControlResult]:
    """Return the handler of SETCHAIRMAN or SETSPEAKER; the mtid "" means nobody."""

    def appoint(conference: SimulatedConference, body: Body) -> ControlResult:
        mtid = body.get("mtid", "")
        if mtid != "" and not _is_member(conference, mtid):
            return _malformed("mtid: is no member")
        setattr(conference, role, mtid)
        return ControlResult(changed=(role,))

    return appoint


def _record(on: bool) -> Callable[[SimulatedConference, Body], ControlResult]:
    def record(conference: SimulatedConference, body: Body) -> ControlResult:
        conference.recording = on
        return ControlResult()

    return record


def _tell(conference: SimulatedConference, body: Body) -> ControlResult:
    return (
        ControlResult()
        if isinstance(body.get("text"), str)
        else _malformed("text: must be a string")
    )


def _list(conference: SimulatedConference, body: Body) -> ControlResult:
    return ControlResult(answer_fields={"mts": conference.mts})


_CONTROLS: dict[str, Callable[[SimulatedConference, Body], ControlResult]] = {
    "ADDMT": _add,
    "DELMT": _delete,
    "DROPMT": _hang_up,
    "MUTE": _switch("mute"),
    "SILENCE": _switch("silence"),
    "MODIFYCONFNAME": _rename,
    "SETCHAIRMAN": _appoint("chairman"),
    "SETSPEAKER": _appoint("speaker"),
    "STARTRECORD": _record(True),
    "STOPRECORD": _record(False),
    "SENDMSG": _tell,
    "GETMTLIST": _list,
}
