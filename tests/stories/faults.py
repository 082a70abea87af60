"""These faults can strike a conference with people in it; each says how it is caused."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.stand.site import Site


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; if it `moves`, the conference has to go to another unit, else media goes on."""

    name: str
    strike: Callable[[Site, str], None]
    moves: bool = False


def _janus(site: Site, unit: str, signum: int) -> None:
    """Send a signal to the Janus of a unit; `unit` is the unit's pid on the wire: u1, u2."""
    pid_file = Path(site.processes[f"unit{unit[1:]}"].env["CMU_DIR"]) / "janus.pid"
    os.kill(int(pid_file.read_text()), signum)


def _kill(name: str) -> Callable[[Site, str], None]:
    def strike(site: Site, unit: str) -> None:
        site.processes[name].kill(signal.SIGKILL)

    return strike


def _empty_redis(site: Site, unit: str) -> None:
    site.redis.kill()
    site.redis.wipe()
    site.redis.start()


def _restart_database(site: Site, unit: str) -> None:
    site.mariadb.kill()
    site.mariadb.start()


def _restart_broker(site: Site, unit: str) -> None:
    site.rabbitmq.kill()
    site.rabbitmq.start()


FAULTS = (
    Fault("Janus killed -9", lambda site, unit: _janus(site, unit, signal.SIGKILL), moves=True),
    Fault("Janus frozen", lambda site, unit: _janus(site, unit, signal.SIGSTOP), moves=True),
    Fault(
        "agent killed -9",
        lambda site, unit: site.processes[f"unit{unit[1:]}"].kill(signal.SIGKILL),
    ),
    Fault("broker killed and started", _restart_broker),
    Fault("Redis emptied", _empty_redis),
    Fault("database killed and started", _restart_database),
    *(Fault(f"{name} killed -9", _kill(name)) for name in ("web", "worker1", "worker2", "beat")),
)
BY_NAME = {fault.name: fault for fault in FAULTS}
