"""The broker disconnects clients that do what they may not do over MQTT."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.im.door import GROUP, Mqtt, amqp, device, eventually, token_of

pytestmark = pytest.mark.xdist_group(GROUP)

OTHER = "mbob-2"


@pytest.fixture(params=["mqtt", "web_mqtt"])
def way(request: pytest.FixtureRequest, door: str) -> str:
    return str(request.param)


Try = Callable[[Mqtt, str], object]
REFUSED: dict[str, Try] = {
    "speaks as somebody else": lambda c, me: c.client.publish(f"out/u{OTHER}", b"{}", 1),
    "writes to another's devices": lambda c, me: c.client.publish(f"in/u{OTHER}", b"{}", 1),
    "writes to its own devices": lambda c, me: c.client.publish(f"in/u{me}", b"{}", 1),
    "writes into a conversation": lambda c, me: c.client.publish("c_1", b"{}", 1),
    "leaves a message for whoever comes": lambda c, me: c.client.publish(
        f"in/u{OTHER}", b"{}", 1, retain=True
    ),
    "listens to somebody else": lambda c, me: c.client.subscribe(f"in/u{OTHER}", 1),
    "listens to everybody": lambda c, me: c.client.subscribe("in/#", 1),
    "listens to everything": lambda c, me: c.client.subscribe("#", 0),
    "listens to all ids": lambda c, me: c.client.subscribe("in/+", 0),
    "listens below its own id": lambda c, me: c.client.subscribe(f"in/u{me}/#", 0),
    "listens to what others say": lambda c, me: c.client.subscribe(f"out/u{OTHER}", 0),
    "listens to what it says": lambda c, me: c.client.subscribe(f"out/u{me}", 0),
}


@pytest.mark.parametrize("what", REFUSED, ids=lambda what: what.replace(" ", "_"))
def test_a_client_is_thrown_out_who(what: str, way: str) -> None:
    me = f"mann-{abs(hash((what, way))) % 10**6}"
    connection = Mqtt(me, port=way)
    assert connection.is_in
    REFUSED[what](connection, me)
    eventually(lambda: connection.gone or 128 in connection.granted)
    connection.close()


CLIENT_IDS = {
    "another's": f"u{OTHER}-d1",
    "one that only begins like its own": "umann-x-d1",
    "one of nobody": "phone",
    "one without a device": "umann-",
    "one of the broker's own": "mqtt-subscription-umann-d1",
}


@pytest.mark.parametrize("which", CLIENT_IDS, ids=lambda which: which.replace(" ", "_"))
def test_a_client_id_is_refused_that_is(which: str, door: str) -> None:
    connection = Mqtt("mann", CLIENT_IDS[which])
    assert not connection.is_in
    connection.close()


@pytest.mark.parametrize("proof", ["secret", "another's", "expired"])
def test_nobody_signs_in_with(proof: str, way: str) -> None:
    proofs = {"another's": token_of(OTHER), "expired": token_of("mann", age=12 * 3600 + 1)}
    connection = Mqtt("mann", password=proofs.get(proof, proof), port=way)
    assert not connection.is_in
    connection.close()


def test_nobody_comes_without_a_name(door: str) -> None:
    connection = Mqtt("", "u-d1", "x")
    assert not connection.is_in
    connection.close()


def test_a_last_will_reaches_nobody_else(door: str) -> None:
    other = Mqtt(OTHER)
    other.client.subscribe(f"in/u{OTHER}", 1)
    eventually(lambda: other.granted == [1])
    connection = Mqtt("mwill", will=f"in/u{OTHER}")
    if connection.is_in:
        connection.cut()
    time.sleep(1)
    assert other.got == []
    other.close()


def test_a_client_hears_what_is_for_it_and_speaks_as_itself(way: str) -> None:
    me = "mown"
    connection = Mqtt(me, port=way)
    connection.client.subscribe(f"in/u{me}", 1)
    eventually(lambda: connection.granted == [1])
    publication = connection.client.publish(f"out/u{me}", b"{}", 1)
    publication.wait_for_publish(5)
    assert publication.is_published()
    assert connection.is_in
    connection.close()


def test_what_the_center_sends_reaches_both_kinds_of_devices_by_bcc(door: str) -> None:
    """On RabbitMQ 3.10 too: one publish, a queue of AMQP's and a subscription of MQTT's."""
    import amqp as py_amqp
    from django.conf import settings

    from foundation.bus.amqp import connect
    from im.data import broker

    broker.ensure_user("both")
    amqp_connection = amqp("both")
    channel = device(amqp_connection, "both")
    mqtt_connection = Mqtt("both")
    mqtt_connection.client.subscribe("in/uboth", 0)
    eventually(lambda: mqtt_connection.granted == [0])
    center = connect(settings.IM_AMQP_URL)
    headers = {"BCC": ["u_.both", "in.uboth", "u_.else"]}
    message = py_amqp.Message(b"hello", application_headers=headers, delivery_mode=1)
    center.channel().basic_publish(message, "conversation.incoming", "c_7")
    eventually(lambda: [body for _, body in mqtt_connection.got] == [b"hello"])
    assert channel.basic_get("queue_u_both_d1")[2] == b"hello"
    center.close()
    amqp_connection.close()
    mqtt_connection.close()
