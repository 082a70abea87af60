"""Our processes encrypt what they say to servers where the URL asks for it, and turn away from strangers."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import MySQLdb
import pytest
import redis
from django.test import override_settings

from deploy.stand.mariadb import MariaDB
from deploy.stand.ports import claimed_ports
from deploy.stand.redis import Redis
from deploy.stand.site import LIBRARY, REPOSITORY
from failover.data.cells.connection import DatabaseLink
from foundation.bus.amqp import BROKER_ERRORS, connect
from foundation.bus.management_api import BrokerUnavailable, call_api

AUTHORITY = REPOSITORY / "deploy" / "install" / "authority"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an authority `ca`, a certificate for 127.0.0.1 and one for another address."""
    folder = tmp_path_factory.mktemp("certificates")
    argv = [str(AUTHORITY), str(folder), "own=127.0.0.1", "other=127.0.0.77"]
    subprocess.run(argv, check=True)
    subprocess.run([str(AUTHORITY), str(folder / "strangers"), "own=127.0.0.1"], check=True)
    return folder


@contextmanager
def tls_listener(certificates: Path, name: str) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the port of a TLS server that hangs up after the first bytes, and the list into which it puts these."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            """Take one connection; a client that refuses the certificate leaves without a byte."""
            raw, _ = server.accept()
            with raw:
                try:
                    with context.wrap_socket(raw, server_side=True) as client:
                        received.append(client.recv(8))
                except OSError:
                    received.append(b"")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1], received
        thread.join(timeout=60)


@pytest.mark.parametrize(
    ("server", "authorities", "is_trusted"),
    [("own", "", True), ("other", "", False), ("own", "strangers", False)],
)
def test_amqps_speaks_to_a_broker_whose_certificate_is_vouched_for_alone(
    certificates: Path, server: str, authorities: str, *, is_trusted: bool
) -> None:
    trusted = certificates / authorities / "ca.pem"
    with override_settings(TLS_CA_FILE=str(trusted)), tls_listener(certificates, server) as place:
        port, received = place
        with pytest.raises(BROKER_ERRORS) as refusal:
            connect(f"amqps://us:secret@127.0.0.1:{port}/%2F")
    assert received == ([b"AMQP\x00\x00\x09\x01"] if is_trusted else [b""])
    assert isinstance(refusal.value, ssl.SSLCertVerificationError) is not is_trusted


def test_amqps_sends_nothing_in_clear_to_a_plain_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        first: list[bytes] = []

        def answer() -> None:
            client, _ = server.accept()
            with client:
                first.append(client.recv(1))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with override_settings(TLS_CA_FILE=""), pytest.raises(BROKER_ERRORS):
            connect(f"amqps://us:secret@127.0.0.1:{server.getsockname()[1]}/%2F")
        thread.join(timeout=60)
    assert first == [b"\x16"]  # a TLS handshake


def test_the_management_api_is_asked_by_https_with_its_certificate_checked(
    certificates: Path,
) -> None:
    with (
        override_settings(TLS_CA_FILE=str(certificates / "ca.pem")),
        tls_listener(certificates, "other") as (port, received),
        pytest.raises(BrokerUnavailable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        call_api(f"https://us:secret@127.0.0.1:{port}", "GET", "/whoami")
    assert received == [b""]


def test_redis_by_rediss_is_encrypted_and_checked(certificates: Path, tmp_path: Path) -> None:
    with claimed_ports(2) as port:
        lines = [f"tls-port {port + 1}", "tls-auth-clients no"]
        lines += [f"tls-cert-file {certificates / 'own.pem'}"]
        lines += [f"tls-key-file {certificates / 'own.key'}"]
        server = Redis(tmp_path, port, "secret", options="\n".join(lines) + "\n")
        server.start()
        try:
            assert _ping(port + 1, certificates / "ca.pem")
            with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
                _ping(port + 1, certificates / "strangers" / "ca.pem")
        finally:
            server.stop()


def _ping(port: int, authorities: Path) -> bool:
    """Return whether Redis answers a client that has the URL as the settings make it from `rediss`."""
    program = "from django.conf import settings; import redis; print(settings.REDIS_URL)"
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "confplatform.settings",
        "TLS_CA_FILE": str(authorities),
        "REDIS_URL": f"rediss://:secret@127.0.0.1:{port}/0",
    }
    argv = [sys.executable, "-c", program]
    url = subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout.strip()
    with redis.Redis.from_url(url, socket_timeout=60) as client:
        return bool(client.ping())


def test_mariadb_is_reached_by_tls_and_only_if_it_is_the_one_that_was_meant(
    certificates: Path, tmp_path: Path
) -> None:
    with claimed_ports(1) as port:
        files = {"cert": certificates / "own.pem", "key": certificates / "own.key"}
        options = [f"--ssl-{name}={path}" for name, path in files.items()]
        options.append("--require-secure-transport=ON")
        server = MariaDB(
            tmp_path, port, "secret", schemas=["cell"], templates=LIBRARY, options=options
        )
        server.start()
        try:
            _check_mariadb(port, certificates)
        finally:
            server.stop()


def _check_mariadb(port: int, certificates: Path) -> None:
    """Connect by each URL and authority, and assert that only the right ones reach the database."""
    url = f"mysql://app:secret@127.0.0.1:{port}/cell?ssl_mode=VERIFY_IDENTITY"
    ours, strangers = (str(certificates / name) for name in ("ca.pem", "strangers/ca.pem"))
    link = DatabaseLink.from_url(url, seconds=60, authorities=ours)
    assert link.first_row("SHOW STATUS LIKE 'Ssl_version'")["Value"].startswith("TLS")
    link.close()
    another_name = url.replace("127.0.0.1", "127.1")
    by_another_name = DatabaseLink.from_url(another_name, seconds=60, authorities=ours)
    with pytest.raises(MySQLdb.OperationalError, match="TLS/SSL error"):
        by_another_name.execute("SELECT 1")
    with pytest.raises(MySQLdb.OperationalError, match="TLS/SSL error"):
        DatabaseLink.from_url(url, seconds=60, authorities=strangers).execute("SELECT 1")
    with pytest.raises(MySQLdb.OperationalError):
        DatabaseLink.from_url(url.partition("?")[0], seconds=60).execute("SELECT 1")
