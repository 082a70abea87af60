"""The front of a site passes WebSockets on to the broker of people's clients."""

from __future__ import annotations

import socket

import pytest

from deploy.stand.site import Site

pytestmark = pytest.mark.xdist_group("im")


@pytest.mark.parametrize("protocol", ["stomp", "mqtt"])
def test_websockets_reach_the_clients_broker(chat_site: Site, protocol: str) -> None:
    request = (
        f"GET /im/{protocol} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", chat_site.ports.public), 10) as link:
        link.sendall(request.encode())
        assert link.recv(4096).startswith(b"HTTP/1.1 101 ")
