"""The messages in which a unit reports on itself: registration, load, list of conferences. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import uuid4

from foundation import clock
from foundation.bus.message import Body, Message, dumps
from foundation.bus.typed_json import to_json
from media_unit.conference_copy import HostedConference, HostRequest
from media_unit.config import UnitConfig
from media_unit.janus_config import Secrets
from wire.conference_control import CHANGE, Control, ControlAnswered
from wire.error_codes import Err
from wire.fields import Join, ResourceType, WebRtc
from wire.media_unit import (
    RestoreOnUnit,
    UnitCreated,
    UnitEnded,
    UnitListEntry,
    UnitListsConferences,
    UnitRefused,
    UnitReportsChange,
    UnitRestored,
    UnitRestoreRefused,
)
from wire.resource_pool import NodeRegistered, NodeState, NodeUnregistered, UnitAmounts

_MOST_LISTED = 500
_MOST_BYTES = 200 * 1024


def registrations(config: UnitConfig, conferences: Collection[HostedConference]) -> list[Message]:
    """Return the messages that register this unit: as media unit, as recorder, and as composer if it is one."""
    return [
        NodeRegistered(restype="mcu", **_node_fields(config, conferences, 0)),
        NodeRegistered(restype="vrs", **_node_fields(config, _recorded(conferences), 0)),
        *(NodeRegistered(restype="mps", **node) for node in _composers(config, conferences, 0)),
    ]


def heartbeats(
    config: UnitConfig, conferences: Collection[HostedConference], seq: int
) -> list[Message]:
    """Return the heartbeats of this unit as media unit, recorder and, if it composes pictures, composer, with its load.

    `seq`: their number.
    """
    return [
        NodeState(restype="mcu", **_node_fields(config, conferences, seq)),
        NodeState(restype="vrs", **_node_fields(config, _recorded(conferences), seq)),
        *(NodeState(restype="mps", **node) for node in _composers(config, conferences, seq)),
    ]


def unregistrations(config: UnitConfig) -> list[Message]:
    """Return the messages by which a media unit unregisters, as it ends or has lost all its conferences."""
    kinds: tuple[ResourceType, ...] = (
        ("mcu", "vrs", "mps") if config.compositions else ("mcu", "vrs")
    )
    return [NodeUnregistered(restype=kind, ip=config.ip, pid=config.pid) for kind in kinds]


def _recorded(conferences: Collection[HostedConference]) -> list[HostedConference]:
    """Return those of the conferences that are recorded now."""
    return [conference for conference in conferences if conference.recording]


def _composers(
    config: UnitConfig, conferences: Collection[HostedConference], seq: int
) -> list[Body]:
    """Return the fields of this unit as a composer of pictures, with its load in conferences; [] if it is none."""
    if not config.compositions:
        return []
    composed = sum(conference.composes for conference in conferences)
    amounts = {
        "capacity": UnitAmounts(confs=config.compositions),
        "load": UnitAmounts(confs=composed),
    }
    return [_node_fields(config, (), seq) | amounts]


def _node_fields(config: UnitConfig, conferences: Collection[HostedConference], seq: int) -> Body:
    """Return the fields that registrations and heartbeats share: name, place, capacity and load."""
    load = UnitAmounts(
        confs=len(conferences),
        ports=sum(conference.places for conference in conferences),
        hd=sum(conference.hd for conference in conferences),
    )
    skew = clock.host_skew()
    return {
        "ip": config.ip,
        "pid": config.pid,
        "room": config.room,
        "platform": config.platform,
        "capacity": UnitAmounts(confs=config.confs, ports=config.ports, hd=config.confs),
        "load": load,
        "seq": seq,
        "clockskew": None if skew is None else round(skew * 1000),
    }


def acceptance(config: UnitConfig, request: HostRequest, join: Join) -> Message:
    """Return the positive answer to a request to create or restore a conference; `join` says how to enter it."""
    message_class = UnitRestored if isinstance(request, RestoreOnUnit) else UnitCreated
    return message_class(
        e164=request.e164,
        incarnation=request.incarnation,
        join=join,
        ip=config.ip,
        pid=config.pid or None,
    )


def host_refusal(config: UnitConfig, request: HostRequest, detail: str) -> Message:
    """Return the negative answer to a request to create or restore a conference; `detail` says why."""
    message_class = UnitRestoreRefused if isinstance(request, RestoreOnUnit) else UnitRefused
    return message_class(
        e164=request.e164,
        incarnation=request.incarnation,
        errcode=Err.UNIT_REFUSED.value,
        detail=detail[:200],
        ip=config.ip,
        pid=config.pid or None,
    )


def next_seq(last: int, now: datetime) -> int:
    """Return the sequence number of the next report about a conference; `last` is the previous one, 0 if none.

    It is the time in milliseconds, at least `last` + 1: so it grows even if a unit restarts from an older state.
    """
    return max(last + 1, int(now.timestamp() * 1000))


def change_report(
    config: UnitConfig, conference: HostedConference, state: Body
) -> UnitReportsChange:
    """Return the report that a conference has changed; `state` has its participants and settings."""
    return UnitReportsChange(
        e164=conference.e164,
        incarnation=conference.incarnation,
        seq=conference.report_seq,
        ip=config.ip,
        pid=config.pid or None,
        **state,
    )


def control_ack(
    request: Control, fields: Body, change: UnitReportsChange | None
) -> ControlAnswered:
    """Return the ACK to a conference manager's control request (MUTE and so on); `fields` are further ones of it.

    `change` is the report of what was changed. The ACK repeats it, as the platform may read the ACK before the report.
    """
    changes = {} if change is None else {CHANGE: to_json(change)}
    return ControlAnswered(
        {"type": request.answer_type("ACK"), **_repeated_fields(request), **fields, **changes}
    )


def control_nack(request: Control, errcode: str, detail: str) -> ControlAnswered:
    """Return the refusal (NACK) of a conference manager's control request, such as MUTE; `detail` says why."""
    reason = {"errcode": errcode, "detail": detail}
    return ControlAnswered(
        {"type": request.answer_type("NACK"), **_repeated_fields(request), **reason}
    )


def _repeated_fields(request: Control) -> Body:
    """Return the fields of a control request that its answer repeats: conference number, and request id if any."""
    reqid = {"reqid": request.reqid} if request.reqid else {}
    return {"confE164": request.e164, **reqid}


def recording_notice(config: UnitConfig, conference: HostedConference) -> Message:
    """Return the message that tells conference managers whether the conference is recorded now."""
    return ControlAnswered(
        {
            "type": "MCU_CM_RECORDSTATE_NTF",
            "confE164": conference.e164,
            "recording": int(bool(conference.recording)),
            "ip": config.ip,
            **({"pid": config.pid} if config.pid else {}),
        }
    )


def end_report(config: UnitConfig, conference: HostedConference, reason: str) -> UnitEnded:
    """Return the report that this unit has ended a conference by itself; `reason` is a word for programs."""
    return UnitEnded(
        e164=conference.e164,
        incarnation=conference.incarnation,
        reason=reason,
        ip=config.ip,
        pid=config.pid or None,
    )


def list_entry(conference: HostedConference, join: Join) -> UnitListEntry:
    """Return the entry of a conference in the list that the unit reports. `join` says how to enter the conference."""
    return UnitListEntry(
        e164=conference.e164,
        incarnation=conference.incarnation,
        seq=conference.report_seq,
        name=conference.name,
        mts=conference.roster.mts,
        join=join,
    )


def conference_lists(
    config: UnitConfig, entries: list[UnitListEntry], now: datetime
) -> list[Message]:
    """Return the list of all conferences of this unit, as one message, or several if it is too long for one."""
    pages = _split_into_pages(entries)
    common: Body = {"ip": config.ip, "pid": config.pid, "at": now.isoformat()}
    if len(pages) > 1:
        common |= {"listid": uuid4().hex, "parts": len(pages)}
    return [
        UnitListsConferences(confs=tuple(page), part=part, **common)
        for part, page in enumerate(pages, 1)
    ]


def _split_into_pages(entries: list[UnitListEntry]) -> list[list[UnitListEntry]]:
    """Return the entries of a list as pages, each within the limits for number and size; at least one page."""
    pages: list[list[UnitListEntry]] = [[]]
    size = 0
    for entry in entries:
        entry_size = len(dumps(to_json(entry))) + 1
        if pages[-1] and (len(pages[-1]) >= _MOST_LISTED or size + entry_size > _MOST_BYTES):
            pages.append([])
            size = 0
        pages[-1].append(entry)
        size += entry_size
    return pages


def join_of(
    conference: HostedConference, url: str, keys: Secrets, now: float, is_bound: bool
) -> Join:
    """Return what a client needs to enter a conference: URL, Janus rooms, PIN and a new token for its Janus rooms.

    `is_bound`: the unit's gate also reads tokens that the platform makes of this one, each bound to one visitor.
    """
    janus_room = conference.janus_room
    webrtc = WebRtc(
        url=url,
        audioroom=janus_room,
        videoroom=janus_room,
        textroom=janus_room,
        pin=keys.pin(janus_room, conference.janus_rooms_password),
        token=keys.token(now, janus_room),
        visitortokens=1 if is_bound else None,
    )
    return Join(webrtc=webrtc)
