"""Before a domain is disabled, the core asks the sites how many conferences run in it and below (ARCH §3.5).

BMC is the core's console for domains, CSS this software at a platform.

BMC -> CSS       BMC_CSS_RUNNING_REQ                     on_count_running
CSS -> BMC       CSS_BMC_RUNNING_ACK                     on_running_counted

The question goes to the site that serves the platform now. It is worth nothing after a few seconds, so it expires.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.conf import settings

from domains.data import change_log, hooks, site_counts
from domains.data.unit_of_work import DomainsUnitOfWork
from foundation.bus.envelope import Envelope
from foundation.bus.link import SERVING_SITE
from foundation.bus.outgoing import Answer, Send
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import own_platform, store_of
from wire.domain_changes import MAX_COUNTED_DOMAINS, CountRunning, RunningCounted
from wire.routes import Routes

WAIT_SECONDS = 2.0
"""The page waits so long for the sites; one that is busy or away is shown without a number."""


def count_running_at_sites(moids: Sequence[str]) -> dict[str, int | None]:
    """Return how many conferences run in these domains and below, as all sites answer: platform -> count.

    `None` in place of a count means that the site has not answered. Only the first MAX_COUNTED_DOMAINS of the domains
    (`moids`) are asked about. The result is empty where this deployment is not the core, which owns the domain tree
    (role `bmc`). It waits at most WAIT_SECONDS for answers.
    """
    if "bmc" not in settings.ROLES:
        return {}
    core = own_platform()
    holders = sorted(change_log.followers_holding(store_of(core).database, moids) - {core})
    reqid = uuid.uuid4().hex
    with begin(core) as uow:
        for platform in holders:
            message = CountRunning(
                reqid=reqid, moids=[*moids[:MAX_COUNTED_DOMAINS]], platform=platform
            )
            uow.send(
                Send(
                    message=message,
                    route=Routes.DOMAIN_NOTICE,
                    destination=SERVING_SITE.call(platform) or platform,
                    expires_ms=int(WAIT_SECONDS * 1000),
                )
            )
    return site_counts.wait_for(core, reqid, holders, WAIT_SECONDS)


@handles(CountRunning)
def on_count_running(uow: DomainsUnitOfWork, request: CountRunning, envelope: Envelope) -> None:
    """Answer the core, where the tree is edited, how many conferences run here in the domains and below."""
    count = hooks.count_running_below(uow.database, request.moids)
    answer = RunningCounted(reqid=request.reqid, platform=uow.own, running=count)
    uow.send(Answer(request=envelope.request, message=answer, route=Routes.BMC_SYNC))


@handles(RunningCounted)
def on_running_counted(uow: DomainsUnitOfWork, answer: RunningCounted, envelope: Envelope) -> None:
    """Hand a site's count of running conferences to the admin page of the core that waits for it."""
    uow.hand_over(answer)
