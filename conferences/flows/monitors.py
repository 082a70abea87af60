"""Conference managers (CM) supervise terminals: a media unit (CMU) sends their sound or picture as RTP (CSS §10).

CM  -> CSS  CM_MAU_STARTMONITOR_REQ                      on_start_monitor
CSS -> CMU  MAU_MCU_STARTMONITOR_REQ
CMU -> CSS  MCU_MAU_STARTMONITOR_ACK                     on_unit_started_monitor
CMU -> CSS  MCU_MAU_STARTMONITOR_NACK                    on_unit_refused_monitor
CSS -> CM   MAU_CM_STARTMONITOR_ACK | MAU_CM_STARTMONITOR_NACK
CM  -> CSS  CM_MAU_STOPMONITOR_REQ                       on_stop_monitor
CSS -> CMU  MAU_MCU_STOPMONITOR_CMD
CSS -> CM   MAU_CM_STOPMONITOR_ACK | MAU_CM_STOPMONITOR_NACK
CM  -> CSS  CM_MAU_MONITORKEEPALIVE_NTF                  on_keep_monitors_alive
CSS -> CM   MAU_CM_STOPMONITOR_NTF
"""

from __future__ import annotations

from collections.abc import Collection

from conferences.data.commit import commit
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import monitors as decide
from conferences.rules.decision import Decision
from conferences.rules.monitor_checks import (
    Refusal,
    monitor_at,
    refuse_by_licence,
    why_monitor_not_started,
)
from conferences.rules.monitor_states import plain_address
from conferences.rules.sending_unit import sending_unit
from conferences.rules.states import Conference
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from wire.error_codes import Err
from wire.monitors import (
    KeepMonitorsAlive,
    MonitorAddress,
    StartMonitor,
    StopMonitor,
    UnitRefusedMonitor,
    UnitStartedMonitor,
)


@handles(StartMonitor)
def on_start_monitor(uow: ConferencesUnitOfWork, request: StartMonitor, envelope: Envelope) -> None:
    """Ask the media unit to send sound or picture of a conference to an address (a monitor), or refuse the request."""
    conference = uow.load(request.e164)
    asker = decide.Asker(envelope.request, over_http=envelope.origin == "http")
    refusal = why_monitor_not_started(conference, request) or _refuse_by_site(
        uow, conference, request
    )
    if conference is None or refusal:
        no_conference = Refusal(Err.NO_CONFERENCE, "")
        commit(uow, decide.decide_refuse_monitor(request, asker, refusal or no_conference))
        return
    commit(uow, decide.decide_start_monitor(conference, request, asker, uow.new_id(), uow.now))


def _refuse_by_site(
    uow: ConferencesUnitOfWork, conference: Conference | None, request: StartMonitor
) -> Refusal | None:
    """Return why this site refuses to send sound or picture to an address: not allowed, or licence used up.

    Else `None`. There is no conference, or it is sent there already: then this site has no reason.
    """
    if conference is None or monitor_at(conference, request.ip, request.port):
        return None
    if reason := uow.why_no_monitor_at(plain_address(request.ip) or ""):
        return Refusal(Err.NOT_PERMITTED, f"ip: {reason}")
    if uow.missing_resource(decide.ONE_MONITOR, locked=True):
        return refuse_by_licence()
    return None


@handles(UnitStartedMonitor)
def on_unit_started_monitor(
    uow: ConferencesUnitOfWork, reply: UnitStartedMonitor, envelope: Envelope
) -> None:
    """Mark a monitor as running, as the unit now sends the terminal's sound or picture; answer its asker."""
    if conference := uow.load(reply.e164):
        unit = sending_unit(reply, envelope, uow.own_site, conference)
        question = reply.reqid or envelope.correlation_id
        commit(uow, decide.decide_unit_started_monitor(conference, reply, question, unit, uow.now))


@handles(UnitRefusedMonitor)
def on_unit_refused_monitor(
    uow: ConferencesUnitOfWork, reply: UnitRefusedMonitor, envelope: Envelope
) -> None:
    """Remove a monitor, as the unit refused to send the terminal's sound or picture; answer its asker."""
    if conference := uow.load(reply.e164):
        unit = sending_unit(reply, envelope, uow.own_site, conference)
        question = reply.reqid or envelope.correlation_id
        commit(uow, decide.decide_unit_refused_monitor(conference, reply, question, unit))


@handles(StopMonitor)
def on_stop_monitor(uow: ConferencesUnitOfWork, request: StopMonitor, envelope: Envelope) -> None:
    """Stop sending sound or picture of a conference to an address (a monitor), or refuse the request."""
    commit(uow, decide.decide_stop_monitor(uow.load(request.e164), request, envelope.request))


def keep_monitors_alive(
    platform: str, e164: str, addresses: Collection[MonitorAddress]
) -> Collection[MonitorAddress]:
    """Let monitors (copies of sound or picture) go on that an HTTP client still receives.

    Returns those of the addresses to which nothing is sent; all of them if another site serves the platform.
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        conference = conferences.load(e164) if uow.is_open else None
        if (
            conference
            and (after := decide.keep_monitors_alive(conference, addresses, uow.now)) != conference
        ):
            commit(conferences, Decision("monitors go on", conference, after))
    return decide.unknown_addresses(conference, addresses)


@handles(KeepMonitorsAlive)
def on_keep_monitors_alive(
    uow: ConferencesUnitOfWork, notice: KeepMonitorsAlive, envelope: Envelope
) -> None:
    """Let monitors (copies of sound or picture) go on that a conference manager still receives."""
    decision = decide.decide_keep_alive(uow.load(notice.e164), notice, uow.now)
    if decision.after or decision.send:
        commit(uow, decision)
