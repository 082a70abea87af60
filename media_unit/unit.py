"""The media unit holds conferences on its Janus, accepts and drops them, and answers requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from weakref import WeakValueDictionary

from foundation.bus.message import TYPES, BadMessage, Body, Message, from_body
from media_unit import attendance, conference_copy, controls, planned_end, reports
from media_unit.child_user import ChildUser
from media_unit.compositions import Compositions
from media_unit.conference_copy import HostedConference, HostRequest
from media_unit.config import UnitConfig
from media_unit.controls import ControlContext, ControlRefused
from media_unit.gate_link import GateLink
from media_unit.gate_rules import PLUGINS
from media_unit.janus_config import Secrets, e164_of
from media_unit.janus_link import JanusAway, JanusError
from media_unit.janus_rooms import JanusRooms
from media_unit.legs import Legs, SendToGate
from media_unit.monitors import Monitors
from media_unit.recording import Recorder
from media_unit.state_file import StateFile
from wire.conference_control import Control
from wire.error_codes import Err
from wire.fields import Join
from wire.media_unit import (
    AskUnitForList,
    ConferenceEndIsNear,
    ConferenceEndMoved,
    CreateOnUnit,
    DropOnUnit,
    RestoreOnUnit,
    UnitReportsChange,
)
from wire.monitors import StartMonitorOnUnit, StopMonitorsOnUnit
from wire.routes import Routes
from wire.telephones import AskForLeg, LeaveLeg

log = logging.getLogger("conferences.media.unit")

Send = Callable[[Routes, Message, str], None]


class MediaUnit:
    """A media unit runs conferences, each under a number. Requests about one number are handled one after the other."""

    def __init__(
        self,
        config: UnitConfig,
        keys: Secrets,
        state_file: StateFile,
        send: Send,
        send_to_gate: SendToGate,
        now: Callable[[], datetime],
        janus_user: ChildUser,
        gate_user: ChildUser,
    ) -> None:
        """Begin without conferences. `send` sends a message to the platform; recordings belong to `janus_user`."""
        self.config, self.conferences = config, dict[str, HostedConference]()
        self.janus_rooms: JanusRooms | None = None
        self.recorder = Recorder(config.directory, now, janus_user)
        self.monitors = Monitors(config, gate := GateLink(config, keys), self.send_to_css)
        self.legs = Legs(config, gate, send_to_gate)
        self.compositions = Compositions(config.directory, gate_user, now)
        self._keys, self._state_file, self._send, self._now = keys, state_file, send, now
        self._janus = ""
        self._heartbeat_count = 0
        self._being_created: dict[str, int] = {}
        """Number of a conference that is being created -> its places."""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, e164: str) -> asyncio.Lock:
        """Return the lock of a conference number, under which requests about the conference are handled in order."""
        return self._locks.setdefault(e164, asyncio.Lock())

    # ---- the start and the end of Janus -------------------------------------------------------

    async def use_new_janus(self, janus_rooms: JanusRooms, name: str) -> None:
        """Use the Janus process `name`: go on with stored conferences whose rooms it has; destroy all other rooms."""
        plugins_of = await janus_rooms.plugins_by_room()
        stored = {
            conference.janus_room: conference for conference in self._state_file.conferences(name)
        }
        for janus_room in sorted(plugins_of.keys() - stored.keys()):
            log.warning("dropping room %s: not ours any more", janus_room)
            await janus_rooms.destroy(janus_room)
        for janus_room, conference in stored.items():
            if plugins_of.get(janus_room, set()) >= set(PLUGINS):
                self.conferences[conference.e164] = conference
                log.info("%s goes on with incarnation %s", conference.e164, conference.incarnation)
            else:
                log.warning("%s is kept, but Janus has not got it: forgotten", conference.e164)
                self._state_file.delete_conference(conference.e164)
        self.janus_rooms, self._janus = janus_rooms, name
        recordings = {conference.recording for conference in self.conferences.values()}
        self.recorder.end_left_over_segments(recordings)

    async def use_new_connection(self, janus_rooms: JanusRooms) -> None:
        """Use a new connection to the same Janus; destroy Janus rooms whose creation was not finished."""
        self.janus_rooms = janus_rooms
        own_rooms = {conference.janus_room for conference in self.conferences.values()}
        for janus_room in sorted((await janus_rooms.plugins_by_room()).keys() - own_rooms):
            if e164_of(janus_room) not in self._being_created:
                await janus_rooms.destroy(janus_room)

    def forget_lost_janus(self) -> None:
        """Forget all conferences, since Janus is dead. The platform decides where they are restored."""
        for conference in self.conferences.values():
            self.legs.tell_all_gone(conference, "lost")
            self.recorder.mark_ended(conference)
            self.compositions.end_process(conference.e164)
            self._state_file.delete_conference(conference.e164)
        self.conferences.clear()
        self.janus_rooms = None
        self._state_file.delete_all_links()

    # ---- messages that it sends by itself -----------------------------------------------------

    def introductory_messages(self) -> list[tuple[Routes, Message]]:
        """Return the messages that register the unit and list its conferences, for a new broker or Janus."""
        self._heartbeat_count = 0
        registered = reports.registrations(self.config, self.conferences.values())
        return [(Routes.NODE_TO_RMS, message) for message in registered] + [
            (Routes.UNIT_TO_CSS, message) for message in self.conference_lists()
        ]

    def conference_lists(self) -> list[Message]:
        """Return the list of all conferences of this unit, as messages."""
        conferences = self.conferences.values()
        entries = [reports.list_entry(hosted, self._join_of(hosted)) for hosted in conferences]
        return reports.conference_lists(self.config, entries, self._now())

    def heartbeats(self) -> list[Message]:
        """Return the unit's heartbeats; none while there is no Janus."""
        self._heartbeat_count += 1
        if self.janus_rooms is None:
            return []
        return reports.heartbeats(self.config, self.conferences.values(), self._heartbeat_count)

    def send_to_css(self, message: Message, correlation_id: str = "") -> None:
        """Send a message to the platform's conference scheduler (CSS)."""
        self._send(Routes.UNIT_TO_CSS, message, correlation_id)

    def _join_of(self, conference: HostedConference) -> Join:
        """Return what a client needs to enter a conference: URL, Janus rooms, PIN and a new token."""
        now, is_bound = self._now().timestamp(), self.monitors.gate.knows_visitors
        return reports.join_of(conference, self.config.join_url, self._keys, now, is_bound)

    # ---- messages to it -----------------------------------------------------------------------

    async def handle(self, body: Body, correlation_id: str) -> None:
        """Handle a message to the unit, the JSON object `body`, and send the answer. Raises BadMessage."""
        wire_type = body["type"]
        if wire_type.startswith("CM_MCU_"):
            await self._handle_control(body, correlation_id)
            return
        message_class = TYPES.get(wire_type)
        if message_class is None:
            raise BadMessage("is unknown", "type")
        match message := from_body(message_class, body):
            case CreateOnUnit() | RestoreOnUnit():
                await self._accept_or_refuse(message, correlation_id)
            case DropOnUnit():
                await self._drop_on_command(message)
            case AskUnitForList():
                self._send_lists(correlation_id)
            case ConferenceEndMoved():
                await planned_end.move(self, message)
            case ConferenceEndIsNear():
                await planned_end.announce(self, message)
            case StartMonitorOnUnit() | StopMonitorsOnUnit():
                await self.monitors.handle(self, message, correlation_id)
            case AskForLeg() | LeaveLeg():
                await self.legs.handle(self, message, correlation_id)
            case _:
                log.info("%s is nothing that this unit acts on", wire_type)

    def _send_lists(self, correlation_id: str = "") -> None:
        """Send the platform the list of all conferences of this unit."""
        for part in self.conference_lists():
            self.send_to_css(part, correlation_id)

    async def _accept_or_refuse(self, request: HostRequest, correlation_id: str) -> None:
        """Start the conference that the platform asks for (to create or restore), if possible, and send the answer."""
        async with self.lock(request.e164):
            conference, why = self.conferences.get(request.e164), ""
            if conference is None or conference.incarnation != request.incarnation:
                conference, why = await self._try_to_start(request)
            if conference:
                log.info("%s: holding incarnation %s", request.e164, request.incarnation)
                answer = reports.acceptance(self.config, request, self._join_of(conference))
            else:
                log.info("%s: incarnation %s refused: %s", request.e164, request.incarnation, why)
                answer = reports.host_refusal(self.config, request, why)
            self.send_to_css(answer, correlation_id)
            if conference and self.janus_rooms:
                await self._report_recording(conference, self.janus_rooms)

    async def _try_to_start(self, request: HostRequest) -> tuple[HostedConference | None, str]:
        """Start a conference, in place of one with a lower incarnation; return it, or `None` and why not."""
        e164 = request.e164
        highest = self._state_file.highest_incarnation(e164)
        if request.incarnation <= highest:
            return None, f"incarnation {highest} was heard of"
        self._state_file.store_incarnation(e164, request.incarnation)
        if e164 in self.conferences:
            log.info("%s: incarnation %s replaces what is here", e164, request.incarnation)
            await self._end_conference(self.conferences[e164])
        # The terminals of a restored conference were called already, perhaps by a unit that has a gateway.
        if not isinstance(request, RestoreOnUnit) and (why := controls.why_uncallable(request.mts)):
            return None, f"mts: {why}"
        if self.janus_rooms is None:
            return None, "Janus is not up"
        if not self._has_place(request):
            return None, "no place left"
        self._being_created[e164] = request.places
        try:
            return await self._create_conference(request, self.janus_rooms), ""
        except (JanusError, JanusAway) as error:
            return None, str(error)
        finally:
            del self._being_created[e164]

    async def _create_conference(
        self, request: HostRequest, janus_rooms: JanusRooms
    ) -> HostedConference:
        """Create a conference and its Janus rooms, store it, and return it. Raises JanusError and JanusAway."""
        janus_room = self._keys.janus_room(request.e164, request.incarnation)
        conference = conference_copy.conference_of(request, janus_room, self.config)
        try:
            has_sound_groups = await self.monitors.gate.has_sound_groups()
            await janus_rooms.create(conference.room_plan, has_sound_groups=has_sound_groups)
        except JanusError:
            await janus_rooms.destroy(conference.janus_room)
            raise
        if janus_rooms is not self.janus_rooms:
            raise JanusAway("Janus died meanwhile")
        self.conferences[conference.e164] = conference
        # Without the recorder that was asked for, the conference is held all the same (CSS §1.3).
        if request.record and request.vrs and self.config.is_named(request.vrs):
            await self._try_to_record(conference, janus_rooms)
        self.save(conference)
        return conference

    async def _try_to_record(self, conference: HostedConference, janus_rooms: JanusRooms) -> None:
        """Start to record a conference; if that fails, log the error: the conference runs all the same."""
        try:
            await self.recorder.start(conference, janus_rooms)
        except (JanusError, OSError) as error:
            log.error("%s is not recorded: %s", conference.e164, error)

    def _has_place(self, request: HostRequest) -> bool:
        """Return whether the unit has capacity for a conference beside those that run or are being created."""
        reserved = [conference.places for conference in self.conferences.values()]
        reserved += [*self._being_created.values(), request.places]
        return len(reserved) <= self.config.confs and sum(reserved) <= self.config.ports

    async def _drop_on_command(self, request: DropOnUnit) -> None:
        """End a conference on the platform's command, unless it was placed here later (its incarnation is higher)."""
        async with self.lock(request.e164):
            self._state_file.store_incarnation(request.e164, request.incarnation)
            conference = self.conferences.get(request.e164)
            if conference and conference.incarnation <= request.incarnation:
                log.info("%s: incarnation %s released", conference.e164, conference.incarnation)
                await self._end_conference(conference)

    async def _end_conference(self, conference: HostedConference) -> None:
        """Forget a conference, destroy its Janus rooms, and end its recording. If Janus is away, only log that."""
        self.conferences.pop(conference.e164, None)
        self._state_file.delete_conference(conference.e164)
        self.legs.tell_all_gone(conference, "ended")
        try:
            await self.compositions.end(conference, self.janus_rooms)
            if self.janus_rooms:
                await self.janus_rooms.destroy(conference.janus_room)
        except (JanusError, JanusAway) as error:
            log.warning("%s: rooms not destroyed: %s", conference.e164, error)
        self.recorder.mark_ended(conference)

    async def end_overdue(self, e164: str, reason: str) -> None:
        """End a conference that the platform has not ended in time, and report that with a reason for programs."""
        async with self.lock(e164):
            if conference := self.conferences.get(e164):
                log.warning("%s: nobody has ended it (%s)", e164, reason)
                await self._end_conference(conference)
                self.send_to_css(reports.end_report(self.config, conference, reason))

    # ---- control ------------------------------------------------------------------------------

    async def _handle_control(self, body: Body, correlation_id: str) -> None:
        """Carry out a conference manager's control message, such as MUTE, and answer it if it is a request."""
        order = Control(body)
        async with self.lock(order.e164):
            try:
                answer = reports.control_ack(order, *await self._carry_out(order))
            except ControlRefused as refusal:
                answer = reports.control_nack(order, refusal.errcode, str(refusal))
                log.info("%s: %s refused: %s", order.e164, order.name, refusal)
            except (JanusError, JanusAway, OSError) as error:
                answer = reports.control_nack(order, Err.UNIT_REFUSED.value, str(error))
                log.info("%s: %s failed: %s", order.e164, order.name, error)
            if order.expects_answer:
                self.send_to_css(answer, correlation_id)

    def _context(self, conference: HostedConference, janus_rooms: JanusRooms) -> ControlContext:
        """Return a conference with what is needed to change it."""
        services = (self.recorder, self.config, self.monitors.gate)
        return ControlContext(conference, janus_rooms, *services)

    async def _carry_out(self, order: Control) -> tuple[Body, UnitReportsChange | None]:
        """Carry out a manager's control message; return the answer's fields and the report of changes, or `None`."""
        conference = self.conferences.get(order.e164)
        if conference is None or self.janus_rooms is None:
            raise ControlRefused("not held here", Err.NO_CONFERENCE)
        context = self._context(conference, self.janus_rooms)
        answer_fields = await controls.carry_out_control(context, order.name, order.body)
        await self.compositions.update(self, conference, self.janus_rooms)
        await self.legs.end_gone(self, conference)
        return answer_fields, await self.report_changes(conference, self.janus_rooms)

    async def refresh(self, e164: str) -> None:
        """Report changes of who is in a conference, as Janus says, and lost rooms; an unknown one is ignored."""
        async with self.lock(e164):
            conference, janus_rooms = self.conferences.get(e164), self.janus_rooms
            if conference is None or janus_rooms is None:
                return
            try:
                connections = await janus_rooms.connections(conference.janus_room)
                had_page = attendance.terminals_with_join_page(conference)
                arrived = conference.update_people(connections)
                self.recorder.record_presence(conference)
                context = self._context(conference, janus_rooms)
                await attendance.admit_or_disconnect(context, arrived)
                await self.monitors.restart_or_stop(conference, janus_rooms)
                await self.compositions.update(self, conference, janus_rooms)
                await self.legs.end_gone(self, conference)
                await self.report_changes(conference, janus_rooms)
                # A join page that has just connected does not know the state yet.
                if attendance.terminals_with_join_page(conference) - had_page:
                    await janus_rooms.announce(
                        conference.janus_room, attendance.state_for_join_pages(conference)
                    )
            except JanusError as error:
                log.error("%s: its rooms are gone (%s); reported as lost", e164, error)
                await self._end_conference(conference)
                self._send_lists()

    async def report_changes(
        self, conference: HostedConference, janus_rooms: JanusRooms
    ) -> UnitReportsChange | None:
        """Report a conference to the platform and its web pages if it has changed; return the report, or `None`."""
        await self._report_recording(conference, janus_rooms)
        if (state := conference.state) == conference.reported:
            return None
        conference.reported = state
        conference.report_seq = reports.next_seq(conference.report_seq, self._now())
        self.save(conference)
        self.send_to_css(report := reports.change_report(self.config, conference, state))
        await janus_rooms.announce(
            conference.janus_room, attendance.state_for_join_pages(conference)
        )
        return report

    async def _report_recording(
        self, conference: HostedConference, janus_rooms: JanusRooms
    ) -> None:
        """Tell managers and web pages if recording has begun or stopped since they were last told, on any unit."""
        if (is_recorded := bool(conference.recording)) != conference.recording_reported:
            conference.recording_reported = is_recorded
            self.save(conference)
            self.send_to_css(reports.recording_notice(self.config, conference))
            await janus_rooms.announce(
                conference.janus_room, attendance.state_for_join_pages(conference)
            )

    def save(self, conference: HostedConference) -> None:
        """Store a conference, so that a restarted agent goes on with it."""
        self._state_file.save(self._janus, conference)

    async def remove_silent(self, janus_room: str, plugin: str, person: str) -> None:
        """Disconnect a participant (`person`: its id at a Janus plugin) who sends no media any more and so has left."""
        e164 = e164_of(janus_room)
        async with self.lock(e164):
            conference = self.conferences.get(e164)
            if not conference or conference.janus_room != janus_room or not self.janus_rooms:
                return
            terminal = attendance.terminal_that_fell_silent(conference, plugin, person)
            if terminal is None:
                return
            log.warning("%s: %s sends no media any more: removed", e164, terminal.name)
            context = self._context(conference, self.janus_rooms)
            await controls.disconnect_terminal(context, terminal)
            await self.report_changes(conference, self.janus_rooms)
