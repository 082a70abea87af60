"""The ports of a stand: a block for each site, and a check that no other process uses them."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from deploy.stand.errors import StandError

SITE_STRIDE = 2000
UNIT_STRIDE = 400
MOST_UNITS = (SITE_STRIDE - 200) // UNIT_STRIDE
SERVER_PORTS = 170  # web, servers and rabbitmqctl, without media units
TEST_PORTS = range(10000, 21000)
SLOT = 200  # tests claim ports in steps of this size
FIRST_UNIT = 200  # distance of the first media unit's ports from the first port of its site


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a site are a block that begins with `base`."""

    base: int

    @property
    def public(self) -> int:
        """Return the port of the front (nginx), which people and programs use."""
        return self.base

    @property
    def web(self) -> int:
        """Return the port of the web process, which only the front (nginx) uses."""
        return self.base + 1

    @property
    def http(self) -> str:
        """Return the address of the site's public HTTP server."""
        return f"http://127.0.0.1:{self.public}"

    @property
    def push(self) -> int:
        """Return the port of the process that pushes events to programs; only the front (nginx) connects to it."""
        return self.base + 2

    @property
    def mariadb(self) -> int:
        """Return the port of the database."""
        return self.base + 10

    @property
    def redis(self) -> int:
        """Return the port of Redis."""
        return self.base + 20

    @property
    def door(self) -> int:
        """Return the port of the auth backend, the process that the broker asks what people's clients may do."""
        return self.base + 30

    @property
    def rabbitmq(self) -> int:
        """Return the first port of the broker, which uses several."""
        return self.base + 100

    @property
    def clients_broker(self) -> int:
        """Return the first port of the second broker, to which people's clients connect."""
        return self.base + 130

    @property
    def turn(self) -> int:
        """Return the first of the 20 ports of the TURN server; the others are its relays."""
        return self.base + 140

    @property
    def xmpp(self) -> int:
        """Return the port of the XMPP server for people's clients; the next one is for its components."""
        return self.base + 160

    @property
    def sip(self) -> int:
        """Return the port of the SIP edge; the next ones: the gate of telephones, the media relay, pressed keys."""
        return self.base + 162

    @property
    def first_telephone_rtp(self) -> int:
        """Return the first of the 30 ports for the sound of telephones."""
        return self.base + SERVER_PORTS

    def core(self, units: int) -> int:
        """Return the first port of the core, the central site, if it follows this site's media units in one block."""
        return self.base + FIRST_UNIT + UNIT_STRIDE * units

    def unit(self, number: int) -> int:
        """Return the first of the 400 ports of the media unit with this number, counted from 1."""
        return self.base + FIRST_UNIT + UNIT_STRIDE * (number - 1)

    def listeners(self, units: int) -> list[int]:
        """Return the ports on which a site with so many media units listens, which must be free before its start."""
        servers = [
            self.public,
            self.web,
            self.push,
            self.mariadb,
            self.mariadb + 1,  # of the copy of another site's database, if there is one
            self.redis,
            self.door,
            *range(self.rabbitmq, self.rabbitmq + 9),
            *range(self.clients_broker, self.clients_broker + 9),
            self.turn,
            self.xmpp,
            self.xmpp + 1,
            self.sip,
            self.sip + 2,
        ]
        unit_ports = [self.unit(number) for number in range(1, units + 1)]
        return servers + [first + offset for first in unit_ports for offset in range(5)]


def ports_for(units: int, *, core: bool = False) -> int:
    """Return how many ports a site with so many media units needs; with `core` (the central site) also its ports."""
    own_ports = FIRST_UNIT + UNIT_STRIDE * units
    if core:
        return own_ports + SERVER_PORTS
    return own_ports if units else SERVER_PORTS


def is_free(port: int) -> bool:
    """Return whether no process listens on this port of the loopback interface."""
    with socket.socket() as probe:
        # The servers set it too: so closed connections of a previous run (TIME_WAIT) do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def claimed_ports(count: int, of_second_site: int = 0) -> Iterator[int]:
    """Yield the first of `count` free ports in a row, which no other test session of this machine gets meanwhile.

    `of_second_site`: how many ports a second site needs; they begin SITE_STRIDE after those of the first site. Raises
    StandError if there are none.
    """
    blocks = [(0, count), *([(SITE_STRIDE, of_second_site)] if of_second_site else [])]
    # The last block, from its start to its end, must fit in, too.
    end = TEST_PORTS.stop - sum(blocks[-1])
    for first in range(TEST_PORTS.start, end, SLOT):
        with ExitStack() as locks:
            ranges = [range(first + start, first + start + size) for start, size in blocks]
            slots = [slot for ports in ranges for slot in ports[::SLOT]]
            if all(_lock_slot(slot, locks) for slot in slots) and all(
                is_free(port) for ports in ranges for port in ports
            ):
                yield first
                return
    raise StandError(f"no {count} free ports in {TEST_PORTS}; end some other test session")


def _lock_slot(first: int, locks: ExitStack) -> bool:
    """Lock the file that stands for SLOT ports from `first` on; return `False` if another session has locked it."""
    path = Path(f"/tmp/stand-ports-{os.geteuid()}-{first}.lock")  # noqa: S108  empty, only locked
    lock = locks.enter_context(path.open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def require_free(ports: list[int], remedy: str) -> None:
    """Raise StandError if another process uses one of the ports; `remedy` says what to do then."""
    used = [str(port) for port in ports if not is_free(port)]
    if used:
        raise StandError(f"port {', '.join(used)} is taken by another process; {remedy}")


def answers(port: int, send: bytes, expect: bytes, timeout: float = 1.0) -> bool:
    """Send bytes to a server on loopback, and return whether its answer contains the expected bytes."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as link:
            if send:
                link.sendall(send)
            return expect in link.recv(4096)
    except OSError:
        return False


class HttpAnswer(NamedTuple):
    """Represent the answer of an HTTP server."""

    status: int
    body: bytes


def http_get(port: int, path: str) -> HttpAnswer:
    """Return a page of a server on loopback. Status 0 means that no server answers."""
    link = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return HttpAnswer(answer.status, answer.read())
    except (OSError, HTTPException):
        return HttpAnswer(0, b"")
    finally:
        link.close()


def why_not_ready(port: int) -> str:
    """Return, for an error message, which parts of a site are not ready, as its page /readyz says; "" if none."""
    body = http_get(port, "/readyz").body
    parts = json.loads(body) if body.startswith(b"{") else {}
    failed = [f"{part}: {state}" for part, state in parts.items() if state not in ("ok", False)]
    return f"; it says: {', '.join(failed)}" if failed else ""
