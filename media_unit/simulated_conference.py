"""One conference on a simulated unit, and what conference control does to it. Pure."""

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
class Held:
    """A conference as the unit knows it. Members are kept as the wire spells them."""

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
        """The full list of members; copies, as messages do not change afterwards."""
        return tuple(dict(one) for one in self.members.values())

    @property
    def settings(self) -> Body:
        """What holds for all members."""
        return {"mute": int(self.mute), "silence": int(self.silence)}

    def join(self, unit: str) -> Body:
        """What a client would need to enter; the address says that nobody can."""
        webrtc = {
            "url": f"simulated:{unit}",
            "audioroom": int(self.e164),
            "videoroom": int(self.e164),
            "pin": self.password,
            "token": f"simulated-{self.e164}-{self.incarnation}",
        }
        return {"webrtc": webrtc}

    def call(self, wanted: Iterable[Body]) -> None:
        """Call terminals: each answers at once, as long as there are places."""
        online = sum(one["online"] for one in self.members.values())
        for one in wanted:
            mtid = str(one.get("mtid") or self._next_id())
            online -= self.members[mtid]["online"] if mtid in self.members else 0
            answers = int(bool(one.get("online", 1)) and online < self.places)
            online += answers
            self.members[mtid] = {
                "mtid": mtid,
                "account": str(one.get("account") or mtid),
                "name": str(one.get("name") or one.get("account") or mtid),
                "type": str(one.get("type") or "e164"),
                "online": answers,
                "mute": int(bool(one.get("mute", self.mute))),
                "silence": int(bool(one.get("silence", self.silence))),
            }

    def _next_id(self) -> str:
        while True:
            self.numbered += 1
            if (mtid := f"m{self.numbered}") not in self.members:
                return mtid


def begin(order: CreateOnUnit | RestoreOnUnit) -> Held:
    """The conference of a command; a restored one has its chairman, speaker and settings again."""
    held = Held(
        e164=order.e164,
        incarnation=order.incarnation,
        name=order.name,
        password=order.password,
        places=order.places,
        hd=order.resolution == "1080p",
        endtime=order.endtime,
        recording=order.record,
    )
    if isinstance(order, RestoreOnUnit):
        settings = order.settings or {}
        held.chairman, held.speaker = order.chairman, order.speaker
        held.mute, held.silence = bool(settings.get("mute")), bool(settings.get("silence"))
    held.call(order.mts)
    return held


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a control did: fields for its answer, and what has changed; or why it was refused."""

    says: Body = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    refused: str = ""
    detail: str = ""


def control(held: Held, name: str, body: Body) -> Outcome:
    """Do what conference control asks."""
    known = _CONTROLS.get(name)
    if known is None:
        return _malformed("type: is no control that a unit knows")
    return known(held, body)


def _malformed(detail: str) -> Outcome:
    return Outcome(refused=Err.MALFORMED, detail=detail)


def _add(held: Held, body: Body) -> Outcome:
    try:
        wanted = list_of(terminal)(body.get("mts"))
    except ValueError as wrong:
        return _malformed(f"mts: {wrong}")
    new = sum(str(one.get("mtid")) not in held.members for one in wanted)
    if len(held.members) + new > MOST_MEMBERS:
        return Outcome(refused=Err.UNIT_REFUSED, detail=f"at most {MOST_MEMBERS} members")
    held.call(wanted)
    return Outcome(changed=("mts",))


def _named(held: Held, body: Body) -> tuple[list[str], Outcome | None]:
    mtids = body.get("mtids")
    if not isinstance(mtids, list):
        return [], _malformed("mtids: must be a list")
    return [one for one in mtids if isinstance(one, str) and one in held.members], None


def _delete(held: Held, body: Body) -> Outcome:
    mtids, wrong = _named(held, body)
    for mtid in mtids:
        del held.members[mtid]
    held.chairman = "" if held.chairman in mtids else held.chairman
    held.speaker = "" if held.speaker in mtids else held.speaker
    return wrong or Outcome(changed=("mts", "chairman", "speaker"))


def _hang_up(held: Held, body: Body) -> Outcome:
    mtids, wrong = _named(held, body)
    for mtid in mtids:
        held.members[mtid]["online"] = 0
    return wrong or Outcome(changed=("mts",))


def _is_member(held: Held, mtid: Any) -> bool:
    return isinstance(mtid, str) and mtid in held.members


def _switch(setting: str) -> Callable[[Held, Body], Outcome]:
    """MUTE and SILENCE: for one member, or for all and whoever comes later."""

    def switch(held: Held, body: Body) -> Outcome:
        value, mtid = body.get("value", 1), body.get("mtid")
        if value not in (0, 1):
            return _malformed("value: must be 0 or 1")
        if not mtid:
            setattr(held, setting, bool(value))
        elif not _is_member(held, mtid):
            return _malformed("mtid: is no member")
        for one in held.members.values() if not mtid else [held.members[mtid]]:
            one[setting] = int(value)
        return Outcome(changed=("mts", "settings"))

    return switch


def _rename(held: Held, body: Body) -> Outcome:
    """CM itself renames: nobody is asked."""
    try:
        held.name = NAME(body.get("confname"))
    except ValueError as wrong:
        return _malformed(f"confname: {wrong}")
    return Outcome(changed=("name",))


def _appoint(role: str) -> Callable[[Held, Body], Outcome]:
    """SETCHAIRMAN and SETSPEAKER: a member, or "" for nobody."""

    def appoint(held: Held, body: Body) -> Outcome:
        mtid = body.get("mtid", "")
        if mtid != "" and not _is_member(held, mtid):
            return _malformed("mtid: is no member")
        setattr(held, role, mtid)
        return Outcome(changed=(role,))

    return appoint


def _record(on: bool) -> Callable[[Held, Body], Outcome]:
    def record(held: Held, body: Body) -> Outcome:
        held.recording = on
        return Outcome()

    return record


def _tell(held: Held, body: Body) -> Outcome:
    return Outcome() if isinstance(body.get("text"), str) else _malformed("text: must be a string")


def _list(held: Held, body: Body) -> Outcome:
    return Outcome(says={"mts": held.mts})


_CONTROLS: dict[str, Callable[[Held, Body], Outcome]] = {
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
