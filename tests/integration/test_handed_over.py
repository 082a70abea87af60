"""While a platform changes hands nobody is told 29005 for nothing: a request waits, within a bound.

The database is one of our own, so that it can be closed as a cell's agent closes it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from threading import Timer

import pytest
from django.db import connections
from pytest_django import Settings

from deploy.stand.mariadb import MariaDB
from deploy.stand.ports import SERVER_PORTS, claimed_ports
from deploy.stand.site import LIBRARY
from foundation.bus import dispatch
from foundation.bus import gate as bus_gate
from foundation.bus.delivery import Outcome
from foundation.bus.dispatch import handle_for_platform
from foundation.cells import directory
from tests.integration.conftest import delivery
from wire.routes import Routes

pytestmark = pytest.mark.xdist_group("integration")

WEST, SCHEMA = "30000000-0000-4000-8000-000000000003", "gate"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """Yield a database server."""
    with claimed_ports(SERVER_PORTS) as base:
        place = tmp_path_factory.mktemp("gate")
        server = MariaDB(place, base, "secret", schemas=[SCHEMA], templates=LIBRARY)
        server.start()
        try:
            yield server
        finally:
            server.kill()
            server.stop()


class Gate:
    """The platform's data there, and what an agent does with it."""

    def __init__(self, server: MariaDB, platform: str) -> None:
        self._server, self.platform = server, platform

    def say(self, statement: str) -> None:
        """Run a statement as root."""
        self._server.sql(statement, SCHEMA)

    def owned_by(self, site: str) -> None:
        """Make a site the owner."""
        self.say(f"REPLACE INTO stores_cell VALUES ('{self.platform}', '{site}', 7)")

    def closed(self) -> None:
        """Close the database for writes."""
        self.say("SET GLOBAL read_only=1")

    def opened(self) -> None:
        """Open the database for writes."""
        self.say("SET GLOBAL read_only=0")

    def ask(self, reqid: str) -> tuple[str, str, float]:
        """Send a module's request; return the type of the answer, its detail, and how long it took."""
        body = {"type": "MS_CSS_LICENSE_REQ", "reqid": reqid}
        request = delivery(body, Routes.MS_TO_CSS.value.queue, reply_to="asker")
        began = time.monotonic()
        outcome: Outcome = handle_for_platform(self.platform, [request], publish_inline=False)
        answer = json.loads(outcome.rows[-1].body)
        return answer["type"], answer.get("detail", ""), time.monotonic() - began


@pytest.fixture
def gate(
    server: MariaDB, place: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Gate]:
    """Return our gate, open. Requests wait for it as long as a busy machine may take to open it."""
    monkeypatch.setattr(bus_gate, "MAX_WAIT_SECONDS", 60.0)
    default = connections["default"]
    mine = {**deepcopy(default.settings_dict), "NAME": SCHEMA, "USER": "app", "PASSWORD": "secret"}
    connections.settings[SCHEMA] = {**mine, "HOST": "127.0.0.1", "PORT": str(server.port)}
    with default.cursor() as theirs:
        theirs.execute("SHOW TABLES")
        tables = [row[0] for row in theirs.fetchall()]
        statements = [_create_statement(theirs, table) for table in tables]
    connections[SCHEMA].connect()
    with connections[SCHEMA].cursor() as ours:
        ours.execute("SET foreign_key_checks = 0")
        for table, statement in zip(tables, statements, strict=True):
            ours.execute(f"DROP TABLE IF EXISTS `{table}`")
            ours.execute(statement)
    directory.store_of.cache_clear()
    url = settings.PLATFORM_STORES[place][1]
    settings.PLATFORM_STORES = {place: (SCHEMA, url)}
    new_gate = Gate(server, place)
    new_gate.owned_by(place)
    bus_gate._changing_since.clear()
    try:
        yield new_gate
    finally:
        new_gate.opened()
        directory.store_of.cache_clear()
        connections[SCHEMA].close()
        del connections[SCHEMA], connections.settings[SCHEMA]


def _create_statement(cursor: object, table: str) -> str:
    cursor.execute(f"SHOW CREATE TABLE `{table}`")  # type: ignore[attr-defined]
    return str(cursor.fetchone()[1])  # type: ignore[attr-defined]


def soon(*acts: Callable[[], object]) -> None:
    """Run these functions in 0.2 s."""
    Timer(0.2, lambda: [act() for act in acts]).start()


def test_a_request_waits_until_the_database_of_its_owner_is_open(gate: Gate) -> None:
    gate.closed()
    soon(gate.opened)
    kind, _, seconds = gate.ask("r1")
    assert kind == "CSS_MS_LICENSE_ACK"
    assert 0.1 < seconds < bus_gate.MAX_WAIT_SECONDS


def test_a_request_at_the_former_owner_is_refused_only_when_the_new_one_is_known(
    gate: Gate,
) -> None:
    gate.closed()
    soon(lambda: gate.owned_by(WEST))
    kind, detail, seconds = gate.ask("r1")
    assert (kind, WEST in detail) == ("CSS_MS_LICENSE_NACK", True)
    assert seconds > 0.1


def test_a_database_that_stays_closed_delays_the_first_requests_alone(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_gate, "MAX_WAIT_SECONDS", 1.0)
    gate.closed()
    first, second = gate.ask("r1"), gate.ask("r2")
    assert [kind for kind, _, _ in (first, second)] == ["CSS_MS_LICENSE_NACK"] * 2
    assert "begins it again" in first[1]
    assert first[2] >= bus_gate.MAX_WAIT_SECONDS
    assert second[2] < first[2]
    gate.opened()
    assert gate.ask("r3")[0] == "CSS_MS_LICENSE_ACK"


def test_where_another_site_serves_nobody_waits(gate: Gate) -> None:
    gate.owned_by(WEST)
    gate.closed()
    kind, detail, seconds = gate.ask("r1")
    assert (kind, WEST in detail) == ("CSS_MS_LICENSE_NACK", True)
    assert seconds < bus_gate.MAX_WAIT_SECONDS


def test_a_request_that_was_being_done_when_it_was_closed_is_done_once_it_is_open(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, closed = dispatch._lock_needed_rows, list[bool]()

    def close_meanwhile(*arguments: object) -> None:
        prepare(*arguments)  # type: ignore[arg-type]
        if not closed:
            closed.append(True)
            gate.closed()
            soon(gate.opened)

    monkeypatch.setattr(dispatch, "_lock_needed_rows", close_meanwhile)
    kind, _, seconds = gate.ask("r1")
    assert kind == "CSS_MS_LICENSE_ACK"
    assert seconds > 0.1
