"""Define the rules for monitors: a terminal's sound or picture is sent to an address that a manager names (CSS §10).

Monitors are part of the value of their conference, so they move with it, end with it, and wake its timer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from conferences.rules import outgoing
from conferences.rules.decision import Decision, no_change
from conferences.rules.monitor_checks import Refusal, monitor_at, why_monitor_not_stopped
from conferences.rules.monitor_states import Monitor, plain_address
from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.bus.outgoing import Answer, Outgoing, Send
from licensing.rules.amounts import Amounts
from wire.error_codes import MEANING, Err
from wire.monitors import (
    KeepMonitorsAlive,
    MonitorAddress,
    MonitorRefused,
    MonitorsEnded,
    MonitorStarted,
    MonitorStopped,
    StartMonitor,
    StartMonitorOnUnit,
    StopMonitor,
    StopMonitorRefused,
    StopMonitorsOnUnit,
    UnitRefusedMonitor,
    UnitStartedMonitor,
)
from wire.routes import Routes

UNIT_STARTS_IN = timedelta(seconds=3)
"""The media unit has to answer within this time: an HTTP client waits 4 s, and the timer runs every second."""


ONE_MONITOR = Amounts(monitors=1)


class Asker(NamedTuple):
    """Represent the asker of a monitor: the key of its request in the inbox, and whether the request came over HTTP."""

    request: str
    over_http: bool = False


# ---- start ----------------------------------------------------------------------------------------


def decide_refuse_monitor(request: StartMonitor, asker: Asker, refusal: Refusal) -> Decision:
    """Decide to answer a request to send a terminal's sound or picture (a monitor) with a NACK; nothing is started."""
    code, detail = refusal
    nack = MonitorRefused(reqid=request.reqid, e164=request.e164, errcode=code, detail=detail)
    answer = Answer(request=asker.request, message=nack, route=Routes.CSS_TO_CM)
    return Decision(f"refused {code}", send=(answer,))


def decide_start_monitor(
    conference: Conference, request: StartMonitor, asker: Asker, question: str, now: datetime
) -> Decision:
    """Decide to let the media unit send sound or picture to an address, or answer that it does so already.

    `question`: the id of our order to the unit.
    """
    assert conference.unit is not None
    if monitor := monitor_at(conference, request.ip, request.port):
        answered = monitor.kept_alive(now)
        answered = msgspec.structs.replace(answered, request=asker.request, reqid=request.reqid)
        after = _with_monitor(conference, answered)
        return Decision("sent already", conference, after, (_started_answer(conference, answered),))
    monitor = Monitor(
        ip=plain_address(request.ip) or "",
        port=request.port,
        mode=request.mode,
        mtid=request.mtid,
        due_at=now + UNIT_STARTS_IN,
        question=question,
        request=asker.request,
        reqid=request.reqid,
        over_http=asker.over_http,
    )
    order = StartMonitorOnUnit(
        reqid=question,
        e164=conference.e164,
        incarnation=conference.incarnation,
        mtid=monitor.mtid,
        ip=monitor.ip,
        port=monitor.port,
        mode=request.mode,
    )
    to_unit = outgoing.to_unit(conference.unit, order, outgoing.COMMAND_EXPIRES_MS, question)
    after = _with_monitor(conference, monitor)
    return Decision(f"starting a monitor at {monitor.address_text}", conference, after, (to_unit,))


def _with_monitor(conference: Conference, monitor: Monitor) -> Conference:
    """Return the conference with this monitor (copy of sound or picture), in place of one at the same address."""
    others = [other for other in conference.monitors if other.ip_and_port != monitor.ip_and_port]
    return conference.change(monitors=(*others, monitor))


def _started_answer(conference: Conference, monitor: Monitor) -> Answer:
    """Return the answer to a request for a monitor: the terminal's sound or picture is being sent."""
    rtcp = MonitorAddress(ip=monitor.rtcp[0], port=monitor.rtcp[1]) if monitor.rtcp else None
    ack = MonitorStarted(
        reqid=monitor.reqid,
        e164=conference.e164,
        mtid=monitor.mtid,
        ip=monitor.ip,
        port=monitor.port,
        mode=monitor.mode,
        rtcp=rtcp,
        payload=monitor.payload,
    )
    return Answer(request=monitor.request, message=ack, route=Routes.CSS_TO_CM)


def decide_unit_started_monitor(
    conference: Conference,
    reply: UnitStartedMonitor,
    question: str,
    unit: Unit | None,
    now: datetime,
) -> Decision:
    """Decide to mark a monitor as running, as the media unit sends its sound or picture, and answer who asked for it.

    `question`: the id of our order to the unit. A late reply, or one of another unit, is ignored.
    """
    monitor = _started_monitor(conference, reply, question, unit)
    if monitor is None:
        return no_change("a late answer about a monitor")
    running = msgspec.structs.replace(
        monitor,
        running=True,
        due_at=now + monitor.timeout,
        rtcp=(reply.rtcp.ip, reply.rtcp.port) if reply.rtcp else None,
        payload=reply.payload,
    )
    after = _with_monitor(conference, running)
    answers = (_started_answer(conference, running),)
    return Decision(f"monitored at {running.address_text}", conference, after, answers)


def decide_unit_refused_monitor(
    conference: Conference, reply: UnitRefusedMonitor, question: str, unit: Unit | None
) -> Decision:
    """Decide to remove a monitor whose sound or picture the media unit refused to send, and tell who asked for it.

    `question`: the id of our order to the unit. A late reply, or one of another unit, is ignored.
    """
    monitor = _started_monitor(conference, reply, question, unit)
    if monitor is None:
        return no_change("a late answer about a monitor")
    code = reply.errcode or Err.UNIT_REFUSED
    nack = _refusal(conference, monitor, code, reply.detail or MEANING.get(code))
    after = _without_monitors(conference, [monitor])
    return Decision(f"the unit refused a monitor ({code})", conference, after, (nack,))


def _started_monitor(
    conference: Conference,
    reply: UnitStartedMonitor | UnitRefusedMonitor,
    question: str,
    unit: Unit | None,
) -> Monitor | None:
    """Return the monitor that a media unit's reply is about.

    `question`: the id of our request that the unit answers. `None` means that the reply is of another unit, of an
    earlier assignment of the conference (a ghost), or of a monitor whose start was answered before.
    """
    is_ghost = reply.incarnation not in (None, conference.incarnation) or not conference.is_on(unit)
    if is_ghost or not question:
        return None
    waiting = (monitor for monitor in conference.monitors if not monitor.running)
    return next((monitor for monitor in waiting if monitor.question == question), None)


def _refusal(conference: Conference, monitor: Monitor, code: str, detail: str | None) -> Answer:
    """Return the answer that refuses a manager's request for a monitor (a terminal's sound or picture)."""
    nack = MonitorRefused(reqid=monitor.reqid, e164=conference.e164, errcode=code, detail=detail)
    return Answer(request=monitor.request, message=nack, route=Routes.CSS_TO_CM)


# ---- stop, keep alive, time -----------------------------------------------------------------------


def decide_stop_monitor(
    conference: Conference | None, request: StopMonitor, request_key: str
) -> Decision:
    """Decide to let the conference's unit stop sending sound or picture to an address (CSS §10), or refuse it."""
    refusal = why_monitor_not_stopped(conference, request)
    monitor = monitor_at(conference, request.ip, request.port) if conference else None
    if conference is None or monitor is None or refusal:
        code, detail = refusal or Refusal(Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
        nack = StopMonitorRefused(
            reqid=request.reqid, e164=request.e164, errcode=code, detail=detail
        )
        answer = Answer(request=request_key, message=nack, route=Routes.CSS_TO_CM)
        return Decision(f"refused {code}", send=(answer,))
    ack = MonitorStopped(
        reqid=request.reqid, e164=conference.e164, ip=monitor.ip, port=monitor.port
    )
    messages: tuple[Outgoing, ...] = (
        Answer(request=request_key, message=ack, route=Routes.CSS_TO_CM),
        *_refuse_not_running(conference, [monitor], Err.WRONG_STATE, "stopped before it began"),
        *_stop_on_unit(conference, [monitor]),
    )
    after = _without_monitors(conference, [monitor])
    return Decision(f"monitor at {monitor.address_text} stopped", conference, after, messages)


def decide_keep_alive(
    conference: Conference | None, notice: KeepMonitorsAlive, now: datetime
) -> Decision:
    """Decide to let the named monitors (copies of sound or picture) go on, and tell managers which have ended already.

    So a manager that has missed the end of a monitor, or of its conference, learns of it.
    """
    unknown = unknown_addresses(conference, notice.monitors)
    notices = (_ended_notice(notice.e164, unknown),) if unknown else ()
    after = keep_monitors_alive(conference, notice.monitors, now) if conference else None
    return Decision("monitors go on", conference, after if after != conference else None, notices)


def keep_monitors_alive(
    conference: Conference, addresses: Iterable[MonitorAddress], now: datetime
) -> Conference:
    """Return the conference after a manager has said that it still receives what is sent to these addresses.

    Each monitor (what is sent to one address) then goes on for its timeout; the others are unchanged.
    """
    named = {(plain_address(address.ip), address.port) for address in addresses}
    monitors = tuple(
        monitor.kept_alive(now) if monitor.ip_and_port in named else monitor
        for monitor in conference.monitors
    )
    return conference.change(monitors=monitors)


def unknown_addresses(
    conference: Conference | None, addresses: Iterable[MonitorAddress]
) -> list[MonitorAddress]:
    """Return those of the addresses to which the conference sends no sound or picture."""
    return [
        address
        for address in addresses
        if conference is None or monitor_at(conference, address.ip, address.port) is None
    ]


def due_monitors(conference: Conference, now: datetime) -> list[Monitor]:
    """Return the monitors (sound or picture) that end: without keep-alive, or not begun by the unit in time."""
    return [monitor for monitor in conference.monitors if monitor.due_at <= now]


def decide_monitors_due(conference: Conference, now: datetime) -> Decision:
    """Decide to stop sending sound or picture to addresses whose time is over, for instance as no keep-alive came.

    The unit, all managers, and those who wait for a start are told (CSS §10).
    """
    due = due_monitors(conference, now)
    messages: tuple[Outgoing, ...] = (
        *_refuse_not_running(conference, due, Err.UNIT_SILENT, MEANING[Err.UNIT_SILENT]),
        *_stop_on_unit(conference, due),
        *_notify_managers(conference, due),
    )
    after = _without_monitors(conference, due)
    return Decision(f"{len(due)} monitors are over", conference, after, messages)


# ---- changes of the conference that end monitors --------------------------------------------------


def end_affected_monitors(decision: Decision) -> Decision:
    """Return this decision, extended so that it also ends the monitors that must end with the conference's change.

    A monitor is a copy of sound or picture that the unit sends to an address.
    - The conference has ended: all monitors end, and requests that still wait are refused.
    - It has lost its media unit: monitors that were being started are refused; the others wait.
    - It runs again, restored or taken back: all monitors end, and the managers are told to close them (CSS §10).
    - A terminal has left: its monitors end, and the managers are told.
    """
    before, after = decision.before, decision.after
    if before is None or after is None or not after.monitors or after == before:
        return decision
    if not after.live:
        ending, code = list(after.monitors), Err.NO_CONFERENCE
    elif before.state is not ConferenceState.RUNNING and after.state is ConferenceState.RUNNING:
        ending, code = list(after.monitors), Err.WRONG_STATE
    elif after.state is not ConferenceState.RUNNING:
        ending, code = (
            [monitor for monitor in after.monitors if not monitor.running],
            Err.WRONG_STATE,
        )
    else:
        ending, code = _monitors_of_absent_terminals(after), Err.WRONG_STATE
    if not ending:
        return decision
    messages: tuple[Outgoing, ...] = (
        *_refuse_not_running(after, ending, code, MEANING[code]),
        *_stop_on_unit(after, ending),
        *(_notify_managers(after, ending) if after.live else ()),
    )
    after = _without_monitors(after, ending)
    return Decision(decision.reason, before, after, (*decision.send, *messages))


def _monitors_of_absent_terminals(conference: Conference) -> list[Monitor]:
    """Return the monitors (copies of sound or picture) of terminals that have left; those of all together stay."""
    present = {terminal.mtid for terminal in conference.mts if terminal.online}
    return [
        monitor for monitor in conference.monitors if monitor.mtid and monitor.mtid not in present
    ]


def _without_monitors(conference: Conference, removed: Collection[Monitor]) -> Conference:
    """Return the conference without these monitors (sound or picture sent to an address)."""
    monitors = tuple(monitor for monitor in conference.monitors if monitor not in removed)
    return msgspec.structs.replace(conference, monitors=monitors)


def _refuse_not_running(
    conference: Conference, monitors: Iterable[Monitor], code: Err, detail: str
) -> tuple[Answer, ...]:
    """Return the answers that refuse those of the monitors (copies of sound or picture) that do not run yet."""
    not_running = (monitor for monitor in monitors if not monitor.running)
    return tuple(_refusal(conference, monitor, code, detail) for monitor in not_running)


def _stop_on_unit(conference: Conference, monitors: Iterable[Monitor]) -> tuple[Send, ...]:
    """Return the command to the media unit to stop sending sound or picture; () while no unit runs the conference."""
    if conference.unit is None or conference.state is not ConferenceState.RUNNING:
        return ()
    addresses = tuple(monitor.address for monitor in monitors)
    command = StopMonitorsOnUnit(e164=conference.e164, monitors=addresses)
    return (outgoing.to_unit(conference.unit, command),)


def _notify_managers(conference: Conference, monitors: Iterable[Monitor]) -> tuple[Send, ...]:
    """Return the notice to conference managers that those of the monitors that ran have ended; () if none did."""
    addresses = [monitor.address for monitor in monitors if monitor.running]
    return (_ended_notice(conference.e164, addresses),) if addresses else ()


def _ended_notice(e164: str, addresses: Iterable[MonitorAddress]) -> Send:
    """Return the notice to managers that no sound or picture is sent to these addresses any more."""
    return outgoing.to_cm(MonitorsEnded(e164=e164, monitors=tuple(addresses)))
