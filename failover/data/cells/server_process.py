"""The MariaDB process of one platform at this site is started, found again, and killed.

It outlives the agent: an agent that is restarted finds it by its data directory.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from failover.data.cells.config import Cell

SBIN = "/usr/sbin:/sbin"
BINLOG = "bin"
HOUR = 3600.0
LONGEST_SOCKET = 100  # sun_path holds 107 bytes

# docs/decisions/0023-cells.md says which loss each of these settings prevents.
SETTINGS = (
    "--read-only=1",
    "--skip-slave-start",
    f"--log-bin={BINLOG}",
    "--relay-log=relay",
    "--relay-log-recovery=1",
    "--binlog-format=ROW",
    "--log-slave-updates=ON",
    "--gtid-strict-mode=ON",
    "--sync-binlog=1",
    "--innodb-flush-log-at-trx-commit=1",
    "--rpl-semi-sync-slave-enabled=1",
    "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
    "--rpl-semi-sync-master-timeout=2147483647",
    "--slave-parallel-threads=4",
    "--slave-parallel-mode=optimistic",
    "--slave-net-timeout=4",
    "--max-connections=600",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-dump-at-shutdown=0",
    "--innodb-buffer-pool-load-at-startup=0",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
    "--transaction-isolation=READ-COMMITTED",
    "--default-time-zone=+00:00",
)


class NoServer(Exception):
    """The database process cannot be made or started; the text says why."""


class Server:
    """A server is the MariaDB process (mariadbd) of one platform at this site, known by its data directory."""

    def __init__(self, cell: Cell) -> None:
        """Set the paths of the cell's (the platform's) database; its process is looked for when it is needed."""
        self.cell = cell
        self.data = cell.directory.resolve() / "data"
        self.socket = _socket_path(cell.directory.resolve())
        self._child: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    def pid(self) -> int | None:
        """Return the process id of the running database, whoever started it; `None` means that it does not run."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None
        if self._pid is None or not self._is_our_server(self._pid):
            numbers = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
            self._pid = next((number for number in numbers if self._is_our_server(number)), None)
        return self._pid

    def run_id(self) -> str:
        """Return an id of this run of the database process, another one after each start; "" if it does not run."""
        pid = self.pid()
        try:
            # The field "starttime" of proc_pid_stat(5), counted from the one behind the name.
            began = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except OSError:
            return ""
        return f"{pid}-{began}"

    def start(self, *, keep_tail: bool) -> None:
        """Start the database process with writes closed, unless it runs; do not wait until it answers.

        With `keep_tail` the end of its log stays, which the copy has not acknowledged: the database
        is the owner's, or its log may be all that is left after a forced takeover. Without it that
        end is dropped, as a copy must. Raises NoServer.
        """
        if self.pid() is not None:
            return
        if not (self.data / "mysql").is_dir():
            self._create_data_directory()
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        init = self.cell.directory / "init.sql"
        init.touch(mode=0o600)
        init.write_text(_users_sql(self.cell))
        argv = [
            *(_program("mariadbd"), *_server_options(self.data)),
            f"--socket={self.socket}",
            f"--tmpdir={self._folder('tmp')}",
            f"--pid-file={self.cell.directory / 'server.pid'}",
            f"--init-file={init}",
            f"--port={self.cell.port}",
            f"--bind-address={self.cell.bind}",
            f"--server-id={self.cell.server}",
            f"--gtid-domain-id={self.cell.number}",
            f"--innodb-buffer-pool-size={self.cell.buffer_pool}",
            f"--init-rpl-role={'MASTER' if keep_tail else 'SLAVE'}",
            *_tls_options(self.cell),
            *SETTINGS,
        ]
        with (self._folder("log") / "mariadb.log").open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603
                argv, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._pid = self._child.pid

    def kill(self) -> None:
        """Kill the database process with SIGKILL, even a frozen one, and wait until it is gone."""
        while (pid := self.pid()) is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop the database process with SIGTERM, so that it writes its buffers to disk; wait until it is gone."""
        while (pid := self.pid()) is not None:
            os.kill(pid, signal.SIGTERM)
            time.sleep(0.02)

    def put_data_aside(self) -> None:
        """Kill the database process and move its data away, so that the next start begins with an empty database.

        Only the last data that was moved away is kept. Raises NoServer the second time within an
        hour: then the fault is elsewhere, and copying everything anew does not help.
        """
        aside = self.cell.directory / "data.aside"
        # The change time (ctime) of the directory is when it was renamed, that is, put aside.
        if aside.exists() and time.time() - aside.stat().st_ctime < HOUR:
            raise NoServer(f"made anew within the hour already, see {aside}: an operator must look")
        self.kill()
        shutil.rmtree(aside, ignore_errors=True)
        self.data.rename(aside)

    def _is_our_server(self, pid: int) -> bool:
        """Return whether the process with this id is the mariadbd of this platform's data directory."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"--datadir={self.data}".encode() in words and words[0].endswith(b"mariadbd")

    def _create_data_directory(self) -> None:
        """Create an empty data directory of MariaDB.

        After a failure (NoServer) there is none, rather than half of one.
        """
        new = self.data.with_name("data.new")
        shutil.rmtree(new, ignore_errors=True)
        self.cell.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        argv = [_program("mariadb-install-db"), *_server_options(new)]
        argv += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
        if result.returncode:
            raise NoServer(f"mariadb-install-db: {(result.stderr or result.stdout).strip()[-300:]}")
        new.rename(self.data)

    def _folder(self, name: str) -> Path:
        """Return a folder of this name below the cell's directory, and create it if it is missing."""
        folder = self.cell.directory.resolve() / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _tls_options(cell: Cell) -> list[str]:
    """Return the options by which a database takes connections over the network by TLS alone; none without TLS."""
    if cell.tls is None:
        return []
    files = {"cert": cell.tls.certificate, "key": cell.tls.key, "ca": cell.tls.authorities}
    return [f"--ssl-{name}={path}" for name, path in files.items()] + [
        "--require-secure-transport=ON"
    ]


def _program(name: str) -> str:
    """Return the path of a program of MariaDB. Raises NoServer if it is not installed."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")
    if path is None:
        raise NoServer(f"{name} is not installed")
    return path


def _server_options(data: Path) -> list[str]:
    """Return the options of MariaDB's programs that name the data directory, and the user if we are root."""
    user = [f"--user={getpass.getuser()}"] if os.geteuid() == 0 else []
    return ["--no-defaults", *user, f"--datadir={data}"]


def _socket_path(directory: Path) -> Path:
    """Return the path of the database's Unix socket: in `directory`, or in /tmp if that path would be too long."""
    usual = directory / "sock"
    if len(str(usual)) <= LONGEST_SOCKET:
        return usual
    return Path(f"/tmp/cell-{os.geteuid()}") / f"{_directory_id(directory)}"  # noqa: S108


def _users_sql(cell: Cell) -> str:
    """Return the SQL, one statement a line, that makes the users `app` and `copy` and the schemas.

    It runs at each start at both sites, and is therefore not replicated. The user `app` has rights
    on its own schema only, because read_only does not stop a user who has rights on everything.
    """
    schema = cell.schema.replace("_", r"\_")  # in a GRANT, _ stands for any character
    lines = ["SET sql_log_bin=0;"]
    lines.append(
        "DELETE FROM mysql.global_priv WHERE User='' OR (User='root' AND Host<>'localhost');"
    )
    lines.append("FLUSH PRIVILEGES;")
    for name, password in (("app", cell.app_password), ("copy", cell.copy_password)):
        lines.append(f"CREATE USER IF NOT EXISTS '{name}'@'%' IDENTIFIED BY '{password}';")
        lines.append(f"ALTER USER '{name}'@'%' IDENTIFIED BY '{password}';")
    lines.append(f"GRANT ALL ON `{schema}`.* TO 'app'@'%';")
    lines.append("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'copy'@'%';")
    lines.append(
        f"CREATE DATABASE IF NOT EXISTS `{cell.schema}`"
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
    )
    lines.append("CREATE DATABASE IF NOT EXISTS cell;")
    lines.append(
        "CREATE TABLE IF NOT EXISTS cell.confirmation"
        " (id TINYINT PRIMARY KEY, n BIGINT NOT NULL) ENGINE=InnoDB;"
    )
    lines.append("INSERT IGNORE INTO cell.confirmation VALUES (1, 0);")
    return "\n".join(lines) + "\n"


def _directory_id(directory: Path) -> str:
    """Return 16 characters that identify a directory, for a short file name."""
    return hashlib.sha256(str(directory).encode()).hexdigest()[:16]
