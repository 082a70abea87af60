"""What a platform has missed is told again, or the whole (ARCH §3.5).

CSS -> BMC       CSS_BMC_SYNC_REQ                        on_ask_for_changes
BMC -> CSS       BMC_CSS_DOMAIN_NTF | AMC_CSS_ACCOUNT_NTF

A site asks as it begins to serve a platform (`request_missed_changes`), and when something is missing (`request_changes_again`); what
was missed comes by the feed, to the site that serves the platform then.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from domains.data.change_log import lock_counter
from domains.data.feed import add_follower
from domains.data.queries import backups_of
from domains.data.unit_of_work import DomainsUnitOfWork
from domains.rules.sync_decisions import Sync, decide_sync
from foundation.bus import dispatch, wake_up
from foundation.bus.consumer import Consumer, Desk
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from foundation.cells.directory import PlatformStore, store_of
from wire.domain_changes import AskForChanges
from wire.routes import Routes

log = logging.getLogger("domains.sync")


def consumer_in_order(own: PlatformStore) -> Consumer:
    """Return the consumer of what the core tells. One process at a time runs it, so that it is done in order."""
    handler: Desk = partial(dispatch.take, first_turn=True)
    queue = Routes.DOMAIN_NOTICE.value.queue
    return Consumer(
        own,
        settings.AMQP_URL,
        {queue: handler},
        partial(request_missed_changes, own.platform),
        alone=True,
    )


LOG_RETENTION = timedelta(days=90)
"""So long the log is kept; who was away for longer is told the whole."""

_TRIM = 10_000
_BASES = (
    "UPDATE domains_follower f JOIN (SELECT platform, MAX(version) AS last FROM domains_changefor"
    " WHERE version <= %s GROUP BY platform) gone ON gone.platform = f.platform"
    " SET f.base = IF(f.sent < gone.last, NULL, GREATEST(f.base, gone.last)) WHERE f.base IS NOT NULL"
)
"""The log is complete above the last version that concerned a follower and was forgotten."""


# ---- at the core --------------------------------------------------------------------------------


@handles(AskForChanges)
def on_ask_for_changes(uow: DomainsUnitOfWork, question: AskForChanges, envelope: Envelope) -> None:
    """A site asks for its own platform, or for one that it backs up. Raises NotTaken for others."""
    platform = _requested_platform(uow, question, envelope)
    query = "SELECT base, first FROM domains_follower WHERE platform = %s"
    newest = lock_counter(uow.database)
    found = sql.select(uow.database, f"{query} FOR UPDATE", [platform])
    if not found:
        if not platform or not add_follower(uow.database, platform):
            raise NotTaken(f"{platform or 'nobody'} is no platform domain of this tree", "app_id")
        return
    base, first = found[0]
    told = decide_sync(question.after, base, first, newest)
    log.info("for %s what came after %d is asked: %s", platform, question.after, told.value)
    if told is Sync.AGAIN:
        change, values = "sent = %s", [question.after]
    elif told is Sync.WHOLE:
        change, values = "base = NULL, first = 0", []
        _raise_counter(uow.database, newest, question.after)
    else:
        return
    query = f"UPDATE domains_follower SET {change} WHERE platform = %s"
    sql.execute(uow.database, query, [*values, platform])
    wake_up.everywhere(uow.own, {platform})


def _requested_platform(uow: DomainsUnitOfWork, question: AskForChanges, envelope: Envelope) -> str:
    """Who asks is known by its `app_id`."""
    asker = envelope.app_id.partition("@")[2]
    platform = question.platform or asker
    if asker not in (platform, *backups_of(uow.database, platform)):
        raise NotTaken(f"{asker or 'nobody'} does not back up {platform}", "app_id")
    return platform


def _raise_counter(database: str, newest: int, after: int) -> None:
    """A core that was restored from an older copy goes on above what its platforms have seen."""
    if after > newest:
        sql.execute(database, "UPDATE domains_counter SET version = %s WHERE id = 1", [after])


def delete_old_changes(platform: str, kept: timedelta = LOG_RETENTION) -> int:
    """Forget changes that are old; how many. Who has not had them yet is told the whole."""
    database = store_of(platform).database
    with transaction.atomic(using=database):
        query = (
            "SELECT version FROM domains_change WHERE at < UTC_TIMESTAMP(6) - INTERVAL %s SECOND"
            " ORDER BY version LIMIT %s"
        )
        found = sql.select(database, query, [int(kept.total_seconds()), _TRIM])
        if not found:
            return 0
        last = found[-1][0]
        lock_counter(database)
        sql.execute(database, _BASES, [last])
        for table in ("domains_changefor", "domains_change"):
            sql.execute(database, f"DELETE FROM {table} WHERE version <= %s", [last])
    return len(found)


# ---- at a platform ------------------------------------------------------------------------------


def request_missed_changes(platform: str) -> None:
    """This site begins to serve it, or has its broker again: what came meanwhile?"""
    with begin(platform) as uow:
        domains = uow.part(DomainsUnitOfWork)
        if domains.is_open and domains.follows_a_core():
            domains.request_changes()
    wake_up.everywhere(platform)


def request_changes_again(platform: str) -> None:
    """What was asked for has not come, or nothing has been asked for in a while."""
    with begin(platform) as uow:
        domains = uow.part(DomainsUnitOfWork)
        if domains.is_open and domains.follows_a_core():
            domains.request_changes_if_due()
    wake_up.everywhere(platform)
