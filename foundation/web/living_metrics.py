"""Metrics of several processes are added up, but gauges (present values) only of processes that still run.

A process that was killed leaves the file with its last values behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

_GAUGE_FILE = re.compile(r"gauge_live[a-z]*_(\d+)\.db")


class LivingProcesses(MultiProcessCollector):
    """The collector adds up the metrics of a site's processes, but leaves out gauges of processes that have ended."""

    def __init__(self, registry: CollectorRegistry, folder: str) -> None:
        """Read the files that processes have written into `folder` (PROMETHEUS_MULTIPROC_DIR)."""
        super().__init__(registry, folder)  # type: ignore[no-untyped-call]  # it has no types
        self._folder = Path(folder)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all files, except gauges of processes that have ended."""
        files = [str(file) for file in sorted(self._folder.glob("*.db")) if _is_counted(file)]
        merged: Iterable[Metric] = self.merge(files, accumulate=True)  # type: ignore[no-untyped-call]  # it has no types
        return merged


def _is_counted(file: Path) -> bool:
    """Return whether a file's metrics count: a file of gauges does only while the process that wrote it has it open.

    The process number in the file's name is not enough: after the process has ended, another one may get it.
    """
    match = _GAUGE_FILE.fullmatch(file.name)
    if match is None:
        return True
    try:
        return file.name in Path(f"/proc/{match[1]}/maps").read_text()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # a process of another user: nobody can tell
