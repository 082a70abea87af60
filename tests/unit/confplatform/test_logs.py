"""Log lines: what a record becomes, and which ids are believed."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from foundation.bus import outbox
from foundation.bus.delivery import Delivery
from foundation.bus.envelope import Envelope, envelope_of_amqp
from foundation.bus.log_context import delivery_fields
from foundation.logs import (
    json_formatter,
    line_formatter,
    log_fields,
    request_id,
    sane_id,
    with_request_id,
)
from tests.factories import NOW


def record(text: str, *values: object, error: bool = False) -> logging.LogRecord:
    """Return a warning as stdlib logging makes it."""
    exc_info = sys.exc_info() if error else None
    return logging.LogRecord("conferences.x", logging.WARNING, "", 1, text, values, exc_info)


def test_a_record_becomes_one_json_object_with_its_fields() -> None:
    with log_fields("r1", platform="east", conference="880001"):
        fields = json.loads(json_formatter().format(record("%s is lost", "u1")))
    assert fields.pop("timestamp")[-1] == "Z"
    assert isinstance(fields.pop("process"), int)
    assert fields == {
        "event": "u1 is lost",
        "level": "warning",
        "logger": "conferences.x",
        "request_id": "r1",
        "platform": "east",
        "conference": "880001",
    }


def test_an_exception_stays_within_its_object() -> None:
    try:
        raise ValueError("no such thing")
    except ValueError:
        text = json_formatter().format(record("failed", error=True))
    assert "\n" not in text
    assert "ValueError: no such thing" in json.loads(text)["exception"]


def test_text_that_is_no_unicode_is_written_all_the_same() -> None:
    assert json.loads(json_formatter().format(record("%s", "\ud800")))["event"] == "\ud800"


def test_a_line_for_people_ends_with_the_fields() -> None:
    with log_fields("r1", conference="880001"):
        line = line_formatter().format(record("%s is lost", "u1"))
    assert line.endswith("conferences.x u1 is lost [request_id=r1 conference=880001]")
    assert " W " in line
    assert line_formatter().format(record("alone")).endswith("conferences.x alone")


def test_inner_fields_add_to_the_outer_ones_and_end_with_their_block() -> None:
    with log_fields("r1"):
        with log_fields(platform="east"):
            assert request_id() == "r1"
        with log_fields("r2"):
            assert request_id() == "r2"
        assert request_id() == "r1"
    assert request_id() == ""


@pytest.mark.parametrize("forged", ["two words", "a\nb", "x" * 65, "", None, 7, b"r1"])
def test_an_id_that_could_forge_a_line_is_not_taken(forged: object) -> None:
    assert sane_id(forged) == ""
    assert sane_id(forged, "r1") == "r1"


def test_a_message_carries_the_id_of_the_request_that_causes_it() -> None:
    with log_fields("r1"):
        row = outbox.new_row(b"{}", "", "k", NOW, "css", headers={"x-via": "west"})
    assert row.properties["headers"] == {"x-request-id": "r1", "x-via": "west"}
    assert "headers" not in outbox.new_row(b"{}", "", "k", NOW, "css").properties
    assert with_request_id(None) is None
    received = envelope_of_amqp(
        "q", {"application_headers": row.properties["headers"]}, redelivered=False
    )
    assert (received.request_id, received.via) == ("r1", "west")


def test_where_a_third_party_sends_no_id_its_reqid_counts_then_the_correlation_id() -> None:
    body = b'{"type": "CM_MAU_RELEASECONF_REQ", "confE164": "1", "reqid": "q1"}'
    for sent, wanted in (
        (Delivery(body, Envelope(queue="q", request_id="r1", correlation_id="c1")), "r1"),
        (Delivery(body, Envelope(queue="q", correlation_id="c1")), "q1"),
        (Delivery(b"no json", Envelope(queue="q", correlation_id="c1")), "c1"),
    ):
        with delivery_fields(sent):
            assert request_id() == wanted
