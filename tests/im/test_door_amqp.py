"""The broker refuses what clients may not do over AMQP; each line is a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from im.data import broker
from im.rules import tokens
from tests.im import door as clients
from tests.im.door import GROUP, amqp, device, token_of

pytestmark = pytest.mark.xdist_group(GROUP)

ME, OTHER = "ann-1", "bob-2"
OUT = "conversation.outgoing"
MINE, THEIRS = f"queue_u_{ME}_d1", f"queue_u_{OTHER}_d1"


@pytest.fixture(scope="module")
def connection(door: str) -> Iterator[pika.BlockingConnection]:
    broker.ensure_user(ME)
    broker.ensure_user(OTHER)
    other = amqp(OTHER)
    device(other, OTHER)
    connection = amqp(ME)
    yield connection
    for each in (connection, other):
        if each.is_open:
            each.close()


def _say(channel: Any, exchange: str, key: str, **properties: Any) -> None:
    channel.basic_publish(exchange, key, b"{}", pika.BasicProperties(**properties))


def _dead(to: str) -> Callable[[Any], Any]:
    def declare(channel: Any) -> None:
        arguments = {"x-dead-letter-exchange": to, "x-dead-letter-routing-key": THEIRS}
        channel.queue_declare(f"queue_u_{ME}_d2", exclusive=True, arguments=arguments)

    return declare


Try = Callable[[Any], Any]
REFUSED: dict[str, Try] = {
    "writes into another's queue by the default exchange": lambda c: _say(c, "", THEIRS),
    "writes into its own queue by the default exchange": lambda c: _say(c, "", MINE),
    "writes into the center's queue past the exchange": lambda c: _say(c, "", "chat-app-message"),
    "publishes as the center does": lambda c: _say(c, "conversation.incoming", "c_1"),
    "publishes a notice": lambda c: _say(c, "exchange_base", f"u_.{OTHER}"),
    "publishes an event": lambda c: _say(c, "exchange_base", "event"),
    "publishes to the center's notices": lambda c: _say(c, "exchange_base", "center"),
    "publishes to GB28181": lambda c: _say(c, "exchange_comm_gb", "center"),
    "publishes to another's exchange": lambda c: _say(c, f"exchange_u_{OTHER}", ""),
    "publishes to its own exchange": lambda c: _say(c, f"exchange_u_{ME}", ""),
    "publishes with MQTT's key, and another's beside it": lambda c: _say(
        c, "im.client", f"out.u{ME}", user_id=ME, headers={"BCC": [f"in.u{OTHER}"]}
    ),
    "publishes with another's MQTT key": lambda c: _say(c, "im.client", f"out.u{OTHER}"),
    "publishes to amq.topic": lambda c: _say(c, "amq.topic", "x"),
    "publishes to amq.fanout": lambda c: _say(c, "amq.fanout", "x"),
    "declares another's queue": lambda c: c.queue_declare(f"queue_u_{OTHER}_d9"),
    "declares a queue of somebody whose id begins like its own": lambda c: c.queue_declare(
        f"queue_u_{ME}2_d9"
    ),
    "declares a queue without a name": lambda c: c.queue_declare("", exclusive=True),
    "declares a queue of the platform's": lambda c: c.queue_declare("chat-app-message.9"),
    "declares a management queue": lambda c: c.queue_declare(f"queue_m_{ME}_d1"),
    "declares an MQTT queue": lambda c: c.queue_declare(f"mqtt-subscription-u{ME}-d1qos1"),
    "deletes another's queue": lambda c: c.queue_delete(THEIRS),
    "deletes the center's queue": lambda c: c.queue_delete("chat-app-message"),
    "empties another's queue": lambda c: c.queue_purge(THEIRS),
    "reads another's queue": lambda c: c.basic_get(THEIRS),
    "consumes another's queue": lambda c: c.basic_consume(THEIRS, print),
    "consumes what everybody says": lambda c: c.basic_consume("chat-app-message", print),
    "consumes the center's notices": lambda c: c.basic_consume("queue_center", print),
    "binds its queue to another's exchange": lambda c: c.queue_bind(MINE, f"exchange_u_{OTHER}"),
    "binds its queue to all conversations": lambda c: c.queue_bind(
        MINE, "conversation.incoming", "#"
    ),
    "binds its queue to what is said": lambda c: c.queue_bind(MINE, OUT),
    "binds its queue to all notices": lambda c: c.queue_bind(MINE, "exchange_base", "#"),
    "binds its queue to MQTT's exchange": lambda c: c.queue_bind(MINE, "im.client", "out.#"),
    "binds another's queue to its exchange": lambda c: c.queue_bind(THEIRS, f"exchange_u_{ME}"),
    "unbinds another's queue": lambda c: c.queue_unbind(THEIRS, f"exchange_u_{OTHER}"),
    "declares an exchange": lambda c: c.exchange_declare("exchange_u_x", "fanout"),
    "declares its own exchange as another kind": lambda c: c.exchange_declare(
        f"exchange_u_{ME}", "topic"
    ),
    "deletes an exchange": lambda c: c.exchange_delete(OUT),
    "deletes its own exchange": lambda c: c.exchange_delete(f"exchange_u_{ME}"),
    "binds its exchange to another's": lambda c: c.exchange_bind(
        f"exchange_u_{ME}", f"exchange_u_{OTHER}"
    ),
    "sends its dead letters into another's queue": _dead(""),
    "sends its dead letters past the center": _dead("conversation.incoming"),
    "sends its dead letters to MQTT's exchange": _dead("im.client"),
    "says that it is somebody else": lambda c: _say(c, OUT, "c_1", user_id=OTHER),
}


def _answered(channel: Any, attempt: Try) -> None:
    attempt(channel)
    channel.basic_qos(prefetch_count=1)  # answered after what went before


@pytest.mark.parametrize("what", REFUSED, ids=lambda what: what.replace(" ", "_"))
def test_a_client_is_refused_who(what: str, connection: pika.BlockingConnection) -> None:
    channel = device(connection, ME)
    with pytest.raises(ChannelClosedByBroker) as refused:
        _answered(channel, REFUSED[what])
    assert refused.value.reply_code == (406 if "somebody else" in what else 403)


def test_a_client_declares_binds_reads_deletes_its_own_and_speaks_as_itself(
    connection: pika.BlockingConnection,
) -> None:
    channel = device(connection, ME)
    _say(channel, OUT, "c_1", user_id=ME)
    assert channel.basic_get(MINE)[0] is None
    channel.basic_consume(MINE, print)
    channel.queue_delete(MINE)
    broker.ensure_user(ME)


@pytest.mark.parametrize("vhost", ["/", "celery", "nowhere"])
def test_no_client_comes_into_another_virtual_host(door: str, vhost: str) -> None:
    with pytest.raises((ProbableAccessDeniedError, AMQPConnectionError)):
        amqp(ME, vhost=vhost)


PROOFS: dict[str, Callable[[], str]] = {
    "no token at all": lambda: "secret",
    "an empty password": lambda: " ",
    "somebody else's token": lambda: token_of(OTHER),
    "an expired token": lambda: token_of(ME, age=12 * 3600 + 1),
    "a forged token": lambda: token_of(ME)[:-2] + "xx",
    "a token with other words before the signature": lambda: "x" + token_of(ME),
    "a manager's rights in a person's token": lambda: token_of(ME).replace(":", "A:", 1),
    "a token of another salt": lambda: _of_another_salt(),
    "a huge password": lambda: "x" * 5000,
}


def _of_another_salt() -> str:
    from django.core import signing

    return signing.Signer(salt="other").sign(token_of(ME).rpartition(":")[0])


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.replace(" ", "_"))
def test_nobody_signs_in_with(proof: str, door: str) -> None:
    with pytest.raises((ProbableAuthenticationError, AMQPConnectionError)):
        amqp(ME, PROOFS[proof]())


def test_our_servers_name_is_nobodys(door: str) -> None:
    with pytest.raises((ProbableAuthenticationError, AMQPConnectionError)):
        amqp("platform", token_of("someone"))


def test_a_management_client_hears_its_own_notices_and_no_others(door: str) -> None:
    broker.ensure_user(ME)
    connection = amqp(ME, token_of(ME, tokens.Bearer.MANAGER))
    channel = device(connection, ME)
    channel.queue_declare(f"queue_m_{ME}_d1", exclusive=True)
    channel.queue_bind(f"queue_m_{ME}_d1", "exchange_base", f"m_.{ME}")
    with pytest.raises(ChannelClosedByBroker):
        channel.queue_bind(f"queue_m_{ME}_d1", "exchange_base", f"m_.{OTHER}")
    connection.close()


SERVICES = [
    ("s.balance", "queue_balance", "exchange_base"),
    ("s.media", "queue_media", "exchange_base"),
    ("s.comm_gb", "queue_comm_gb", "exchange_comm_gb"),
]


@pytest.mark.parametrize(("name", "queue", "exchange"), SERVICES)
def test_a_service_reads_its_queue_and_writes_to_the_center_alone(
    door: str, name: str, queue: str, exchange: str
) -> None:
    connection = amqp(name, token_of(name, tokens.Bearer.SERVICE))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_get(queue)
    _say(channel, exchange, "center")
    for refused in (
        lambda c: _say(c, exchange, "event"),
        lambda c: _say(c, exchange, f"u_.{ME}"),
        lambda c: _say(c, OUT, "c_1"),
        lambda c: c.basic_get("queue_center"),
        lambda c: c.queue_delete(queue),
        lambda c: c.queue_declare(f"queue_u_{ME}_d1"),
    ):
        again = connection.channel()
        again.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker):
            refused(again)
    connection.close()


def test_a_persons_token_makes_nobody_a_service(door: str) -> None:
    with pytest.raises((ProbableAuthenticationError, AMQPConnectionError)):
        amqp("s.balance", token_of("s.balance"))


def test_the_door_refuses_who_comes_too_often(door: str) -> None:
    refused = 0
    for _ in range(70):
        try:
            amqp("hasty").close()
        except (ProbableAuthenticationError, AMQPConnectionError):
            refused += 1
    assert refused
    assert clients.amqp("patient").is_open
