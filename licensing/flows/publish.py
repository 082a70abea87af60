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
from typing import cast

from foundation.bus import wake_up
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.outgoing import Answer, Send
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from licensing.data import commit, redis_projection
from licensing.data.unit_of_work import LicenceSite
from wire.licences import AskForLicences, AskForLimits, LicenceInForce, LimitsTold
from wire.routes import Routes

log = logging.getLogger("licensing")


@handles(AskForLimits)
def on_ask_for_limits(site: LicenceSite, request: AskForLimits, envelope: Envelope) -> None:
    """A module asks; one that names no place for its answer listens where changes are published."""
    now = site.in_force()
    known = {field.name: getattr(now, field.name) for field in fields(LicenceInForce)}
    told = LimitsTold(reqid=request.reqid, **known)
    site.send(Answer(request=envelope.request, message=told, route=Routes.LICENCE_IN_FORCE))


@handles(AskForLicences)
def on_ask_for_licences(site: LicenceSite, request: AskForLicences, envelope: Envelope) -> None:
    """At the core a site asks for its own and its possible platforms' licences: one notice each,
    on the broker where it asked. Of others it is told nothing."""
    role, _, asker = envelope.app_id.partition("@")
    if not site.is_core:
        raise NotTaken("is answered by the core alone", "type")
    if role != "css" or not asker:
        raise NotTaken("must say who asks: css@<platform moid>", "app_id")
    for platform in dict.fromkeys(request.platforms):
        if asker not in (site.own, *site.concerned(platform)) or platform not in site.platforms:
            log.warning("%s asks for the licence of %s, which is not its", asker, platform)
        elif held := site.newest(platform):
            commit.issue(site, held, envelope.peer)


def greet(platform: str) -> None:
    """This site begins: ask BMC for the licences of all its platforms, and say what is in force."""
    with begin(platform) as work:
        site = cast(LicenceSite, work.site("licensing"))
        if site.is_open:
            question = AskForLicences(platforms=site.platforms)
            site.send(Send(message=question, route=Routes.BMC_LICENCE))
            commit.publish(site, anyway=True)
    wake_up.everywhere(platform)


def mend(platform: str) -> None:
    """Licences begin and end by themselves, and Redis may be emptied: see to both."""
    with begin(platform) as work:
        site = cast(LicenceSite, work.site("licensing"))
        if site.is_open:
            site.remember_time()
        if site.is_open and site.is_licensed:
            commit.publish(site)
    redis_projection.rebuild(platform)
