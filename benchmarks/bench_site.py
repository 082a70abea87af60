"""A site to measure has real servers, our processes and simulated units; `cost` reads what they use."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.stand.ports import SERVER_PORTS, claimed_ports
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from tests import licences

TENANT = "10000000-0000-4000-8000-000000000001"
OURS = ("web", "worker1", "worker2", "beat")
TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def bench_site(units: int = 20, media: str = "simulated", conferences: int = 200) -> Iterator[Site]:
    """Yield a running site with simulated media units, stopped at the end of the `with` block.

    Its licence and its limit of calls are so large that they do not slow the benchmark down.
    """
    os.environ["API_CALLS_PER_USER"] = str(1_000_000)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        claimed_ports(SERVER_PORTS) as base,
        Stand(
            Path(directory), base, sites=1, media=media, units=units, conferences=conferences
        ) as stand,
    ):
        site = stand.sites["east"]
        lift_limits(site)
        time.sleep(1)
        yield site


def in_memory() -> str | None:
    """Return a directory in memory, where a stand does no disk I/O; `None` if there is none."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


def lift_limits(site: Site) -> None:
    """Load a licence row of the benchmark's own."""
    licences.put_into(site, 1_000_000, 1_000_000)


def python(site: Site, text: str) -> str:
    """Run a piece of Python with the site's settings, and return what it prints."""
    process = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, **site.env, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout


def sql(site: Site, statement: str) -> str:
    """Run one SQL statement on the site's database, and return its rows as tab-separated lines."""
    return str(site.mariadb.sql(statement, schema="east"))


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost holds CPU seconds of our processes and of the servers, and statements, since the start."""

    ours: float
    database: float
    broker: float
    simulator: float
    statements: int

    def since(self, before: Cost, count: int) -> dict[str, float]:
        """Return milliseconds of CPU, and statements, for each of `count` operations since `before`."""
        return {
            "cpu_ms_ours": round(1e3 * (self.ours - before.ours) / count, 2),
            "cpu_ms_database": round(1e3 * (self.database - before.database) / count, 2),
            "cpu_ms_broker": round(1e3 * (self.broker - before.broker) / count, 2),
            "cpu_ms_simulator": round(1e3 * (self.simulator - before.simulator) / count, 2),
            "statements": round((self.statements - before.statements) / count, 2),
        }


def cost(site: Site) -> Cost:
    """Return what the site has used so far."""
    answer = sql(site, "SHOW GLOBAL STATUS LIKE 'Questions'")
    return Cost(
        sum(cpu_of_group(site.processes[name].pid) for name in OURS),
        cpu_of_group(site.mariadb.pid),
        cpu_of_group(site.rabbitmq.pid),
        cpu_of_group(site.processes["simulator"].pid) if "simulator" in site.processes else 0.0,
        int(answer.split()[-1]),
    )


def _children(pid: int) -> list[int]:
    """Return the ids of a process and of all its descendants; of one that has ended only its own id."""
    pids = [pid]
    for parent in pids:
        try:
            text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        except OSError:
            continue
        pids += [int(child) for child in text.split()]
    return pids


def cpu_of_group(pid: int | None) -> float:
    """Return the CPU seconds of a process and of all its descendants. One that has ended meanwhile is left out."""
    total = 0
    for member in _children(pid or 0):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def memory_of(pid: int | None) -> dict[int, int]:
    """Return the resident MiB of a process and of its descendants, by pid. One that has ended meanwhile is left out."""
    mib = {}
    for member in _children(pid or 0):
        try:
            pages = int(Path(f"/proc/{member}/statm").read_text().split()[1])
        except OSError:
            continue
        mib[member] = pages * os.sysconf("SC_PAGE_SIZE") // 2**20
    return mib
