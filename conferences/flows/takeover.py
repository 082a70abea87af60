"""The conferences of a platform run again at this site, which now serves it (CSS §2.3).

CSS -> BMC  CSS_BMC_SYNC_REQ | CSS_BMC_LICENSE_REQ       begin_to_serve

CSS -> CM   MAU_CM_CONFRESTORE_NTF                       take_over
CSS -> UPU  CSS_UPU_DELCONF_NTF
CSS -> RMS  GET_RES_REQ

No notice is needed: this site looks every second who serves, so a lost notice does no harm. A site
whose own platform is served here is lost; whatever ran there, of any platform that is served here,
moves. After a hand-back nothing moves: the site where a conference runs is not lost.
"""

from __future__ import annotations

import logging
from functools import partial

import redis

from conferences.data import redis_projection
from conferences.data.commit import commit
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.rules.takeover import decide_taken_over
from domains.data import redis_projection as domain_projection
from domains.flows import sync
from foundation.bus import outbox, wake_up
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import own_platform, redis_of
from foundation.cells.serving import for_each_served
from licensing.flows import publish as licences

log = logging.getLogger("conferences.takeover")

BATCH = 200
_EPOCH = "cell:epoch"
_prepared_epochs: dict[str, int] = {}
"""The epoch of each platform for which `begin_to_serve` has done its work in this process."""


def keep_up() -> None:
    """Look which platforms are served here, and do what follows."""
    served: list[str] = []
    for_each_served(served.append)
    for_each_served(begin_to_serve)
    if lost := [site for site in served if site != own_platform()]:
        for_each_served(partial(take_over, lost=lost))


def begin_to_serve(platform: str) -> bool:
    """Prepare for a new epoch of a platform. True if there is one and all is done.

    Messages for us that were left unsent go out, Redis is filled anew, and the core is asked for what
    changed meanwhile.
    """
    with begin(platform) as uow:
        if not uow.is_open or _prepared_epochs.get(platform) == uow.epoch:
            return False
        outbox.bring_home(uow.database, own_platform())
    try:
        client = redis_of(platform)
        if client.get(_EPOCH) != str(uow.epoch):
            count = redis_projection.refresh(platform)
            domain_projection.rebuild(platform)
            sync.request_missed_changes(platform)
            licences.request_licences(platform)
            client.set(_EPOCH, uow.epoch)
            log.info("%s is served here (epoch %d), %d are live", platform, uow.epoch, count)
    except redis.RedisError as error:
        log.warning("Redis of %s is filled later: %s", platform, error)
        return False
    _prepared_epochs[platform] = uow.epoch
    return True


def take_over(platform: str, lost: list[str]) -> int:
    """Place here what a platform had at sites that are lost, and return how many conferences moved.

    After a crash a second run moves what is left.
    """
    moved = 0
    while count := _take_over_batch(platform, lost):
        moved += count
    return moved


def _take_over_batch(platform: str, lost: list[str]) -> int:
    """Take over at most BATCH conferences, and return how many."""
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        claimed = conferences.claim_hosted_at(lost, BATCH) if uow.is_open else []
        for c in claimed:
            commit(conferences, decide_taken_over(c, uow.now))
    if claimed:
        wake_up.everywhere(platform)
    return len(claimed)
