"""The base class of the stand's servers MariaDB, Redis and RabbitMQ: private directory, process, start and stop."""

import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from deploy.stand.errors import StandError
from deploy.stand.process import Process

SBIN = "/usr/sbin:/sbin:/usr/lib/rabbitmq/bin"  # folders that are not in every user's PATH


def program(name: str) -> str:
    """Return the path of a program. Raises StandError if it is not installed."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")
    if path is None:
        raise StandError(f"{name} is not installed; run deploy/bootstrap.sh")
    return path


def base_env(home: Path) -> dict[str, str]:
    """Return environment variables without any settings of the user (no RABBITMQ_*, no MYSQL_*, no locale)."""
    path = f"{os.environ.get('PATH', '')}:{SBIN}"
    return {"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Server(ABC):
    """Define the base of the servers (database, Redis, broker) that a stand starts for itself, on loopback.

    A supervised one is started again when it dies; otherwise a test that kills it does that."""

    kind = "server"
    supervised = False
    patience = 30.0  # a start may take so many seconds, also after a crash on a busy machine

    def __init__(self, directory: Path, port: int) -> None:
        """Prepare a server with its files in `directory`, which listens on this port; nothing is started yet."""
        self.directory = directory
        self.port = port
        self.process: Process | None = None

    @abstractmethod
    def prepare(self) -> Process:
        """Write the server's missing files into its directory, and return its process, not yet started."""

    def _process(self, argv: list[str], env: Mapping[str, str] | None = None) -> Process:
        """Return the server's process with this command line, not yet started. `env` is by default without settings."""
        env = env or base_env(self.directory)
        return Process(
            self.kind,
            argv,
            directory=self.directory,
            env=env,
            log=self.log,
            supervised=self.supervised,
        )

    @abstractmethod
    def ready(self) -> bool:
        """Return, without waiting, whether the server answers now."""

    @property
    def pid(self) -> int | None:
        """Return the id of the server's process; `None` if it does not run."""
        return self.process.pid if self.process else None

    @property
    def alive(self) -> bool:
        """Return whether the server's process runs."""
        return self.pid is not None

    @property
    def log(self) -> Path:
        """Return the path of the server's log file."""
        return self.directory / "log" / f"{self.kind}.log"

    def start(self) -> float:
        """Start the server, wait until it answers, and return the seconds that it took."""
        began = time.monotonic()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        self.process = self.prepare()
        self.process.start()
        self.process.wait_until(self.ready, self.patience)
        return time.monotonic() - began

    def stop(self, patience: float = 40.0) -> None:
        """Stop the server; kill it after `patience` seconds."""
        if self.process is not None:
            self.process.stop(patience)

    def kill(self, *args: int) -> None:
        """Send SIGKILL, or the given signal, to the server (SIGSTOP freezes it, SIGCONT lets it go on)."""
        if self.process is not None:
            self.process.kill(*args)

    def restart(self) -> float:
        """Stop the server, start it again, and return the seconds that the start took."""
        self.stop()
        return self.start()

    def wipe(self) -> None:
        """Delete all data of a stopped server; the next start begins empty. Raises StandError if it runs."""
        if self.alive:
            raise StandError(f"{self.kind} runs; stop it before its data is wiped")
        shutil.rmtree(self.directory, ignore_errors=True)


def write_private(path: Path, text: str) -> None:
    """Write a text to a file that no other user may read. If the write fails, the old file stays."""
    new_file = path.with_name(path.name + ".new")
    new_file.unlink(missing_ok=True)
    descriptor = os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    new_file.replace(path)
