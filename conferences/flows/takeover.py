"""A site begins to serve a platform, and places the conferences of lost sites on its own units (CSS §2.3).

CSS -> BMC  CSS_BMC_SYNC_REQ | CSS_BMC_LICENSE_REQ       begin_to_serve

CSS -> CM   MAU_CM_CONFRESTORE_NTF                       take_over
CSS -> UPU  CSS_UPU_DELCONF_NTF
CSS -> RMS  GET_RES_REQ

A timer checks every second which platforms this site serves. Another site counts as lost while this site serves its
platform. All conferences on the lost site's units, of any platform served here, move to units of this site. When a
platform is handed back, its conferences stay where they are, as no site is lost.
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
from foundation.cells.serving import for_each_served, servings_here
from licensing.flows import publish as licences

log = logging.getLogger("conferences.takeover")

BATCH = 200
_EPOCH = "cell:epoch"
_prepared_epochs: dict[str, int] = {}
"""Platform -> the epoch (number of the last change of its serving site) for which this process has prepared."""


def follow_serving_sites() -> None:
    """Prepare for platforms that this site has begun to serve (decide for), and move conferences of lost sites here."""
    epochs = {serving.platform: serving.epoch for serving in servings_here()}
    if any(_prepared_epochs.get(platform) != epoch for platform, epoch in epochs.items()):
        for_each_served(begin_to_serve)
    if lost_sites := [site for site in epochs if site != own_platform()]:
        for_each_served(partial(take_over, lost_sites=lost_sites))


def begin_to_serve(platform: str) -> bool:
    """Prepare for a platform that this site has begun to serve (decide for); return whether that was done now.

    It is done once for each epoch, a number that grows whenever another site begins to serve the platform. Messages for
    our broker that the former serving site has not sent are sent, Redis is filled again, and the central site (the
    core) is asked for changes of domains and licences. Returns `False` also while Redis is away; it is then tried
    again.
    """
    with begin(platform) as uow:
        if not uow.is_open or _prepared_epochs.get(platform) == uow.epoch:
            return False
        outbox.redirect_to_own_broker(uow.database, own_platform())
        left = outbox.waiting_destinations(uow.database)
    wake_up.wake_senders(platform, left)
    try:
        client = redis_of(platform)
        if client.get(_EPOCH) != str(uow.epoch):
            count = redis_projection.rebuild_and_clean_hashes(platform)
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


def take_over(platform: str, lost_sites: list[str]) -> int:
    """Move a platform's conferences from lost sites to units of this site, and return how many.

    If a run is cut short, the next one moves the others.
    """
    moved = 0
    while count := _take_over_batch(platform, lost_sites):
        moved += count
    return moved


def _take_over_batch(platform: str, lost_sites: list[str]) -> int:
    """Move at most BATCH conferences of a platform from lost sites to units of this site, and return how many.

    Returns 0 if another site may write the platform's data.
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        claimed = conferences.claim_hosted_at(lost_sites, BATCH) if uow.is_open else []
        for conference in claimed:
            commit(conferences, decide_taken_over(conference, uow.now))
    return len(claimed)
