"""The ports: one block per site, and a check that no other process listens there."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from deploy.stand.errors import StandError

SITE_STRIDE = 2000
UNIT_STRIDE = 400
MOST_UNITS = (SITE_STRIDE - 200) // UNIT_STRIDE
SERVER_PORTS = 160  # web, servers and rabbitmqctl, without media units
TEST_PORTS = range(10000, 21000)
SLOT = 200  # ports are claimed in such steps


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one site are one block."""

    base: int

    @property
    def public(self) -> int:
        """Return the port of the front, which is the one that people and programs use."""
        return self.base

    @property
    def web(self) -> int:
        """Return the port of the web process, for the front alone."""
        return self.base + 1

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.public}"

    @property
    def mariadb(self) -> int:
        return self.base + 10

    @property
    def redis(self) -> int:
        return self.base + 20

    @property
    def door(self) -> int:
        """Return the port of the broker's auth backend, which says what people's clients may do."""
        return self.base + 30

    @property
    def rabbitmq(self) -> int:
        return self.base + 100

    @property
    def clients_broker(self) -> int:
        """Return the port of the broker of people's clients."""
        return self.base + 130

    def core(self, units: int) -> int:
        """Return the first port of a core beside this site: after those of its media units."""
        return self.base + 200 + UNIT_STRIDE * units

    def unit(self, number: int) -> int:
        """Return the first of the 400 ports of media unit 1, 2, ..."""
        return self.base + 200 + UNIT_STRIDE * (number - 1)

    def listeners(self, units: int) -> list[int]:
        """Return the ports that must be free before we start; a unit's first ones stand for its whole range."""
        servers = [
            self.public,
            self.web,
            self.mariadb,
            self.mariadb + 1,
            self.redis,
            self.door,
            *range(self.rabbitmq, self.rabbitmq + 9),
            *range(self.clients_broker, self.clients_broker + 9),
        ]
        firsts = [self.unit(number) for number in range(1, units + 1)]
        return servers + [first + offset for first in firsts for offset in range(5)]


def ports_for(units: int, *, core: bool = False) -> int:
    """Return how many ports a site with so many Janus units takes, with a core beside it."""
    own = 200 + UNIT_STRIDE * units
    return own + SERVER_PORTS if core else own if units else SERVER_PORTS


def is_free(port: int) -> bool:
    """Return whether we could listen on this port of the loopback interface."""
    with socket.socket() as probe:
        # As the servers do: connections of a previous run that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def claimed(width: int, second: int = 0) -> Iterator[int]:
    """Yield the first of `width` free ports that no other test of this machine is given meanwhile.

    `second` is the number of ports for another site, which begin SITE_STRIDE further.
    """
    parts = [(0, width), *([(SITE_STRIDE, second)] if second else [])]
    end = TEST_PORTS.stop - sum(parts[-1])
    for first in range(TEST_PORTS.start, end, SLOT):
        with ExitStack() as locks:
            ports = [range(first + start, first + start + count) for start, count in parts]
            bases = [base for part in ports for base in part[::SLOT]]
            if all(_hold(base, locks) for base in bases) and all(
                is_free(port) for part in ports for port in part
            ):
                yield first
                return
    raise StandError(f"no {width} free ports in {TEST_PORTS}; end some other test session")


def _hold(base: int, locks: ExitStack) -> bool:
    path = Path(f"/tmp/stand-ports-{os.geteuid()}-{base}.lock")  # noqa: S108  empty, only locked
    lock = locks.enter_context(path.open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def require_free(ports: list[int], remedy: str) -> None:
    """Raise StandError, which names the remedy, when another process uses one of the ports."""
    occupied = [str(port) for port in ports if not is_free(port)]
    if occupied:
        raise StandError(f"port {', '.join(occupied)} is taken by another process; {remedy}")


def answers(port: int, send: bytes, expect: bytes, timeout: float = 1.0) -> bool:
    """Send some bytes to a server on loopback; return whether its answer contains the expected ones."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as link:
            if send:
                link.sendall(send)
            return expect in link.recv(4096)
    except OSError:
        return False


def http_get(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body of a page on loopback; status 0 means that no server answers."""
    link = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        link.close()
