"""A platform requests changes of the domain tree that it has missed; the core sends them again (ARCH §3.5).

The core is the deployment where the tree is edited. It answers with the missing changes, or with a full snapshot.
BMC stands for the core's console for domains, AMC for accounts, CSS for this software at a platform.

CSS -> BMC       CSS_BMC_SYNC_REQ                        on_ask_for_changes
BMC -> CSS       BMC_CSS_DOMAIN_NTF | AMC_CSS_ACCOUNT_NTF

A site requests changes as it begins to serve a platform (`request_missed_changes`), and when some are missing
(`request_changes_again`). `data.feed` sends the answer, to the site that serves the platform by then.
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
from domains.rules.sync_decisions import RESENDING_UP_TO_BASE, Sync, decide_sync
from foundation import clock
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
    """Return the queue consumer of the core's changes of the domain tree. One process runs it, to keep their order."""
    handler: BatchHandler = partial(dispatch.handle_batch, publish_inline=True)
    queue = Routes.DOMAIN_NOTICE.value.queue
    return Consumer(
        own,
        settings.AMQP_URL,
        {queue: handler},
        partial(request_missed_changes, own.platform),
        exclusive=True,
    )


LOG_RETENTION = timedelta(days=90)
"""The change log keeps changes this long. A follower that missed an older one gets a full snapshot."""

_DELETED_AT_ONCE = 10_000
_RAISE_BASES = (
    "UPDATE domains_follower f JOIN (SELECT platform, MAX(version) AS last FROM domains_changefor"
    " WHERE version <= %s GROUP BY platform) gone ON gone.platform = f.platform"
    " SET f.base = IF(f.sent < gone.last, NULL, GREATEST(f.base, gone.last)) WHERE f.base IS NOT NULL"
)
"""Raises each follower's `base` to the last version that concerned it and is deleted from the log."""


# ---- at the core --------------------------------------------------------------------------------


@handles(AskForChanges)
def on_ask_for_changes(uow: DomainsUnitOfWork, request: AskForChanges, envelope: Envelope) -> None:
    """Note that a platform that copies the domain tree (a follower) is to get changes that it has missed.

    A site may request them for its own platform, or for one that it backs up. Raises NotTaken for others. The rule
    `decide_sync` chooses: changes from the log, older versions again, the whole tree, or nothing. A platform that
    asks for the first time becomes a follower. The threads that send the changes are woken.
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
    is_ours = request.platform is not None
    decision = decide_sync(request.after, base, first, newest, is_ours=is_ours)
    log.info("for %s what came after %d is asked: %s", platform, request.after, decision.value)
    if decision is Sync.LOG:
        assignment, values = "sent = %s", [request.after]
    elif decision is Sync.OLD_VERSIONS:
        assignment, values = "first = %s", [RESENDING_UP_TO_BASE]
    elif decision is Sync.WHOLE:
        assignment, values = "base = NULL, first = 0", []
        _raise_counter(uow.database, newest, request.after)
    else:
        return
    query = f"UPDATE domains_follower SET {assignment} WHERE platform = %s"
    sql.execute(uow.database, query, [*values, platform])
    wake_up.wake_senders(uow.own, {wake_up.feeder_name(platform)})


def _requested_platform(uow: DomainsUnitOfWork, request: AskForChanges, envelope: Envelope) -> str:
    """Return the platform for which changes are requested. Raises NotTaken if the sender does not back it up.

    The sender's platform stands in the `app_id` of the message: `css@<platform>`.
    """
    sender = envelope.app_id.partition("@")[2]
    platform = request.platform or sender
    if sender not in (platform, *backups_of(uow.database, platform)):
        raise NotTaken(f"{sender or 'nobody'} does not back up {platform}", "app_id")
    return platform


def _raise_counter(database: str, newest: int, after: int) -> None:
    """Raise the core's counter of versions, now `newest`, to `after`, a version that a platform has received.

    A core that was restored from an older backup would otherwise give versions again that platforms have applied.
    """
    if after > newest:
        sql.execute(database, "UPDATE domains_counter SET version = %s WHERE id = 1", [after])


def delete_old_changes(platform: str, retention: timedelta = LOG_RETENTION) -> int:
    """Delete the oldest changes of the domain tree from the change log, if older than `retention`; return how many.

    One call deletes at most `_DELETED_AT_ONCE`, so the caller repeats it. A follower (a platform that copies the tree)
    that has not received them yet will get a full snapshot instead: `_RAISE_BASES` notes that in its row.
    """
    database = store_of(platform).database
    with transaction.atomic(using=database):
        query = (
            "SELECT version FROM domains_change"
            " WHERE at < UTC_TIMESTAMP(6) - INTERVAL %s MICROSECOND ORDER BY version LIMIT %s"
        )
        # If somebody has set the database's clock forward meanwhile, changes only seem older by that much.
        age = clock.step_microseconds(database) + retention // timedelta(microseconds=1)
        rows = sql.select(database, query, [age, _DELETED_AT_ONCE])
        if not rows:
            return 0
        last = rows[-1][0]
        lock_counter(database)
        sql.execute(database, _RAISE_BASES, [last])
        for table in ("domains_changefor", "domains_change"):
            sql.execute(database, f"DELETE FROM {table} WHERE version <= %s", [last])
    return len(rows)


# ---- at a platform ------------------------------------------------------------------------------


def request_missed_changes(platform: str) -> None:
    """Ask the core (which owns the domain tree) for changes that it made while this site did not listen.

    This is done when the site begins to serve a platform or is connected again; nothing is asked if another site
    serves the platform now, or it copies no tree.
    """
    with begin(platform) as uow:
        domains = uow.part(DomainsUnitOfWork)
        if domains.is_open and domains.follows_a_core():
            domains.request_changes()


def request_changes_again(platform: str) -> None:
    """Ask the core (which owns the domain tree) again for changes, if some have not arrived or the last request is old.

    The request lies in the outbox; its senders are woken in any case, which is cheap and also speeds up a request
    that another process has stored.
    """
    with begin(platform) as uow:
        domains = uow.part(DomainsUnitOfWork)
        if domains.is_open and domains.follows_a_core():
            domains.request_changes_if_due()
