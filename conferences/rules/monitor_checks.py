"""Define the rules by which requests to start or stop a monitor are refused (CSS §10). Pure.

A monitor is a copy of a terminal's sound or picture that is sent to an address.
"""

from __future__ import annotations

from typing import NamedTuple

from conferences.rules.monitor_states import Monitor, plain_address
from conferences.rules.states import Conference, ConferenceState
from wire.error_codes import MEANING, Err
from wire.monitors import StartMonitor, StopMonitor

MAX_MONITORS = 32
"""A conference has at most so many monitors."""


class Refusal(NamedTuple):
    """The reason why a monitor is not started or stopped: an error code, and a sentence, maybe after a field's name."""

    code: Err
    detail: str


def monitor_at(conference: Conference, ip: str, port: int) -> Monitor | None:
    """Return the monitor (copy of sound or picture of a conference) that is sent to an address; `None` if none is."""
    address = (plain_address(ip), port)
    return next(
        (monitor for monitor in conference.monitors if monitor.ip_and_port == address), None
    )


def why_monitor_not_started(conference: Conference | None, request: StartMonitor) -> Refusal | None:
    """Return why sound or picture may not be sent to an address; `None` if it may.

    The licence and the addresses that the site allows are not checked here.
    """
    if conference is None:
        return Refusal(Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
    if request.user_domain not in (None, conference.user_domain):
        return Refusal(Err.NOT_PERMITTED, MEANING[Err.NOT_PERMITTED])
    if conference.state is not ConferenceState.RUNNING:
        return Refusal(Err.WRONG_STATE, MEANING[Err.WRONG_STATE])
    if plain_address(request.ip) is None:
        return Refusal(Err.MALFORMED, "ip: the IP address of one host is needed")
    return _why_no_terminal(conference, request.mtid) or _why_cannot_send_to(conference, request)


def _why_no_terminal(conference: Conference, mtid: str) -> Refusal | None:
    """Return why a terminal's sound or picture cannot be sent; `None` if it can.

    `mtid` "" stands for the sound or picture of all, mixed or composed: that needs no terminal.
    """
    terminal = next((terminal for terminal in conference.mts if terminal.mtid == mtid), None)
    if mtid and terminal is None:
        return Refusal(Err.NOT_FOUND, "mtid: the conference has no such terminal")
    if terminal and not terminal.online:
        return Refusal(Err.WRONG_STATE, "mtid: the terminal is not in the conference now")
    return None


def _why_cannot_send_to(conference: Conference, request: StartMonitor) -> Refusal | None:
    """Return why no sound or picture can be sent to the requested address; `None` if it can.

    A request for the monitor that runs there already is allowed: the asker may not have got the first answer.
    """
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


def why_monitor_not_stopped(conference: Conference | None, request: StopMonitor) -> Refusal | None:
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
