"""A register, two sites with one platform's cell, links that can be cut, and continuous writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, models
from django.db.backends.mysql.base import DatabaseWrapper

from deploy.stand import cell as stand_cell
from deploy.stand import owned
from deploy.stand.mariadb import MariaDB
from deploy.stand.ports import claimed_ports
from deploy.stand.site import LIBRARY, REPOSITORY
from failover.data.cells.config import Cell, TlsFiles
from failover.data.cells.connection import DatabaseLink, Failure
from failover.data.cells.register import Register as AgentRegister
from failover.data.cells.server_process import Server
from failover.models import CellReport, FailoverEvent, Pulse, Register
from failover.rules.cell_facts import RegisterRow
from foundation.cells.models import Cell as Gate
from tests.failover.cut import Cut
from tests.failover.writers import CALM, TABLES, Verdict, Writer, judge

PLATFORM, SCHEMA, PASSWORD = "east", "cell_east", "secret1"
SITES = ("east", "west")
QUICK = {
    "solo": 0.6,
    "takeover": 1.5,
    "pulse": 4.0,
    "ask": 1.0,
    "well": 1.5,
    "longest_pause": 1.5,
    "hung": 20.0,
    "takeovers": 1000,
}


class Side:
    """A side is one site: its database process and its agent."""

    def __init__(self, world: World, site: str, cell: Cell) -> None:
        self.world, self.site, self.cell = world, site, cell
        self.server = Server(cell)
        self.agent: subprocess.Popen[bytes] | None = None
        self.file = world.root / f"{site}.json"
        self.log = world.root / f"{site}.log"

    def start(self, deadly: str = "") -> None:
        """Start the agent; with a deadly point it will die there."""
        argv = [sys.executable, "-m", "tests.failover.run_agent", str(self.file)]
        argv += ["--die-at", deadly] if deadly else []
        argv += ["--asynchronous"] if self.world.asynchronous else []
        env = {**os.environ, **owned.owner_variables(self.world.root)}
        with self.log.open("ab") as log:
            self.agent = subprocess.Popen(
                argv, stdout=log, stderr=log, cwd=REPOSITORY, env=env, start_new_session=True
            )

    def kill_agent(self) -> None:
        """Kill the agent's process (SIGKILL)."""
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait()

    def kill_all(self) -> None:
        """Kill the agent and the database of the site."""
        self.kill_agent()
        self.server.kill()

    def signal(self, signal_number: int) -> None:
        """Send a signal to the database, which freezes or thaws it."""
        pid = self.server.pid()
        assert pid is not None
        os.kill(pid, signal_number)

    def link(self, schema: str = "") -> DatabaseLink:
        """Connect to the database as root."""
        return DatabaseLink(
            unix_socket=str(self.server.socket), user="root", database=schema, seconds=15
        )


def _certificates(folder: Path) -> TlsFiles:
    """Make an authority, and a certificate by which all databases of the world speak TLS; return the files."""
    authority = REPOSITORY / "deploy" / "install" / "authority"
    subprocess.run([str(authority), str(folder), "cell=127.0.0.1"], check=True)
    return TlsFiles(
        certificate=folder / "cell.pem", key=folder / "cell.key", authorities=folder / "ca.pem"
    )


class World:
    """The world has its register, sites and writers in one directory."""

    def __init__(self, root: Path, base: int, *, asynchronous: bool, **limits: float) -> None:
        self.root, self.base, self.asynchronous = root, base, asynchronous
        self.register = MariaDB(
            root / "register", base, PASSWORD, schemas=["core"], templates=LIBRARY
        )
        self.tls = _certificates(root / "tls")
        numbers = {"east": 1, "west": 2}
        self.cuts = {
            (a, b): Cut(base + 10 + i, base + {"register": 0, **numbers}[b])
            for i, (a, b) in enumerate(
                [("east", "west"), ("west", "east"), ("east", "register"), ("west", "register")]
            )
        }
        self.sides = {
            a: Side(self, a, self._cell(a, b)) for a, b in (SITES, tuple(reversed(SITES)))
        }
        self.ports = {site: base + numbers[site] for site in SITES}
        self.limits = {**QUICK, **limits}
        self.writers: list[Writer] = []
        self._asked = AgentRegister(self.register.url(), PLATFORM, "")

    def _cell(self, site: str, peer: str) -> Cell:
        return Cell(
            platform=PLATFORM,
            number=7,
            server=1 + SITES.index(site),
            schema=SCHEMA,
            directory=self.root / site,
            port=self.base + 1 + SITES.index(site),
            peer=peer,
            peer_host="127.0.0.1",
            peer_port=self.cuts[site, peer].port,
            app_password=PASSWORD,
            copy_password=PASSWORD,
            buffer_pool="64M",
            tls=self.tls,
        )

    # ---- begin and end ----------------------------------------------------------------------

    def start(self) -> None:
        """Register, cells, agents; returns when the platform is protected and has its tables."""
        self.register.start()
        _create(self.base, "core", Register, FailoverEvent, CellReport)
        link = DatabaseLink.from_url(self.register.url())
        link.execute(
            "INSERT INTO failover_register (platform, home, backup, epoch, owner, solo, forced,"
            " mode, wish, wish_by, wish_force)"
            " VALUES ('east', 'east', 'west', 1, 'east', 1, 0, 'auto', '', '', 0)"
        )
        for site, side in self.sides.items():
            stand_cell.create_data_directory(side.cell, LIBRARY)
            url = f"mysql://app:{PASSWORD}@127.0.0.1:{self.cuts[site, 'register'].port}/core"
            stand_cell.write_cells_file(side.file, site, url, [side.cell], **self.limits)
            side.start()
        self.until(lambda: not self.row().solo)
        _create(self.ports["east"], SCHEMA, Gate, Pulse, tls=self.tls.client_arguments())
        with_root = self.sides["east"].link(SCHEMA)
        with_root.execute(
            "INSERT IGNORE INTO stores_cell (platform, owner, epoch) VALUES ('east', '', 0)"
        )
        for statement in TABLES:
            with_root.execute(statement)
        with_root.close()

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        for writer in self.writers:
            writer.end.set()
        for side in self.sides.values():
            side.kill_all()
        for cut in self.cuts.values():
            cut.close()
        self.register.kill(signal.SIGCONT)
        self.register.kill()

    def write(self, count: int = 4, pause: float = CALM) -> None:
        """Start writers, which write until the world is stopped."""
        tls = self.tls.client_arguments()
        self.writers = [Writer(n, self.ports, PASSWORD, SCHEMA, pause, tls) for n in range(count)]
        for writer in self.writers:
            writer.start()

    # ---- what is --------------------------------------------------------------------------

    def row(self) -> RegisterRow:
        """Return the register's row of the platform."""
        reading = self._asked.read()
        assert reading is not None
        return reading.row

    def wish(self, **values: object) -> None:
        """Change the mode or the wish in the register, as an operator does."""
        sets = ", ".join(f"{name}=%s" for name in values)
        link = DatabaseLink.from_url(self.register.url())
        link.execute(f"UPDATE failover_register SET {sets}", list(values.values()))
        link.close()

    def events(self, kind: str) -> int:
        """Return how many changes of a kind the time line has."""
        link = DatabaseLink.from_url(self.register.url())
        query = "SELECT COUNT(*) AS n FROM failover_failoverevent WHERE kind=%s"
        count = int(link.first_row(query, [kind])["n"])
        link.close()
        return count

    def counted(self) -> int:
        """Return how many moves count against the hourly limit, as an agent reads it."""
        seen = self._asked.read()
        assert seen is not None
        return seen.takeovers

    def acknowledged(self) -> int:
        """Return how many writes were acknowledged so far."""
        return sum(len(writer.acks) for writer in self.writers)

    def until(self, true: Callable[[], bool], seconds: float = 60.0) -> float:
        """Wait for it; the seconds that it took."""
        began = time.monotonic()
        while not _safely(true):
            assert time.monotonic() - began < seconds, self.story()
            time.sleep(0.02)
        return time.monotonic() - began

    def served(self, by: str, *, protected: bool = True) -> float:
        """Wait until a site serves, and writes are acknowledged there; the seconds."""
        began = time.monotonic()

        def serves() -> bool:
            row, mark = self.row(), time.monotonic() - 0.5
            last = [writer.acks[-1] for writer in self.writers if writer.acks]
            acknowledged_there = any(ack.site == by and ack.at > mark for ack in last)
            return acknowledged_there and row.owner == by and not (protected and row.solo)

        self.until(serves)
        return time.monotonic() - began

    def story(self) -> str:
        """Return the agents' log lines."""
        return "\n".join(
            f"--- {name}\n{side.log.read_text()[-4000:]}" for name, side in self.sides.items()
        )

    def verdict(self) -> Verdict:
        """End the writers, let both copies become equal, and judge."""
        self._end_writers()
        owner = self.row().owner
        links = {site: side.link(SCHEMA) for site, side in self.sides.items()}
        other = links[self.row().other(owner)]
        position = links[owner].value("@@gtid_binlog_pos")
        assert other.value(f"MASTER_GTID_WAIT('{position}', 10)") == 0, self.story()
        tables = f"CHECKSUM TABLE {SCHEMA}.op, {SCHEMA}.counter"
        sums = [link.execute(tables) for link in links.values()]
        assert sums[0] == sums[1], "the copies differ"
        for link in links.values():
            link.close()
        return self.judged(owner)

    def judged(self, site: str) -> Verdict:
        """Compare what was acknowledged with what one site has."""
        self._end_writers()
        link = self.sides[site].link(SCHEMA)
        ops = {row["id"] for row in link.execute("SELECT id FROM op")}
        counter = link.first_row("SELECT n FROM counter")["n"]
        link.close()
        return judge(self.writers, ops, counter)

    def _end_writers(self) -> None:
        for writer in self.writers:
            writer.end.set()
        for writer in self.writers:
            if writer.is_alive():
                writer.join(5)


@contextmanager
def world(root: Path, *, asynchronous: bool = False, **limits: float) -> Iterator[World]:
    """Yield a world of its own that always ends."""
    with claimed_ports(20) as base:
        new_world = World(root, base, asynchronous=asynchronous, **limits)
        try:
            new_world.start()
            yield new_world
        finally:
            new_world.stop()
            owned.stop_all(root)


def _safely(true: Callable[[], bool]) -> bool:
    try:
        return true()
    except (Failure, AssertionError, FileNotFoundError):
        return False


def _create(
    port: int, schema: str, *tables: type[models.Model], tls: dict[str, Any] | None = None
) -> None:
    """Make the tables of models, as a migration would. `tls` is how the driver connects by TLS."""
    settings = connection.settings_dict
    options: dict[str, Any] = {
        **settings,
        "OPTIONS": {**settings["OPTIONS"], **(tls or {})},
        **{"HOST": "127.0.0.1", "PORT": port, "USER": "app", "PASSWORD": PASSWORD, "NAME": schema},
    }
    wrapper = DatabaseWrapper(options, "cells")
    with wrapper.schema_editor() as editor:
        for table in tables:
            editor.create_model(table)
    wrapper.close()
