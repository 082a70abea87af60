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
from im.rules.tokens import Bearer
from im.rules.topology import BASE, CENTER_QUEUE, GB, GB_QUEUE, MEDIA_QUEUE
from tests.im import door
from tests.im.door import GROUP, eventually

pytestmark = pytest.mark.xdist_group(GROUP)


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

    eventually(look)
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


def test_each_of_several_servers_gets_what_is_for_all_and_for_itself_alone(
    channel: Any, desk: None
) -> None:
    for _ in range(2):  # what the start has told
        next_in(channel, MEDIA_QUEUE)
    MediaServer.objects.create(server_id="8", local_host1="10.0.0.2")
    token = door.token_of("s.media", Bearer.SERVICE)
    links = [door.amqp("s.media", token) for _ in range(2)]
    servers = {number: link.channel() for number, link in zip("78", links, strict=True)}
    for number, server in servers.items():
        queue = f"queue_media_{number}"
        server.queue_declare(queue, exclusive=True)
        for key in ("media", f"media.{number}"):
            server.queue_bind(queue, BASE, key)
    for number in "787":
        ask = {"cmd": "media_config", "data": {"server_id": number}}
        servers[number].basic_publish(BASE, "center", json.dumps(ask).encode())
    assert [_next_of(servers[number], number) for number in "778"] == ["7", "7", "8"]
    servers["7"].basic_publish(BASE, "center", b'{"cmd": "center_start"}')
    assert [_next_of(servers[number], number) for number in "7788"] == [None, "7", None, "8"]
    assert [_left_for(server, number) for number, server in servers.items()] == [0, 0]
    for link in links:
        link.close()


def _next_of(server: Any, number: str) -> str | None:
    """Return which server the next notice names."""
    got: list[bytes] = []

    def look() -> bool:
        got.extend(body for *_, body in [server.basic_get(f"queue_media_{number}", True)] if body)
        return bool(got)

    eventually(look)
    named: str | None = json.loads(got[0])["data"].get("server_id")
    return named


def _left_for(server: Any, number: str) -> int:
    return int(server.queue_declare(f"queue_media_{number}", passive=True).method.message_count)
