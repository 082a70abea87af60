"""The rules for monitors: a terminal's sound or picture is sent to an address that a manager names (CSS §10).

Monitors are part of the value of their conference, so they move with it, end with it, and wake its timer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from conferences.rules import outgoing
from conferences.rules.monitor_states import Monitor, plain_address
from conferences.rules.states import Conference, ConferenceState, Unit
from conferences.rules.step import Step, no_change
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

MAX_MONITORS = 32
"""A conference has at most so many monitors."""

ONE_MONITOR = Amounts(monitors=1)


class Refusal(NamedTuple):
    """The reason why a monitor is not started or stopped: error code, and a sentence, after the name of a field if any."""

    code: Err
    detail: str


class Asker(NamedTuple):
    """The asker of a monitor: the key of its request in the inbox, and whether the request came over HTTP."""

    request: str
    over_http: bool = False


def monitor_at(conference: Conference, ip: str, port: int) -> Monitor | None:
    """Return the monitor (copy of a terminal's sound or picture) that is sent to an address; `None`: none."""
    address = (plain_address(ip), port)
    return next((m for m in conference.monitors if (m.ip, m.port) == address), None)


# ---- start ----------------------------------------------------------------------------------------


def why_monitor_not_started(conference: Conference | None, request: StartMonitor) -> Refusal | None:
    """Return why sound or picture may not be sent, licence and allowed addresses aside; `None` if it may."""
    if conference is None:
        return Refusal(Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
    if request.user_domain not in (None, conference.user_domain):
        return Refusal(Err.NOT_PERMITTED, MEANING[Err.NOT_PERMITTED])
    if conference.state is not ConferenceState.RUNNING:
        return Refusal(Err.WRONG_STATE, MEANING[Err.WRONG_STATE])
    if plain_address(request.ip) is None:
        return Refusal(Err.MALFORMED, "ip: the IP address of one host is needed")
    return _why_no_terminal(conference, request.mtid) or _why_address_taken(conference, request)


def _why_no_terminal(conference: Conference, mtid: str) -> Refusal | None:
    """Return why a terminal cannot be monitored; `None` if it can. `mtid` "" stands for all, mixed or composed."""
    terminal = next((terminal for terminal in conference.mts if terminal.mtid == mtid), None)
    if mtid and terminal is None:
        return Refusal(Err.NOT_FOUND, "mtid: the conference has no such terminal")
    if terminal and not terminal.online:
        return Refusal(Err.WRONG_STATE, "mtid: the terminal is not in the conference now")
    return None


def _why_address_taken(conference: Conference, request: StartMonitor) -> Refusal | None:
    """Return why no sound or picture can be sent to the requested address; `None` if it can."""
    monitor = monitor_at(conference, request.ip, request.port)
    if monitor is None:
        if len(conference.monitors) < MAX_MONITORS:
            return None
        return Refusal(Err.NOT_PERMITTED, f"a conference has at most {MAX_MONITORS} monitors")
    if (monitor.mtid, monitor.mode) != (request.mtid, request.mode):
        return Refusal(Err.NAME_TAKEN, "port: another monitor is sent there; stop that one first")
    if not monitor.running:
        return Refusal(Err.WRONG_STATE, "port: this monitor is just being started")
    return None


def refuse_by_licence() -> Refusal:
    """Return the refusal to send a terminal's sound or picture because the licence has no monitor left."""
    return Refusal(Err.NOT_PERMITTED, "the licence has no monitors left; stop one, or extend it")


def decide_refuse_monitor(request: StartMonitor, asker: Asker, refusal: Refusal) -> Step:
    """Answer a request to send a terminal's sound or picture (a monitor) with a NACK; nothing is started."""
    code, detail = refusal
    nack = MonitorRefused(reqid=request.reqid, e164=request.e164, errcode=code, detail=detail)
    answer = Answer(request=asker.request, message=nack, route=Routes.CSS_TO_CM)
    return Step(f"refused {code}", send=(answer,))


def decide_start_monitor(
    conference: Conference, request: StartMonitor, asker: Asker, question: str, now: datetime
) -> Step:
    """Ask the unit to send a terminal's sound or picture to an address (our request's id is `question`), or say it does."""
    assert conference.unit is not None
    if monitor := monitor_at(conference, request.ip, request.port):
        answered = monitor.kept_alive(now)
        answered = msgspec.structs.replace(answered, request=asker.request, reqid=request.reqid)
        after = _with_monitor(conference, answered)
        return Step("sent already", conference, after, (_started_answer(conference, answered),))
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
    to_unit = outgoing.to_unit(conference.unit, order, outgoing.COMMAND_LIVES_MS, question)
    after = _with_monitor(conference, monitor)
    return Step(f"starting a monitor at {_address_text(monitor)}", conference, after, (to_unit,))


def _with_monitor(conference: Conference, monitor: Monitor) -> Conference:
    """Return the conference with this monitor, which replaces the one at the same address, if any."""
    others = [m for m in conference.monitors if (m.ip, m.port) != (monitor.ip, monitor.port)]
    return conference.change(monitors=(*others, monitor))


def _address_text(monitor: Monitor) -> str:
    """Return for the log where a terminal's sound or picture is sent."""
    return f"{monitor.ip} port {monitor.port}"


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
) -> Step:
    """Mark a monitor as running: the unit sends the sound or picture. `question`: the id of our request."""
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
    return Step(f"monitored at {_address_text(running)}", conference, after, answers)


def decide_unit_refused_monitor(
    conference: Conference, reply: UnitRefusedMonitor, question: str, unit: Unit | None
) -> Step:
    """Remove a monitor, whose sound or picture the unit does not send. `question`: the id of our request."""
    monitor = _started_monitor(conference, reply, question, unit)
    if monitor is None:
        return no_change("a late answer about a monitor")
    code = reply.errcode or Err.UNIT_REFUSED
    nack = _refusal(conference, monitor, code, reply.detail or MEANING.get(code))
    after = _without_monitors(conference, [monitor])
    return Step(f"the unit refused a monitor ({code})", conference, after, (nack,))


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
    return next((m for m in conference.monitors if m.question == question and not m.running), None)


def _refusal(conference: Conference, monitor: Monitor, code: str, detail: str | None) -> Answer:
    """Return the answer that refuses a manager's request for a monitor (a terminal's sound or picture)."""
    nack = MonitorRefused(reqid=monitor.reqid, e164=conference.e164, errcode=code, detail=detail)
    return Answer(request=monitor.request, message=nack, route=Routes.CSS_TO_CM)


# ---- stop, keep alive, time -----------------------------------------------------------------------


def decide_stop_monitor(
    conference: Conference | None, request: StopMonitor, request_key: str
) -> Step:
    """Let the conference's unit stop to send sound or picture to an address (CSS §10), and answer the asker."""
    refusal = _why_monitor_not_stopped(conference, request)
    monitor = monitor_at(conference, request.ip, request.port) if conference else None
    if conference is None or monitor is None or refusal:
        code, detail = refusal or Refusal(Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
        nack = StopMonitorRefused(
            reqid=request.reqid, e164=request.e164, errcode=code, detail=detail
        )
        answer = Answer(request=request_key, message=nack, route=Routes.CSS_TO_CM)
        return Step(f"refused {code}", send=(answer,))
    ack = MonitorStopped(
        reqid=request.reqid, e164=conference.e164, ip=monitor.ip, port=monitor.port
    )
    messages: tuple[Outgoing, ...] = (
        Answer(request=request_key, message=ack, route=Routes.CSS_TO_CM),
        *_refuse_not_running(conference, [monitor], Err.WRONG_STATE, "stopped before it began"),
        *_stop_on_unit(conference, [monitor]),
    )
    after = _without_monitors(conference, [monitor])
    return Step(f"monitor at {_address_text(monitor)} stopped", conference, after, messages)


def _why_monitor_not_stopped(conference: Conference | None, request: StopMonitor) -> Refusal | None:
    """Return why a request cannot stop a monitor (sending a terminal's sound or picture); `None` if it can."""
    if conference is None:
        return Refusal(Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
    if request.user_domain not in (None, conference.user_domain):
        return Refusal(Err.NOT_PERMITTED, MEANING[Err.NOT_PERMITTED])
    monitor = monitor_at(conference, request.ip, request.port)
    if monitor is None:
        return Refusal(Err.NOT_FOUND, "port: no monitor of this conference is sent there")
    if request.mtid not in (None, monitor.mtid):
        return Refusal(Err.NOT_FOUND, "mtid: another terminal is sent there")
    if request.mode not in (None, monitor.mode):
        return Refusal(Err.NOT_FOUND, "mode: something else is sent there")
    return None


def decide_keep_alive(
    conference: Conference | None, notice: KeepMonitorsAlive, now: datetime
) -> Step:
    """Let named monitors (sound or picture) go on, and tell managers which of them have ended already.

    So a manager that has missed the end of a monitor, or of its conference, learns of it.
    """
    unknown = unknown_addresses(conference, notice.monitors)
    notices = (_ended_notice(notice.e164, unknown),) if unknown else ()
    after = keep_monitors_alive(conference, notice.monitors, now) if conference else None
    return Step("monitors go on", conference, after if after != conference else None, notices)


def keep_monitors_alive(
    conference: Conference, addresses: Iterable[MonitorAddress], now: datetime
) -> Conference:
    """Return the conference after a keep-alive of what is sent to these addresses (its monitors)."""
    named = {(plain_address(address.ip), address.port) for address in addresses}
    monitors = (m.kept_alive(now) if (m.ip, m.port) in named else m for m in conference.monitors)
    return conference.change(monitors=tuple(monitors))


def unknown_addresses(
    conference: Conference | None, addresses: Iterable[MonitorAddress]
) -> list[MonitorAddress]:
    """Return those of the addresses to which the conference sends no sound or picture."""
    return [
        a for a in addresses if conference is None or monitor_at(conference, a.ip, a.port) is None
    ]


def due_monitors(conference: Conference, now: datetime) -> list[Monitor]:
    """Return the monitors (sound or picture) that end: without keep-alive, or not begun by the unit in time."""
    return [monitor for monitor in conference.monitors if monitor.due_at <= now]


def decide_monitors_due(conference: Conference, now: datetime) -> Step:
    """End sending sound or picture whose time is over; tell unit, managers, and waiting askers (CSS §10)."""
    due = due_monitors(conference, now)
    messages: tuple[Outgoing, ...] = (
        *_refuse_not_running(conference, due, Err.UNIT_SILENT, MEANING[Err.UNIT_SILENT]),
        *_stop_on_unit(conference, due),
        *_notify_managers(conference, due),
    )
    after = _without_monitors(conference, due)
    return Step(f"{len(due)} monitors are over", conference, after, messages)


# ---- changes of the conference that end monitors --------------------------------------------------


def end_affected_monitors(step: Step) -> Step:
    """Return this step, extended so that it also ends monitors where the change of the conference requires it.

    - The conference has ended: all monitors end, and requests that still wait are refused.
    - It has lost its media unit: monitors that were being started are refused; the others wait.
    - It runs again, restored or taken back: all monitors end, and the managers are told to close them (CSS §10).
    - A terminal has left: its monitors end, and the managers are told.
    """
    before, after = step.before, step.after
    if before is None or after is None or not after.monitors or after == before:
        return step
    if not after.live:
        ending, code = list(after.monitors), Err.NO_CONFERENCE
    elif before.state is not ConferenceState.RUNNING and after.state is ConferenceState.RUNNING:
        ending, code = list(after.monitors), Err.WRONG_STATE
    elif after.state is not ConferenceState.RUNNING:
        ending, code = [m for m in after.monitors if not m.running], Err.WRONG_STATE
    else:
        ending, code = _monitors_of_absent_terminals(after), Err.WRONG_STATE
    if not ending:
        return step
    messages: tuple[Outgoing, ...] = (
        *_refuse_not_running(after, ending, code, MEANING[code]),
        *_stop_on_unit(after, ending),
        *(_notify_managers(after, ending) if after.live else ()),
    )
    return Step(step.reason, before, _without_monitors(after, ending), (*step.send, *messages))


def _monitors_of_absent_terminals(conference: Conference) -> list[Monitor]:
    """Return the monitors whose terminals, the sound or picture of which they send, have left."""
    present = {terminal.mtid for terminal in conference.mts if terminal.online}
    return [m for m in conference.monitors if m.mtid and m.mtid not in present]


def _without_monitors(conference: Conference, removed: Collection[Monitor]) -> Conference:
    """Return the conference without these monitors (sound or picture sent to an address)."""
    monitors = tuple(monitor for monitor in conference.monitors if monitor not in removed)
    return msgspec.structs.replace(conference, monitors=monitors)


def _refuse_not_running(
    conference: Conference, monitors: Iterable[Monitor], code: Err, detail: str
) -> tuple[Answer, ...]:
    """Return the answers that refuse the requests for those of the monitors that do not run yet."""
    return tuple(_refusal(conference, m, code, detail) for m in monitors if not m.running)


def _stop_on_unit(conference: Conference, monitors: Iterable[Monitor]) -> tuple[Send, ...]:
    """Return the command to stop sending sound or picture; () while the conference runs on no unit."""
    if conference.unit is None or conference.state is not ConferenceState.RUNNING:
        return ()
    command = StopMonitorsOnUnit(e164=conference.e164, monitors=tuple(m.address for m in monitors))
    return (outgoing.to_unit(conference.unit, command),)


def _notify_managers(conference: Conference, monitors: Iterable[Monitor]) -> tuple[Send, ...]:
    """Return the notice to conference managers that those of the monitors that ran have ended; () if none did."""
    addresses = [monitor.address for monitor in monitors if monitor.running]
    return (_ended_notice(conference.e164, addresses),) if addresses else ()


def _ended_notice(e164: str, addresses: Iterable[MonitorAddress]) -> Send:
    """Return the notice to managers that no sound or picture is sent to these addresses any more."""
    return outgoing.to_cm(MonitorsEnded(e164=e164, monitors=tuple(addresses)))
