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
"""The time for the answer of the media unit; an HTTP client waits 4 s, and the timer looks every second."""

MAX_MONITORS = 32
"""A conference has at most so many monitors."""

ONE_MONITOR = Amounts(monitors=1)


class Refusal(NamedTuple):
    """The reason why a monitor is not started or stopped: error code, and field with words, or a sentence."""

    code: Err
    detail: str


class Asker(NamedTuple):
    """Whoever asks for a monitor: the key of the request in the inbox, and whether it came over HTTP."""

    request: str
    over_http: bool = False


def plain_address(text: str) -> str | None:
    """Return an IP address in its one canonical form; `None` if the text is no address of one host.

    An IPv4 address that is written as IPv6 becomes what it is, so that no rule for IPv4 can be passed by.
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
    wanted = (plain_address(ip), port)
    return next((m for m in c.monitors if (m.ip, m.port) == wanted), None)


# ---- start ----------------------------------------------------------------------------------------


def why_not_started(c: Conference | None, request: StartMonitor) -> Refusal | None:
    """Return why a monitor is refused, leaving licence and allowed addresses aside; `None`: it is not."""
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
    """Return why a terminal cannot be monitored; "" stands for all."""
    terminal = next((terminal for terminal in c.mts if terminal.mtid == mtid), None)
    if mtid and terminal is None:
        return Refusal(Err.NOT_FOUND, "mtid: the conference has no such terminal")
    if terminal and not terminal.online:
        return Refusal(Err.WRONG_STATE, "mtid: the terminal is not in the conference now")
    return None


def _why_address_taken(c: Conference, request: StartMonitor) -> Refusal | None:
    """Return why no monitor can be added at this address: another one has it, or there are too many."""
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
    """Return the refusal of one monitor more than the licence allows."""
    return Refusal(Err.NOT_PERMITTED, "the licence has no monitors left; stop one, or extend it")


def decide_refuse(request: StartMonitor, asker: Asker, refusal: Refusal) -> Step:
    """Answer a request for a monitor with a NACK; nothing is started."""
    return Step(f"refused {refusal.code}", send=(_nack(asker.request, request, *refusal),))


def _nack(key: str, request: StartMonitor, code: str, detail: str | None) -> Answer:
    nack = MonitorRefused(reqid=request.reqid, e164=request.e164, errcode=code, detail=detail)
    return Answer(request=key, message=nack, route=Routes.CSS_TO_CM)


def decide_start(
    c: Conference, request: StartMonitor, asker: Asker, question: str, now: datetime
) -> Step:
    """Ask the media unit for a monitor; one that is sent already is answered at once.

    `question`: the id of our request to the unit.
    """
    assert c.unit is not None
    if monitor := monitor_at(c, request.ip, request.port):
        answered = msgspec.structs.replace(
            monitor, request=asker.request, reqid=request.reqid
        ).alive(now)
        return Step("sent already", c, _with(c, answered), (_ack(c, answered),))
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
    return Step(f"starting a monitor at {_name(monitor)}", c, _with(c, monitor), (to_unit,))


def _with(c: Conference, monitor: Monitor) -> Conference:
    """Return the conference with this monitor, in place of one at the same address."""
    others = [m for m in c.monitors if (m.ip, m.port) != (monitor.ip, monitor.port)]
    return c.change(monitors=(*others, monitor))


def _name(monitor: Monitor) -> str:
    return f"{monitor.ip} port {monitor.port}"


def _ack(c: Conference, monitor: Monitor) -> Answer:
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
    """Let a monitor run that the media unit sends, and answer whoever asked. `question`: that it answers."""
    monitor = _asked(c, reply, question, unit)
    if monitor is None:
        return no_change("a late answer about a monitor")
    running = msgspec.structs.replace(
        monitor,
        running=True,
        due_at=now + monitor.silent_for,
        rtcp=(reply.rtcp.ip, reply.rtcp.port) if reply.rtcp else None,
        payload=reply.payload,
    )
    return Step(f"monitored at {_name(running)}", c, _with(c, running), (_ack(c, running),))


def decide_unit_refused(
    c: Conference, reply: UnitRefusedMonitor, question: str, unit: Unit | None
) -> Step:
    """Forget a monitor that the media unit refuses, and tell whoever asked."""
    monitor = _asked(c, reply, question, unit)
    if monitor is None:
        return no_change("a late answer about a monitor")
    code = reply.errcode or Err.UNIT_REFUSED
    detail = reply.detail or MEANING.get(code)
    refused = (_refused(c, monitor, code, detail),)
    return Step(f"the unit refused a monitor ({code})", c, _without(c, [monitor]), refused)


def _asked(
    c: Conference,
    reply: UnitStartedMonitor | UnitRefusedMonitor,
    question: str,
    unit: Unit | None,
) -> Monitor | None:
    """Return the monitor whose start this answers; `None` for a ghost's answer, and for one that comes again."""
    is_ghost = reply.incarnation not in (None, c.incarnation) or not c.is_on(unit)
    if is_ghost or not question:
        return None
    return next((m for m in c.monitors if m.question == question and not m.running), None)


def _refused(c: Conference, monitor: Monitor, code: str, detail: str | None) -> Answer:
    nack = MonitorRefused(reqid=monitor.reqid, e164=c.e164, errcode=code, detail=detail)
    return Answer(request=monitor.request, message=nack, route=Routes.CSS_TO_CM)


# ---- stop, keep alive, time -----------------------------------------------------------------------


def decide_stop(c: Conference | None, request: StopMonitor, request_key: str) -> Step:
    """Stop the monitor at an address, straight at the media unit where the conference is in fact (CSS §10)."""
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
        *_refuse_unanswered(c, [monitor], Err.WRONG_STATE, "stopped before it began"),
        *_stop_on_unit(c, [monitor]),
    )
    return Step(f"monitor at {_name(monitor)} stopped", c, _without(c, [monitor]), messages)


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
    """Let the named monitors go on; tell conference managers which of them are over already.

    So a manager that has missed the end of a monitor, or of its conference, learns of it.
    """
    unknown = unknown_addresses(c, notice.monitors)
    over = (_tell_over(notice.e164, unknown),) if unknown else ()
    after = keep_alive(c, notice.monitors, now) if c else None
    return Step("monitors go on", c, after if after != c else None, over)


def keep_alive(c: Conference, addresses: Iterable[MonitorAddress], now: datetime) -> Conference:
    """Return the conference with longer lives of the monitors at these addresses."""
    named = {(plain_address(address.ip), address.port) for address in addresses}
    alive = (m.alive(now) if (m.ip, m.port) in named else m for m in c.monitors)
    return c.change(monitors=tuple(alive))


def unknown_addresses(
    c: Conference | None, addresses: Iterable[MonitorAddress]
) -> list[MonitorAddress]:
    """Return those of the addresses to which no monitor of the conference is sent."""
    return [a for a in addresses if c is None or monitor_at(c, a.ip, a.port) is None]


def due_monitors(c: Conference, now: datetime) -> list[Monitor]:
    """Return the monitors whose time has come: silent ones, and those that the unit has not answered."""
    return [monitor for monitor in c.monitors if monitor.due_at <= now]


def decide_monitors_due(c: Conference, now: datetime) -> Step:
    """End the monitors whose time has come: at the media unit, and for the managers (CSS §10)."""
    over = due_monitors(c, now)
    messages: tuple[Outgoing, ...] = (
        *_refuse_unanswered(c, over, Err.UNIT_SILENT, MEANING[Err.UNIT_SILENT]),
        *_stop_on_unit(c, over),
        *_tell_managers(c, over),
    )
    return Step(f"{len(over)} monitors are over", c, _without(c, over), messages)


# ---- what happens to the conference ---------------------------------------------------------------


def follow_conference(step: Step) -> Step:
    """Return a step that also ends the monitors which cannot outlive the step's change of the conference.

    - The conference has ended: all end with it, and whoever still waits is refused.
    - It has lost its unit: those that were being started are refused. The others wait.
    - It runs again, restored or taken back: all end, and the managers are told to close them (CSS §10).
    - A terminal has left: its monitors end, and the managers are told.
    """
    before, after = step.before, step.after
    if before is None or after is None or not after.monitors or after == before:
        return step
    if not after.live:
        over, code = list(after.monitors), Err.NO_CONFERENCE
    elif before.state is not ConferenceState.RUNNING and after.state is ConferenceState.RUNNING:
        over, code = list(after.monitors), Err.WRONG_STATE
    elif after.state is not ConferenceState.RUNNING:
        over, code = [m for m in after.monitors if not m.running], Err.WRONG_STATE
    else:
        over, code = _of_absent_terminals(after), Err.WRONG_STATE
    if not over:
        return step
    messages: tuple[Outgoing, ...] = (
        *_refuse_unanswered(after, over, code, MEANING[code]),
        *_stop_on_unit(after, over),
        *(_tell_managers(after, over) if after.live else ()),
    )
    return Step(step.reason, before, _without(after, over), (*step.send, *messages))


def _of_absent_terminals(c: Conference) -> list[Monitor]:
    """Return the monitors of terminals that are not in the conference any more."""
    present = {terminal.mtid for terminal in c.mts if terminal.online}
    return [monitor for monitor in c.monitors if monitor.mtid and monitor.mtid not in present]


def _without(c: Conference, over: Collection[Monitor]) -> Conference:
    return msgspec.structs.replace(c, monitors=tuple(m for m in c.monitors if m not in over))


def _refuse_unanswered(
    c: Conference, over: Iterable[Monitor], code: Err, detail: str
) -> tuple[Answer, ...]:
    """Refuse the requests for those of the monitors that do not run yet."""
    return tuple(_refused(c, monitor, code, detail) for monitor in over if not monitor.running)


def _stop_on_unit(c: Conference, over: Iterable[Monitor]) -> tuple[Send, ...]:
    """Tell the media unit to stop these monitors; nobody is told while the conference is on none."""
    if c.unit is None or c.state is not ConferenceState.RUNNING:
        return ()
    addresses = tuple(monitor.address for monitor in over)
    return (outgoing.to_unit(c.unit, StopMonitorsOnUnit(e164=c.e164, monitors=addresses)),)


def _tell_managers(c: Conference, over: Iterable[Monitor]) -> tuple[Send, ...]:
    """Tell conference managers to close those of the monitors that they believe to run."""
    addresses = [monitor.address for monitor in over if monitor.running]
    return (_tell_over(c.e164, addresses),) if addresses else ()


def _tell_over(e164: str, addresses: Iterable[MonitorAddress]) -> Send:
    return outgoing.to_cm(MonitorsEnded(e164=e164, monitors=tuple(addresses)))
