"""The PMS, the platform management, tells CSS, the scheduler, about platforms (CSS §2.2, §2.3).

CSS -> PMS  PLATFORM_STATE_REQ | PLATFORM_CONFIG_REQ     handle_batch
PMS -> CSS  PLATFORM_STATE_NOTIFY | PLATFORM_CONFIG_NOTIFY

PMS -> CSS  PLATFORM_STATE_NOTIFY                        publish_changes

CSS -> PMS  PLATFORM_STATE_REQ | PLATFORM_CONFIG_REQ     request_states
PMS -> CSS  PLATFORM_STATE_NOTIFY                        on_platform_state
PMS -> CSS  PLATFORM_CONFIG_NOTIFY                       on_platform_config

The PMS stores nothing about platforms: the register in the core's database says which site serves each of
them, the same for every site, and the number of a notice is that of the platform's last event there. While
the register cannot be reached, the databases of this site say who serves their platforms, and notices have
no number.

No decision of this software reads the notices that CSS receives: the register, and each transaction's look
at who may write the platform's database, say who serves. Notices are stored (`failover_heard`) and logged,
for operators and third parties.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error

from domains.models import BackupPlatform, PlatformDomain
from failover.data import register_view
from failover.data.register_view import RegisterView
from failover.data.unit_of_work import FailoverUnitOfWork
from failover.rules.cell_facts import RegisterRow
from failover.rules.decisions import state_of
from foundation.bus import outbox
from foundation.bus.delivery import Delivery, Outcome
from foundation.bus.dispatch import handle_for_platform
from foundation.bus.envelope import Envelope
from foundation.bus.log_context import delivery_fields
from foundation.bus.message import Message
from foundation.bus.outgoing import Send
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, store_of
from foundation.cells.serving import read
from wire.platforms import (
    Address,
    AskPlatformConfig,
    AskPlatformState,
    Neighbour,
    PlatformConfig,
    PlatformState,
    StoreAddress,
)
from wire.routes import Routes, pms_queue

log = logging.getLogger("failover.platforms")
_published: dict[str, PlatformState] = {}
"""Platform -> its state as this process published it last."""
REGISTER_PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class _RegisterAway:
    """The state of an unreachable register: when it is asked again, by the monotonic clock in seconds."""

    asked_again_at: float = 0.0


_register_away = _RegisterAway()


# ---- what is known ------------------------------------------------------------------------------


def read_register() -> RegisterView:
    """Return the register (which site serves each platform); if unreachable, rows by what the databases here say.

    A register that did not answer is not asked again for some seconds: each question would occupy a thread of a worker.
    """
    if register_view.has_register() and time.monotonic() >= _register_away.asked_again_at:
        try:
            return register_view.read()
        except register_view.Failure as error:
            log.warning("the register is away: %s", error)
            _register_away.asked_again_at = time.monotonic() + REGISTER_PAUSE_SECONDS
    return view_of_own_databases()


def view_of_own_databases() -> RegisterView:
    """Return rows as the register has them, by what the databases at this site say; others are left out."""
    return RegisterView(
        rows={
            platform: row
            for platform in possible_platforms()
            if (row := _row_from_own_database(platform))
        }
    )


def _row_from_own_database(platform: str) -> RegisterRow | None:
    """Return a register row for a platform, built from what its database at this site says.

    `None` if that database cannot be read, or does not say which site serves the platform.
    """
    try:
        serving = read(platform)
    except Error:
        return None
    if serving is None:
        return None
    owner, epoch = serving.owner, serving.epoch
    backup = owner if owner != platform else ""
    return RegisterRow(
        platform=platform, home=platform, backup=backup, epoch=epoch, owner=owner, solo=False
    )


def state_notice(platform: str, register: RegisterView) -> PlatformState:
    """Return the message about a platform's state, with the platforms that it backs up and its own backups.

    The state is normal while its own site serves it. A platform that the domain tree does not have is abnormal,
    served by nobody.
    """
    row = register.rows.get(platform)
    if row is None and not _is_known(platform):
        return PlatformState(
            platform=platform, state="abnormal", epoch=0, serving="", mains=(), backups=()
        )
    backup_rows = BackupPlatform.objects.order_by("order")
    mains = backup_rows.filter(backup_id=platform).values_list("platform_id", flat=True)
    backups = backup_rows.filter(platform_id=platform).values_list("backup_id", flat=True)
    return PlatformState(
        platform=platform,
        state=state_of(row),
        epoch=row.epoch if row else 0,
        serving=row.owner if row else platform,
        mains=tuple(_neighbour_state(other, register) for other in mains),
        backups=tuple(_neighbour_state(other, register) for other in backups),
        number=register.numbers.get(platform, 0),
    )


def _is_known(platform: str) -> bool:
    """Return whether a platform's data lies at this site, or the platform is in the domain tree."""
    if platform in possible_platforms():
        return True
    return PlatformDomain.objects.filter(pk=platform).exists()


def _neighbour_state(platform: str, register: RegisterView) -> Neighbour:
    """Return the state of a platform, for a message about another one that it backs up or that backs it up."""
    return Neighbour(platform=platform, state=state_of(register.rows.get(platform)))


def config_notice(platform: str) -> PlatformConfig:
    """Return the notice with the addresses of a platform's servers, as the domain tree gives them.

    For this site's own platform, the databases here that hold other platforms' data are added.
    """
    domain = PlatformDomain.objects.filter(pk=platform).first()
    redis, mysql = domain.redis_url if domain else "", domain.database_url if domain else ""
    stores = [(platform, redis, mysql)]
    if platform == own_platform():
        stores += [_addresses_of_copy(other) for other in possible_platforms() if other != platform]
    return PlatformConfig(
        platform=platform,
        mq=Address(url=domain.broker_url if domain else ""),
        redis=tuple(
            StoreAddress(url=url, platform=store_platform) for store_platform, url, _ in stores
        ),
        mysql=tuple(
            StoreAddress(url=url, platform=store_platform) for store_platform, _, url in stores
        ),
    )


def _addresses_of_copy(platform: str) -> tuple[str, str, str]:
    """Return where this site keeps another platform's data: `(platform, Redis URL, MySQL URL)`.

    The URLs have no user and no password.
    """
    store = store_of(platform)
    address = settings.DATABASES[store.database]
    parts = urlsplit(store.redis_url)
    redis = f"redis://{parts.hostname}:{parts.port or 6379}{parts.path}"
    return platform, redis, f"mysql://{address['HOST']}:{address['PORT']}/{address['NAME']}"


# ---- the PMS answers ----------------------------------------------------------------------------


def handle_batch(platform: str, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Answer the scheduler's (CSS) questions about platforms, even while another site serves our own platform.

    Return the answers as rows of the outbox. `platform` is our own.
    """
    rows, others, register = [], [], None
    for delivery in deliveries:
        request = delivery.message
        if isinstance(request, AskPlatformState):
            register = register or read_register()
            rows.append(_reply(delivery, state_notice(request.platform, register)))
        elif isinstance(request, AskPlatformConfig):
            rows.append(_reply(delivery, config_notice(request.platform)))
        else:
            delivery.unreadable = delivery.unreadable or "type: is not taken here"
            others.append(delivery)
    return [
        Outcome(rows),
        *([handle_for_platform(platform, others, publish_inline=True)] if others else []),
    ]


def _reply(delivery: Delivery, message: Message) -> outbox.OutboxRow:
    """Return the outbox row of the answer to a request, sent in the name of the platform monitor service (PMS)."""
    with delivery_fields(delivery):
        return outbox.reply_row(delivery.envelope, message, "pms", Routes.PMS_TO_CSS.value.key)


def batch_handler(platform: str) -> Any:
    """Return the function that answers a batch of questions to a platform's monitor (PMS), for its queue's consumer."""
    return partial(handle_batch, platform)


def publish_changes(platform: str) -> None:
    """Publish the states of this site's platforms that have changed since this process did so last.

    If two processes do so, or one does so twice, the notices are the same and do no harm. Nothing is sent while another
    site serves `platform`, whose transaction is used.
    """
    register = read_register()
    states = [state_notice(possible, register) for possible in possible_platforms()]
    notices = [notice for notice in states if notice != _published.get(notice.platform)]
    if not notices:
        return
    with begin(platform) as uow:
        for notice in notices if uow.is_open else ():
            uow.send(Send(message=notice, route=Routes.PLATFORM_NOTICE))
    _published.update({notice.platform: notice for notice in notices})


# ---- CSS asks, and hears ------------------------------------------------------------------------


def request_states(platform: str, *, everything: bool = False) -> None:
    """Ask the platform monitor service (PMS) for the states of the platforms with data at this site.

    With `everything` (at start-up) also ask for the addresses of their servers, and of the servers of the platforms
    that back up this site's own one (CSS §2.2). Does nothing while another site serves the platform.
    """
    with begin(platform) as uow:
        if not uow.is_open:
            return
        platforms = possible_platforms()
        for asked in platforms:
            _send_question(uow, AskPlatformState(platform=asked))
        for asked in dict.fromkeys((*platforms, *backups_of_own())) if everything else ():
            _send_question(uow, AskPlatformConfig(platform=asked))


def backups_of_own() -> list[str]:
    """Return the platforms that back up this site's own one, in their order."""
    backups = BackupPlatform.objects.filter(platform_id=own_platform()).order_by("order")
    return list(backups.values_list("backup_id", flat=True))


def _send_question(uow: Any, question: Message) -> None:
    """Send a question to the platform monitor service (PMS), as part of the transaction; it expires after 15 s."""
    key = pms_queue(own_platform())
    uow.send(Send(message=question, route=Routes.PMS_TO_CSS, key=key, expires_ms=15_000))


@handles(PlatformState)
def on_platform_state(uow: FailoverUnitOfWork, notice: PlatformState, envelope: Envelope) -> None:
    """Store a platform's state if it is newer than the stored one, and log it; nothing here acts on it.

    Takeovers follow from what each site reads, every second, in the platforms' own databases.
    """
    order = (notice.epoch, notice.number or 0)
    if uow.store_notice(notice.platform, order, notice.state, notice.serving):
        log.info(
            "%s is %s, served by %s, epoch %d",
            notice.platform,
            notice.state,
            notice.serving,
            notice.epoch,
        )


@handles(PlatformConfig)
def on_platform_config(uow: FailoverUnitOfWork, notice: PlatformConfig, envelope: Envelope) -> None:
    """Log a warning for each platform whose data this site has but the notice does not name.

    The notice changes nothing here: this site takes addresses and passwords from its environment. One about another
    platform than its own is ignored.
    """
    if notice.platform == own_platform():
        named = {address.platform for address in notice.mysql}
        for missing in set(possible_platforms()) - named:
            log.warning("the PMS does not know that this site has the data of %s", missing)


def is_any_abnormal(platform: str) -> bool:
    """Return whether the last notice about any platform said that it is abnormal (served by another site)."""
    query = "SELECT COUNT(*) FROM failover_heard WHERE state='abnormal' AND serving<>''"
    return bool(sql.select(store_of(platform).database, query)[0][0])
