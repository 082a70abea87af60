"""The platform is told what it may do: on request, at start-up, and when time has changed it (CSS §4.1, §4.3).

MS  -> CSS       MS_CSS_LICENSE_REQ                      on_ask_for_limits
CSS -> MS        CSS_MS_LICENSE_ACK

CSS -> BMC       CSS_BMC_LICENSE_REQ                     on_ask_for_licences
BMC -> CSS       BMC_CSS_LICENSE_NTF

CSS -> BMC       CSS_BMC_LICENSE_REQ                     request_licences
CSS -> platform  PLATFORM_LICENSE_NTF
"""

from __future__ import annotations

import logging

import msgspec

from foundation.bus import wake_up
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.outgoing import Answer, Send
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from licensing.data import commit, redis_projection
from licensing.data.unit_of_work import LicensingUnitOfWork
from wire.licences import AskForLicences, AskForLimits, LimitsTold
from wire.routes import Routes

log = logging.getLogger("licensing")


@handles(AskForLimits)
def on_ask_for_limits(uow: LicensingUnitOfWork, request: AskForLimits, envelope: Envelope) -> None:
    """Answer a module. If its request names no place for the answer, the module listens where changes are published."""
    in_force = uow.in_force()
    answer = LimitsTold(reqid=request.reqid, **msgspec.structs.asdict(in_force))
    uow.send(Answer(request=envelope.request, message=answer, route=Routes.LICENCE_IN_FORCE))


@handles(AskForLicences)
def on_ask_for_licences(
    uow: LicensingUnitOfWork, request: AskForLicences, envelope: Envelope
) -> None:
    """Send, at the core, a site its own and its possible platforms' licences, each in a notice. Raises NotTaken.

    The notices go to the broker where the site asked. Of other platforms it is told nothing.
    """
    role, _, asker = envelope.app_id.partition("@")
    if not uow.is_core:
        raise NotTaken("is answered by the core alone", "type")
    if role != "css" or not asker:
        raise NotTaken("must say who asks: css@<platform moid>", "app_id")
    for platform in dict.fromkeys(request.platforms):
        if asker not in (uow.own, *uow.concerned(platform)) or platform not in uow.platforms:
            log.warning("%s asks for the licence of %s, which is not its", asker, platform)
        elif licence := uow.newest(platform):
            commit.send_licence(uow, licence, envelope.peer)


def request_licences(platform: str) -> None:
    """Ask BMC for the licences of all platforms of this site, and publish what is in force."""
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        if licensing.is_open:
            request = AskForLicences(platforms=licensing.platforms)
            licensing.send(Send(message=request, route=Routes.BMC_LICENCE))
            commit.publish(licensing, anyway=True)
    wake_up.everywhere(platform)


def repair(platform: str) -> None:
    """Publish a licence that has begun or ended, and fill a Redis that was emptied."""
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        if licensing.is_open:
            licensing.remember_time()
        if licensing.is_open and licensing.is_licensed:
            commit.publish(licensing)
    redis_projection.rebuild(platform)
