"""The pages `/healthz` (this process is alive), `/readyz` (this site can serve) and `/metrics` (for Prometheus)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import redis
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from foundation.bus import backlog
from foundation.bus.amqp import BROKER_ERRORS, close, connect
from foundation.cells import sql
from foundation.cells.directory import own_platform, redis_of, store_of
from foundation.cells.serving import read
from foundation.web.living_metrics import LivingProcesses

GAUGES: list[Callable[[], Iterable[Metric]]] = []
"""Functions of apps that read gauges from the database for Prometheus. Each app adds its own at start-up."""

CHECKS: dict[str, Callable[[], str]] = {}
"""Name of a check that an app adds -> function that returns "" if this site can serve, or what is missing, in words."""


def healthz(request: HttpRequest) -> JsonResponse:
    """Return the page `/healthz`: this process answers."""
    return JsonResponse({"alive": True})


def _database_fault() -> str:
    """Return why this site cannot serve its platform now, as its database shows, or "" if it can."""
    try:
        serving = read(own_platform())
    except Error as error:
        return f"database: {error}"
    if serving is None:
        return "database: this platform is not provisioned; run manage.py provision"
    if serving.is_changing:
        return "database: takes no writes; it is being opened or handed over"
    if not serving.is_served_here:
        return f"served by {serving.owner} now"
    return "database: its disk is full, nothing can be stored" if _waits_for_disk() else ""


def _waits_for_disk() -> bool:
    """Return whether a commit in our own database waits for disk space."""
    try:
        return sql.waits_for_disk(store_of(own_platform()).database)
    except Error:
        return False


def _redis_fault() -> str:
    """Return why Redis cannot be used, or "" if it can."""
    try:
        redis_of(own_platform()).ping()
    except redis.RedisError as error:
        return f"redis: {error}"
    return ""


def _broker_fault() -> str:
    """Return why the message broker cannot be used, or "" if it can."""
    try:
        close(connect(settings.AMQP_URL), politely=True)
    except BROKER_ERRORS as error:
        return f"broker: {error}"
    return ""


def readyz(request: HttpRequest) -> JsonResponse:
    """Return the page that says whether this site can serve (status 200 or 503), and how each part is.

    Without its database, or if a check of an app fails, it cannot; without Redis or the broker it serves less well.
    """
    words = states_of_parts()
    ready = all(words[part] == "ok" for part in ("database", *CHECKS))
    return JsonResponse({"ready": ready, **words}, status=200 if ready else 503)


def states_of_parts() -> dict[str, str]:
    """Return the state of each part (database, redis, broker, and checks of apps): "ok", or what is wrong.

    The checks of the apps need the database: without it they are not run, and their state is "unknown".
    """
    faults = {
        "database": _database_fault(),
        "redis": _redis_fault(),
        "broker": _broker_fault(),
    }
    for part, check in CHECKS.items():
        faults[part] = "unknown" if faults["database"] else check()
    return {part: fault or "ok" for part, fault in faults.items()}


class _DatabaseGauges(Collector):
    """The collector reads gauges from the database each time that Prometheus asks.

    If the database cannot be reached, it yields `database_up 0` and nothing else.
    """

    def collect(self) -> Iterator[Metric]:
        """Yield metrics for Prometheus: `database_up`, how many messages wait to be sent, and gauges of the apps.

        Without the database, `database_up` is 0 and all else is left out.
        """
        families: list[Metric] | None
        try:
            families = [*backlog.backlog_gauges(store_of(own_platform()).database)]
            families += [family for gauges in GAUGES for family in gauges()]
        except Error:
            families = None
        up = int(families is not None)
        yield GaugeMetricFamily("database_up", "Whether the database answers (1 or 0)", up)
        yield from families or ()


def metrics(request: HttpRequest) -> HttpResponse:
    """Return the page with all metrics for Prometheus: sums over this site's processes, gauges over those that run."""
    registry = CollectorRegistry()
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        LivingProcesses(registry, folder)
    else:
        registry.register(REGISTRY)
    registry.register(_DatabaseGauges())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
