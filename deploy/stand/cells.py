"""The databases of a site that has a backup site: its own platform's, and a copy of the other site's platform's.

A platform's database and its copy are called a cell. The agent of a site, `manage.py cell_agent`, starts the database
processes, which go on running when it ends.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.stand import cell as cell_files
from deploy.stand.errors import StandError
from deploy.stand.process import Process
from deploy.stand.vault import Vault
from failover.data.cells.config import Cell
from failover.data.cells.connection import DatabaseLink, Failure
from failover.data.cells.register import Register
from failover.data.cells.server_process import Server

START_SECONDS = 240.0
GRANTS = (
    ("SELECT, UPDATE", "failover_register"),
    ("SELECT, INSERT", "failover_failoverevent"),
    ("SELECT, INSERT, UPDATE", "failover_cellreport"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedSite:
    """The addresses and secrets of a site that the other site, its backup, must know before either of them starts."""

    name: str
    number: int
    directory: Path
    vault: Vault
    port: int
    """The port of the own platform's database; the copy of the other platform's has the next one."""
    web: str
    broker: str

    @property
    def moid(self) -> str:
        """Return the id (MOID) of the site's own platform."""
        return self.vault.platform_moid

    def cell(self, home: "PairedSite", other: "PairedSite") -> Cell:
        """Return the configuration of a platform's database (cell) at this site: the original or its copy.

        `home` is the platform's own site, `other` the site that is paired with this one.
        """
        is_home = home is self
        # Original and copy have server ids of their own; a site's copy listens on the port after its original.
        return Cell(
            platform=home.moid,
            number=home.number,
            server=2 * home.number + (not is_home),
            schema=home.name,
            directory=self.directory / "cells" / home.name,
            port=self.port + (not is_home),
            peer=other.moid,
            peer_host="127.0.0.1",
            peer_port=other.port + is_home,
            app_password=home.vault.mariadb,
            copy_password=home.vault.copies,
            buffer_pool="128M",
            health=f"{self.web}/healthz",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair is two sites that back each other up, seen from one of them (`here`)."""

    here: PairedSite
    other: PairedSite
    register: str
    """The URL (mysql://…) of the register: the tables at the core that say which site serves which platform."""
    limits: Mapping[str, float]


class CellDatabase:
    """The database of a site that another site backs up. The site's agent process starts it and lets it take writes.

    `own` is the cell of the site's own platform, `copy` that of the other site's platform.
    """

    kind = "mariadb"

    def __init__(self, pair: Pair, templates: Path) -> None:
        """Prepare the databases of the site `pair.here`. `templates` has empty data directories to copy from."""
        this_site, other = pair.here, pair.other
        self.own, self.copy = this_site.cell(this_site, other), this_site.cell(other, other)
        self.cells = (self.own, self.copy)
        self.register, self.limits, self.site = pair.register, pair.limits, this_site.moid
        self.templates = templates
        self.file = this_site.directory / "cells.json"
        self.port = self.own.port
        self.agent: Process | None = None

    @property
    def socket(self) -> Path:
        """Return the unix socket of the own platform's database."""
        return Server(self.own).socket

    @property
    def pid(self) -> int | None:
        """Return the process id of the own platform's database; `None` while it does not run."""
        return Server(self.own).pid()

    @property
    def alive(self) -> bool:
        """Return whether the own platform's database runs."""
        return self.pid is not None

    def url(self, cell: Cell | None = None) -> str:
        """Return the URL of a platform's database (`cell`) at this site; by default of this site's own platform's."""
        cell = cell or self.own
        return f"mysql://app:{cell.app_password}@127.0.0.1:{cell.port}/{cell.schema}"

    def start(self) -> float:
        """Start the agent, which starts the databases, and wait until our own takes writes or is a copy.

        Return the seconds that it took. Raises StandError.
        """
        began = time.monotonic()
        for cell in self.cells:
            cell_files.create_data_directory(cell, self.templates)
        cell_files.write_cells_file(self.file, self.site, self.register, self.cells, **self.limits)
        self._wait_until(self._is_registered, "in the register")
        assert self.agent is not None
        self.agent.start()
        self._wait_until(lambda: self.is_open or self.is_copy, "open")
        return time.monotonic() - began

    @property
    def is_open(self) -> bool:
        """Return whether the own platform's database takes writes."""
        return self.sql("SELECT @@read_only").strip() == "0"

    @property
    def is_copy(self) -> bool:
        """Return whether the own platform's database is only a copy, as another site serves the platform."""
        return "Slave_IO_State" in self.sql("SHOW SLAVE STATUS", names=True)

    def sql(self, statement: str, schema: str = "", *, names: bool = False) -> str:
        """Run SQL in the own platform's database as root, and return the rows as lines with tabs between the values.

        `names`: the first line has the names of the columns.
        """
        link = DatabaseLink(unix_socket=str(self.socket), user="root", database=schema, seconds=10)
        try:
            rows = link.execute(statement)
        finally:
            link.close()
        lines = [list(rows[0])] if rows and names else []
        lines += [list(row.values()) for row in rows]
        return "".join("\t".join(map(str, line)) + "\n" for line in lines)

    def stop(self, patience: float = 40.0) -> None:
        """Stop the agent (`manage.py cell_agent`), which would start the databases again, then shut these down."""
        self.stop_agent(patience)
        for cell in self.cells:
            cell_files.stop_database(cell)

    def stop_agent(self, patience: float = 40.0) -> None:
        """Stop the agent (`manage.py cell_agent`), so that this site takes over no platform."""
        if self.agent is not None:
            self.agent.stop(patience)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the signal `number` to the database processes. The site's agent, if it runs, starts killed ones anew."""
        for cell in self.cells:
            pid = Server(cell).pid()
            if pid is not None:
                os.kill(pid, number)

    def _is_registered(self) -> bool:
        """Return whether the core's table of who serves which platform has an entry for this site's own platform."""
        register = Register(self.register, self.own.platform, self.site)
        try:
            return register.read() is not None
        finally:
            register.close()

    def _wait_until(self, is_reached: Callable[[], bool], state: str) -> None:
        """Wait until a function returns true. Raises StandError, which names the state, after START_SECONDS."""
        deadline = time.monotonic() + START_SECONDS
        while not _is_true(is_reached):
            if time.monotonic() > deadline:
                raise StandError(f"{self.own.schema}: its cell is not {state} (log: agent.log)")
            time.sleep(0.1)


def _is_true(function: Callable[[], bool]) -> bool:
    """Call a function, and return its result, or `False` if the database cannot be reached."""
    try:
        return function()
    except Failure:
        return False


def register_user(password: str, schema: str) -> list[str]:
    """Return the SQL statements that create the database user of the sites' agents at the core, the central site.

    The user may use only the tables that say which site serves which platform (the register).
    """
    user = "'agent'@'127.0.0.1'"
    return [
        f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}'",
        *(f"GRANT {rights} ON `{schema}`.`{table}` TO {user}" for rights, table in GRANTS),
    ]
