"""The module holds what all stages of the message center have in common: how they are called, and how they are joined.

A stage takes a batch of one kind, and returns what goes on to the next stage, and results that are to be routed. A
`Server` joins a stage to the ones after it by two channels. A channel is a direct call where the stages run in one
process, or a queue of the broker where each is a process of its own (settings.IM_STAGES).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from foundation.bus.outbox import OutboxRow
from im.data import metrics
from im.rules.messages import BatchResult, ClientDelivery
from im.rules.routing import Publication

In = TypeVar("In")
Out = TypeVar("Out")
In_contra = TypeVar("In_contra", contravariant=True)


@dataclass(slots=True)
class Handled(Generic[Out]):
    """A stage returns this for a batch: `onward` goes to the next stage, `outcome` to the stage that publishes."""

    onward: Sequence[Out]
    outcome: BatchResult


class Stage(Protocol[In_contra, Out]):
    """One step of a message center's work: to take in, parse, store, or publish messages.

    It knows neither what comes before it nor what comes after.
    """

    def process_batch(self, batch: Sequence[In_contra]) -> Handled[Out]:
        """Do the stage's work for a batch of messages. What it changes is committed when it returns.

        Raises Unavailable: then nothing was done, and the batch must be given to it again.
        """


class MessageChannel(Protocol[In_contra]):
    """A channel brings a stage's results to the stage after it (CONV: MessageChannel)."""

    def send(self, items: Sequence[In_contra]) -> None:
        """Send these items to the next stage, in their order."""


class ChainMember(Protocol):
    """A message center's process runs this work: the whole chain of stages, one of them, or a plugin."""

    name: str
    """The process's name in logs and `manage.py doctor`: the center's number, and the stage if it is one alone."""
    queue: str
    """The queue that it reads."""
    feeds: Sequence[str]
    """The queues of the stages to which it sends; it waits while one of them is nearly full."""

    def check_ready(self) -> None:
        """Check that this stage's process can do its work now. Raises Unavailable and database errors."""

    def note_queue_empty(self) -> None:
        """Record that no message waits in its queue now."""

    def handle_batch(self, deliveries: Sequence[ClientDelivery]) -> list[OutboxRow]:
        """Handle a batch of deliveries, and return the messages to send. Raises Unavailable."""


class Unavailable(Exception):
    """A stage of the message center cannot work now: nothing was stored, and the messages must be redelivered."""


class Server(Generic[In, Out]):
    """A server gives batches to a stage of the message center, and sends its results to later stages (CONV: Server)."""

    def __init__(
        self,
        stage: Stage[In, Out],
        onward: MessageChannel[Out],
        results: MessageChannel[BatchResult],
    ) -> None:
        """Connect a stage by channels to the next one (`onward`), and to the one that publishes (`results`)."""
        self._stage, self._onward, self._results = stage, onward, results

    def receive(self, batch: Sequence[In]) -> None:
        """Let the stage handle a batch, and send what it returns to later stages (CONV: DataReceiver).

        Raises Unavailable.
        """
        handled = self._stage.process_batch(batch)
        if handled.onward:
            self._onward.send(handled.onward)
        if not handled.outcome.is_empty:
            self._results.send([handled.outcome])


class DirectChannel(Generic[In, Out]):
    """A channel to the next stage in the same process, by a function call."""

    def __init__(self, server: Server[In, Out]) -> None:
        self._server = server

    def send(self, items: Sequence[In]) -> None:
        """Let the next stage handle the items before this call returns."""
        self._server.receive(items)


class NoChannel:
    """A channel for a stage that never sends anything to a next stage."""

    def send(self, items: Sequence[object]) -> None:
        """Fail: there is no stage to take the items."""
        raise AssertionError("no stage takes these")


class Outgoing:
    """The messages that a process sends to the broker when it has handled a batch."""

    def __init__(self) -> None:
        self._rows: list[OutboxRow] = []

    def add(self, rows: Iterable[OutboxRow]) -> None:
        """Add messages, to be sent in this order."""
        self._rows += rows

    def clear(self) -> None:
        """Discard all messages of an earlier batch that was not handled to its end."""
        self._rows = []

    def pop_all(self) -> list[OutboxRow]:
        """Return all messages that are to be sent, and empty the list."""
        rows, self._rows = self._rows, []
        return rows


class QueueChannel(Generic[In]):
    """A channel to a stage in another process: a queue of the broker, which keeps what is in it on disk."""

    def __init__(
        self, outgoing: Outgoing, queue: str, encode: Callable[[In], Iterable[bytes]]
    ) -> None:
        """Prepare the channel to this queue. `encode` writes an item as one message or several."""
        self._outgoing, self._queue, self._encode = outgoing, queue, encode

    def send(self, items: Sequence[In]) -> None:
        """Add to the outgoing messages those that bring the items to the next stage."""
        self._outgoing.add(
            OutboxRow(0, "", self._queue, body, {}) for item in items for body in self._encode(item)
        )


class ClientChannel:
    """The channel after the last stage: the exchanges from which clients get their messages."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    def send(self, items: Sequence[Publication]) -> None:
        """Add publications for clients to the outgoing messages.

        The broker keeps them in memory only: a client that misses one sees the gap in `seq` and fetches the entry.
        """
        self._outgoing.add(
            OutboxRow(0, item.exchange, item.key, item.body, _transient_properties(item))
            for item in items
        )
        metrics.PUSHED.inc(len(items))


def _transient_properties(publication: Publication) -> dict[str, object]:
    """Return the AMQP properties of a message that the broker need not write to disk (delivery mode 1)."""
    return {"delivery_mode": 1, "headers": publication.headers}
