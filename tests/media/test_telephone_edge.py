"""The edge before gates of telephones (Kamailio): what strangers send, and what of it reaches a gate."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stand.ports import Ports, claimed_ports
from deploy.stand.telephones import Kamailio
from tests.media.telephones import needs_telephone_programs

pytestmark = needs_telephone_programs

QUIET_SECONDS = 0.5
PATIENCE = 60.0


def request(method: str, user: str, number: int = 1, extra: str = "") -> bytes:
    """Return a SIP request to a user of the edge."""
    return (
        f"{method} sip:{user}@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{method}{user}{number};rport\r\n"
        f"From: <sip:5551234@127.0.0.1>;tag=t{number}\r\nTo: <sip:{user}@127.0.0.1>\r\n"
        f"Call-ID: c{method}{user}{number}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:5551234@127.0.0.1>\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode()


class Stranger:
    """Somebody who sends messages to the edge from an address."""

    def __init__(self, address: str, edge: Kamailio) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(1.0)
        self._edge = ("127.0.0.1", edge.port)

    def send(self, message: bytes) -> None:
        self._socket.sendto(message, self._edge)

    def status_of_answer(self, message: bytes) -> str:
        """Send a message, again and again as telephones do, and return the status of the answer."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            self.send(message)
            with contextlib.suppress(TimeoutError):
                return self._socket.recv(65535).split(b" ")[1].decode()
        raise AssertionError(f"no answer to {message[:60]!r}")

    def close(self) -> None:
        self._socket.close()


class Edge:
    """An edge with the socket of its gate, and strangers."""

    def __init__(self, server: Kamailio) -> None:
        self.server = server
        self.gate = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.gate.bind(("127.0.0.1", server.port + 1))
        self._strangers: list[Stranger] = []

    def stranger(self, address: str) -> Stranger:
        self._strangers.append(Stranger(address, self.server))
        return self._strangers[-1]

    def calls_until(self, last: bytes) -> set[bytes]:
        """Return the Call-IDs of the calls that reach the gate, until the last one has come and it is quiet."""
        call_ids: set[bytes] = set()
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            self.gate.settimeout(QUIET_SECONDS)
            try:
                message = self.gate.recv(65535)
            except TimeoutError:
                if last in call_ids:
                    return call_ids
                continue
            call_id = message.partition(b"Call-ID: ")[2].partition(b"\r\n")[0]
            call_ids.add(call_id)
        raise AssertionError(f"{last!r} has not come, but {call_ids}")

    def close(self) -> None:
        for stranger in self._strangers:
            stranger.close()
        self.gate.close()
        self.server.kill()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    with claimed_ports(200) as base:
        server = Kamailio(tmp_path, Ports(base).sip)
        server.start()
        opened = Edge(server)
        yield opened
        opened.close()


def test_garbage_and_what_is_no_call_is_refused_and_calls_come_through(edge: Edge) -> None:
    stranger = edge.stranger("127.0.0.2")
    for rubbish in (b"\x00" * 500, b"INVITE", b"INVITE sip:1 SIP/2.0\r\n\r\n", b"\r\n" * 50):
        stranger.send(rubbish)
    huge = request("INVITE", "8800001", extra="X-Filling: " + "x" * 20_000 + "\r\n")
    assert stranger.status_of_answer(huge) == "513"
    assert stranger.status_of_answer(request("REGISTER", "8800001")) == "405"
    assert stranger.status_of_answer(request("INVITE", "admin")) == "404"
    assert stranger.status_of_answer(request("INVITE", "8" * 17)) == "404"
    assert stranger.status_of_answer(request("INVITE", "8800001")) == "100"
    assert edge.calls_until(b"cINVITE88000011") == {b"cINVITE88000011"}


def test_a_flood_of_calls_is_kept_out_and_others_are_served(edge: Edge) -> None:
    flooder, caller = edge.stranger("127.0.0.3"), edge.stranger("127.0.0.4")
    for number in range(500):
        flooder.send(request("INVITE", "8800001", number))
    assert caller.status_of_answer(request("INVITE", "8800002")) == "100"
    assert len(edge.calls_until(b"cINVITE88000021")) <= 21
