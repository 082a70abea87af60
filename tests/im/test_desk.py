"""Other servers and the center, over the broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import amqp
import pytest
from django.conf import settings

from foundation.bus.amqp import close, connect
from im.api.server_requests import ServerRequestHandler
from im.models import MediaServer
from im.rules.topology import BASE, CENTER_QUEUE, GB, GB_QUEUE, MEDIA_QUEUE
from tests.im.door import eventually


@pytest.fixture
def channel(im_site: str) -> Iterator[Any]:
    """Return a channel of a server; its queues and the center's are empty."""
    connection = connect(settings.IM_AMQP_URL)
    channel: Any = connection.channel()
    for queue in (CENTER_QUEUE, GB_QUEUE, MEDIA_QUEUE):
        channel.queue_purge(queue)
    yield channel
    close(connection)


def next_in(channel: Any, queue: str) -> dict[str, Any]:
    """Return the next message in a queue."""
    got: list[Any] = []

    def look() -> bool:
        got.append(channel.basic_get(queue, no_ack=True))
        return got[-1] is not None

    eventually(look, 20)
    return dict(json.loads(got[-1].body))


@pytest.fixture
def desk(channel: Any) -> Iterator[None]:
    """Open, with a media server to look after."""
    MediaServer.objects.create(server_id="7", local_host1="10.0.0.1")
    handler = ServerRequestHandler()
    handler.start()
    yield
    handler.ask_to_stop()
    handler.join(20)
    assert not handler.is_alive()


def test_a_center_that_starts_says_so_and_answers_what_servers_ask(
    channel: Any, desk: None
) -> None:
    assert next_in(channel, GB_QUEUE)["cmd"] == "center_start"
    assert [next_in(channel, MEDIA_QUEUE)["cmd"] for _ in range(2)] == [
        "center_start",
        "media_config",
    ]
    channel.basic_publish(amqp.Message(b'{"cmd": "catalog"}'), GB, "center")
    assert next_in(channel, GB_QUEUE)["data"]["code"] == "unknown_cmd"
    ask = {"cmd": "media_config", "data": {"server_id": "7"}}
    channel.basic_publish(amqp.Message(json.dumps(ask).encode()), BASE, "center")
    assert next_in(channel, MEDIA_QUEUE)["data"]["server_id"] == "7"
