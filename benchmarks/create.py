"""The benchmark counts conferences created per second, from request to ACK, on simulated units."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks.bench_site import bench_site, cost, memory_of
from benchmarks.load import AmqpLoad, HttpLoad, LoadResult
from deploy.stand.site import Site

COUNT = 2000


def measured(site: Site, load: AmqpLoad, run: Any, label: str) -> dict[str, Any]:
    """Return rate, latencies and cost of each create of one run; end its conferences afterwards."""
    before = cost(site)
    result: LoadResult = run()
    row = {
        "what": label,
        **result.summary(),
        **cost(site).since(before, max(1, len(result.latencies))),
    }
    if result.units:
        counts = Counter(result.units)
        row["fullest_by_mean"] = round(max(counts.values()) * len(counts) / sum(counts.values()), 2)
    if result.errors:
        row["first_error"] = result.errors[0]
    load.release(result.numbers)
    return row


def run() -> list[dict[str, Any]]:
    """Measure creating conferences in several ways on one site, and return the results."""
    with bench_site(units=20) as site:
        amqp_load, http_load = AmqpLoad(site), HttpLoad(site)
        rows = [
            measured(site, amqp_load, lambda: amqp_load.closed(200, 8), "warm-up"),
            measured(site, amqp_load, lambda: amqp_load.closed(COUNT, 1000), "AMQP, 1000 at once"),
            measured(site, amqp_load, lambda: amqp_load.closed(COUNT, 64), "AMQP, 64 clients"),
            measured(site, amqp_load, lambda: amqp_load.paced(COUNT, 100), "AMQP, 100 per second"),
            measured(site, amqp_load, lambda: http_load.closed(COUNT, 64), "HTTP, 64 clients"),
        ]
        memory = {
            name: max(memory_of(p.pid).values(), default=0) for name, p in site.processes.items()
        }
        return [*rows[1:], {"what": "resident MiB, largest process of each", **memory}]
