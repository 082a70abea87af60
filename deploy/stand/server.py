"""The base class of the three servers: a private directory, one process, a probe, start and stop."""

import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from deploy.stand.errors import StandError
from deploy.stand.process import Process

SBIN = "/usr/sbin:/sbin:/usr/lib/rabbitmq/bin"  # not in everybody's PATH


def program(name: str) -> str:
    """Return the path of a server's program."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")
    if path is None:
        raise StandError(f"{name} is not installed; run deploy/bootstrap.sh")
    return path


def base_env(home: Path) -> dict[str, str]:
    """Return an environment without the caller's settings (no RABBITMQ_*, no MYSQL_*, no locale)."""
    path = f"{os.environ.get('PATH', '')}:{SBIN}"
    return {"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Server(ABC):
    """A private server on loopback. Unless it is supervised, a test that kills it starts it again."""

    kind = "server"
    supervised = False
    patience = 30.0  # seconds a start may take, also after a crash on a busy machine

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.process: Process | None = None

    @abstractmethod
    def prepare(self) -> Process:
        """Write what is missing in the directory; return the process that runs the server."""

    def _process(self, argv: list[str], env: Mapping[str, str] | None = None) -> Process:
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
        """Return whether the server answers now, without waiting."""

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def alive(self) -> bool:
        return self.pid is not None

    @property
    def log(self) -> Path:
        return self.directory / "log" / f"{self.kind}.log"

    def start(self) -> float:
        """Start the server and wait until it answers; return the seconds it took."""
        began = time.monotonic()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        self.process = self.prepare()
        self.process.start()
        self.process.wait_until(self.ready, self.patience)
        return time.monotonic() - began

    def stop(self, patience: float = 40.0) -> None:
        if self.process is not None:
            self.process.stop(patience)

    def kill(self, *args: int) -> None:
        """Send SIGKILL, or the signal given (SIGSTOP and SIGCONT freeze and thaw)."""
        if self.process is not None:
            self.process.kill(*args)

    def restart(self) -> float:
        self.stop()
        return self.start()

    def wipe(self) -> None:
        """Delete all data of a stopped server; the next start begins empty."""
        if self.alive:
            raise StandError(f"{self.kind} runs; stop it before its data is wiped")
        shutil.rmtree(self.directory, ignore_errors=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    new.replace(path)
