"""Conference control: what each control does to a conference and its people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from foundation.bus.message import flag, list_of, text
from media_unit.conference_copy import Held
from media_unit.janus_config import AUDIO, TEXT
from media_unit.recording import Recorder
from media_unit.rooms import Rooms
from media_unit.roster import Terminal
from wire.error_codes import Err
from wire.fields import NAME, terminal

Body = dict[str, Any]


class Refused(Exception):
    """The unit will not, or cannot; the text says why."""

    def __init__(self, detail: str, errcode: Err = Err.UNIT_REFUSED) -> None:
        super().__init__(detail)
        self.errcode = errcode


@dataclass(frozen=True, slots=True)
class Desk:
    """What a control may touch."""

    held: Held
    rooms: Rooms
    recorder: Recorder


async def control(desk: Desk, name: str, body: Body) -> Body:
    """Do what is asked; return what the answer says besides. Raises Refused and Janus' errors."""
    known = _CONTROLS.get(name)
    if known is None:
        raise Refused(f"this unit does not know {name[:40]}")
    return await known(desk, body)


async def drop(desk: Desk, gone: Terminal) -> None:
    """Close all connections of a terminal."""
    for plugin, who in sorted(gone.links):
        await desk.rooms.kick(desk.held.room, plugin, who)
    gone.links = set()


async def _add(desk: Desk, body: Body) -> Body:
    wanted = _checked(body, "mts", list_of(terminal))
    try:
        desk.held.roster.call(wanted)
    except ValueError as full:
        raise Refused(str(full)) from None
    return {}


async def _delete(desk: Desk, body: Body) -> Body:
    for one in _named(desk, body):
        desk.held.roster.remove(one.mtid)
        await drop(desk, one)
        held = desk.held
        held.chairman = "" if held.chairman == one.mtid else held.chairman
        held.speaker = "" if held.speaker == one.mtid else held.speaker
    return {}


async def _drop(desk: Desk, body: Body) -> Body:
    for one in _named(desk, body):
        await drop(desk, one)
    return {}


async def _mute(desk: Desk, body: Body) -> Body:
    value = _checked(body, "value", flag)
    if "mtid" not in body:
        desk.held.mute = value
    for one in _named(desk, body):
        if who := one.id_in(AUDIO):
            await desk.rooms.mute(desk.held.room, who, value)
        one.mute = value
    return {}


async def _silence(desk: Desk, body: Body) -> Body:
    value = _checked(body, "value", flag)
    chosen = _named(desk, body)
    if "mtid" not in body:
        desk.held.silence = value
    elif value and chosen[0].online and not chosen[0].id_in(TEXT):
        # The mixer cannot leave one out; the join page closes its loudspeaker when it is told to.
        raise Refused("this terminal's loudspeaker can not be closed from here")
    for one in chosen:
        one.silence = value
    return {}


async def _rename(desk: Desk, body: Body) -> Body:
    """CM itself renames: nobody is asked, and the report of the change makes it so (CSS §5.1)."""
    desk.held.name = _checked(body, "confname", NAME)
    return {}


async def _set_chairman(desk: Desk, body: Body) -> Body:
    desk.held.chairman = _one_or_none(desk, body)
    return {}


async def _set_speaker(desk: Desk, body: Body) -> Body:
    desk.held.speaker = _one_or_none(desk, body)
    return {}


async def _start_record(desk: Desk, body: Body) -> Body:
    if not desk.held.recording:
        await desk.recorder.start(desk.held, desk.rooms)
    return {}


async def _stop_record(desk: Desk, body: Body) -> Body:
    await desk.recorder.stop(desk.held, desk.rooms)
    return {}


async def _send_message(desk: Desk, body: Body) -> Body:
    said: Body = {"kind": "message", "text": _checked(body, "text", _message)}
    if body.get("mtids"):
        said["to"] = [who for one in _named(desk, body) if (who := one.id_in(TEXT))]
    await desk.rooms.announce(desk.held.room, said)
    return {}


async def _list_terminals(desk: Desk, body: Body) -> Body:
    return {"mts": list(desk.held.roster.mts)}


_CONTROLS: dict[str, Callable[[Desk, Body], Awaitable[Body]]] = {
    "ADDMT": _add,
    "DELMT": _delete,
    "DROPMT": _drop,
    "MUTE": _mute,
    "SILENCE": _silence,
    "MODIFYCONFNAME": _rename,
    "SETCHAIRMAN": _set_chairman,
    "SETSPEAKER": _set_speaker,
    "STARTRECORD": _start_record,
    "STOPRECORD": _stop_record,
    "SENDMSG": _send_message,
    "GETMTLIST": _list_terminals,
}

_MTID = text(128)


def _message(value: Any) -> str:
    """Words for people; lines may be broken."""
    if isinstance(value, str):
        return str(text(1000, 1)(value.replace("\r", "").replace("\n", " ").replace("\t", " ")))
    raise ValueError("must be a string")


def _named(desk: Desk, body: Body) -> list[Terminal]:
    """The terminals of `mtids` or `mtid`; all of them where `mtid` may be left out and is."""
    everybody = desk.held.roster.terminals
    if "mtids" in body:
        wanted = _checked(body, "mtids", list_of(_MTID))
    elif "mtid" in body:
        wanted = (_checked(body, "mtid", _MTID),)
    elif "value" in body:
        return list(everybody.values())
    else:
        raise Refused("mtids: is missing", Err.MALFORMED)
    unknown = [mtid for mtid in wanted if mtid not in everybody]
    if unknown:
        raise Refused(f"no terminal {unknown[0]!r} in this conference")
    return [everybody[mtid] for mtid in wanted]


def _one_or_none(desk: Desk, body: Body) -> str:
    mtid = str(_checked(body, "mtid", _MTID))
    if mtid and mtid not in desk.held.roster.terminals:
        raise Refused(f"no terminal {mtid!r} in this conference")
    return mtid


def _checked(body: Body, name: str, check: Callable[[Any], Any]) -> Any:
    try:
        return check(body.get(name))
    except ValueError as wrong:
        raise Refused(f"{name}: {wrong}", Err.MALFORMED) from None
