"""Whoever is slow, silent or too large at the public port takes nothing from others."""

from __future__ import annotations

import http.client
import resource
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from deploy.stand.front import SHARED
from deploy.stand.ports import claimed_ports
from deploy.stand.server import program as installed
from deploy.stand.site import Site
from tests.http.program import Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

HALF_A_HEADER = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-More: "
HALF_A_BODY = (
    b"POST /api/v1/system/login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\na"
)


@contextmanager
def sockets(site: Site, count: int, begin: bytes) -> Iterator[None]:
    """Hold connections to the public port that have sent the beginning of a request, and say no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    with ExitStack() as opened:
        for _ in range(count):
            link = socket.create_connection(("127.0.0.1", site.ports.public), 10)
            opened.enter_context(link)
            link.sendall(begin)
        yield


@pytest.mark.parametrize(
    ("count", "begin"), [(100, HALF_A_HEADER), (100, HALF_A_BODY), (1100, b"")]
)
def test_the_site_answers_beside_slow_and_silent_clients(
    simulated: Site, count: int, begin: bytes
) -> None:
    with sockets(simulated, count, begin):
        link = http.client.HTTPConnection("127.0.0.1", simulated.ports.public, timeout=5)
        link.request("GET", "/healthz")
        assert link.getresponse().status == 200
        link.close()


def test_programs_can_read_that_an_address_is_too_long(program: Program) -> None:
    assert program.raw("GET", f"/api/v1/mc/confs?title={'a' * 8000}")[0] == 200
    status, content = program.raw("GET", f"/api/v1/mc/confs?title={'a' * 9000}")
    assert status == 414
    assert b'"error_code": 29001' in content


def test_programs_can_read_that_a_request_is_too_large(program: Program) -> None:
    status, content = program.raw("POST", "/api/v1/mc/confs", b"a" * (2 * 1024 * 1024))
    assert status == 413
    assert b'"error_code": 29001' in content


def test_a_visitor_who_makes_up_an_address_is_counted_by_the_real_one(simulated: Site) -> None:
    program, nobody = Program(simulated), f"nobody-{secrets.token_hex(4)}"
    token = program.post("system/token", **simulated.demo["api_key"])["account_token"]
    body = f"account_token={token}&username={nobody}&password=wrong"
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    forged = {"X_Forwarded_For": "203.0.113.9"}
    program.raw("POST", "/api/v1/system/login", body, **form, **forged)
    query = f"SELECT ip_address FROM axes_accessattempt WHERE username='{nobody}'"
    assert str(simulated.mariadb.sql(query, schema=simulated.name)).split()[-1] == "127.0.0.1"


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Yield a function that asks nginx, with the front's rules, as whom it counts a visitor with this address."""
    with claimed_ports(1) as port:
        (tmp_path / "nginx.conf").write_text(
            "daemon off; master_process off; pid nginx.pid; events {} http {"
            f' include "{SHARED}/http.conf"; access_log off;'
            ' map "" $front_scheme { default $scheme; }'
            f" server {{ listen 127.0.0.1:{port}; set_real_ip_from 127.0.0.1;"
            " real_ip_header X-Real-IP; return 200 $front_visitor; } }"
        )
        argv = [installed("nginx"), "-e", "stderr", "-p", str(tmp_path), "-c", "nginx.conf"]
        nginx = subprocess.Popen(argv)

        def ask(address: str) -> str:
            for _ in range(100):
                link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                with suppress(ConnectionRefusedError):
                    link.request("GET", "/", headers={"X-Real-IP": address})
                    return link.getresponse().read().decode()
                time.sleep(0.05)
            raise AssertionError("nginx does not start")

        yield ask
        nginx.terminate()
        nginx.wait(10)


def test_the_front_counts_a_network_of_ipv6_as_one_visitor(counted: Callable[[str], str]) -> None:
    assert counted("192.0.2.7") == "192.0.2.7"
    for network in ("2001:db8:1:2", "2001:db8:1:0", "2001:db8:0:0"):
        hosts = ("1:2:3:4", "0:0:0:1", "a:0:0:1", "0:0:b:0", "0:1:0:0", "ffff:ffff:ffff:ffff")
        assert {counted(f"{network}:{host}") for host in hosts} == {network}
    assert counted("2001:db8:1:3:1:2:3:4") != counted("2001:db8:1:2:1:2:3:4")
