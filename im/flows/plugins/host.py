"""A plugin at the place PROCESS hears of stored messages in a process of its own, and may answer (im_plugin).

    conversation.incoming -> im.plugin.<name> -> the plugin -> process -> route -> clients

Its process runs the same main loop as a center. It acknowledges a message when the answers are stored, and their
publications confirmed. An answer is stored once, however often its message comes, since its `client_msg_id` is made of
the message's place. So the process may be killed, or replaced by a newer one, at any moment. What the plugin has not
handled waits in its queue, and nobody else waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

import orjson

from foundation.bus.outbox import OutboxRow
from foundation.cells import sql
from foundation.cells.directory import look_up
from im.data import broker, metrics, platform_resolver
from im.data.plugins import repository, switches
from im.data.plugins.switches import Switch
from im.flows.plugins import guard
from im.flows.stages.processor import Processor
from im.flows.stages.router import Router
from im.flows.stages.stage import (
    ClientChannel,
    DirectChannel,
    NoChannel,
    Outgoing,
    Server,
    Unavailable,
)
from im.rules.messages import ClientDelivery, IncomingRequest
from im.rules.plugins import (
    TRIES,
    HeardMessage,
    Place,
    PluginFault,
    ProcessorPlugin,
    Streak,
    answers_of,
    heard_message,
    parked_queue,
    plugin_queue,
)

log = logging.getLogger("im.plugins")

HANDLE_SECONDS = 5.0
"""A plugin may take so long for a message."""

_MEMBERSHIPS = (
    "SELECT conversation_id FROM im_member"
    " WHERE state='active' AND user=%s AND conversation_id IN ({marks})"
)


class PluginHost:
    """The process of one plugin that hears of stored messages: it consumes the plugin's queue, and stores answers."""

    feeds: Sequence[str] = ()

    def __init__(self, name: str) -> None:
        """Create the plugin. Raises PluginFault if it is not configured, not installed, or cannot be created."""
        installed = repository.find(name)
        if installed.place is not Place.PROCESS:
            raise PluginFault(f"{name} runs within the centers: it is one of {installed.place}")
        settings = repository.configured()[name]
        self.name, self.queue = f"plugin {name}", plugin_queue(name)
        self._plugin_name, self._account = name, str(settings.get("account", ""))
        self._plugin = cast(ProcessorPlugin, repository.create(installed))
        self._switch, self._streak = Switch(name), Streak()
        self._was_switched_off = False
        """Whether the plugin was switched off: when it is switched on again, it gets back the parked messages."""
        self._outgoing, self._processor = Outgoing(), Processor()
        router = Server(Router(), ClientChannel(self._outgoing), NoChannel())
        self._answers = Server(self._processor, NoChannel(), DirectChannel(router))
        switches.record_plugin(installed)

    def check_ready(self) -> None:
        """Check that the plugin is switched on and that its answers can be stored. Raises Unavailable.

        When it is switched on again after it was switched off, it gets back the messages on which it had failed.
        """
        if why := switches.why_off(self._plugin_name):
            self._was_switched_off = True
            raise Unavailable(f"plugin {self._plugin_name}: {why}")
        self._switch = Switch(self._plugin_name)
        self._processor.check_writable()
        broker.declare_plugin(self._plugin_name, return_parked=self._was_switched_off)
        self._was_switched_off = False

    def note_queue_empty(self) -> None:
        """Do nothing: it does not matter how long messages have waited."""

    def handle_batch(self, deliveries: Sequence[ClientDelivery]) -> list[OutboxRow]:
        """Let the plugin handle a batch of messages, store its answers, and return the messages to send.

        Raises Unavailable. A message on which it fails TRIES times is parked, that is set aside in a queue of its own.
        If it fails on several in a row it is switched off, and they wait.
        """
        self._outgoing.clear()
        if not self._switch.is_on():
            raise Unavailable(f"plugin {self._plugin_name} is switched off")
        heard = [(delivery, _heard_message_in(delivery)) for delivery in deliveries]
        own_conversations = self._conversations_of([message for _, message in heard if message])
        answers: list[IncomingRequest] = []
        for delivery, message in heard:
            if (
                message
                and message.conversation in own_conversations
                and message.sender != self._account
            ):
                answers += self._handle(delivery, message)
        if answers:
            self._answers.receive(answers)
        return self._outgoing.pop_all()

    def _conversations_of(self, messages: Sequence[HeardMessage]) -> set[int]:
        """Return those of the messages' conversations of which the plugin's account is a member."""
        groups = platform_resolver.group_by_platform(messages, lambda message: message.conversation)
        own_conversations: set[int] = set()
        for platform, heard in groups.items():
            numbers = sorted({message.conversation for message in heard})
            query = _MEMBERSHIPS.format(marks=sql.marks(numbers))
            if platform:
                rows = look_up(platform, query, [self._account, *numbers])
                own_conversations |= {row[0] for row in rows}
        return own_conversations

    def _handle(self, delivery: ClientDelivery, message: HeardMessage) -> list[IncomingRequest]:
        """Return the plugin's answers to a message, or [] and park the message if the plugin fails on it TRIES times.

        Parked means set aside in a queue of its own. After too many failures in a row the plugin is switched off:
        raises Unavailable, and the message waits.
        """
        fault = ""
        for _ in range(TRIES):
            try:
                texts = guard.call_with_limit(
                    self._plugin_name, HANDLE_SECONDS, lambda: self._plugin.handle(message)
                )
                answers = answers_of(self._plugin_name, self._account, message, texts)
            except PluginFault as error:
                fault = str(error)
                continue
            self._streak.note_success()
            metrics.PLUGIN_HANDLED.labels(self._plugin_name).inc()
            return answers
        if self._streak.note_failure():
            self._streak.note_success()
            self._was_switched_off = True
            log.error("plugin %s is put out: %s", self._plugin_name, fault)
            self._switch.mark_faulty(fault)
            raise Unavailable(f"plugin {self._plugin_name} is put out: {fault}")
        log.error(
            "plugin %s: message %d.%d is parked: %s",
            self._plugin_name,
            message.conversation,
            message.seq,
            fault,
        )
        headers = {"headers": {"x-fault": fault[:300]}}
        self._outgoing.add(
            [OutboxRow(0, "", parked_queue(self._plugin_name), delivery.body, headers)]
        )
        return []


def _heard_message_in(delivery: ClientDelivery) -> HeardMessage | None:
    """Return the chat message that a delivery from the broker holds, or `None` for anything else, such as an edit."""
    try:
        published = orjson.loads(delivery.body)
        return heard_message(published["cmd"], published["data"])
    except (ValueError, KeyError, TypeError) as error:
        log.error("a publication cannot be read: %s", error)
        return None
