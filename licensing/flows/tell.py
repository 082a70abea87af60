"""What the platform may do is told: to who asks, at start-up, and when time has changed it (CSS §4.1, §4.3).

MS  -> CSS       MS_CSS_LICENSE_REQ                      on_ask_for_limits
CSS -> MS        CSS_MS_LICENSE_ACK

CSS -> BMC       CSS_BMC_LICENSE_REQ                     greet
CSS -> platform  PLATFORM_LICENSE_NTF
"""

from __future__ import annotations

from dataclasses import fields
from typing import cast

from confplatform.bus import wake
from confplatform.bus.envelope import Envelope
from confplatform.bus.registry import handles
from confplatform.bus.sending import Answer, Send
from confplatform.bus.topology import Routes
from confplatform.bus.work import begin
from licensing import commit, projection
from licensing.messages import AskForLicences, AskForLimits, LicenceInForce, LimitsTold
from licensing.site import LicenceSite


@handles(AskForLimits)
def on_ask_for_limits(site: LicenceSite, request: AskForLimits, envelope: Envelope) -> None:
    """A module asks; one that names no place for its answer listens where changes are published."""
    now = site.in_force()
    known = {field.name: getattr(now, field.name) for field in fields(LicenceInForce)}
    told = LimitsTold(reqid=request.reqid, **known)
    site.send(Answer(request=envelope.request, message=told, route=Routes.LICENCE_IN_FORCE))


def greet(platform: str) -> None:
    """This site begins: ask BMC for the licences of all its platforms, and say what is in force."""
    with begin(platform) as work:
        site = cast(LicenceSite, work.site("licensing"))
        if site.is_open:
            question = AskForLicences(platforms=site.platforms)
            site.send(Send(message=question, route=Routes.BMC_LICENCE))
            commit.publish(site, anyway=True)
    wake.everywhere(platform)


def mend(platform: str) -> None:
    """Licences begin and end by themselves, and Redis may be emptied: see to both."""
    with begin(platform) as work:
        site = cast(LicenceSite, work.site("licensing"))
        if site.is_open:
            commit.publish(site)
    projection.rebuild(platform)
