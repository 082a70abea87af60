"""Define the metrics of the push process for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CLIENTS = Gauge(
    "push_clients", "Clients that events are pushed to", ["kind"], multiprocess_mode="livesum"
)
READ = Counter("push_events_read_total", "Events read from the table")
HANDED_OUT = Counter("push_events_handed_out_total", "Events put into a client's queue")
DELAY = Histogram(
    "push_delay_seconds",
    "Seconds from the making of an event to its place in the clients' queues",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60),
)
ENDED = Counter("push_clients_ended_total", "Clients that the server has cut off", ["reason"])
