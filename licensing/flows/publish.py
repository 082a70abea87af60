"""The limits of the platform's licence are published: on request, at start, and when they change (CSS §4.1, §4.3).

MS: a module of the platform. BMC: the management console at the central site (the core).

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

from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.outgoing import Answer, Send
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from licensing.data import commit, redis_projection
from licensing.data.unit_of_work import LicensingUnitOfWork
from wire.licences import AskForLicences, AskForLimits, LimitsAnswered
from wire.routes import Routes

log = logging.getLogger("licensing")


@handles(AskForLimits)
def on_ask_for_limits(uow: LicensingUnitOfWork, request: AskForLimits, envelope: Envelope) -> None:
    """Answer a module of the platform that asks for the limits of the licence.

    If the request names no queue, the answer goes to the exchange on which changes are published.
    """
    message = uow.licence_in_force()
    answer = LimitsAnswered(reqid=request.reqid, **msgspec.structs.asdict(message))
    uow.send(Answer(request=envelope.request, message=answer, route=Routes.LICENCE_IN_FORCE))


@handles(AskForLicences)
def on_ask_for_licences(
    uow: LicensingUnitOfWork, request: AskForLicences, envelope: Envelope
) -> None:
    """Send, from the central site (the core), the requested licences to the site that asks.

    A site gets the licences of its own platform and of those that it may have to serve, no others.
    They go to the broker on which it asked. Raises NotTaken if this is not the core, or the asker
    is unknown.
    """
    role, _, asker = envelope.app_id.partition("@")
    if not uow.is_core:
        raise NotTaken("is answered by the core alone", "type")
    if role != "css" or not asker:
        raise NotTaken("must say who asks: css@<platform moid>", "app_id")
    for platform in dict.fromkeys(request.platforms):
        if (
            asker not in (uow.platform, *uow.sites_of_licence(platform))
            or platform not in uow.licensed_platforms
        ):
            log.warning("%s asks for the licence of %s, which is not its", asker, platform)
        elif licence := uow.newest(platform):
            commit.send_licence(uow, licence, envelope.peer)


def request_licences(platform: str) -> None:
    """Ask the management console (BMC) for the licences of this site, and publish the present limits.

    Nothing is done while another site may write the platform's data.
    """
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        if licensing.is_open:
            request = AskForLicences(platforms=licensing.licensed_platforms)
            licensing.send(Send(message=request, route=Routes.BMC_LICENCE))
            commit.publish_limits(licensing, even_if_unchanged=True)


def repair(platform: str) -> None:
    """Publish the platform's limits if a licence has begun or ended since the last time, and correct Redis.

    Does nothing while another site serves the platform.
    """
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        if licensing.is_open:
            licensing.save_time_seen()
        if licensing.is_open and licensing.has_scheduler:
            commit.publish_limits(licensing)
    redis_projection.rebuild(platform)
