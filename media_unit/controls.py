"""The control requests of conference managers, and what each does to a conference and its people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from foundation.bus.message import BadMessage, Body, read_fields
from foundation.bus.typed_json import TypedObject, to_json_list
from media_unit.conference_copy import HostedConference
from media_unit.config import UnitConfig
from media_unit.gate_link import GateLink
from media_unit.gate_rules import AUDIO, TEXT, VIDEO
from media_unit.janus_rooms import JanusRooms
from media_unit.recording import Recorder
from media_unit.roster import Terminal
from wire.arrangement import (
    ArrangementRefused,
    Banned,
    change_members,
    change_mix,
    remaining_bans,
)
from wire.conference_control import (
    Arrange,
    CallTerminals,
    HangUpTerminals,
    MuteTerminals,
    RemoveTerminals,
    RenameConference,
    SendText,
    SetPassword,
    StartRecording,
    StopRecording,
    TerminalControl,
)
from wire.error_codes import Err
from wire.fields import Terminal as ListedTerminal
from wire.fields import flag

T = TypeVar("T", bound=TypedObject)


class ControlRefused(Exception):
    """The exception by which a media unit refuses a conference manager's request; its text says why."""

    def __init__(self, detail: str, errcode: str = Err.UNIT_REFUSED) -> None:
        """Keep the reason (`detail`) and an error code of the protocol for client applications."""
        super().__init__(detail)
        self.errcode = str(errcode)


@dataclass(frozen=True, slots=True)
class ControlContext:
    """What the handler of a conference manager's request needs: conference, Janus rooms, recorder, settings, gate."""

    conference: HostedConference
    janus_rooms: JanusRooms
    recorder: Recorder
    config: UnitConfig
    gate: GateLink


async def carry_out_control(context: ControlContext, name: str, body: Body) -> Body:
    """Carry out a conference manager's request on a conference of this unit; return further fields of the answer.

    `name` is the kind of request, such as "MUTE", `body` its JSON object. Raises ControlRefused, JanusError, JanusAway.
    """
    handler = _CONTROLS.get(name)
    if handler is None:
        raise ControlRefused(f"this unit does not know {name[:40]}")
    return await handler(context, body)


async def disconnect_terminal(context: ControlContext, terminal: Terminal) -> None:
    """Close all connections of a terminal to the Janus rooms of its conference, and lower its hand."""
    for plugin, participant in sorted(terminal.links):
        await context.janus_rooms.kick(context.conference.janus_room, plugin, participant)
    terminal.links = set()
    if leg := context.conference.legs.get(terminal.mtid):
        leg.dropped = True
    context.conference.change_hand(terminal.mtid, False)


async def hold_rights(context: ControlContext) -> None:
    """Mute each online terminal that may not talk now, at the mixer, and end each shared screen that may not be shared.

    Janus cannot end one picture alone, so whoever shares without the right is put out of the video room. That happens
    to other programs: a join page stops sharing by itself, and one that comes too late enters anew without its screen.
    """
    conference = context.conference
    for terminal in conference.roster.online:
        if not terminal.mute and not conference.may_talk(terminal.mtid):
            await _mute_terminal(context, terminal, True)
        if terminal.shares and not conference.has_right("share", terminal.mtid):
            for plugin, participant in sorted(terminal.links):
                if plugin == VIDEO:
                    await context.janus_rooms.kick(conference.janus_room, plugin, participant)


async def _mute_terminal(context: ControlContext, terminal: Terminal, value: bool) -> None:
    """Mute (`value` true) or unmute a terminal at the mixer, and record that on the terminal."""
    if participant := terminal.id_in(AUDIO):
        await context.janus_rooms.mute(context.conference.janus_room, participant, value)
    terminal.mute = value


async def _add_terminals(context: ControlContext, body: Body) -> Body:
    """Handle ADDMT: add terminals to the conference's list, so that they are expected to join; lift their bans.

    Return the added terminals as `mts`. Raises ControlRefused.
    """
    to_call = _read_fields(CallTerminals, body).terminals
    if reason := why_uncallable(to_call):
        raise ControlRefused(reason)
    roster = context.conference.roster
    try:
        called_ids = roster.add_called(to_call)
    except ValueError as error:
        raise ControlRefused(str(error)) from None
    conference = context.conference
    if conference.arrangement.banned:
        conference.arrange(banned=remaining_bans(conference.arrangement.banned, to_call))
        await context.gate.keep_out_removed(conference)
    return {
        "mts": to_json_list(tuple(roster.terminals[mtid].as_message_field() for mtid in called_ids))
    }


_NEEDS_GATEWAY = ("sip", "h323")
"""Kinds of terminals that only a gateway could call, and there is none: on the list they would never join."""


def why_uncallable(terminals: Iterable[ListedTerminal]) -> str:
    """Return why this unit cannot call one of these terminals (SIP and H.323 need a gateway); "" if it can."""
    kinds = [terminal.type for terminal in terminals if terminal.type in _NEEDS_GATEWAY]
    return f"nobody can call {kinds[0]} terminals here: no gateway" if kinds else ""


async def _remove_terminals(context: ControlContext, body: Body) -> Body:
    """Handle DELMT: remove the named terminals from the conference's list, and disconnect them.

    With `ban` in the request they are kept out until somebody calls them again. Returns {}: the answer has no fields.
    """
    named = _named_terminals(context, body)
    if _read_fields(RemoveTerminals, body).ban:
        _ban_terminals(context, named)
    for terminal in named:
        context.conference.roster.remove(terminal.mtid)
        await disconnect_terminal(context, terminal)
        conference = context.conference
        conference.arrangement = conference.arrangement.without_terminal(terminal.mtid)
        conference.chairman = "" if conference.chairman == terminal.mtid else conference.chairman
        conference.speaker = "" if conference.speaker == terminal.mtid else conference.speaker
    await context.gate.keep_out_removed(context.conference)
    return {}


async def _hang_up_terminals(context: ControlContext, body: Body) -> Body:
    """Handle DROPMT: disconnect the named terminals, which stay on the list; with `ban` they are also kept out.

    Returns {}: the answer has no fields.
    """
    named = _named_terminals(context, body)
    if _read_fields(HangUpTerminals, body).ban:
        _ban_terminals(context, named)
    for terminal in named:
        await disconnect_terminal(context, terminal)
    await context.gate.keep_out_removed(context.conference)
    return {}


def _ban_terminals(context: ControlContext, terminals: Iterable[Terminal]) -> None:
    """Add terminals to the conference's list of bans: they cannot join until somebody calls them.

    The list keeps the latest _MOST_BANNED entries.
    """
    banned = list(context.conference.arrangement.banned)
    for terminal in terminals:
        terminal.called = False
        banned.append(
            Banned(name=terminal.name, account=terminal.account, visitor=terminal.visitor)
        )
    context.conference.arrange(banned=tuple(banned[-_MOST_BANNED:]))


_MOST_BANNED = 500


async def _mute_terminals(context: ControlContext, body: Body) -> Body:
    """Handle MUTE: mute or unmute the named terminals, or all, including those who join later.

    A person who joined by web page is not unmuted from here: the page asks the person to do so. With `hold` nobody may
    unmute their own microphone, with `spare` chairman and speaker stay as they are. Returns {}: the answer has no
    fields.
    """
    order, conference = _read_fields(MuteTerminals, body), context.conference
    named = _named_terminals(context, body)
    if order.mtid is None:
        hold = flag(order.value and order.hold)
        spare = flag(order.spare or conference.arrangement.spare)
        conference.mute = order.value
        conference.arrange(hold=hold, spare=spare, maytalk=())
        spared = conference.roles if order.value and spare else frozenset()
        named = [terminal for terminal in named if terminal.mtid not in spared]
    # Nobody may unmute the own microphone but those who were unmuted one by one.
    elif conference.arrangement.hold or "unmute" in conference.arrangement.chairsonly:
        others = [mtid for mtid in conference.arrangement.maytalk if mtid != order.mtid]
        conference.arrange(maytalk=tuple(others if order.value else [*others, order.mtid]))
    pages_to_ask = []
    for terminal in named:
        page = terminal.id_in(TEXT)
        if not order.value and not conference.may_talk(terminal.mtid):
            continue
        if not order.value and page:
            pages_to_ask += [page] if terminal.mute else []
        else:
            await _mute_terminal(context, terminal, order.value)
    if pages_to_ask:
        await context.janus_rooms.announce(
            conference.janus_room, {"kind": "unmute", "to": pages_to_ask}
        )
    return {}


async def _change_arrangement(context: ControlContext, body: Body) -> Body:
    """Handle ARRANGE: change who is heard and who is shown where; mute whoever may not talk any more.

    Returns {}. Raises ControlRefused.
    """
    order, conference = _read_fields(Arrange, body), context.conference
    members = conference.roster.terminals.keys()
    try:
        after = change_members(conference.arrangement, order.changes, members)
        conference.arrangement = change_mix(after, order.mixadd, order.mixdel, members)
    except ArrangementRefused as refusal:
        raise ControlRefused(str(refusal), refusal.errcode) from None
    await hold_rights(context)
    return {}


async def _set_password(context: ControlContext, body: Body) -> Body:
    """Handle MODIFYCONFPWD: change the password that the platform asks people for. Janus's PIN stays as it is.

    Returns {}.
    """
    conference = context.conference
    if conference.room_password is None:
        conference.room_password = conference.password
    conference.password = _read_fields(SetPassword, body).password
    return {}


async def _silence_terminals(context: ControlContext, body: Body) -> Body:
    """Handle SILENCE: turn loudspeakers off or on, of the named terminal or of all, including those who join later.

    It is refused for a single online terminal without a join page, whose loudspeaker only the person can turn off.
    Returns {}: the answer has no fields.
    """
    value = _read_fields(MuteTerminals, body).value
    chosen = _named_terminals(context, body)
    if body.get("mtid") is None:
        context.conference.silence = value
    elif value and chosen[0].online and not chosen[0].id_in(TEXT):
        # The mixer sends to all or none; only the join page can close its own loudspeaker.
        raise ControlRefused("this terminal's loudspeaker can not be closed from here")
    for terminal in chosen:
        terminal.silence = value
    return {}


async def _rename_conference(context: ControlContext, body: Body) -> Body:
    """Handle MODIFYCONFNAME: rename the conference at once, since a manager needs nobody's consent (CSS §5.1).

    Returns {}.
    """
    context.conference.name = _read_fields(RenameConference, body).name
    return {}


async def _set_chairman(context: ControlContext, body: Body) -> Body:
    """Handle SETCHAIRMAN: make the terminal that the request names the chairman; "" means nobody.

    Raises ControlRefused if the conference has no such terminal. Returns {}: the answer has no fields.
    """
    context.conference.chairman = _requested_member(context, body)
    return {}


async def _set_speaker(context: ControlContext, body: Body) -> Body:
    """Handle SETSPEAKER: make the terminal that the request names the speaker; "" means nobody.

    Raises ControlRefused if the conference has no such terminal. Returns {}: the answer has no fields.
    """
    context.conference.speaker = _requested_member(context, body)
    return {}


async def _start_recording(context: ControlContext, body: Body) -> Body:
    """Handle STARTRECORD: start to record the conference; refuse if the request names another unit as recorder.

    Returns {}. Raises ControlRefused.
    """
    recorder = _read_fields(StartRecording, body).vrs
    if recorder and not context.config.is_named(recorder):
        raise ControlRefused("vrs: this unit is not the recorder")
    if not context.conference.recording:
        await context.recorder.start(context.conference, context.janus_rooms)
    context.conference.arrange(recording=0)  # it does not pause any more
    return {}


async def _stop_recording(context: ControlContext, body: Body) -> Body:
    """Handle STOPRECORD: stop recording the conference; with `pause` note that it will go on (2: paused).

    Returns {}.
    """
    await context.recorder.stop(context.conference, context.janus_rooms)
    context.conference.arrange(recording=2 if _read_fields(StopRecording, body).pause else 0)
    return {}


async def _show_text(context: ControlContext, body: Body) -> Body:
    """Handle SENDMSG: show a text on the web pages of the named terminals, or of all.

    Returns {}: the answer has no fields.
    """
    order = _read_fields(SendText, body)
    announcement: Body = {"kind": "message", "text": order.text, "rounds": order.rounds}
    if order.mtids:
        announcement["to"] = [
            participant
            for terminal in _named_terminals(context, body)
            if (participant := terminal.id_in(TEXT))
        ]
    await context.janus_rooms.announce(context.conference.janus_room, announcement)
    return {}


async def _list_terminals(context: ControlContext, body: Body) -> Body:
    """Handle GETMTLIST: return all terminals of the conference as `mts`."""
    return {"mts": to_json_list(context.conference.roster.mts)}


_CONTROLS: dict[str, Callable[[ControlContext, Body], Awaitable[Body]]] = {
    "ADDMT": _add_terminals,
    "DELMT": _remove_terminals,
    "DROPMT": _hang_up_terminals,
    "MUTE": _mute_terminals,
    "SILENCE": _silence_terminals,
    "MODIFYCONFNAME": _rename_conference,
    "MODIFYCONFPWD": _set_password,
    "ARRANGE": _change_arrangement,
    "SETCHAIRMAN": _set_chairman,
    "SETSPEAKER": _set_speaker,
    "STARTRECORD": _start_recording,
    "STOPRECORD": _stop_recording,
    "SENDMSG": _show_text,
    "GETMTLIST": _list_terminals,
}


def _named_terminals(context: ControlContext, body: Body) -> list[Terminal]:
    """Return the terminals of the conference whose ids are in the fields `mtids` or `mtid` of a request.

    In requests with a `value` the `mtid` may be missing: then all terminals of the conference are returned. Raises
    ControlRefused for an id that is not in the conference.
    """
    everybody = context.conference.roster.terminals
    if "mtids" in body:
        wanted = _read_fields(RemoveTerminals, body).mtids
    elif body.get("mtid") is not None:
        wanted = (_read_fields(TerminalControl, body).mtid,)
    elif "value" in body:
        return list(everybody.values())
    else:
        raise ControlRefused("mtids: is missing", Err.MALFORMED)
    unknown = [mtid for mtid in wanted if mtid not in everybody]
    if unknown:
        raise ControlRefused(f"no terminal {unknown[0]!r} in this conference")
    return [everybody[mtid] for mtid in wanted]


def _requested_member(context: ControlContext, body: Body) -> str:
    """Return the terminal id in a request; "" means nobody. Raises ControlRefused if it is not in the conference."""
    mtid = _read_fields(TerminalControl, body).mtid
    if mtid and mtid not in context.conference.roster.terminals:
        raise ControlRefused(f"no terminal {mtid!r} in this conference")
    return mtid


def _read_fields(kind: type[T], body: Body) -> T:
    """Return the fields of a control request as an object of `kind`. Raises ControlRefused."""
    try:
        return read_fields(kind, body)
    except BadMessage as error:
        raise ControlRefused(error.detail, Err.MALFORMED) from None
