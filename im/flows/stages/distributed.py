"""One stage of a message center runs in a process of its own (settings.IM_STAGES), behind a queue of the broker.

It keeps the center's promises: what a stage passes on is confirmed by the broker before the stage acknowledges what it
has taken. A message may therefore pass twice; the stage that stores messages recognizes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from foundation.bus.outbox import OutboxRow
from im.data import metrics
from im.flows.plugins.filters import load_filters
from im.flows.stages.parser import Parser
from im.flows.stages.processor import Processor
from im.flows.stages.router import Router
from im.flows.stages.stage import (
    ChainMember,
    ClientChannel,
    NoChannel,
    Outgoing,
    QueueChannel,
    Server,
)
from im.flows.stages.streamer import Streamer
from im.rules import stages
from im.rules.messages import ClientDelivery
from im.rules.stages import FEEDS, InvalidStageMessage, StageName, member_name, stage_queue
from im.rules.topology import DEAD

log = logging.getLogger("im.center")

In = TypeVar("In")
Item = TypeVar("Item")


def stage_process(
    stage: StageName, number: int, on_flood: Callable[[str], None] = lambda user: None
) -> ChainMember:
    """Return one stage of the message center with this number, to run in a process of its own.

    `on_flood` is called by the first stage with a sender who floods, again and again.
    """
    outgoing = Outgoing()
    position = _StagePosition(stage, number, outgoing)
    to_route = position.channel_to(StageName.ROUTE, stages.encode_result)
    if stage is StageName.STREAM:
        to_parse = position.channel_to(StageName.PARSE, _as_one_message(stages.encode_delivery))
        streamer = Streamer(on_flood)
        server = Server(streamer, to_parse, to_route)
        on_empty = streamer.note_queue_empty
        return StageProcess(position, server.receive, lambda item: item, on_empty=on_empty)
    if stage is StageName.PARSE:
        to_process = position.channel_to(StageName.PROCESS, _as_one_message(stages.encode_request))
        parsed = Server(Parser(load_filters()), to_process, to_route)
        return StageProcess(position, parsed.receive, stages.decode_delivery)
    if stage is StageName.PROCESS:
        processor = Processor()
        stored = Server(processor, NoChannel(), to_route)
        return StageProcess(
            position, stored.receive, stages.decode_request, check=processor.check_writable
        )
    routed = Server(Router(), ClientChannel(outgoing), NoChannel())
    return StageProcess(position, routed.receive, stages.decode_result)


class _StagePosition:
    """The position of one step (stage) of a message center: its name, its queue, and the queues of later steps."""

    def __init__(self, stage: StageName, number: int, outgoing: Outgoing) -> None:
        """Find the queues around a stage of the message center `number`; its results are added to `outgoing`."""
        self.number, self.outgoing = number, outgoing
        self.name, self.queue = member_name(number, stage), stage_queue(stage, number)
        self.feeds: Sequence[str] = [stage_queue(feed, number) for feed in FEEDS[stage]]

    def channel_to(
        self, stage: StageName, encode: Callable[[Item], Iterable[bytes]]
    ) -> QueueChannel[Item]:
        """Return the channel to another stage of the same center; `encode` writes an item as messages for its queue."""
        return QueueChannel(self.outgoing, stage_queue(stage, self.number), encode)


def _as_one_message(encode: Callable[[Item], bytes]) -> Callable[[Item], Iterable[bytes]]:
    """Return a function that encodes an item as a list of exactly one message."""
    return lambda item: (encode(item),)


class StageProcess(Generic[In]):
    """One stage of a message center that runs in a process of its own, between two queues of the broker."""

    def __init__(
        self,
        position: _StagePosition,
        receive: Callable[[Sequence[In]], None],
        decode: Callable[[ClientDelivery], In],
        *,
        check: Callable[[], None] = lambda: None,
        on_empty: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the stage at this position: `decode` reads a delivery from its queue, `receive` handles a batch of them.

        `check` raises Unavailable while the stage cannot work; `on_empty` is called when its queue is empty.
        """
        self.name, self.queue, self.feeds = position.name, position.queue, position.feeds
        self._outgoing, self._receive, self._decode = position.outgoing, receive, decode
        self.check_ready, self.note_queue_empty = check, on_empty

    def handle_batch(self, deliveries: Sequence[ClientDelivery]) -> list[OutboxRow]:
        """Let the stage handle a batch, and return the messages to send to the broker. Raises Unavailable.

        A message that cannot be read is put into the queue of dead messages, and holds up no other one.
        """
        self._outgoing.clear()
        items = [item for delivery in deliveries for item in self._decoded_item(delivery)]
        self._receive(items)
        return self._outgoing.pop_all()

    def _decoded_item(self, delivery: ClientDelivery) -> list[In]:
        """Decode a delivery, and return its item in a list; [] if it cannot be read, and goes to the dead messages."""
        try:
            return [self._decode(delivery)]
        except InvalidStageMessage as error:
            metrics.POISON.inc()
            log.error("a message in %s cannot be read: %s", self.queue, error)
            self._outgoing.add([OutboxRow(0, "", DEAD, delivery.body, {})])
            return []
