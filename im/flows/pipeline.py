"""The message center joins four stages: stream, parse, process, route. Start reading here (CONV, 分布式实现框架).

    client's message  -> stream    flows/stages/streamer.py    the sender's rate
                      -> parse     flows/stages/parser.py      a request, and whose
                      -> process   flows/stages/processor.py   one transaction
                      -> route     flows/stages/router.py      who is online
                      -> published, confirmed, and acknowledged  (api/message_center.py)

`Pipeline` runs all of them in one process; the next stage is a call. `StageProcess` (flows/stages/distributed.py) runs
one of them; the next stage is another process, behind a queue. What both return is to be sent to the broker. When the
broker has confirmed it, the center acknowledges the deliveries. After a crash in between the broker delivers them
again. Messages that are stored already are recognized by their `client_msg_id` and answered again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from foundation.bus.outbox import OutboxRow
from im.flows.plugins.filters import load_filters
from im.flows.stages.parser import Parser
from im.flows.stages.processor import Processor
from im.flows.stages.router import Router
from im.flows.stages.stage import ClientChannel, DirectChannel, NoChannel, Outgoing, Server
from im.flows.stages.streamer import Streamer
from im.rules.messages import ClientDelivery
from im.rules.stages import member_name
from im.rules.topology import ingress


class Pipeline:
    """All stages of one message center (stream, parse, process, route) in one process, joined by function calls.

    A message center stores the messages that people's clients send, and publishes them.
    """

    feeds: Sequence[str] = ()

    def __init__(self, on_flood: Callable[[str], None], number: int = 0) -> None:
        """Connect the stages of the message center with this number, one after the other, in this process.

        `on_flood` is called with the name of a sender who floods (sends too fast), again and again.
        """
        self.name, self.queue = member_name(number), ingress(number)
        self._outgoing = Outgoing()
        self._streamer, self._processor = Streamer(on_flood), Processor()
        clients = ClientChannel(self._outgoing)
        results = DirectChannel(Server(Router(), clients, NoChannel()))
        processor = DirectChannel(Server(self._processor, NoChannel(), results))
        parser = DirectChannel(Server(Parser(load_filters()), processor, results))
        self._first = Server(self._streamer, parser, results)

    def check_ready(self) -> None:
        """Check that messages can be stored. Raises Unavailable and database errors."""
        self._processor.check_writable()

    def note_queue_empty(self) -> None:
        """Record that the queue is empty now, so that messages that come later cannot have waited since before."""
        self._streamer.note_queue_empty()

    def handle_batch(self, deliveries: Sequence[ClientDelivery]) -> list[OutboxRow]:
        """Store a batch of clients' messages, and return the messages that are to be published about it.

        Raises Unavailable.
        """
        self._outgoing.clear()
        self._first.receive(deliveries)
        return self._outgoing.pop_all()
