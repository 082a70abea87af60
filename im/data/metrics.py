"""Define the metrics of instant messaging, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

TAKEN = Counter("im_taken_total", "Messages that a center took from its queue")
STORED = Counter("im_stored_total", "Entries stored in a log and published, by cmd", ["cmd"])
REFUSED = Counter("im_refused_total", "Messages refused, by code", ["code"])
UNATTRIBUTED = Counter(
    "im_unattributed_total", "Messages without the property user_id, so that the sender is unknown"
)
UNANSWERED = Counter(
    "im_unanswered_total", "Messages not answered: another site serves them, or the data is away"
)
PUSHED = Counter("im_pushed_total", "Publications to clients confirmed by the broker")
HTTP_REFUSED = Counter("im_http_refused_total", "HTTP calls refused, by code", ["code"])
PRESENCE_TOLD = Counter("im_presence_told_total", "Changes of presence published to contacts")
FLOODS = Counter("im_floods_total", "Senders whose connections were closed for flooding")
POISON = Counter("im_poison_total", "Messages that failed by themselves, for an unforeseen reason")
BATCH = Histogram("im_batch_size", "Messages per batch", buckets=(1, 2, 5, 10, 20, 50, 100))
BATCH_SECONDS = Histogram(
    "im_batch_seconds", "Seconds from receiving a batch to sending the resulting messages"
)
WAITING = Gauge(
    "im_waiting", "Messages in a center's queue", ["queue"], multiprocess_mode="livemostrecent"
)
CENTER_UP = Gauge("im_centers", "Centers that read their queue", multiprocess_mode="livesum")
ASKED = Counter(
    "im_asked_total",
    "Requests of other servers to the center, by exchange, and by whether an answer came",
    ["exchange", "came"],
)
UPLOADED = Counter("im_files_uploaded_total", "Files that were uploaded completely")
UPLOADED_BYTES = Counter("im_files_uploaded_bytes_total", "Bytes of completely uploaded files")
NOT_UPLOADED = Counter("im_files_refused_total", "Uploads and downloads refused, by code", ["code"])
UNSEEN = Counter(
    "im_files_unseen_total", "Files that could not be inspected, and are served as plain bytes"
)
PLUGIN_HANDLED = Counter(
    "im_plugin_handled_total", "Messages that a plugin has handled", ["plugin"]
)
PLUGIN_FAILED = Counter(
    "im_plugin_failed_total", "Calls in which a plugin raised or took too long", ["plugin"]
)
PLUGIN_PUT_OUT = Counter(
    "im_plugin_put_out_total", "Times that a plugin was put out because it failed", ["plugin"]
)
