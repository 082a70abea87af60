"""The last stage, route: it finds out who is online, and by which keys each result reaches them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from foundation import clock
from im.data import metrics, presence_store
from im.flows.stages.stage import Handled
from im.rules.messages import BatchResult
from im.rules.routing import Publication, publications_of


class Router:
    """The last stage of a message center, which addresses results to the people who are online."""

    def process_batch(self, batch: Sequence[BatchResult]) -> Handled[Publication]:
        """Return the messages to publish to people for what earlier steps (stages) have stored, in their order.

        The protocols by which a person is online say to which queues a message goes. This is the last step.
        """
        people = set[str]().union(*(outcome.people for outcome in batch))
        protocols = presence_store.protocols_of_online(people, clock.timestamp())
        onward = [
            publication for outcome in batch for publication in publications_of(outcome, protocols)
        ]
        for outcome in batch:
            _count_in_metrics(outcome)
        return Handled(onward, BatchResult())


def _count_in_metrics(outcome: BatchResult) -> None:
    """Count a result's stored entries and refusals in the metrics."""
    for cmd, count in Counter(entry.cmd for entry in outcome.entries).items():
        metrics.STORED.labels(cmd.value).inc(count)
    for code, count in Counter(refused.code for refused in outcome.refused).items():
        metrics.REFUSED.labels(code.value).inc(count)
