"""The envelope says which requests are the same, how a refusal is called, and where it goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.bus.envelope import Envelope, envelope_of_amqp
from foundation.bus.message import Raw
from tests.factories import NOW
from wire.replies import default_reply_route, nack_type, refusal
from wire.routes import Routes

CM = Envelope(queue=Routes.CM_TO_CSS.value.queue, app_id="cm", message_id="m1")
ASK: dict[str, Any] = {"type": "CM_MAU_RELEASECONF_REQ", "confE164": "8800001", "reqid": "r1"}


def key(body: dict[str, Any], envelope: Envelope = CM) -> str:
    return envelope.with_request_key(body).request


def test_the_same_type_scope_and_id_is_the_same_request_whoever_carries_it() -> None:
    assert key(ASK) == key(
        {**ASK, "reason": "expired"}, msgspec.structs.replace(CM, app_id="x", message_id="m2")
    )


@pytest.mark.parametrize(
    "change", [{"type": "CM_MAU_DELAYCONF_REQ"}, {"confE164": "8800002"}, {"reqid": "r2"}]
)
def test_another_type_scope_or_id_is_another_request(change: dict[str, Any]) -> None:
    assert key(ASK) != key({**ASK, **change})


def test_without_reqid_sender_and_message_id_count() -> None:
    body = {k: v for k, v in ASK.items() if k != "reqid"}
    assert key(body) == key(body)
    assert key(body) != key(body, msgspec.structs.replace(CM, message_id="m2"))
    assert key(body) != key(body, msgspec.structs.replace(CM, app_id="other"))


def test_the_digest_tells_another_body_and_not_another_order() -> None:
    turned = dict(reversed(list(ASK.items())))
    assert CM.with_request_key(ASK).digest == CM.with_request_key(turned).digest
    assert CM.with_request_key(ASK).digest != CM.with_request_key({**ASK, "reason": "x"}).digest


@pytest.mark.parametrize("kind", ["MCU_MAU_CREATECONF_ACK", "MCU_MAU_RELEASECONF_NTF"])
def test_answers_and_notices_are_no_requests(kind: str) -> None:
    assert key({**ASK, "type": kind}) == ""


def test_a_request_is_expired_after_60_s() -> None:
    request = msgspec.structs.replace(CM, sent_at=NOW)
    assert not request.is_expired(NOW + timedelta(seconds=60))
    assert request.is_expired(NOW + timedelta(seconds=61))
    assert not CM.is_expired(NOW)


@pytest.mark.parametrize(
    ("wire_type", "nack"),
    [
        ("CM_MAU_CREATECONF_REQ", "MAU_CM_CREATECONF_NACK"),
        ("CM_MAU_DELAYCONF_REQ", "CM_MAU_DELAYCONF_NACK"),
        ("GET_RES_REQ", "GET_RES_NACK"),
        ("MCU_MAU_MODIFYCONFNAME_REQ", "MAU_MCU_MODIFYCONFNAME_NACK"),
        ("CM_MCU_MUTE_REQ", "MCU_CM_MUTE_NACK"),
        ("CM_MCU_MUTE_CMD", ""),
        ("CM_MAU_NEWTHING_REQ", "MAU_CM_NEWTHING_NACK"),
        ("MCU_MAU_RELEASECONF_NTF", ""),
        ("nonsense", ""),
        ("A_B_C_REQ\n", ""),
    ],
)
def test_the_name_of_a_refusal(wire_type: str, nack: str) -> None:
    assert nack_type(wire_type) == nack


def test_a_refusal_echoes_what_can_be_read_of_the_request() -> None:
    refused = refusal({**ASK, "confE164": 5}, "29001", "confE164: must be a string")
    assert isinstance(refused, Raw)
    assert refused.body == {
        "type": "MAU_CM_RELEASECONF_NACK",
        "reqid": "r1",
        "errcode": "29001",
        "detail": "confE164: must be a string",
    }
    assert refusal({"type": "X_NTF"}, "29001", "") is None


def route_of(envelope: Envelope, body: dict[str, Any]) -> tuple[Routes, str] | None:
    return default_reply_route(envelope.queue, envelope.app_id, body)


def test_where_an_answer_goes_by_itself() -> None:
    unit = msgspec.structs.replace(CM, queue=Routes.UNIT_TO_CSS.value.queue, app_id="cmu@10.0.0.1")
    assert route_of(CM, ASK) == (Routes.CSS_TO_CM, "")
    assert route_of(unit, ASK) == (Routes.CSS_TO_UNIT, "cmu.conf.k:10.0.0.1")
    named = {**ASK, "ip": "10.0.0.2", "pid": "b"}
    assert route_of(unit, named) == (Routes.CSS_TO_UNIT, "cmu.conf.k:10.0.0.2:b")
    assert route_of(unit, {**ASK, "ip": 5}) is None
    assert route_of(msgspec.structs.replace(CM, queue="elsewhere"), ASK) is None


_odd = st.none() | st.integers() | st.floats() | st.text(max_size=300) | st.lists(st.integers())


@given(
    st.dictionaries(
        st.sampled_from(["timestamp", "app_id", "message_id", "correlation_id", "reply_to"]), _odd
    )
)
def test_properties_of_a_wrong_kind_count_as_absent(properties: dict[str, Any]) -> None:
    read = envelope_of_amqp("q", properties, redelivered=False)
    for name in ("app_id", "message_id", "correlation_id", "reply_to"):
        value = properties.get(name)
        assert getattr(read, name) == (value[:255] if isinstance(value, str) else "")
    assert read.sent_at is None or read.sent_at.tzinfo is not None


def test_the_time_of_sending() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert envelope_of_amqp("q", {"timestamp": int(moment.timestamp())}, False).sent_at == moment
    assert (
        envelope_of_amqp("q", {"timestamp": moment.replace(tzinfo=None)}, False).sent_at == moment
    )
