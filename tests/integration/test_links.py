"""Messages for a peer go to its broker, in order, whatever happens there; nothing else waits for them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import amqp
import orjson
import pytest
from django.db import connections
from django.http import HttpRequest
from pytest_django import Settings

from conferences.management import doctor_checks
from confplatform import wiring
from deploy.stand.ports import SERVER_PORTS, claimed_ports
from deploy.stand.rabbitmq import RabbitMQ
from foundation.bus import link as link_module
from foundation.bus import wake_up
from foundation.bus.amqp import close, connect
from foundation.bus.app_config import WorkerThread
from foundation.bus.consumer import Consumer
from foundation.bus.declare import declare_all
from foundation.bus.delivery import Outcome
from foundation.bus.link import FEEDS, Feeder, PeerLink, Publish
from foundation.bus.models import Outbox
from foundation.bus.outbox import OutboxRow
from foundation.bus.outgoing import Send
from foundation.bus.relay import Relay
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import store_of
from foundation.hooks import Hook, SingleHook
from foundation.web.health import metrics
from wire.licences import AskForLicences
from wire.routes import Routes

pytestmark = pytest.mark.xdist_group("integration")

PEER = "20000000-0000-4000-8000-000000000002"
NOTICE = Routes.DOMAIN_NOTICE.value
REQUESTS = Routes.BMC_SYNC.value


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Yield a peer's broker."""
    with claimed_ports(SERVER_PORTS) as base:
        broker = RabbitMQ(tmp_path_factory.mktemp("peer"), base, "secret", node="peer", plugins=())
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()
            broker.stop()


@pytest.fixture
def peer(broker: RabbitMQ, settings: Settings) -> RabbitMQ:
    """Return a peer that is configured, with empty queues."""
    settings.PEERS = {PEER: broker.url()}
    declare_all(broker.url(), PEER)
    received(broker.url(), NOTICE.queue)
    return broker


@pytest.fixture
def home(amqp_url: str) -> str:
    """Return our own broker, with empty queues."""
    declare_all(amqp_url, "")
    for queue in (NOTICE.queue, REQUESTS.queue):
        received(amqp_url, queue)
    return amqp_url


@contextmanager
def running(*threads: WorkerThread) -> Iterator[None]:
    """Run the links as a worker does."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop()
        assert not any(thread.is_alive() for thread in threads)


def link(place: str, peer: RabbitMQ) -> PeerLink:
    """Return the link of one process."""
    return PeerLink(store_of(place), PEER, peer.url())


def send_notices(place: str, numbers: range, destination: str = PEER) -> None:
    """Send a notice for each number in one transaction."""
    with begin(place) as uow:
        for number in numbers:
            body = orjson.dumps({"n": number})
            uow.put(body, NOTICE.exchange, NOTICE.key, destination=destination)


def received(url: str, queue: str) -> list[Any]:
    """Return the messages in a queue, which are taken out of it."""
    connection = connect(url)
    channel: Any = connection.channel()
    bodies = []
    while message := channel.basic_get(queue, no_ack=True):
        bodies.append(orjson.loads(message.body))
    close(connection, politely=True)
    return bodies


def numbers(url: str, queue: str = NOTICE.queue) -> list[int]:
    """Return the numbers that have arrived, in their order."""
    return [body["n"] for body in received(url, queue)]


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for it; fail when it takes too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def wait_until_sent() -> bool:
    """Tell whether no message waits."""
    return not Outbox.objects.exists()


def firsts(numbers: list[int]) -> list[int]:
    """Return each number once, in order of first arrival: a process that died may have sent some again."""
    return list(dict.fromkeys(numbers))


def test_several_processes_send_to_a_peer_in_order(place: str, peer: RabbitMQ) -> None:
    with running(*(link(place, peer) for _ in range(3))):
        for first in range(0, 4000, 50):
            send_notices(place, range(first, first + 50))
        until(wait_until_sent)
    # Another test's broker may have been killed, and give again what was taken from it just before.
    assert [n for n in numbers(peer.url()) if n < 4000] == list(range(4000))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_peer_that_is_down_holds_up_nobody_and_loses_nothing(
    place: str, peer: RabbitMQ, home: str, how: signal.Signals
) -> None:
    with running(link(place, peer), link(place, peer), Relay(store_of(place), home)):
        send_notices(place, range(5000, 5500))
        peer.kill(how)
        send_notices(place, range(5500, 6000))
        send_notices(place, range(10), destination="")
        until(lambda: not Outbox.objects.filter(destination="").exists())
        assert Outbox.objects.filter(destination=PEER).exists()
        peer.kill(signal.SIGCONT) if how is signal.SIGSTOP else peer.restart()
        until(wait_until_sent)
    # A broker that is killed may give again what was taken from it just before, by another test.
    assert [n for n in firsts(numbers(peer.url())) if n >= 5000] == list(range(5000, 6000))
    assert numbers(home) == list(range(10))


@pytest.fixture
def sleepers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the threads that send messages look for some only when they are woken."""
    monkeypatch.setattr(wake_up, "LONGEST_WAIT", 3600.0)
    for kind in (Relay, PeerLink, Feeder):
        monkeypatch.setattr(kind, "safety_seconds", 3600.0)
    wake_up._waiting_client.cache_clear()
    yield
    wake_up._waiting_client.cache_clear()


def test_a_sleeping_relay_is_woken_by_a_commit_and_ends_when_it_is_told_to(
    place: str, home: str, sleepers: None
) -> None:
    with running(relay := Relay(store_of(place), home)):
        for number in range(3):  # Each time it sleeps again, for an hour.
            send_notices(place, range(number, number + 1), destination="")
            until(wait_until_sent)
        assert relay.is_alive()
    assert numbers(home) == [0, 1, 2]


def test_a_feeder_takes_no_wake_up_from_the_link_to_the_same_peer(
    place: str, peer: RabbitMQ, sleepers: None
) -> None:
    with running(link(place, peer), Feeder(store_of(place), PEER)):
        for number in range(7000, 7010):
            send_notices(place, range(number, number + 1))
            until(wait_until_sent)
    assert [n for n in numbers(peer.url()) if n >= 7000] == list(range(7000, 7010))


def test_a_relay_is_woken_as_soon_as_redis_takes_wake_ups_again(
    place: str, home: str, sleepers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Relay(store_of(place), home)):
        send_notices(place, range(1), destination="")
        until(wait_until_sent)
        monkeypatch.setattr(wake_up, "_redis_unused_until", time.monotonic() + 1)
        send_notices(place, range(1, 2), destination="")
        until(wait_until_sent)
    assert numbers(home) == [0, 1]


def test_a_row_for_nobody_we_know_waits_and_is_told_of(
    place: str, home: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PEERS = {}
    send_notices(place, range(3))
    with running(Relay(store_of(place), home)):
        until(lambda: f"3 messages wait for {PEER}" in caplog.text)
    assert Outbox.objects.count() == 3
    text = metrics(HttpRequest()).content.decode()
    assert f'bus_link_waiting{{destination="{PEER}"}} 3.0' in text
    assert f'bus_link_configured{{destination="{PEER}"}} 0.0' in text
    [finding] = list(doctor_checks._check_links(place))
    assert (finding.check, finding.wrong[:15]) == (f"link to {PEER}", "3 messages wait")


def test_doctor_names_a_peer_whose_broker_does_not_answer(place: str, settings: Settings) -> None:
    settings.PEERS = {PEER: "amqp://a:secret@127.0.0.1:9/%2F"}
    [finding] = list(doctor_checks._check_links(place))
    assert "does not answer" in finding.wrong
    assert "secret" not in finding.wrong


def test_a_message_names_the_broker_it_is_for(place: str, peer: RabbitMQ, home: str) -> None:
    received(peer.url(), REQUESTS.queue)
    question = AskForLicences(platforms=(PEER,))
    with begin(place) as uow:
        uow.send(Send(message=question, route=Routes.BMC_LICENCE, destination=PEER))
    with running(link(place, peer), Relay(store_of(place), home)):
        until(wait_until_sent)
    assert [body["type"] for body in received(peer.url(), REQUESTS.queue)] == [question.type]


def test_what_a_consumer_sends_to_a_peer_goes_by_the_link(
    place: str, peer: RabbitMQ, home: str
) -> None:
    handled = []

    def desk(deliveries: Any) -> list[Outcome]:
        handled.append(deliveries)
        with begin(place, publish_inline=True) as uow:
            uow.put(b'{"n": 1}', NOTICE.exchange, NOTICE.key, destination=PEER)
            uow.put(b'{"n": 2}', NOTICE.exchange, NOTICE.key)
        return [Outcome(uow.rows, database=uow.database)]

    publish_on(home, {"type": "CSS_BMC_ANY_NTF"})
    ours = Consumer(store_of(place), home, {REQUESTS.queue: desk}, lambda: None)
    with running(ours, link(place, peer)):
        until(lambda: bool(handled))
        until(wait_until_sent)
    assert (numbers(peer.url()), numbers(home)) == ([1], [2])


def publish_on(url: str, body: dict[str, Any], **properties: Any) -> None:
    """Let a platform publish a message to its BMC, on its own broker."""
    connection = connect(url)
    channel: Any = connection.channel()
    message = amqp.Message(orjson.dumps(body), **properties)
    channel.basic_publish(message, REQUESTS.exchange, REQUESTS.key)
    close(connection, politely=True)


def test_the_core_hears_what_is_asked_at_a_peer_and_refuses_it_there(
    place: str, peer: RabbitMQ, home: str, settings: Settings
) -> None:
    settings.ROLES = frozenset({"bmc"})
    connection = connect(peer.url())
    channel: Any = connection.channel()
    answers = channel.queue_declare("", exclusive=True).queue
    try:
        at_peer = [t for t in wiring.threads() if t.name.endswith(PEER)]
        with running(*at_peer):
            body = {"type": "CSS_BMC_WHAT_REQ", "reqid": "r1"}
            publish_on(peer.url(), body, reply_to=answers, correlation_id="c1")
            until(lambda: Outbox.objects.filter(routing_key="mau.dead.q", destination="").exists())
            until(lambda: not Outbox.objects.filter(destination=PEER).exists())
            [refusal] = [channel.basic_get(answers, no_ack=True)]
        assert orjson.loads(refusal.body)["type"] == "BMC_CSS_WHAT_NACK"
        assert refusal.properties["correlation_id"] == "c1"
    finally:
        close(connection, politely=True)


def test_a_feed_is_asked_until_it_has_nothing_more(place: str, peer: RabbitMQ) -> None:
    left = list(range(7))

    def feed(destination: str, publish: Publish) -> int:
        assert destination == PEER
        assert not connections["default"].in_atomic_block
        rows = [OutboxRow(n, NOTICE.exchange, NOTICE.key, b'{"n": %d}' % n, {}) for n in left[:3]]
        publish(rows)
        del left[:3]
        return len(rows)

    FEEDS.connect(feed)
    try:
        with running(Feeder(store_of(place), PEER)):
            until(lambda: not left)
    finally:
        with suppress(ValueError):
            FEEDS.disconnect(feed)
    assert numbers(peer.url()) == list(range(7))


def test_a_feed_goes_to_the_broker_of_the_site_that_serves_the_platform_now(
    place: str, peer: RabbitMQ, home: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PEERS = {PEER: peer.url(), "backup": home}
    address, left = [PEER], list[int]()

    def feed(destination: str, publish: Publish) -> int:
        if not left:
            return 0
        publish([OutboxRow(n, NOTICE.exchange, NOTICE.key, b'{"n": %d}' % n, {}) for n in left])
        left.clear()
        return 1

    feeds, serving_site = Hook[[str, Publish], int](), SingleHook[[str], str]()
    feeds.connect(feed)
    serving_site.connect(lambda platform: address[0])
    monkeypatch.setattr(link_module, "FEEDS", feeds)
    monkeypatch.setattr(link_module, "SERVING_SITE", serving_site)
    with running(Feeder(store_of(place), PEER)):
        for number, site in enumerate((PEER, "backup", "nobody knows it", PEER)):
            address[0] = site
            left.append(number)
            until(lambda: not left)
    assert numbers(peer.url()) == [0, 3]
    assert numbers(home) == [1, 2]


def test_only_the_roles_of_a_deployment_are_consumed(settings: Settings) -> None:
    settings.ROLES = frozenset({"bmc"})
    assert set(wiring.batch_handlers()) == {REQUESTS.queue}
    settings.ROLES = frozenset({"css", "rms", "cm"})
    assert REQUESTS.queue not in wiring.batch_handlers()
