"""Our resource manager (RMS) reserves media units for conferences, and records heartbeats (ARCH §7, CSS §1.1).

Its data is the pool in Redis, so it has no database transaction: answers are published and confirmed first, and only
then is the request acknowledged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial

import msgspec
import orjson
import redis
from django.db import InterfaceError, OperationalError

from conferences.data.pool import Pool, PoolCall, name_of, node_json, unit_here, unit_of
from conferences.flows import due, units
from conferences.rules.room_order import rooms_for
from conferences.rules.states import Unit
from domains.data.queries import MachineRoomFacts, rooms_of, user_domains
from foundation import clock
from foundation.bus import metrics, outbox
from foundation.bus.consumer import BatchHandler
from foundation.bus.delivery import DatabaseAway, Delivery, Outcome
from foundation.bus.dispatch import handle_for_platform
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

_HANDLED = (GetResources, NodeRegistered, NodeUnregistered, ResourcesUsed)
_ROOMS_CACHE_SECONDS = 1.0
_rooms_cache: dict[str, tuple[float, list[MachineRoomFacts]]] = {}


def handle_batch(platform: str, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Handle a batch of messages to the resource manager (RMS), which reserves media units for conferences.

    Return the answers to publish, and what becomes of messages that cannot be read, or that failed at every attempt.
    """
    for delivery in deliveries:
        if delivery.message is not None and not isinstance(delivery.message, _HANDLED):
            delivery.unreadable = f"type: {delivery.message.type} is not taken here"
    bad = [delivery for delivery in deliveries if delivery.unreadable]
    good = [delivery for delivery in deliveries if not delivery.unreadable]
    metrics.RECEIVED.labels("rms").inc(len(good))
    batch = _PoolBatch(platform)
    rows = [row for rows in batch.run_batch(good) for row in rows]
    bad += batch.failed
    return [
        Outcome(rows),
        *([handle_for_platform(platform, bad, publish_inline=True)] if bad else []),
    ]


class _PoolBatch(RetriedBatch[Delivery, list[outbox.OutboxRow]]):
    """A batch of messages for the pool of one platform. `failed`: messages that fail at every attempt."""

    pauses = (*(0.02 * attempt for attempt in range(1, MAX_TRIES)), 0.0)
    unavailable = (OperationalError, InterfaceError, DatabaseAway)

    def __init__(self, platform: str) -> None:
        """Prepare to handle messages that came to the resource manager (RMS) of this platform; `run` gets them.

        `failed` collects the deliveries that could not be handled, for the caller.
        """
        self._platform = platform
        self.failed: list[Delivery] = []

    def run(self, items: Sequence[Delivery]) -> list[outbox.OutboxRow]:
        """Answer the requests for media units in `items`, and record the reports; return the answers as outbox rows."""
        requests = [delivery for delivery in items if isinstance(delivery.message, GetResources)]
        reports = [
            delivery.message for delivery in items if not isinstance(delivery.message, GetResources)
        ]
        return _answer_requests(self._platform, requests) + _record_reports(self._platform, reports)

    def may_retry(self, error: Exception) -> bool:
        """Return True, so that a batch is tried again after any error; a database that was away may answer now."""
        return True

    def park(self, item: Delivery, error: Exception) -> list[outbox.OutboxRow]:
        """Mark a message as failed after its last attempt; return [], as it has no answer.

        The dispatcher then moves it to the dead-letter queue, for operators.
        """
        log.error("parked after %d tries", MAX_TRIES, exc_info=error)
        failure = f"failed {MAX_TRIES} times: {type(error).__name__}: {error}"
        item.unreadable = failure[:400]
        self.failed.append(item)
        return []

    def log_failed_batch(self, items: Sequence[Delivery], error: Exception) -> None:
        """Log that a whole batch failed, before its messages are handled one by one."""
        log.error("a batch of %d failed, doing it one by one", len(items), exc_info=error)


# ---- requests for resources ----------------------------------------------------------------------


def _answer_requests(platform: str, requests: Sequence[Delivery]) -> list[outbox.OutboxRow]:
    """Reserve media units for requests of the scheduler (CSS), and return one answer for each as a row of the outbox.

    A request that has expired is refused, as its sender waits no more; so are all others while Redis, which holds the
    pool of media units, cannot be reached.
    """
    if not requests:
        return []
    now = clock.now()
    fresh = [delivery for delivery in requests if not delivery.envelope.is_expired(now)]
    expired = [
        _reply_row(delivery, _refuse_expired(delivery))
        for delivery in requests
        if delivery.envelope.is_expired(now)
    ]
    try:
        answers = (
            Pool(platform).run(
                _calls_that_reserve(platform, [delivery.message for delivery in fresh])
            )
            if fresh
            else []
        )
    except redis.RedisError as error:
        log.warning("the pool is away: %s", error)
        failed = Err.RMS_ERROR
        return expired + [
            _reply_row(delivery, ResourcesRefused(reqid=_reqid(delivery), errcode=failed))
            for delivery in fresh
        ]
    answered = zip(fresh, answers, strict=True)
    return expired + [
        _reply_row(delivery, _grant_message(answer, _reqid(delivery)))
        for delivery, answer in answered
    ]


def _refuse_expired(delivery: Delivery) -> ResourcesRefused:
    """Return the refusal of a request that has expired before it was read."""
    code = Err.SERVICE_STOPPED
    return ResourcesRefused(reqid=_reqid(delivery), errcode=code, detail="expired")


def _reqid(delivery: Delivery) -> str | None:
    """Return the id that a request for media units carries; `None` if it has none."""
    return delivery.message.reqid if isinstance(delivery.message, GetResources) else None


def _calls_that_reserve(platform: str, messages: Sequence[Message | None]) -> list[PoolCall]:
    """Return for each request the call of the pool's Lua script in Redis that reserves units for it.

    The operation "ask" reserves a media unit, and what else the request names; "recorder" reserves a recorder alone.
    """
    requests = [request for request in messages if isinstance(request, GetResources)]
    tenants = user_domains(
        store_of(platform).database, {request.user_domain for request in requests}
    )
    rooms = _machine_rooms(platform)
    calls: list[PoolCall] = []
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
        operation = "ask" if "mcu" in request.res else "recorder"
        calls.append((operation, orjson.dumps(question).decode()))
    return calls


def _machine_rooms(platform: str) -> list[MachineRoomFacts]:
    """Return the machine rooms of a platform, where media units stand; the database is read at most once a second."""
    read_at, rooms = _rooms_cache.get(platform, (0.0, []))
    if time.monotonic() - read_at > _ROOMS_CACHE_SECONDS:
        rooms = rooms_of(store_of(platform).database, platform)
        _rooms_cache[platform] = (time.monotonic(), rooms)
    return rooms


def _grant_message(answer: str, reqid: str | None) -> ResourcesGranted:
    """Return the message that grants the units in the JSON answer of the pool's Lua script; none if none is free."""
    reserved = orjson.loads(answer)
    if not reserved:
        return ResourcesGranted(reqid=reqid)
    units_by_kind = {
        kind: unit_of(reserved[kind]).as_message_field
        for kind in ("mcu", "vrs", "mps")
        if kind in reserved
    }
    if "mcu" in reserved:
        log.debug("%s: %s", reserved["mcu"], reserved["why"])
        platform = reserved.get("platform") or own_platform()
        units_by_kind["mcu"] = msgspec.structs.replace(units_by_kind["mcu"], platform=platform)
    return ResourcesGranted(reqid=reqid, **units_by_kind)


def _reply_row(delivery: Delivery, message: Message) -> outbox.OutboxRow:
    """Return the outbox row that answers a request in the name of the resource manager (RMS)."""
    with delivery_fields(delivery):
        log.debug("answering with %s", message.type)
        queue = Routes.RMS_TO_CSS.value.queue
        return outbox.reply_row(delivery.envelope, message, "rms", queue)


# ---- reports of resources --------------------------------------------------------------------------


def _record_reports(platform: str, messages: Sequence[Message | None]) -> list[outbox.OutboxRow]:
    """Record in Redis what media units report: heartbeats, that they leave, and that reserved places are used or free.

    A new unit is also saved in the database. Returns [], because reports have no answers. While Redis cannot be
    reached, the reports are dropped: units repeat them with each heartbeat.
    """
    unregistered_at = {
        _resource_key(message): position
        for position, message in enumerate(messages)
        if isinstance(message, NodeUnregistered)
    }
    units.report_lost_resources(platform, unregistered_at, "unregistered")
    reports = [
        message
        for position, message in enumerate(messages)
        # A heartbeat that came before the resource unregistered would register it again.
        if (
            isinstance(message, NodeRegistered)
            and position >= unregistered_at.get(_resource_key(message), 0)
        )
        or isinstance(message, ResourcesUsed)
    ]
    calls = [call for message in reports for call in _calls_that_record(platform, message)]
    if not calls:
        return []
    try:
        answers = Pool(platform).run(calls)
        drifting = [call for call, answer in zip(calls, answers, strict=True) if answer == "drift"]
        has_waiting = [
            units.recount_places(platform, kind, unit_of(name)) for _, kind, name, _ in drifting
        ]
    except redis.RedisError as error:
        log.warning("the pool is away, a heartbeat is missed: %s", error)
        return []
    # The script answers "new" for a unit that was not known, "drift" for one that has long used less than is counted
    # for it, and "hungry" if a conference waits for places and some may be free now.
    newcomers = {call[2] for call, answer in zip(calls, answers, strict=True) if answer == "new"}
    for message in reports:
        if isinstance(message, NodeRegistered):
            name = name_of(unit_here(message.ip, message.pid))
            # A registration is saved each time, a mere heartbeat (NodeState) only of a unit that was not known.
            if name in newcomers or type(message) is not NodeState:
                units.save_registered(platform, message)
    if newcomers or "hungry" in answers or any(has_waiting):
        for_each_served(due.restore_pending)
        for_each_served(due.resume_recordings)
    return []


def _resource_key(message: NodeRegistered | NodeUnregistered) -> tuple[ResourceType, Unit]:
    """Return the type and the name of the media unit, recorder or mixer that a report is about."""
    return message.restype, unit_here(message.ip, message.pid)


def _calls_that_record(platform: str, message: NodeRegistered | ResourcesUsed) -> list[PoolCall]:
    """Return the calls of the pool's Lua script that record a heartbeat, or the use or release of reserved units."""
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
            message.clockskew,
        )
        return [("state", message.restype, name_of(unit), node)]
    units_by_kind = (("mcu", message.mcu), ("vrs", message.vrs), ("mps", message.mps))
    return [
        (message.state, kind, name_of(reserved_unit), message.e164)
        for kind, unit_name in units_by_kind
        if (reserved_unit := Unit.of(unit_name))
    ]


def batch_handler(platform: str) -> BatchHandler:
    """Return the function that handles batches of messages to the resource manager of a platform."""
    return partial(handle_batch, platform)
