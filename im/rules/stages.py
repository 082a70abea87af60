"""A message takes four stages in the center: stream, parse, process, route (CONV, 分布式实现框架).

This module names the stages and their queues, and writes what one stage passes on to another as bytes. It is pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

import msgspec

from im.rules.messages import (
    BatchResult,
    CallSignal,
    ClientDelivery,
    Edit,
    Heartbeat,
    IncomingRequest,
    React,
    Read,
    Recall,
    Request,
    Say,
    SetPresence,
    StoredEntry,
    Typing,
)
from im.rules.topology import STAGES, ingress

MOST_BYTES = 96 * 1024
"""A message between stages has at most so many bytes; the clients' broker takes 128 KiB."""


class StageName(StrEnum):
    """The steps of a message center (the process that stores clients' messages), in the order of a message's way."""

    STREAM = "stream"
    PARSE = "parse"
    PROCESS = "process"
    ROUTE = "route"


FEEDS = {
    StageName.STREAM: (StageName.PARSE, StageName.ROUTE),
    StageName.PARSE: (StageName.PROCESS, StageName.ROUTE),
    StageName.PROCESS: (StageName.ROUTE,),
    StageName.ROUTE: (),
}
"""To which stages each stage sends: the next one, and the last one with refusals."""


class InvalidStageMessage(ValueError):
    """A message between two stages of a message center cannot be read; no stage of ours has written it."""


def stage_queue(stage: StageName, number: int) -> str:
    """Return the name of the queue that a stage of the message center with this number consumes.

    The first stage consumes the clients' messages.
    """
    if stage is StageName.STREAM:
        return ingress(number)
    # The first center has number 0; its queues are named without it, as IM §10.1 names its first one.
    return f"{STAGES}{stage}" if number == 0 else f"{STAGES}{stage}.{number}"


def member_name(number: int, stage: StageName | None = None) -> str:
    """Return the name of a message center's process: the center's number and, if it runs one stage alone, the stage."""
    return f"{number} {stage}" if stage else str(number)


def members_of_chains(centers: int, *, distributed: bool) -> list[tuple[int, StageName | None]]:
    """Return (center's number, stage) of each process of so many message centers.

    The stage is `None` where one process runs all stages (not `distributed`).
    """
    shown: list[StageName | None] = [*StageName] if distributed else [None]
    return [(number, stage) for number in range(centers) for stage in shown]


# ---- from stream to parse -------------------------------------------------------------------------

Content = TypeVar("Content")
_encoder = msgspec.msgpack.Encoder()
_delivery_decoder = msgspec.msgpack.Decoder(ClientDelivery)


def _decoded(decoder: msgspec.msgpack.Decoder[Content], body: bytes) -> Content:
    """Return the content of a message between two steps (stages) of a message center. Raises InvalidStageMessage."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidStageMessage(str(error)) from None


def encode_delivery(delivery: ClientDelivery) -> bytes:
    """Return a client's message as bytes, for the queue of the step that parses it."""
    return _encoder.encode(delivery)


def decode_delivery(received: ClientDelivery) -> ClientDelivery:
    """Return the client's message in a message between two steps (stages). Raises InvalidStageMessage.

    It counts as redelivered if the broker has delivered either of the two before.
    """
    delivery = _decoded(_delivery_decoder, received.body)
    return replace(delivery, redelivered=delivery.redelivered or received.redelivered)


# ---- from parse to process ------------------------------------------------------------------------


class _RequestMessage(msgspec.Struct, array_like=True):
    """Represent a request as it is sent from one stage to the next.

    `kind` is the name of the request's class. The token is not sent, since it has been checked.
    """

    sender: str
    kind: str
    request: msgspec.Raw
    client_msg_id: str | None
    way: str
    redelivered: bool


_KINDS: dict[str, msgspec.msgpack.Decoder[Request]] = {
    kind.__name__: msgspec.msgpack.Decoder(kind)
    for kind in (Say, Edit, Recall, React, Read, Typing, Heartbeat, SetPresence, CallSignal)
}
_request_decoder = msgspec.msgpack.Decoder(_RequestMessage)


def encode_request(incoming: IncomingRequest) -> bytes:
    """Return a request of an authenticated sender as bytes, for the queue of the step that processes it."""
    return _encoder.encode(
        _RequestMessage(
            incoming.sender,
            type(incoming.request).__name__,
            msgspec.Raw(_encoder.encode(incoming.request)),
            incoming.client_msg_id,
            incoming.way,
            incoming.redelivered,
        )
    )


def decode_request(received: ClientDelivery) -> IncomingRequest:
    """Return the client's request in a message between two steps (stages). Raises InvalidStageMessage.

    It counts as redelivered if the broker has delivered the client's message or this one before.
    """
    message = _decoded(_request_decoder, received.body)
    if message.kind not in _KINDS:
        raise InvalidStageMessage(f"kind: {message.kind[:40]!r} is no request")
    request = _decoded(_KINDS[message.kind], bytes(message.request))
    is_redelivered = message.redelivered or received.redelivered
    return IncomingRequest(
        message.sender, "", request, message.client_msg_id, message.way, is_redelivered
    )


# ---- to route -------------------------------------------------------------------------------------

_result_decoder = msgspec.msgpack.Decoder(BatchResult)


def encode_result(outcome: BatchResult) -> Iterator[bytes]:
    """Yield a batch's result as bytes, for the queue of the step that publishes it: one message, or several.

    The entries keep their order. The members of a large group may be divided among messages.
    """
    body = _encoder.encode(outcome)
    halves = _halves(outcome) if len(body) > MOST_BYTES else []
    if not halves:
        yield body
    for half in halves:
        yield from encode_result(half)


def decode_result(received: ClientDelivery) -> BatchResult:
    """Return what became of a batch of requests, from a message between two steps. Raises InvalidStageMessage."""
    return _decoded(_result_decoder, received.body)


def _halves(outcome: BatchResult) -> list[BatchResult]:
    """Return a batch's result in two halves, since it is too large for one message; [] if it cannot be divided."""
    acks, refused, notes = outcome.acks, outcome.refused, outcome.notes
    if outcome.entries and (acks or refused or notes):
        stored = BatchResult(outcome.entries, members=outcome.members)
        return [stored, BatchResult(acks=acks, refused=refused, notes=notes)]
    if len(outcome.entries) == 1:
        return _with_half_the_members(outcome, outcome.entries[0])
    if len(outcome.entries) + len(acks) + len(refused) + len(notes) < 2:
        return []
    if max(len(outcome.entries), len(acks), len(refused), len(notes)) == 1:
        return [BatchResult(acks=acks), BatchResult(refused=refused, notes=notes)]
    return [
        _half_of_each_list(outcome, is_second=False),
        _half_of_each_list(outcome, is_second=True),
    ]


def _half_of_each_list(outcome: BatchResult, *, is_second: bool) -> BatchResult:
    """Return a batch's result with the first or second half of each of its lists."""

    def half(items: list[Content]) -> list[Content]:
        """Return the first or second half of a list."""
        middle = (len(items) + 1) // 2
        return items[middle:] if is_second else items[:middle]

    entries = half(outcome.entries)
    members = {entry.conversation: outcome.members[entry.conversation] for entry in entries}
    return BatchResult(
        entries, half(outcome.acks), half(outcome.refused), members, half(outcome.notes)
    )


def _with_half_the_members(outcome: BatchResult, entry: StoredEntry) -> list[BatchResult]:
    """Return the result's only entry twice, each time for half of the conversation's members.

    [] means that it has fewer than two.
    """
    members = outcome.members[entry.conversation]
    middle = len(members) // 2
    if not middle:
        return []
    return [
        BatchResult([entry], members={entry.conversation: part})
        for part in (members[:middle], members[middle:])
    ]
