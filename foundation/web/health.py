"""The pages that say whether a site is alive, whether it can serve, and what it counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import redis
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from foundation.bus import backlog
from foundation.bus.amqp import BROKER_ERRORS, close, connect
from foundation.cells.directory import own_platform, redis_of, store_of
from foundation.cells.serving import read

GAUGES: list[Callable[[], Iterable[Metric]]] = []
"""The gauges that apps read from the database for Prometheus; each app adds its own when it is ready."""

CHECKS: dict[str, Callable[[], str]] = {}
"""Checks, by name, of what a site needs beside its servers: "" or what is missing, in words."""


def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"alive": True})


def _database() -> str:
    try:
        serving = read(own_platform())
    except Error as error:
        return f"database: {error}"
    if serving is None:
        return "database: this platform is not provisioned; run manage.py provision"
    if serving.is_changing:
        return "database: takes no writes; it is being opened or handed over"
    return "" if serving.is_served_here else f"served by {serving.owner} now"


def _redis() -> str:
    try:
        redis_of(own_platform()).ping()
    except redis.RedisError as error:
        return f"redis: {error}"
    return ""


def _broker() -> str:
    try:
        close(connect(settings.AMQP_URL), politely=True)
    except BROKER_ERRORS as error:
        return f"broker: {error}"
    return ""


def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether this site can serve, and why not.

    Without its database, or a part that an app adds, it cannot; without Redis or the broker it serves less well.
    """
    words = parts()
    ready = all(words[part] == "ok" for part in ("database", *CHECKS))
    return JsonResponse({"ready": ready, **words}, status=200 if ready else 503)


def parts() -> dict[str, str]:
    """Return for database, redis, broker and the parts that apps add: "ok", or what is wrong."""
    faults = {"database": _database(), "redis": _redis(), "broker": _broker()}
    for part, check in CHECKS.items():
        faults[part] = "unknown" if faults["database"] else check()
    return {part: fault or "ok" for part, fault in faults.items()}


class _DatabaseGauges(Collector):
    """The collector reads gauges from the database at each scrape by Prometheus.

    Where the database is away, it yields `database_up 0` and nothing else.
    """

    def collect(self) -> Iterator[Metric]:
        """Yield `database_up`, what waits in the outbox, and the gauges of the apps."""
        families: list[Metric] | None
        try:
            families = [*backlog.gauges(store_of(own_platform()).database)]
            families += [family for gauges in GAUGES for family in gauges()]
        except Error:
            families = None
        up = int(families is not None)
        yield GaugeMetricFamily("database_up", "Whether the database answers (1 or 0)", up)
        yield from families or ()


def metrics(request: HttpRequest) -> HttpResponse:
    """Return all counters of all processes of this site, for Prometheus."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    else:
        registry.register(REGISTRY)
    registry.register(_DatabaseGauges())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
