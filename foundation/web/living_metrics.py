"""The gauges of processes that live: one that was killed leaves its file, and its last value, behind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

_OF_LIVING = re.compile(r"gauge_live[a-z]*_(\d+)\.db")


class LivingProcesses(MultiProcessCollector):
    """The collector sums what the processes of a site count; gauges count for living processes alone."""

    def __init__(self, registry: CollectorRegistry, folder: str) -> None:
        super().__init__(registry, folder)  # type: ignore[no-untyped-call]  # it has no types
        self._folder = Path(folder)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all files but those of dead processes."""
        files = [str(file) for file in sorted(self._folder.glob("*.db")) if _counts(file)]
        merged: Iterable[Metric] = self.merge(files, accumulate=True)  # type: ignore[no-untyped-call]  # it has no types
        return merged


def _counts(file: Path) -> bool:
    """Tell whether a file counts: a gauge's file does while the process that it names has it open.

    The number of a dead process may have been given to another one.
    """
    named = _OF_LIVING.fullmatch(file.name)
    if named is None:
        return True
    try:
        return file.name in Path(f"/proc/{named[1]}/maps").read_text()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # a process of another user: nobody can tell
