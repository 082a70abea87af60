"""A site to measure: real servers, our processes, simulated units, and a look at what they cost."""

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

from deploy.stand.ports import SERVER_PORTS, claimed
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from tests import licences

TENANT = "10000000-0000-4000-8000-000000000001"
OURS = ("web", "worker1", "worker2", "beat")
TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def bench_site(units: int = 20, media: str = "simulated", conferences: int = 200) -> Iterator[Site]:
    """One site with simulated units, and a licence that is no limit."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        claimed(SERVER_PORTS) as base,
        Stand(
            Path(directory), base, sites=1, media=media, units=units, conferences=conferences
        ) as stand,
    ):
        site = stand.sites["east"]
        lift_limits(site)
        time.sleep(1)
        yield site


def in_memory() -> str | None:
    """Where a stand costs no disk, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


def lift_limits(site: Site) -> None:
    """Load a licence row of the benchmark's own."""
    licences.put_into(site, 1_000_000, 1_000_000)


def python(site: Site, text: str) -> str:
    """Run a piece of Python with the site's settings; what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, **site.env, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def sql(site: Site, statement: str) -> str:
    """Run one statement on the site's database."""
    return str(site.mariadb.sql(statement, schema="east"))


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of our processes and of the servers, and statements, since the site started."""

    ours: float
    database: float
    broker: float
    simulator: float
    statements: int

    def since(self, before: Cost, count: int) -> dict[str, float]:
        """Milliseconds of CPU, and statements, for each of `count`."""
        return {
            "cpu_ms_ours": round(1e3 * (self.ours - before.ours) / count, 2),
            "cpu_ms_database": round(1e3 * (self.database - before.database) / count, 2),
            "cpu_ms_broker": round(1e3 * (self.broker - before.broker) / count, 2),
            "cpu_ms_simulator": round(1e3 * (self.simulator - before.simulator) / count, 2),
            "statements": round((self.statements - before.statements) / count, 2),
        }


def cost(site: Site) -> Cost:
    """What has been used so far."""
    answer = sql(site, "SHOW GLOBAL STATUS LIKE 'Questions'")
    return Cost(
        sum(cpu_of_group(site.processes[name].pid) for name in OURS),
        cpu_of_group(site.mariadb.pid),
        cpu_of_group(site.rabbitmq.pid),
        cpu_of_group(site.processes["simulator"].pid) if "simulator" in site.processes else 0.0,
        int(answer.split()[-1]),
    )


def _children(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            text = Path(f"/proc/{one}/task/{one}/children").read_text()
        except OSError:
            continue
        found += [int(child) for child in text.split()]
    return found


def cpu_of_group(pid: int | None) -> float:
    """CPU seconds of a process and of all below it."""
    total = 0
    for one in _children(pid or 0):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def memory_of(pid: int | None) -> dict[int, int]:
    """Resident MiB of a process and of those below it."""
    found = {}
    for one in _children(pid or 0):
        try:
            pages = int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except OSError:
            continue
        found[one] = pages * os.sysconf("SC_PAGE_SIZE") // 2**20
    return found
