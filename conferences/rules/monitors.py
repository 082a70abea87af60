"""The rules for monitors: a terminal's sound or picture is sent to an address that a manager names (CSS §10).

Monitors are part of the value of their conference, so they move with it, end with it, and wake its timer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

import msgspec

from conferences.rules import outgoing
from conferences.rules.monitor_states import Monitor
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


def plain_address(text: str) -> str | None:
    """Return an IP address in its canonical form; `None` if the text is not the address of a single host.

    An IPv4 address that is written as an IPv6 address becomes IPv4, so that rules for IPv4 addresses apply to it.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id:
            return None
        address = address.ipv4_mapped or address
    return None if address.is_unspecified or address.is_multicast else str(address)


def monitor_at(c: Conference, ip: str, port: int) -> Monitor | None:
    """Return the monitor of a conference at an address; `None` if there is none."""
    address = (plain_address(ip), port)
    return next((m for m in c.monitors if (m.ip, m.port) == address), None)


# ---- start ----------------------------------------------------------------------------------------


def why_not_started(c: Conference | None, request: StartMonitor) -> Refusal | None:
    """Return why a monitor cannot be started; `None` if it can. Licence and allowed addresses are checked elsewhere."""
    if c is None:
        return Refusal(Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
    if request.user_domain not in (None, c.user_domain):
        return Refusal(Err.NOT_PERMITTED, MEANING[Err.NOT_PERMITTED])
    if c.state is not ConferenceState.RUNNING:
        return Refusal(Err.WRONG_STATE, MEANING[Err.WRONG_STATE])
    if plain_address(request.ip) is None:
        return Refusal(Err.MALFORMED, "ip: the IP address of one host is needed")
    return _why_no_terminal(c, request.mtid) or _why_address_taken(c, request)


def _why_no_terminal(c: Conference, mtid: str) -> Refusal | None:
    """Return why a terminal cannot be monitored; `None` if it can. `mtid` "" stands for the mixed sound of all."""
    terminal = next((terminal for terminal in c.mts if terminal.mtid == mtid), None)
    if mtid and terminal is None:
        return Refusal(Err.NOT_FOUND, "mtid: the conference has no such terminal")
    if terminal and not terminal.online:
        return Refusal(Err.WRONG_STATE, "mtid: the terminal is not in the conference now")
    return None


def _why_address_taken(c: Conference, request: StartMonitor) -> Refusal | None:
    """Return why no monitor can be started at the requested address: it is in use, or there are too many monitors."""
    monitor = monitor_at(c, request.ip, request.port)
    if monitor is None:
        if len(c.monitors) < MAX_MONITORS:
            return None
        return Refusal(Err.NOT_PERMITTED, f"a conference has at most {MAX_MONITORS} monitors")
    if (monitor.mtid, monitor.mode) != (request.mtid, request.mode):
        return Refusal(Err.NAME_TAKEN, "port: another monitor is sent there; stop that one first")
    if not monitor.running:
        return Refusal(Err.WRONG_STATE, "port: this monitor is just being started")
    return None


def refuse_by_licence() -> Refusal:
    """Return the refusal of a monitor because the licence has none left."""
    return Refusal(Err.NOT_PERMITTED, "the licence has no monitors left; stop one, or extend it")


def decide_refuse(request: StartMonitor, asker: Asker, refusal: Refusal) -> Step:
    """Answer a request for a monitor with a NACK; nothing is started."""
    code, detail = refusal
    nack = MonitorRefused(reqid=request.reqid, e164=request.e164, errcode=code, detail=detail)
    answer = Answer(request=asker.request, message=nack, route=Routes.CSS_TO_CM)
    return Step(f"refused {code}", send=(answer,))


def decide_start(
    c: Conference, request: StartMonitor, asker: Asker, question: str, now: datetime
) -> Step:
    """Ask the media unit to start a monitor; if the same monitor is running already, answer at once.

    `question`: the id of our request to the unit.
    """
    assert c.unit is not None
    if monitor := monitor_at(c, request.ip, request.port):
        answered = msgspec.structs.replace(
            monitor, request=asker.request, reqid=request.reqid
        ).kept_alive(now)
        return Step("sent already", c, _with_monitor(c, answered), (_ack(c, answered),))
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
        e164=c.e164,
        incarnation=c.incarnation,
        mtid=monitor.mtid,
        ip=monitor.ip,
        port=monitor.port,
        mode=request.mode,
    )
    to_unit = outgoing.to_unit(c.unit, order, outgoing.COMMAND_LIVES_MS, question)
    after = _with_monitor(c, monitor)
    return Step(f"starting a monitor at {_address_text(monitor)}", c, after, (to_unit,))


def _with_monitor(c: Conference, monitor: Monitor) -> Conference:
    """Return the conference with this monitor, which replaces the one at the same address, if any."""
    others = [m for m in c.monitors if (m.ip, m.port) != (monitor.ip, monitor.port)]
    return c.change(monitors=(*others, monitor))


def _address_text(monitor: Monitor) -> str:
    return f"{monitor.ip} port {monitor.port}"


def _ack(c: Conference, monitor: Monitor) -> Answer:
    """Return the answer to the request for a monitor that it is being sent."""
    rtcp = MonitorAddress(ip=monitor.rtcp[0], port=monitor.rtcp[1]) if monitor.rtcp else None
    ack = MonitorStarted(
        reqid=monitor.reqid,
        e164=c.e164,
        mtid=monitor.mtid,
        ip=monitor.ip,
        port=monitor.port,
        mode=monitor.mode,
        rtcp=rtcp,
        payload=monitor.payload,
    )
    return Answer(request=monitor.request, message=ack, route=Routes.CSS_TO_CM)


def decide_unit_started(
    c: Conference, reply: UnitStartedMonitor, question: str, unit: Unit | None, now: datetime
) -> Step:
    """Mark a monitor as running that the media unit has started, and answer its asker. `question`: see `_started_monitor`."""
    monitor = _started_monitor(c, reply, question, unit)
    if monitor is None:
        return no_change("a late answer about a monitor")
    running = msgspec.structs.replace(
        monitor,
        running=True,
        due_at=now + monitor.timeout,
        rtcp=(reply.rtcp.ip, reply.rtcp.port) if reply.rtcp else None,
        payload=reply.payload,
    )
    after = _with_monitor(c, running)
    return Step(f"monitored at {_address_text(running)}", c, after, (_ack(c, running),))


def decide_unit_refused(
    c: Conference, reply: UnitRefusedMonitor, question: str, unit: Unit | None
) -> Step:
    """Remove a monitor that the media unit refused to start, and answer its asker. `question`: see `_started_monitor`."""
    monitor = _started_monitor(c, reply, question, unit)
    if monitor is None:
        return no_change("a late answer about a monitor")
    code = reply.errcode or Err.UNIT_REFUSED
    nack = _nack(c, monitor, code, reply.detail or MEANING.get(code))
    after = _without_monitors(c, [monitor])
    return Step(f"the unit refused a monitor ({code})", c, after, (nack,))


def _started_monitor(
    c: Conference,
    reply: UnitStartedMonitor | UnitRefusedMonitor,
    question: str,
    unit: Unit | None,
) -> Monitor | None:
    """Return the monitor that the media unit's reply is about. `question`: the id of our request that the unit answers.

    `None` means that the reply is of a ghost, of another unit, or of a monitor whose start was answered before.
    """
    is_ghost = reply.incarnation not in (None, c.incarnation) or not c.is_on(unit)
    if is_ghost or not question:
        return None
    return next((m for m in c.monitors if m.question == question and not m.running), None)


def _nack(c: Conference, monitor: Monitor, code: str, detail: str | None) -> Answer:
    """Return the answer that refuses the request for a monitor."""
    nack = MonitorRefused(reqid=monitor.reqid, e164=c.e164, errcode=code, detail=detail)
    return Answer(request=monitor.request, message=nack, route=Routes.CSS_TO_CM)


# ---- stop, keep alive, time -----------------------------------------------------------------------


def decide_stop(c: Conference | None, request: StopMonitor, request_key: str) -> Step:
    """Stop the monitor at an address: tell the media unit on which the conference runs now (CSS §10), and answer."""
    refusal = _why_not_stopped(c, request)
    monitor = monitor_at(c, request.ip, request.port) if c else None
    if c is None or monitor is None or refusal:
        code, detail = refusal or Refusal(Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
        nack = StopMonitorRefused(
            reqid=request.reqid, e164=request.e164, errcode=code, detail=detail
        )
        answer = Answer(request=request_key, message=nack, route=Routes.CSS_TO_CM)
        return Step(f"refused {code}", send=(answer,))
    ack = MonitorStopped(reqid=request.reqid, e164=c.e164, ip=monitor.ip, port=monitor.port)
    messages: tuple[Outgoing, ...] = (
        Answer(request=request_key, message=ack, route=Routes.CSS_TO_CM),
        *_refuse_not_running(c, [monitor], Err.WRONG_STATE, "stopped before it began"),
        *_stop_on_unit(c, [monitor]),
    )
    after = _without_monitors(c, [monitor])
    return Step(f"monitor at {_address_text(monitor)} stopped", c, after, messages)


def _why_not_stopped(c: Conference | None, request: StopMonitor) -> Refusal | None:
    """Return why a monitor cannot be stopped by this request; `None` if it can."""
    if c is None:
        return Refusal(Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
    if request.user_domain not in (None, c.user_domain):
        return Refusal(Err.NOT_PERMITTED, MEANING[Err.NOT_PERMITTED])
    monitor = monitor_at(c, request.ip, request.port)
    if monitor is None:
        return Refusal(Err.NOT_FOUND, "port: no monitor of this conference is sent there")
    if request.mtid not in (None, monitor.mtid):
        return Refusal(Err.NOT_FOUND, "mtid: another terminal is sent there")
    if request.mode not in (None, monitor.mode):
        return Refusal(Err.NOT_FOUND, "mode: something else is sent there")
    return None


def decide_keep_alive(c: Conference | None, notice: KeepMonitorsAlive, now: datetime) -> Step:
    """Let the named monitors go on, and tell conference managers which of them have ended already.

    So a manager that has missed the end of a monitor, or of its conference, learns of it.
    """
    unknown = unknown_addresses(c, notice.monitors)
    notices = (_ended_notice(notice.e164, unknown),) if unknown else ()
    after = keep_alive(c, notice.monitors, now) if c else None
    return Step("monitors go on", c, after if after != c else None, notices)


def keep_alive(c: Conference, addresses: Iterable[MonitorAddress], now: datetime) -> Conference:
    """Return the conference after a keep-alive of its monitors at these addresses."""
    named = {(plain_address(address.ip), address.port) for address in addresses}
    monitors = (m.kept_alive(now) if (m.ip, m.port) in named else m for m in c.monitors)
    return c.change(monitors=tuple(monitors))


def unknown_addresses(
    c: Conference | None, addresses: Iterable[MonitorAddress]
) -> list[MonitorAddress]:
    """Return those of the addresses at which the conference has no monitor; all, if `c` is `None`."""
    return [a for a in addresses if c is None or monitor_at(c, a.ip, a.port) is None]


def due_monitors(c: Conference, now: datetime) -> list[Monitor]:
    """Return the monitors that have to end: without keep-alive for too long, or not started by the unit in time."""
    return [monitor for monitor in c.monitors if monitor.due_at <= now]


def decide_monitors_due(c: Conference, now: datetime) -> Step:
    """End the monitors whose time is over; tell the media unit, the managers, and askers that still wait (CSS §10)."""
    due = due_monitors(c, now)
    messages: tuple[Outgoing, ...] = (
        *_refuse_not_running(c, due, Err.UNIT_SILENT, MEANING[Err.UNIT_SILENT]),
        *_stop_on_unit(c, due),
        *_tell_managers(c, due),
    )
    return Step(f"{len(due)} monitors are over", c, _without_monitors(c, due), messages)


# ---- changes of the conference that end monitors --------------------------------------------------


def follow_conference(step: Step) -> Step:
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
        ending, code = _of_absent_terminals(after), Err.WRONG_STATE
    if not ending:
        return step
    messages: tuple[Outgoing, ...] = (
        *_refuse_not_running(after, ending, code, MEANING[code]),
        *_stop_on_unit(after, ending),
        *(_tell_managers(after, ending) if after.live else ()),
    )
    return Step(step.reason, before, _without_monitors(after, ending), (*step.send, *messages))


def _of_absent_terminals(c: Conference) -> list[Monitor]:
    """Return the monitors of terminals that are not in the conference any more."""
    present = {terminal.mtid for terminal in c.mts if terminal.online}
    return [monitor for monitor in c.monitors if monitor.mtid and monitor.mtid not in present]


def _without_monitors(c: Conference, removed: Collection[Monitor]) -> Conference:
    return msgspec.structs.replace(c, monitors=tuple(m for m in c.monitors if m not in removed))


def _refuse_not_running(
    c: Conference, monitors: Iterable[Monitor], code: Err, detail: str
) -> tuple[Answer, ...]:
    """Return the answers that refuse the requests for those of the monitors that do not run yet."""
    return tuple(_nack(c, monitor, code, detail) for monitor in monitors if not monitor.running)


def _stop_on_unit(c: Conference, monitors: Iterable[Monitor]) -> tuple[Send, ...]:
    """Return the command to the media unit to stop these monitors; () while the conference runs on no unit."""
    if c.unit is None or c.state is not ConferenceState.RUNNING:
        return ()
    command = StopMonitorsOnUnit(e164=c.e164, monitors=tuple(m.address for m in monitors))
    return (outgoing.to_unit(c.unit, command),)


def _tell_managers(c: Conference, monitors: Iterable[Monitor]) -> tuple[Send, ...]:
    """Return the notice to conference managers that those of the monitors that were running have ended; () if none was."""
    addresses = [monitor.address for monitor in monitors if monitor.running]
    return (_ended_notice(c.e164, addresses),) if addresses else ()


def _ended_notice(e164: str, addresses: Iterable[MonitorAddress]) -> Send:
    return outgoing.to_cm(MonitorsEnded(e164=e164, monitors=tuple(addresses)))
