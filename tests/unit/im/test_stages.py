"""Work that passes between the stages of a center arrives as it was sent, in messages that the broker takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im.rules import stages
from im.rules.messages import (
    BatchResult,
    CallSignal,
    ClientDelivery,
    Edit,
    Heartbeat,
    IncomingRequest,
    Notice,
    React,
    Read,
    Recall,
    RefusedMessage,
    Request,
    Say,
    SetPresence,
    StoredEntry,
    Typing,
)
from im.rules.routing import publications_of
from im.rules.stages import FEEDS, InvalidStageMessage, StageName, stage_queue
from im.rules.vocabulary import Cmd, Code, Presence, Type

REQUESTS: list[Request] = [
    Say(1, Type.IMAGE, "a\u00e9\u4e2d", "file", 3, ("all", "ben"), "7"),
    Edit(1, 2, "x"),
    Recall(1, 2**62),
    React(1, 2, "+", False),
    Read(1, 2),
    Typing(1),
    Heartbeat("d1", {2**62: 1, 3: 4}),
    SetPresence(Presence.AWAY),
    CallSignal("start", 0, "ben", "d1", "m"),
]


def received(body: bytes, *, redelivered: bool = False) -> ClientDelivery:
    return ClientDelivery(body, "", "im.stage.x", redelivered=redelivered)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_a_request_arrives_as_it_was_sent_but_without_its_token(request_: Request) -> None:
    sent = IncomingRequest("ann", "secret", request_, "m-1", "m", True)
    body = stages.encode_request(sent)
    assert b"secret" not in body
    assert stages.decode_request(received(body)) == replace(sent, token="")


@given(body=st.binary(max_size=200), key=st.text(max_size=20), again=st.booleans())
def test_a_clients_message_arrives_byte_by_byte(body: bytes, key: str, again: bool) -> None:
    sent = ClientDelivery(body, "conversation.outgoing", key, "ann", again)
    assert stages.decode_delivery(received(stages.encode_delivery(sent))) == sent


def test_what_passes_again_between_any_two_stages_counts_as_redelivered() -> None:
    for first, second in ((True, False), (False, True), (True, True)):
        delivery = ClientDelivery(b"{}", "e", "k", "ann", first)
        passed = received(stages.encode_delivery(delivery), redelivered=second)
        assert stages.decode_delivery(passed).redelivered
        request = IncomingRequest("ann", "", Typing(1), redelivered=first)
        asked = received(stages.encode_request(request), redelivered=second)
        assert stages.decode_request(asked).redelivered


@given(st.binary(max_size=60))
def test_what_no_stage_has_written_is_refused(body: bytes) -> None:
    for decode in (stages.decode_delivery, stages.decode_request, stages.decode_result):
        try:
            decode(received(body))
        except InvalidStageMessage:
            continue
        assert decode is not stages.decode_request or body[:1] == b"\x96"


def _entry(conversation: int, seq: int, size: int = 10) -> StoredEntry:
    at = datetime(2026, 1, 2, 3, 4, 5, 6000, UTC)
    data = {"mentions": ["all"]}
    text = "x" * size
    return StoredEntry(conversation, seq, Cmd.MSG, "ann", "Ann", None, "text", text, data, seq, at)


def _result(entries: int, members: int, size: int, notes: int) -> BatchResult:
    stored = [_entry(1 + seq % 3, seq, size) for seq in range(entries)]
    people = tuple(f"{number:036d}" for number in range(members))
    return BatchResult(
        stored,
        stored[:2],
        [RefusedMessage("ben", Code.RATE, "wait", "m-1")] * (notes // 2),
        dict.fromkeys((1, 2, 3), people) if stored else {},
        [Notice(Cmd.TYPING, {"n": number}, people[:50]) for number in range(notes)],
    )


@settings(max_examples=20, deadline=None)
@given(
    entries=st.integers(0, 20),
    members=st.sampled_from((0, 2, 500, 4000)),
    size=st.sampled_from((0, 8000)),
    notes=st.integers(0, 60),
)
def test_a_result_is_divided_into_messages_that_the_broker_takes_and_none_is_lost(
    entries: int, members: int, size: int, notes: int
) -> None:
    outcome = _result(entries, members, size, notes)
    bodies = [*stages.encode_result(outcome)]
    assert all(len(body) <= stages.MOST_BYTES for body in bodies)
    parts = [stages.decode_result(received(body)) for body in bodies]
    assert set().union(*(_told(part) for part in parts)) == _told(outcome)
    for conversation in (1, 2, 3):
        seqs = [e.seq for part in parts for e in part.entries if e.conversation == conversation]
        assert seqs == sorted(seqs)


def _told(outcome: BatchResult) -> set[tuple[str, bytes]]:
    """Return pairs (routing key, body) of what people are told by a result."""
    ways = dict.fromkeys(outcome.people, "a")
    return {
        (key, publication.body)
        for publication in publications_of(outcome, ways)
        for key in (publication.key, *publication.bcc)
    }


def test_each_stage_sends_to_stages_after_it_alone() -> None:
    order = [*StageName]
    for stage, feeds in FEEDS.items():
        assert all(order.index(feed) > order.index(stage) for feed in feeds)
    assert stage_queue(StageName.STREAM, 0) == "chat-app-message"
    assert stage_queue(StageName.ROUTE, 2) == "im.stage.route.2"
