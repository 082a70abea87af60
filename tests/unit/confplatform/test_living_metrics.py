"""A process that was killed is not counted, in any gauge; what it has counted stays counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from foundation.web.living_metrics import LivingProcesses

PROGRAM = """
import sys
from prometheus_client import Counter, Gauge
Gauge("consumers", "Consumers", multiprocess_mode="livesum").set(1)
Gauge("oldest", "Oldest", multiprocess_mode="livemax").set(1)
Counter("done", "Done").inc(1)
print("counted", flush=True)
sys.stdin.read()
"""


def scraped(folder: Path) -> str:
    """Return the text that Prometheus reads."""
    registry = CollectorRegistry()
    LivingProcesses(registry, str(folder))
    return generate_latest(registry).decode()


def started(folder: Path) -> subprocess.Popen[str]:
    """Return a process that has counted, and lives."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "counted\n"
    return program


def test_a_killed_process_is_in_no_gauge_and_its_counts_stay(tmp_path: Path) -> None:
    first, second = started(tmp_path), started(tmp_path)
    assert "consumers 2.0" in scraped(tmp_path)
    first.kill()
    first.wait()
    said = scraped(tmp_path)
    assert "consumers 1.0" in said
    assert "oldest 1.0" in said
    assert "done_total 2.0" in said
    second.kill()
    second.wait()
    assert "done_total 2.0" in scraped(tmp_path)
    assert "oldest" not in scraped(tmp_path)


def test_the_number_of_a_dead_process_may_be_that_of_another_one(
    tmp_path: Path,
) -> None:
    program = started(tmp_path)
    program.kill()
    program.wait()
    for file in tmp_path.glob(f"gauge_live*_{program.pid}.db"):
        file.rename(file.with_name(file.name.replace(str(program.pid), str(os.getpid()))))
    assert "consumers" not in scraped(tmp_path)
