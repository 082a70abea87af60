"""A simulated media unit: it takes a message and returns messages. No I/O; time is an argument."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from foundation.bus.message import TYPES, BadMessage, Body, Message, dumps, from_body
from foundation.bus.typed_json import to_json
from media_unit import simulated_conference
from media_unit.reports import control_ack, control_nack, next_seq
from media_unit.simulated_conference import SimulatedConference
from wire.conference_control import Control, ControlAnswered
from wire.error_codes import Err
from wire.fields import ResourceType
from wire.media_unit import (
    AskUnitForList,
    ConferenceEndMoved,
    CreateOnUnit,
    DropOnUnit,
    RestoreOnUnit,
    UnitAsksToExtend,
    UnitAsksToRename,
    UnitCreated,
    UnitEnded,
    UnitExtended,
    UnitListEntry,
    UnitListsConferences,
    UnitRefused,
    UnitRenameGranted,
    UnitRenameRefused,
    UnitReportsChange,
    UnitRestored,
    UnitRestoreRefused,
)
from wire.monitors import (
    StartMonitorOnUnit,
    StopMonitorsOnUnit,
    UnitRefusedMonitor,
    UnitStartedMonitor,
)
from wire.resource_pool import NodeRegistered, NodeState, NodeUnregistered, UnitAmounts

MOST_LISTED = 500
MOST_LIST_BYTES = 200 * 1024
"""Lists are split before they come near the wire's 256 KiB."""

REMEMBERED = timedelta(minutes=10)
"""How long the highest incarnation of a number is remembered after its end; commands live for 15 s."""

LABELS = {"simulated": True}

_REPORTED = (
    *("e164", "incarnation", "name", "password"),
    *("mts", "chairman", "speaker", "settings"),
)
"""The fields of a conference that each report of a change has."""

HostRequest = CreateOnUnit | RestoreOnUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitDescription:
    """A description has the name, place and capacity of a simulated unit."""

    ip: str
    pid: str = ""
    platform: str = ""
    room: str | None = None
    confs: int = 200
    ports: int = 1600
    hd: int = 200
    vrs: bool = False

    @property
    def label(self) -> str:
        """Return the name of the unit in logs and orders."""
        return self.pid or self.ip

    @property
    def restypes(self) -> tuple[ResourceType, ...]:
        """Return the kinds of resource as which the unit registers."""
        return ("mcu", "vrs") if self.vrs else ("mcu",)


class SimulatedUnit:
    """A simulated media unit holds conferences in memory and answers requests, without any media.

    A conference's incarnation grows each time the platform places it on a unit; only the highest one is valid.
    """

    def __init__(self, description: UnitDescription) -> None:
        self.description = description
        self._me: Body = {"ip": description.ip, "pid": description.pid or None}
        self._conferences: dict[str, SimulatedConference] = {}
        self._ended: dict[str, tuple[int, datetime]] = {}
        """Number of a dropped or refused conference -> its highest incarnation, and when that was."""
        self._ports = self._hd = self._seq = self._request_count = self._list_count = 0
        self._renames: dict[str, tuple[str, str]] = {}
        """Request id of an open question to rename -> the conference's number and the wanted name."""

    # ---- its conferences ----------------------------------------------------------------------

    @property
    def conferences(self) -> dict[str, SimulatedConference]:
        """Return the conferences that the unit holds: number -> conference; for reading only."""
        return self._conferences

    @property
    def load(self) -> UnitAmounts:
        """Return the unit's load; `ports` are the places of all its conferences."""
        return UnitAmounts(confs=len(self._conferences), ports=self._ports, hd=self._hd)

    def highest_incarnation(self, e164: str) -> int:
        """Return the highest incarnation (try to place it on a unit) of a conference that the unit knows; 0: none."""
        conference = self._conferences.get(e164)
        return max(conference.incarnation if conference else 0, self._ended.get(e164, (0,))[0])

    def restart(self, now: datetime, image: SimulatedUnit | None = None) -> None:
        """Start the simulated unit again, empty, or with the conferences of an earlier copy of it (`image`)."""
        image = copy.deepcopy(image) if image else SimulatedUnit(self.description)
        self._conferences, self._ended = image._conferences, image._ended
        self._ports, self._hd = image._ports, image._hd
        self._renames.clear()
        for conference in self._conferences.values():
            conference.report_seq = next_seq(conference.report_seq, now)

    def _add_conference(self, conference: SimulatedConference) -> None:
        """Add a conference to those that the unit holds, and to its load."""
        self._conferences[conference.e164] = conference
        self._ports += conference.places
        self._hd += conference.hd

    def _end_conference(self, e164: str, incarnation: int, now: datetime) -> None:
        """Remove a conference, and remember its incarnation: late requests with it or a lower one are refused."""
        highest = max(self.highest_incarnation(e164), incarnation)
        if conference := self._conferences.pop(e164, None):
            self._ports -= conference.places
            self._hd -= conference.hd
        self._ended.pop(e164, None)  # so that the latest is the last in the dict
        self._ended[e164] = (highest, now)
        while (oldest := next(iter(self._ended))) and now - self._ended[oldest][1] > REMEMBERED:
            del self._ended[oldest]

    def _has_capacity(self, request: HostRequest) -> bool:
        """Return whether the unit has capacity left for the conference of a request: places, and full HD if wanted."""
        return (
            len(self._conferences) < self.description.confs
            and self._ports + request.places <= self.description.ports
            and self._hd + (request.resolution == "1080p") <= self.description.hd
        )

    # ---- messages that it sends by itself -----------------------------------------------------

    def register(self) -> list[Message]:
        """Return the messages that register the unit, one for each kind of resource."""
        self._seq = 0
        return [
            NodeRegistered(**self._node_fields(restype)) for restype in self.description.restypes
        ]

    def heartbeats(self) -> list[Message]:
        """Return the unit's heartbeats, with its load."""
        self._seq += 1
        return [NodeState(**self._node_fields(restype)) for restype in self.description.restypes]

    def unregister(self) -> list[Message]:
        """Return the messages by which the simulated unit unregisters, one for each kind of resource."""
        name = {"ip": self.description.ip, "pid": self.description.pid}
        return [NodeUnregistered(restype=restype, **name) for restype in self.description.restypes]

    def _node_fields(self, restype: ResourceType) -> Body:
        """Return the fields that registrations and heartbeats share: name, place, capacity and load."""
        description = self.description
        return {
            "restype": restype,
            "ip": description.ip,
            "pid": description.pid,
            "room": description.room,
            "platform": description.platform,
            "capacity": UnitAmounts(
                confs=description.confs,
                ports=description.ports,
                hd=description.hd,
            ),
            "load": self.load if restype == "mcu" else self._recordings(),
            "labels": LABELS,
            "seq": self._seq,
        }

    def _recordings(self) -> UnitAmounts:
        """Return the load of the unit as recorder: the conferences that it records now."""
        recorded = [conference for conference in self._conferences.values() if conference.recording]
        places, hd = (
            sum(conference.places for conference in recorded),
            sum(conference.hd for conference in recorded),
        )
        return UnitAmounts(confs=len(recorded), ports=places, hd=hd)

    def conference_lists(self, now: datetime) -> list[Message]:
        """Return the list of all conferences of the unit, in messages within the size limit of messages."""
        pages = _split_into_pages([*map(self._list_entry, self._conferences.values())])
        self._list_count += 1
        list_id = f"{self.description.label}-{now.timestamp():.6f}-{self._list_count}"
        split: Body = {"listid": list_id, "parts": len(pages)}
        common: Body = {"ip": self.description.ip, "pid": self.description.pid}
        common |= {"at": now.isoformat(timespec="seconds")} | (split if len(pages) > 1 else {})
        return [
            UnitListsConferences(confs=page, part=n, **common) for n, page in enumerate(pages, 1)
        ]

    def _list_entry(self, conference: SimulatedConference) -> UnitListEntry:
        """Return the entry of a conference in the list that the unit reports."""
        return UnitListEntry(
            e164=conference.e164,
            incarnation=conference.incarnation,
            seq=conference.report_seq,
            name=conference.name,
            mts=conference.mts,
            join=conference.join(self.description.label),
        )

    def ask_to_rename(self, e164: str, name: str) -> list[Message]:
        """Return the request to the platform to rename a conference (CSS §5.1); the name changes once it is granted."""
        reqid = self._next_reqid(e164)
        self._renames[reqid] = (e164, name)
        return [UnitAsksToRename(reqid=reqid, e164=e164, name=name, **self._me)]

    def ask_to_extend(self, e164: str, minutes: int) -> list[Message]:
        """Return the request to the platform to extend a conference (CSS §5.3); its end moves once it is granted."""
        reqid = self._next_reqid(e164)
        return [UnitAsksToExtend(reqid=reqid, e164=e164, delay=minutes, **self._me)]

    def end(self, e164: str, now: datetime, reason: str = "released") -> list[Message]:
        """End a conference without a command of the platform, and return the report of it."""
        if (conference := self._conferences.get(e164)) is None:
            return []
        incarnation = conference.incarnation
        self._end_conference(e164, incarnation, now)
        return [UnitEnded(e164=e164, incarnation=incarnation, reason=reason, **self._me)]

    def _next_reqid(self, e164: str) -> str:
        """Return a request id that no other unit uses for this conference number.

        A restarted unit counts from the beginning again, so the conference's incarnation is part of the id.
        """
        self._request_count += 1
        conference = self._conferences.get(e164)
        return f"simulated-{self.description.label}-{conference.incarnation if conference else 0}-{self._request_count}"

    # ---- messages to it -----------------------------------------------------------------------

    def handle(self, body: Body, now: datetime) -> list[Message]:
        """Handle a message to the unit, the JSON object `body`; return the answers. Raises BadMessage."""
        wire_type = body["type"]
        if wire_type.startswith("CM_MCU_"):
            return self._handle_control(body, now)
        message_class = TYPES.get(wire_type)
        if message_class is None:
            raise BadMessage("is unknown", "type")
        match message := from_body(message_class, body):
            case CreateOnUnit() | RestoreOnUnit():
                return self._accept_or_refuse(message, now)
            case DropOnUnit():
                self._drop_on_command(message, now)
            case AskUnitForList():
                return self.conference_lists(now)
            case ConferenceEndMoved() | UnitExtended():
                if conference := self._conferences.get(message.e164):
                    conference.endtime = message.endtime
            case UnitRenameGranted() | UnitRenameRefused():
                return self._apply_rename_answer(message, now)
            case StartMonitorOnUnit() | StopMonitorsOnUnit():
                return self._handle_monitor_request(message)
        return []

    def refuse(self, body: Body, now: datetime) -> list[Message]:
        """Return the refusal of a create or restore request, even if it could be fulfilled. Raises BadMessage."""
        is_new = body["type"] == CreateOnUnit.wire_type
        request: HostRequest = from_body(CreateOnUnit if is_new else RestoreOnUnit, body)
        if request.incarnation > self.highest_incarnation(request.e164):
            self._end_conference(request.e164, request.incarnation, now)
        return [self._refused(request)]

    def _accept_or_refuse(self, request: HostRequest, now: datetime) -> list[Message]:
        """Return the answer to a create or restore request, and host the conference if there is capacity for it."""
        conference = self._conferences.get(request.e164)
        if conference and conference.incarnation == request.incarnation:
            return [self._accepted(request, conference)]
        # It is older than the present conference, or was dropped or refused before: a ghost.
        if request.incarnation <= self.highest_incarnation(request.e164):
            return [self._refused(request)]
        if conference:
            self._end_conference(request.e164, conference.incarnation, now)
        if not self._has_capacity(request):
            self._end_conference(request.e164, request.incarnation, now)
            return [self._refused(request)]
        conference = simulated_conference.conference_of(request)
        self._add_conference(conference)
        return [
            self._accepted(request, conference),
            *([self._change_report(conference, now)] if conference.members else ()),
        ]

    def _accepted(self, request: HostRequest, conference: SimulatedConference) -> Message:
        """Return the positive answer to a create or restore request, with how to join the conference."""
        message_class = UnitRestored if isinstance(request, RestoreOnUnit) else UnitCreated
        join = conference.join(self.description.label)
        e164, incarnation = conference.e164, conference.incarnation
        return message_class(e164=e164, incarnation=incarnation, join=join, **self._me)

    def _refused(self, request: HostRequest) -> Message:
        """Return the negative answer to a create or restore request."""
        message_class = UnitRestoreRefused if isinstance(request, RestoreOnUnit) else UnitRefused
        e164, code = request.e164, Err.UNIT_REFUSED.value
        return message_class(e164=e164, incarnation=request.incarnation, errcode=code, **self._me)

    def _drop_on_command(self, request: DropOnUnit, now: datetime) -> None:
        """Drop a conference on the platform's command, unless it has a higher incarnation than the command names."""
        conference = self._conferences.get(request.e164)
        if conference is None or conference.incarnation <= request.incarnation:
            self._end_conference(request.e164, request.incarnation, now)

    def _apply_rename_answer(
        self, answer: UnitRenameGranted | UnitRenameRefused, now: datetime
    ) -> list[Message]:
        """Handle the answer to a request to rename: if it was granted, rename the conference and return the report."""
        e164, name = self._renames.pop(answer.reqid or "", ("", ""))
        conference = self._conferences.get(e164)
        if conference is None or isinstance(answer, UnitRenameRefused):
            return []
        conference.name = name
        return [self._change_report(conference, now)]

    def _change_report(self, conference: SimulatedConference, now: datetime) -> UnitReportsChange:
        """Return the report that a conference has changed, with its present state and a new sequence number."""
        conference.report_seq = next_seq(conference.report_seq, now)
        fields: Body = {name: getattr(conference, name) for name in _REPORTED}
        return UnitReportsChange(seq=conference.report_seq, **fields, **self._me)

    def _handle_control(self, body: Body, now: datetime) -> list[Message]:
        """Carry out a conference manager's control message, such as MUTE; return the report and the answer."""
        order = Control(body)
        conference = self._conferences.get(order.e164)
        result, report = simulated_conference.NOT_HOSTED, None
        if conference:
            result = simulated_conference.carry_out_control(conference, order.name, body)
            report = self._change_report(conference, now) if result.is_changed else None
        messages: list[Message] = [report] if report else []
        if order.expects_answer:
            answer = control_ack(order, result.answer_fields, report)
            if result.refused:
                answer = control_nack(order, result.refused, result.detail)
            messages.append(ControlAnswered({**answer.body, **self._identity}))
        return messages

    def _handle_monitor_request(
        self, message: StartMonitorOnUnit | StopMonitorsOnUnit
    ) -> list[Message]:
        """Start or stop monitors (copies of media), and return the answers; no media is sent in fact."""
        conference = self._conferences.get(message.e164)
        if isinstance(message, StartMonitorOnUnit):
            return [self._start_monitor(conference, message)]
        if conference:
            for address in message.monitors:
                conference.monitors.pop((address.ip, address.port), None)
        return []

    def _start_monitor(
        self, conference: SimulatedConference | None, request: StartMonitorOnUnit
    ) -> Message:
        """Return the answer to a request to send a terminal's sound or picture to an address."""
        echo: Body = {"reqid": request.reqid, "e164": request.e164, **self._me}
        echo["incarnation"] = request.incarnation
        if conference is None or conference.incarnation != request.incarnation:
            return UnitRefusedMonitor(errcode=Err.NO_CONFERENCE, detail="not held here", **echo)
        if detail := conference.why_not_monitored(request.mtid, request.mode):
            return UnitRefusedMonitor(detail=detail, **echo)
        conference.monitors[(request.ip, request.port)] = request
        return UnitStartedMonitor(**echo)

    @property
    def _identity(self) -> Body:
        """Return the unit's address and instance name, without an empty one."""
        return {key: value for key, value in self._me.items() if value}


def _split_into_pages(entries: list[UnitListEntry]) -> list[tuple[UnitListEntry, ...]]:
    """Split the entries of a list into pages, at least one, each within the protocol's limits for number and size."""
    pages: list[tuple[UnitListEntry, ...]] = []
    page, size = list[UnitListEntry](), 0
    for entry in entries:
        entry_size = len(dumps(to_json(entry))) + 1
        if page and (len(page) == MOST_LISTED or size + entry_size > MOST_LIST_BYTES):
            pages.append(tuple(page))
            page, size = [], 0
        page.append(entry)
        size += entry_size
    return [*pages, tuple(page)]
