"""The module makes the table at the end of `make test`, which says how long installation, linters and tests took.

Each test process writes one JSON line per test to a file of its own (`tests/schedule.py`). The CPU seconds of a test
are those of its own process and of all child processes that ended meanwhile, so the servers and processes of a stand
count in the group of tests that started it.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "TEST_TIMINGS"
"""The environment variable with the directory into which the test processes write their timings."""
INSTALLATION = Path("var/lib/bootstrap.took")
"""The steps of deploy/bootstrap.sh, one on a line: seconds, a tab, the step's name."""
SLOWEST = 10
FRESH_SECONDS = 3600.0


@dataclass(slots=True)
class Sum:
    """Represent the sum of the seconds, and of the CPU seconds, of several tests."""

    tests: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


@dataclass(slots=True)
class Timings:
    """Represent the timings of a test session, from which the table is made."""

    parts: list[tuple[str, float, float]] = field(default_factory=list)
    """The parts of the session (linters, servers, tests): name, seconds, CPU seconds."""

    def add(self, name: str, seconds: float, cpu: float) -> None:
        """Add one part of the test session, such as the linters, with its seconds and CPU seconds."""
        self.parts.append((name, seconds, cpu))

    def table(self, directory: Path, installation: Path = INSTALLATION) -> list[str]:
        """Return the lines of the table, from the parts and from the files that the test processes have written."""
        rows = list(_read_timings(directory))
        lines = ["where the time went:", f"  {'':<46}{'seconds':>9}{'CPU':>9}"]
        lines += [
            f"  {name:<46}{seconds:9.1f}" for name, seconds in _installation_steps(installation)
        ]
        lines += [f"  {name:<46}{seconds:9.1f}{cpu:9.1f}" for name, seconds, cpu in self.parts]
        lines += ["by group, or folder of tests without a group:", *_group_lines(rows)]
        tests = [(row["seconds"], row["name"]) for row in rows if row["kind"] == "test"]
        fixtures = [(row["seconds"], row["name"]) for row in rows if row["kind"] == "fixture"]
        lines += ["slowest tests:", *_slowest_lines(tests)] if tests else []
        lines += ["slowest fixtures:", *_slowest_lines(fixtures)] if fixtures else []
        return lines


def _read_timings(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the timings of tests and fixtures that the test processes have written, as dicts."""
    for path in sorted(directory.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            yield json.loads(line)


def _installation_steps(path: Path) -> Iterator[tuple[str, float]]:
    """Yield name and seconds of the steps of the installation, if it was run within the last hour."""
    if not path.exists() or time.time() - path.stat().st_mtime > FRESH_SECONDS:
        return
    for line in path.read_text().splitlines():
        seconds, _, name = line.partition("\t")
        yield f"installation: {name}", float(seconds)


def _group_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each group of tests, the one that took longest first."""
    sums: dict[str, Sum] = defaultdict(Sum)
    for row in rows:
        if row["kind"] == "test":
            total = sums[row["group"]]
            total.tests += 1
            total.seconds += row["seconds"]
            total.cpu += row["cpu"]
    for name, total in sorted(sums.items(), key=lambda item: -item[1].seconds):
        label = f"{name} ({total.tests} tests)"
        yield f"  {label:<46}{total.seconds:9.1f}{total.cpu:9.1f}"


def _slowest_lines(rows: list[tuple[float, str]]) -> Iterator[str]:
    """Yield a line for each of the slowest entries; `rows` are pairs of seconds and name."""
    for seconds, name in sorted(rows, reverse=True)[:SLOWEST]:
        yield f"  {seconds:7.1f}  {name}"
