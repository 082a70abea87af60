"""The RMS: takes what resources and CSS say to the pool, and answers (ARCH §7, CSS §1.1).

Its memory is Redis, so it has no transaction of the database: answers are published, confirmed,
and only then is the question acknowledged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import orjson
import redis
from django.db import InterfaceError, OperationalError

from conferences.data.pool import Order, Pool, name_of, node_json, unit_here, unit_of
from conferences.flows import due, units
from conferences.rules.room_order import rooms_for
from conferences.rules.states import Unit
from domains.data.queries import MachineRoomFacts, rooms_of, user_domains
from foundation import clock
from foundation.bus import metrics, outbox
from foundation.bus.delivery import DatabaseAway, Delivery, Outcome
from foundation.bus.dispatch import handle
from foundation.bus.log_context import delivery_fields
from foundation.bus.message import Message
from foundation.bus.retry import MAX_TRIES, RetriedBatch
from foundation.bus.typed_json import to_json
from foundation.cells.directory import own_platform, store_of
from foundation.cells.serving import for_each_served
from wire.error_codes import Err
from wire.fields import ResourceType
from wire.resource_pool import (
    GetResources,
    NodeRegistered,
    NodeState,
    NodeUnregistered,
    ResourcesGranted,
    ResourcesRefused,
    ResourcesUsed,
)
from wire.routes import Routes

log = logging.getLogger("conferences.pool")

_OURS = (GetResources, NodeRegistered, NodeUnregistered, ResourcesUsed)
_ROOMS_LIVE = 1.0
_rooms_cache: dict[str, tuple[float, list[MachineRoomFacts]]] = {}


def handle_batch(platform: str, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Do a batch of messages to the RMS."""
    for delivery in deliveries:
        if delivery.message is not None and not isinstance(delivery.message, _OURS):
            delivery.unreadable = f"type: {delivery.message.type} is not taken here"
    bad = [d for d in deliveries if d.unreadable]
    good = [d for d in deliveries if not d.unreadable]
    metrics.RECEIVED.labels("rms").inc(len(good))
    batch = _PoolBatch(platform)
    rows = [row for rows in batch.run_batch(good) for row in rows]
    bad += batch.failed
    return [Outcome(rows), *([handle(platform, bad, publish_inline=True)] if bad else [])]


class _PoolBatch(RetriedBatch[Delivery, list[outbox.OutboxRow]]):
    """A batch of messages is done on one platform's pool; the deliveries that cannot be done are gathered."""

    pauses = (*(0.02 * attempt for attempt in range(1, MAX_TRIES)), 0.0)
    unavailable = (OperationalError, InterfaceError, DatabaseAway)

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self.failed: list[Delivery] = []

    def run(self, items: Sequence[Delivery]) -> list[outbox.OutboxRow]:
        requests = [d for d in items if isinstance(d.message, GetResources)]
        reports = [d.message for d in items if not isinstance(d.message, GetResources)]
        return _answer(self._platform, requests) + _record_reports(self._platform, reports)

    def may_retry(self, error: Exception) -> bool:
        """Retry after every error: a database that was away for a moment may be back."""
        return True

    def park(self, item: Delivery, error: Exception) -> list[outbox.OutboxRow]:
        log.error("parked after %d tries", MAX_TRIES, exc_info=error)
        failure = f"failed {MAX_TRIES} times: {type(error).__name__}: {error}"
        item.unreadable = failure[:400]
        self.failed.append(item)
        return []

    def log_failed_batch(self, items: Sequence[Delivery], error: Exception) -> None:
        log.error("a batch of %d failed, doing it one by one", len(items), exc_info=error)


# ---- asked for resources ------------------------------------------------------------------------


def _answer(platform: str, requests: Sequence[Delivery]) -> list[outbox.OutboxRow]:
    if not requests:
        return []
    now = clock.now()
    fresh = [d for d in requests if not d.envelope.expired(now)]
    late = [_reply(d, _expired(d)) for d in requests if d.envelope.expired(now)]
    try:
        answers = Pool(platform).run(_orders(platform, [d.message for d in fresh])) if fresh else []
    except redis.RedisError as error:
        log.warning("the pool is away: %s", error)
        failed = Err.RMS_ERROR
        return late + [_reply(d, ResourcesRefused(reqid=_reqid(d), errcode=failed)) for d in fresh]
    answered = zip(fresh, answers, strict=True)
    return late + [_reply(d, _granted(answer, _reqid(d))) for d, answer in answered]


def _expired(delivery: Delivery) -> ResourcesRefused:
    code = Err.SERVICE_STOPPED
    return ResourcesRefused(reqid=_reqid(delivery), errcode=code, detail="expired")


def _reqid(delivery: Delivery) -> str | None:
    return delivery.message.reqid if isinstance(delivery.message, GetResources) else None


def _orders(platform: str, questions: Sequence[Message | None]) -> list[Order]:
    requests = [request for request in questions if isinstance(request, GetResources)]
    tenants = user_domains(
        store_of(platform).database, {request.user_domain for request in requests}
    )
    rooms = _rooms(platform)
    orders: list[Order] = []
    for request in requests:
        tenant = tenants.get(request.user_domain)
        question = {
            "e164": request.e164 or f"anonymous-{clock.next_id()}",
            "rooms": rooms_for(tenant.room if tenant else None, rooms),
            "ports": request.places,
            "hd": int(request.resolution == "1080p"),
            "also": [kind for kind in ("vrs", "mps") if kind in request.res],
            "exclude": [name_of(unit) for unit in map(Unit.of, request.exclude) if unit],
        }
        orders.append(("ask", orjson.dumps(question).decode()))
    return orders


def _rooms(platform: str) -> list[MachineRoomFacts]:
    read_at, rooms = _rooms_cache.get(platform, (0.0, []))
    if time.monotonic() - read_at > _ROOMS_LIVE:
        rooms = rooms_of(store_of(platform).database, platform)
        _rooms_cache[platform] = (time.monotonic(), rooms)
    return rooms


def _granted(answer: str, reqid: str | None) -> ResourcesGranted:
    got = orjson.loads(answer)
    if not got:
        return ResourcesGranted(reqid=reqid)
    log.debug("%s: %s", got["mcu"], got["why"])
    named = {
        kind: unit_of(got[kind]).as_message_field for kind in ("mcu", "vrs", "mps") if kind in got
    }
    platform = got.get("platform") or own_platform()
    named["mcu"] = msgspec.structs.replace(named["mcu"], platform=platform)
    return ResourcesGranted(reqid=reqid, **named)


def _reply(delivery: Delivery, message: Message) -> outbox.OutboxRow:
    with delivery_fields(delivery):
        log.debug("answering with %s", message.type)
        queue = Routes.RMS_TO_CSS.value.queue
        return outbox.reply_row(delivery.envelope, message, "rms", queue)


# ---- reports of resources --------------------------------------------------------------------------


def _record_reports(platform: str, messages: Sequence[Message | None]) -> list[outbox.OutboxRow]:
    """Record heartbeats, and what became of reservations; a resource that is new is saved first.

    Return no rows: nobody is answered.
    """
    farewells = {
        _resource(message): position
        for position, message in enumerate(messages)
        if isinstance(message, NodeUnregistered)
    }
    units.report_lost(platform, farewells, "unregistered")
    reports = [
        message
        for position, message in enumerate(messages)
        # A heartbeat from before the farewell would call the resource back to life.
        if (
            isinstance(message, NodeRegistered) and position >= farewells.get(_resource(message), 0)
        )
        or isinstance(message, ResourcesUsed)
    ]
    orders = [order for message in reports for order in _orders_of(platform, message)]
    if not orders:
        return []
    try:
        answers = Pool(platform).run(orders)
        drifting = [
            order for order, answer in zip(orders, answers, strict=True) if answer == "drift"
        ]
        fed = [units.recount(platform, kind, unit_of(name)) for _, kind, name, _ in drifting]
    except redis.RedisError as error:
        log.warning("the pool is away, a heartbeat is missed: %s", error)
        return []
    newcomers = {order[2] for order, answer in zip(orders, answers, strict=True) if answer == "new"}
    for message in reports:
        if isinstance(message, NodeRegistered):
            name = name_of(unit_here(message.ip, message.pid))
            if name in newcomers or type(message) is not NodeState:
                units.save_registered(platform, message)
    if newcomers or "hungry" in answers or any(fed):
        for_each_served(due.restore_pending)
    return []


def _resource(message: NodeRegistered | NodeUnregistered) -> tuple[ResourceType, Unit]:
    return message.restype, unit_here(message.ip, message.pid)


def _orders_of(platform: str, message: NodeRegistered | ResourcesUsed) -> list[Order]:
    if isinstance(message, NodeRegistered):
        unit = unit_here(message.ip, message.pid)
        draining = units.is_draining(platform, message.restype, unit)
        room = message.room or ""
        node = node_json(
            room,
            message.platform,
            to_json(message.capacity),
            to_json(message.load) if message.load else None,
            draining,
        )
        return [("state", message.restype, name_of(unit), node)]
    named = (("mcu", message.mcu), ("vrs", message.vrs), ("mps", message.mps))
    return [
        (message.state, kind, name_of(used), message.e164)
        for kind, wire in named
        if (used := Unit.of(wire))
    ]


def batch_handler(platform: str) -> Any:
    """Return the batch handler of one platform, for the consumer."""
    return partial(handle_batch, platform)
