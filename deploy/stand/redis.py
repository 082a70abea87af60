"""A private Redis server with a password and an append-only file."""

from pathlib import Path

from deploy.stand.ports import answers
from deploy.stand.process import Process
from deploy.stand.server import Server, program, write_private

# set-proc-title no: Redis would write its title over the environment by which we know our own processes.
CONFIG = """\
bind 127.0.0.1
protected-mode yes
port {port}
dir "{data}"
requirepass {password}
masterauth {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
set-proc-title no
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-timeout 10
repl-ping-replica-period 1
"""


class Redis(Server):
    """A Redis server is one redis-server process."""

    kind = "redis"

    def __init__(self, directory: Path, port: int, password: str, *, options: str = "") -> None:
        """Prepare a server with its files in `directory`. `options` are further lines of redis.conf."""
        super().__init__(directory, port)
        self.password = password
        self.options = options

    def url(self, database: int = 0) -> str:
        """Return the URL of a database, by its number, of the Redis server."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> Process:
        """Write the configuration file, and return the server process, not yet started."""
        data, config = self.directory / "data", self.directory / "redis.conf"
        data.mkdir(exist_ok=True)
        text = CONFIG.format(port=self.port, data=data, password=self.password)
        write_private(config, text + self.options)
        argv = [program("redis-server"), str(config)]
        return self._process(argv)

    def ready(self) -> bool:
        """Return whether the server answers PING, which it refuses until it has read its append-only file."""
        return answers(self.port, f"AUTH {self.password}\r\nPING\r\n".encode(), b"+PONG")
