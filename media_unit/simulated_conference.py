"""A conference on a simulated unit, and the control requests that change it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from foundation.bus.message import BadMessage, Body, read_fields
from foundation.bus.typed_json import to_json_list
from wire.arrangement import (
    DEFAULT_ARRANGEMENT,
    Arrangement,
    ArrangementRefused,
    Banned,
    arrangement_of,
    change_members,
    change_mix,
    remaining_bans,
    to_settings_members,
)
from wire.conference_control import Arrange, CallTerminals, RenameConference, SetPassword
from wire.error_codes import Err
from wire.fields import Join, Settings, Terminal, WebRtc, flag
from wire.media_unit import CreateOnUnit, RestoreOnUnit
from wire.monitors import AUDIO, StartMonitorOnUnit

MOST_MEMBERS = 500
"""The protocol's limit for one list."""


_KEPT = ("protocol", "account_type", "bitrate")
"""Fields of a called terminal that are reported as the call request gave them."""


@dataclass(slots=True)
class SimulatedConference:
    """Represent a conference on a simulated media unit. `members` are its terminals, as messages list them."""

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
    arrangement: Arrangement = DEFAULT_ARRANGEMENT
    members: dict[str, Terminal] = field(default_factory=dict)
    monitors: dict[tuple[str, int], StartMonitorOnUnit] = field(default_factory=dict)
    """Address (ip, port) -> the request that started the monitor."""
    last_id_number: int = 0
    """The highest number that was given as an id (`m1`, `m2`, ...)."""
    report_seq: int = 0
    """The `seq` of the last report about it; 0: there was none."""

    @property
    def mts(self) -> tuple[Terminal, ...]:
        """Return all terminals of the conference, as messages list them."""
        return tuple(self.members.values())

    @property
    def settings(self) -> Settings:
        """Return the conference's settings as messages report them: mute, silence and arrangement.

        `recording` in the arrangement: 1 recorded now, 2 recording pauses, 0 neither.
        """
        is_paused = self.arrangement.recording == 2
        recording = 1 if self.recording else 2 if is_paused else 0
        arrangement = msgspec.structs.replace(self.arrangement, recording=recording)
        return Settings(
            mute=flag(self.mute), silence=flag(self.silence), extra=to_settings_members(arrangement)
        )

    def arrange(self, **changes: object) -> None:
        """Change fields of the arrangement (layout, speaking rules, bans): field name=new value."""
        self.arrangement = msgspec.structs.replace(self.arrangement, **changes)

    def mute_who_may_not_talk(self) -> None:
        """Mute each terminal that is not muted although it may not talk now."""
        roles = {self.chairman, self.speaker} - {""}
        for mtid, member in self.members.items():
            if not member.mute and not self.arrangement.may_talk(mtid, roles):
                self.members[mtid] = msgspec.structs.replace(member, mute=1)

    def join(self, unit: str) -> Join:
        """Return what a client would need to enter the conference; the URL says that the unit is simulated."""
        webrtc = WebRtc(
            url=f"simulated:{unit}",
            audioroom=int(self.e164),
            videoroom=int(self.e164),
            pin=self.password,
            token=f"simulated-{self.e164}-{self.incarnation}",
        )
        return Join(webrtc=webrtc)

    def why_not_monitored(self, mtid: str, mode: int) -> str:
        """Return why a terminal's sound or video (`mode`) cannot be sent to a monitor; "" if it can.

        `mtid` "" means the mixed sound of all terminals.
        """
        if not mtid:
            return "" if mode == AUDIO else "mode: there is no picture of all terminals"
        is_online = mtid in self.members and self.members[mtid].online
        return "" if is_online else "mtid: this terminal is not here"

    def add_called(self, invited: Iterable[Terminal]) -> None:
        """Call terminals, which adds them to the conference if they are new, and lifts their bans.

        Each is online at once if there is a free place, unless its entry says `online` 0.
        """
        online = sum(bool(member.online) for member in self.members.values())
        invited = list(invited)
        self.arrange(banned=remaining_bans(self.arrangement.banned, invited))
        for entry in invited:
            mtid = entry.mtid or self._next_id()
            online -= bool(self.members[mtid].online) if mtid in self.members else 0
            goes_online = entry.online != 0 and online < self.places
            online += goes_online
            self.members[mtid] = Terminal(
                mtid=mtid,
                account=entry.account or mtid,
                name=entry.name or entry.account or mtid,
                type=entry.type or "e164",
                online=flag(goes_online),
                mute=flag(self.mute if entry.mute is None else entry.mute),
                silence=flag(self.silence if entry.silence is None else entry.silence),
                extra={name: entry.extra[name] for name in _KEPT if name in entry.extra},
            )
        self.mute_who_may_not_talk()

    def _next_id(self) -> str:
        """Return an id for a further member that no member of the conference has."""
        while True:
            self.last_id_number += 1
            if (mtid := f"m{self.last_id_number}") not in self.members:
                return mtid


def conference_of(request: CreateOnUnit | RestoreOnUnit) -> SimulatedConference:
    """Return a new simulated conference with the name, settings and terminals of a create or restore request."""
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
    settings = request.settings or Settings()
    conference.chairman, conference.speaker = request.chairman or "", request.speaker or ""
    conference.mute, conference.silence = bool(settings.mute), bool(settings.silence)
    conference.arrangement = arrangement_of(settings)
    conference.add_called(request.mts)
    return conference


@dataclass(frozen=True, slots=True)
class ControlResult:
    """The result of a control request: fields of the answer, whether the conference changed, or why it is refused."""

    answer_fields: Body = field(default_factory=dict)
    is_changed: bool = False
    refused: str = ""
    detail: str = ""


NOT_HOSTED = ControlResult(refused=Err.NO_CONFERENCE, detail="not held here")
"""The result of a control request for a conference that the unit does not hold."""


def carry_out_control(conference: SimulatedConference, name: str, body: Body) -> ControlResult:
    """Carry out a conference manager's request (`name`), such as MUTE, on a simulated conference.

    `body` is the request as a JSON object. Returns the result, a refusal for an unknown request.
    """
    handler = _CONTROLS.get(name)
    if handler is None:
        return _malformed("type: is no control that a unit knows")
    return handler(conference, body)


def _malformed(detail: str) -> ControlResult:
    """Return the refusal of a control request with a malformed field; `detail` names the field."""
    return ControlResult(refused=Err.MALFORMED, detail=detail)


def _add_members(conference: SimulatedConference, body: Body) -> ControlResult:
    """Handle ADDMT: add terminals to the simulated conference, and return the result; refuse over MOST_MEMBERS."""
    try:
        invited = read_fields(CallTerminals, body).terminals
    except BadMessage as error:
        return _malformed(error.detail)
    new = sum((terminal.mtid or "None") not in conference.members for terminal in invited)
    if len(conference.members) + new > MOST_MEMBERS:
        return ControlResult(refused=Err.UNIT_REFUSED, detail=f"at most {MOST_MEMBERS} members")
    conference.add_called(invited)
    return ControlResult(is_changed=True)


def _named_members(
    conference: SimulatedConference, body: Body
) -> tuple[list[str], ControlResult | None]:
    """Return the ids in a request's field `mtids` that are terminals of the conference, and `None`.

    If the field is no list, return no ids and the refusal of the request.
    """
    mtids = body.get("mtids")
    if not isinstance(mtids, list):
        return [], _malformed("mtids: must be a list")
    return [mtid for mtid in mtids if isinstance(mtid, str) and mtid in conference.members], None


def _remove_members(conference: SimulatedConference, body: Body) -> ControlResult:
    """Handle DELMT: remove the named terminals, and return the result. A chairman or speaker is not replaced."""
    mtids, error = _named_members(conference, body)
    if body.get("ban"):
        _ban_members(conference, mtids)
    for mtid in mtids:
        del conference.members[mtid]
        conference.arrangement = conference.arrangement.without_terminal(mtid)
    conference.chairman = "" if conference.chairman in mtids else conference.chairman
    conference.speaker = "" if conference.speaker in mtids else conference.speaker
    return error or ControlResult(is_changed=True)


def _ban_members(conference: SimulatedConference, mtids: Iterable[str]) -> None:
    """Ban terminals from the conference: they cannot join until somebody calls them.

    The oldest bans above MOST_MEMBERS end.
    """
    members = [conference.members[mtid] for mtid in mtids]
    banned = [Banned(name=member.name or "", account=member.account or "") for member in members]
    conference.arrange(banned=(*conference.arrangement.banned, *banned)[-MOST_MEMBERS:])


def _hang_up_members(conference: SimulatedConference, body: Body) -> ControlResult:
    """Handle DROPMT: take the named terminals offline, with `ban` also keep them out; return the result."""
    mtids, error = _named_members(conference, body)
    if body.get("ban"):
        _ban_members(conference, mtids)
    for mtid in mtids:
        conference.members[mtid] = msgspec.structs.replace(conference.members[mtid], online=0)
    return error or ControlResult(is_changed=True)


def _is_member(conference: SimulatedConference, mtid: Any) -> bool:
    """Return whether a value from a request is the id of a terminal in the conference."""
    return isinstance(mtid, str) and mtid in conference.members


def _mute_or_silence_handler(setting: str) -> Callable[[SimulatedConference, Body], ControlResult]:
    """Return the function that handles MUTE or SILENCE (`setting`), for one terminal, or for all and later ones."""

    def switch(conference: SimulatedConference, body: Body) -> ControlResult:
        """Set or clear `setting` ("mute" or "silence") as the request's `value` (1 or 0) says.

        It is set for the terminal `mtid`; without one for all, and for those that join later.
        """
        value, mtid = body.get("value", 1), body.get("mtid")
        if value not in (0, 1):
            return _malformed("value: must be 0 or 1")
        if not mtid:
            setattr(conference, setting, bool(value))
        elif not _is_member(conference, mtid):
            return _malformed("mtid: is no member")
        spared = _change_who_may_unmute(conference, body) if setting == "mute" else set()
        for member_id in [mtid] if mtid else list(conference.members):
            if member_id in spared:
                continue
            member = conference.members[member_id]
            conference.members[member_id] = msgspec.structs.replace(member, **{setting: int(value)})
        return ControlResult(is_changed=True)

    return switch


def _change_who_may_unmute(conference: SimulatedConference, body: Body) -> set[str]:
    """Change who may unmute themselves, as a MUTE request says; return ids of terminals to leave as they are.

    With `hold` only the terminals in `maytalk` may unmute themselves, with `spare` a MUTE for all leaves out chairman
    and speaker.
    """
    value, mtid, arrangement = body.get("value", 1), body.get("mtid"), conference.arrangement
    roles = {conference.chairman, conference.speaker}
    if mtid:
        others = [other for other in arrangement.maytalk if other != mtid]
        if arrangement.hold:
            conference.arrange(maytalk=tuple(others if value else [*others, mtid]))
        return set() if value or conference.arrangement.may_talk(mtid, roles) else {mtid}
    hold = flag(value and body.get("hold"))
    spare = flag(body.get("spare") or arrangement.spare)
    conference.arrange(hold=hold, spare=spare, maytalk=())
    if value:
        return roles if spare else set()
    mix = conference.arrangement
    return {member for member in conference.members if not mix.may_talk(member, roles)}


def _change_arrangement(conference: SimulatedConference, body: Body) -> ControlResult:
    """Handle ARRANGE: change who is heard and shown where, mute who may not talk any more; return the result."""
    try:
        order = read_fields(Arrange, body)
        after = change_members(conference.arrangement, order.changes, conference.members)
        after = change_mix(after, order.mixadd, order.mixdel, conference.members)
    except BadMessage as error:
        return _malformed(error.detail)
    except ArrangementRefused as refusal:
        return ControlResult(refused=refusal.errcode, detail=str(refusal))
    conference.arrangement = after
    conference.mute_who_may_not_talk()
    return ControlResult(is_changed=True)


def _set_password(conference: SimulatedConference, body: Body) -> ControlResult:
    """Handle MODIFYCONFPWD: change the password of the simulated conference, and return the result."""
    try:
        conference.password = read_fields(SetPassword, body).password
    except BadMessage as error:
        return _malformed(error.detail)
    return ControlResult(is_changed=True)


def _rename_conference(conference: SimulatedConference, body: Body) -> ControlResult:
    """Handle MODIFYCONFNAME: rename the conference, and return the result; no consent of a manager is needed."""
    try:
        conference.name = read_fields(RenameConference, body).name
    except BadMessage as error:
        return _malformed(error.detail)
    return ControlResult(is_changed=True)


def _role_handler(role: str) -> Callable[[SimulatedConference, Body], ControlResult]:
    """Return the function that handles SETCHAIRMAN or SETSPEAKER; `role` is "chairman" or "speaker"."""

    def appoint(conference: SimulatedConference, body: Body) -> ControlResult:
        """Give `role` to the terminal that the request names; `mtid` "" means nobody."""
        mtid = body.get("mtid", "")
        if mtid != "" and not _is_member(conference, mtid):
            return _malformed("mtid: is no member")
        setattr(conference, role, mtid)
        return ControlResult(is_changed=True)

    return appoint


def _recording_handler(is_start: bool) -> Callable[[SimulatedConference, Body], ControlResult]:
    """Return the function that handles STARTRECORD (if `is_start`) or STOPRECORD (if not)."""

    def record(conference: SimulatedConference, body: Body) -> ControlResult:
        """Store that recording starts, stops or pauses (STOPRECORD with `pause`), and return the result."""
        conference.recording = is_start
        # The arrangement stores only whether recording pauses (2); `settings` reports 1 where it runs.
        is_paused = not is_start and bool(body.get("pause"))
        conference.arrange(recording=2 if is_paused else 0)
        return ControlResult(is_changed=True)

    return record


def _accept_text(conference: SimulatedConference, body: Body) -> ControlResult:
    """Handle SENDMSG: accept any text, and return the result. Nobody is there to whom it is shown."""
    return (
        ControlResult()
        if isinstance(body.get("text"), str)
        else _malformed("text: must be a string")
    )


def _list_members(conference: SimulatedConference, body: Body) -> ControlResult:
    """Handle GETMTLIST: return all terminals of the simulated conference as `mts`."""
    return ControlResult(answer_fields={"mts": to_json_list(conference.mts)})


_CONTROLS: dict[str, Callable[[SimulatedConference, Body], ControlResult]] = {
    "ADDMT": _add_members,
    "DELMT": _remove_members,
    "DROPMT": _hang_up_members,
    "MUTE": _mute_or_silence_handler("mute"),
    "SILENCE": _mute_or_silence_handler("silence"),
    "MODIFYCONFNAME": _rename_conference,
    "MODIFYCONFPWD": _set_password,
    "ARRANGE": _change_arrangement,
    "SETCHAIRMAN": _role_handler("chairman"),
    "SETSPEAKER": _role_handler("speaker"),
    "STARTRECORD": _recording_handler(True),
    "STOPRECORD": _recording_handler(False),
    "SENDMSG": _accept_text,
    "GETMTLIST": _list_members,
}
