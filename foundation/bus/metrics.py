"""These are the metrics of the message bus for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECEIVED = Counter("bus_received_total", "Messages taken from a queue", ["queue"])
PARKED = Counter("bus_parked_total", "Messages parked in mau.dead.q", ["queue"])
REPEATED = Counter("bus_repeated_total", "Requests that had been taken before")
HANDLER_FAILED = Counter("bus_handler_failed_total", "Messages whose handler failed five times")
PUBLISHED = Counter("bus_published_total", "Messages confirmed by the broker")
BATCH = Histogram(
    "bus_batch_size", "Messages per transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200)
)
BATCH_SECONDS = Histogram("bus_batch_seconds", "Seconds from taking a batch to its acknowledgement")
BROKER_UP = Gauge("bus_consumers", "Consumers connected to the broker", multiprocess_mode="livesum")
IN_ORDER = Gauge(
    "bus_consumers_in_order",
    "Consumers of what has to be done in order; one at a time",
    multiprocess_mode="livesum",
)
LINK_UP = Gauge(
    "bus_link_up",
    "Links to a peer's broker that are connected",
    ["destination"],
    multiprocess_mode="livesum",
)
PEER_CONSUMERS = Gauge(
    "bus_peer_consumers",
    "Consumers connected to a peer's broker",
    ["peer"],
    multiprocess_mode="livesum",
)
