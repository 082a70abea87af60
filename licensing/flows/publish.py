"""What the platform may do is told: to who asks, at start-up, and when time has changed it (CSS §4.1, §4.3).

MS  -> CSS       MS_CSS_LICENSE_REQ                      on_ask_for_limits
CSS -> MS        CSS_MS_LICENSE_ACK

CSS -> BMC       CSS_BMC_LICENSE_REQ                     on_ask_for_licences
BMC -> CSS       BMC_CSS_LICENSE_NTF

CSS -> BMC       CSS_BMC_LICENSE_REQ                     greet
CSS -> platform  PLATFORM_LICENSE_NTF
"""

from __future__ import annotations

import logging
from dataclasses import fields

from foundation.bus import wake_up
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.outgoing import Answer, Send
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from licensing.data import commit, redis_projection
from licensing.data.unit_of_work import LicensingUnitOfWork
from wire.licences import AskForLicences, AskForLimits, LicenceInForce, LimitsTold
from wire.routes import Routes

log = logging.getLogger("licensing")


@handles(AskForLimits)
def on_ask_for_limits(uow: LicensingUnitOfWork, request: AskForLimits, envelope: Envelope) -> None:
    """A module asks; one that names no place for its answer listens where changes are published."""
    now = uow.in_force()
    known = {field.name: getattr(now, field.name) for field in fields(LicenceInForce)}
    told = LimitsTold(reqid=request.reqid, **known)
    uow.send(Answer(request=envelope.request, message=told, route=Routes.LICENCE_IN_FORCE))


@handles(AskForLicences)
def on_ask_for_licences(
    uow: LicensingUnitOfWork, request: AskForLicences, envelope: Envelope
) -> None:
    """At the core a site asks for its own and its possible platforms' licences: one notice each,
    on the broker where it asked. Of others it is told nothing."""
    role, _, asker = envelope.app_id.partition("@")
    if not uow.is_core:
        raise NotTaken("is answered by the core alone", "type")
    if role != "css" or not asker:
        raise NotTaken("must say who asks: css@<platform moid>", "app_id")
    for platform in dict.fromkeys(request.platforms):
        if asker not in (uow.own, *uow.concerned(platform)) or platform not in uow.platforms:
            log.warning("%s asks for the licence of %s, which is not its", asker, platform)
        elif held := uow.newest(platform):
            commit.issue(uow, held, envelope.peer)


def greet(platform: str) -> None:
    """This site begins: ask BMC for the licences of all its platforms, and say what is in force."""
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        if licensing.is_open:
            question = AskForLicences(platforms=licensing.platforms)
            licensing.send(Send(message=question, route=Routes.BMC_LICENCE))
            commit.publish(licensing, anyway=True)
    wake_up.everywhere(platform)


def mend(platform: str) -> None:
    """Licences begin and end by themselves, and Redis may be emptied: see to both."""
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        if licensing.is_open:
            licensing.remember_time()
        if licensing.is_open and licensing.is_licensed:
            commit.publish(licensing)
    redis_projection.rebuild(platform)
