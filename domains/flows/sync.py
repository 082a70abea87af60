"""A platform asks for what it has missed, and the core sends it again, or a full snapshot (ARCH §3.5).

CSS -> BMC       CSS_BMC_SYNC_REQ                        on_ask_for_changes
BMC -> CSS       BMC_CSS_DOMAIN_NTF | AMC_CSS_ACCOUNT_NTF

A site asks as it begins to serve a platform (`request_missed_changes`), and when something is missing
(`request_changes_again`). The answer comes by the feed, to the site that serves the platform by then.
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
from foundation.bus.consumer import BatchHandler, Consumer
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
    handler: BatchHandler = partial(dispatch.handle_batch, publish_inline=True)
    queue = Routes.DOMAIN_NOTICE.value.queue
    return Consumer(
        own,
        settings.AMQP_URL,
        {queue: handler},
        partial(request_missed_changes, own.platform),
        alone=True,
    )


LOG_RETENTION = timedelta(days=90)
"""The log keeps changes this long. A follower that was away for longer gets a full snapshot."""

_TRIM = 10_000
_BASES = (
    "UPDATE domains_follower f JOIN (SELECT platform, MAX(version) AS last FROM domains_changefor"
    " WHERE version <= %s GROUP BY platform) gone ON gone.platform = f.platform"
    " SET f.base = IF(f.sent < gone.last, NULL, GREATEST(f.base, gone.last)) WHERE f.base IS NOT NULL"
)
"""Raises each follower's `base` to the last version that concerned it and is deleted from the log."""


# ---- at the core --------------------------------------------------------------------------------


@handles(AskForChanges)
def on_ask_for_changes(uow: DomainsUnitOfWork, request: AskForChanges, envelope: Envelope) -> None:
    """Let the feed send a follower what it has missed.

    A site asks for its own platform, or for one that it backs up. Raises NotTaken for others.
    """
    platform = _requested_platform(uow, request, envelope)
    query = "SELECT base, first FROM domains_follower WHERE platform = %s"
    newest = lock_counter(uow.database)
    rows = sql.select(uow.database, f"{query} FOR UPDATE", [platform])
    if not rows:
        if not platform or not add_follower(uow.database, platform):
            raise NotTaken(f"{platform or 'nobody'} is no platform domain of this tree", "app_id")
        return
    base, first = rows[0]
    decision = decide_sync(request.after, base, first, newest)
    log.info("for %s what came after %d is asked: %s", platform, request.after, decision.value)
    if decision is Sync.AGAIN:
        change, values = "sent = %s", [request.after]
    elif decision is Sync.WHOLE:
        change, values = "base = NULL, first = 0", []
        _raise_counter(uow.database, newest, request.after)
    else:
        return
    query = f"UPDATE domains_follower SET {change} WHERE platform = %s"
    sql.execute(uow.database, query, [*values, platform])
    wake_up.everywhere(uow.own, {platform})


def _requested_platform(uow: DomainsUnitOfWork, request: AskForChanges, envelope: Envelope) -> str:
    """Return the platform that a request is for. Raises NotTaken.

    The requesting site is known by the `app_id`.
    """
    asker = envelope.app_id.partition("@")[2]
    platform = request.platform or asker
    if asker not in (platform, *backups_of(uow.database, platform)):
        raise NotTaken(f"{asker or 'nobody'} does not back up {platform}", "app_id")
    return platform


def _raise_counter(database: str, newest: int, after: int) -> None:
    """Raise the core's counter to a version that a platform has received.

    A core that was restored from an older copy would otherwise give versions again that its platforms know already.
    """
    if after > newest:
        sql.execute(database, "UPDATE domains_counter SET version = %s WHERE id = 1", [after])


def delete_old_changes(platform: str, kept: timedelta = LOG_RETENTION) -> int:
    """Delete changes that are older than `kept`, and return how many they were.

    A follower that has not received them yet gets a full snapshot.
    """
    database = store_of(platform).database
    with transaction.atomic(using=database):
        query = (
            "SELECT version FROM domains_change WHERE at < UTC_TIMESTAMP(6) - INTERVAL %s SECOND"
            " ORDER BY version LIMIT %s"
        )
        rows = sql.select(database, query, [int(kept.total_seconds()), _TRIM])
        if not rows:
            return 0
        last = rows[-1][0]
        lock_counter(database)
        sql.execute(database, _BASES, [last])
        for table in ("domains_changefor", "domains_change"):
            sql.execute(database, f"DELETE FROM {table} WHERE version <= %s", [last])
    return len(rows)


# ---- at a platform ------------------------------------------------------------------------------


def request_missed_changes(platform: str) -> None:
    """Ask for what came meanwhile, as this site begins to serve a platform or has its broker again."""
    with begin(platform) as uow:
        domains = uow.part(DomainsUnitOfWork)
        if domains.is_open and domains.follows_a_core():
            domains.request_changes()
    wake_up.everywhere(platform)


def request_changes_again(platform: str) -> None:
    """Ask again for what has not come, and from time to time without a reason."""
    with begin(platform) as uow:
        domains = uow.part(DomainsUnitOfWork)
        if domains.is_open and domains.follows_a_core():
            domains.request_changes_if_due()
    wake_up.everywhere(platform)
