"""A private MariaDB server. Its data directory is copied from a template; root connects by its unix socket."""

import fcntl
import getpass
import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

from deploy.stand.errors import StandError
from deploy.stand.ports import Ports
from deploy.stand.process import Process
from deploy.stand.server import Server, base_env, program, write_private
from deploy.stand.vault import Vault

LONGEST_SOCKET = 100  # the kernel allows 107 bytes for the path of a unix socket
PROTOCOL_VERSION = 10
TEMPLATE_LOG_SIZE = "16M"
CHARACTERS = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"

# Durability as in production: tests that kill -9 a server would otherwise prove nothing.
SETTINGS = (
    "--innodb-flush-log-at-trx-commit=1",
    "--max-connections=600",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-dump-at-shutdown=0",
    "--innodb-buffer-pool-load-at-startup=0",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
    "--transaction-isolation=READ-COMMITTED",
    "--default-time-zone=+00:00",
)


class MariaDB(Server):
    """A MariaDB server is one mariadbd process with its schemas and the database user `app`."""

    kind = "mariadb"
    patience = 60.0

    def __init__(
        self,
        directory: Path,
        port: int,
        password: str,
        *,
        schemas: Sequence[str],
        templates: Path,
        patterns: Sequence[str] = (),
        buffer_pool: str = "128M",
        log_size: str = "48M",
        options: Sequence[str] = (),
    ) -> None:
        """Prepare a server whose data directory is copied from one in `templates`.

        The user `app`, with this password, may use the `schemas`, which are created at the start, and may itself create
        schemas whose names match the `patterns`. `options` are further options of mariadbd.
        """
        super().__init__(directory, port)
        self.password = password
        self.schemas = list(schemas)
        self.patterns = list(patterns)
        self.templates = templates
        self.sizes = (
            f"--innodb-buffer-pool-size={buffer_pool}",
            f"--innodb-log-file-size={log_size}",
        )
        self.options = list(options)
        self.socket = _short_socket(directory)

    def url(self, schema: str = "") -> str:
        """Return the URL of a schema, by default the first one, for the setting DATABASE_URL."""
        return f"mysql://app:{self.password}@127.0.0.1:{self.port}/{schema or self.schemas[0]}"

    def prepare(self) -> Process:
        """Copy the template to the data directory, if there is none, and return the server process, not yet started."""
        data, init = self.directory / "data", self.directory / "init.sql"
        (self.directory / "tmp").mkdir(exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (data / "mysql").is_dir():
            shutil.rmtree(data, ignore_errors=True)
            copy = self.directory / "data.new"
            shutil.rmtree(copy, ignore_errors=True)
            subprocess.run(
                ["cp", "-a", str(_template_directory(self.templates)), str(copy)], check=True
            )
            copy.rename(data)
        write_private(init, self._init_sql())
        argv = [
            program("mariadbd"),
            "--no-defaults",
            f"--user={getpass.getuser()}" if os.geteuid() == 0 else "--skip-symbolic-links",
            f"--datadir={data}",
            f"--tmpdir={self.directory / 'tmp'}",
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'server.pid'}",
            f"--port={self.port}",
            f"--init-file={init}",
            *SETTINGS,
            *self.sizes,
            *self.options,
        ]
        return self._process(argv)

    def ready(self) -> bool:
        """Return whether the server accepts connections: it sends its greeting once it has run the init file."""
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(1.0)
                link.connect(str(self.socket))
                greeting = link.recv(5)
        except OSError:
            return False
        # The fifth byte is the protocol version, or 0xff for the error "too many connections".
        return len(greeting) == 5 and greeting[4] == PROTOCOL_VERSION

    def sql(self, statement: str, schema: str = "") -> str:
        """Run SQL as root over the unix socket; return rows as tab-separated lines.

        Raises StandError with the server's message.
        """
        argv = [
            program("mariadb"),
            "--no-defaults",
            "--user=root",
            f"--socket={self.socket}",
            "-NB",
        ]
        argv += [f"--database={schema}"] if schema else []
        argv += [f"--execute={statement}"]
        result = subprocess.run(argv, capture_output=True, text=True, check=False)
        if result.returncode:
            raise StandError(f"mariadb: {result.stderr.strip()}")
        return result.stdout

    def wipe(self) -> None:
        """Delete all data of the stopped server, and the folder of its socket."""
        super().wipe()
        if self.socket.parent != self.directory:
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    def _init_sql(self) -> str:
        """Return the SQL that the server runs at each start, one statement a line: it creates users and schemas."""
        app = "'app'@'127.0.0.1'"
        lines = [
            "DELETE FROM mysql.global_priv WHERE User='' OR (User='root' AND Host<>'localhost');",
            "FLUSH PRIVILEGES;",
            f"CREATE USER IF NOT EXISTS {app} IDENTIFIED BY '{self.password}';",
            f"ALTER USER {app} IDENTIFIED BY '{self.password}';",
        ]
        for schema in self.schemas:
            escaped = schema.replace("_", r"\_")  # in a GRANT, _ stands for any character
            lines.append(f"CREATE DATABASE IF NOT EXISTS `{schema}` {CHARACTERS};")
            lines.append(f"GRANT ALL ON `{escaped}`.* TO {app};")
        lines += [f"GRANT ALL ON `{pattern}`.* TO {app};" for pattern in self.patterns]
        return "\n".join(lines) + "\n"


def _short_socket(directory: Path) -> Path:
    """Return the path of the unix socket: in the directory, or in /tmp if that is too long (as pytest's often are)."""
    path = directory.resolve() / "sock"
    if len(str(path)) <= LONGEST_SOCKET:
        return path
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    return Path(f"/tmp/stand-{os.geteuid()}-{digest}/sock")  # noqa: S108  a private directory, mode 0700


def _template_directory(templates: Path) -> Path:
    """Return an empty MariaDB data directory to copy from; create it first if there is none for this version."""
    command = [program("mariadbd"), "--no-defaults", "--version"]
    version = subprocess.run(command, capture_output=True, check=True).stdout
    template = templates / f"mariadb-{hashlib.sha256(version).hexdigest()[:12]}"
    templates.mkdir(parents=True, exist_ok=True)
    with (templates / "mariadb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.is_dir():
            _create_template(template)
    return template


def _create_template(template: Path) -> None:
    """Create an empty MariaDB data directory at this path. Raises StandError if MariaDB's program for that fails."""
    directory = Path(mkdtemp(prefix="mariadb-new-", dir=template.parent))
    argv = [
        program("mariadb-install-db"),
        "--no-defaults",
        f"--datadir={directory}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        f"--innodb-log-file-size={TEMPLATE_LOG_SIZE}",
    ]
    argv += [f"--user={getpass.getuser()}"] if os.geteuid() == 0 else []
    result = subprocess.run(
        argv, capture_output=True, text=True, check=False, env=base_env(directory)
    )
    if result.returncode:
        reason = (result.stderr or result.stdout).strip()[-300:]
        raise StandError(f"mariadb-install-db failed: {reason}")
    directory.rename(template)


def single_database(site: Path, ports: Ports, vault: Vault, templates: Path) -> MariaDB:
    """Return the database server of a site that no other site backs up, whose files lie in the site's directory."""
    return MariaDB(
        site / "mariadb",
        ports.mariadb,
        vault.mariadb,
        schemas=[site.name],
        templates=templates,
        buffer_pool="256M",
        log_size="96M",
    )
